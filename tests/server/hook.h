/* A webhook for tests: an HTTPS server on loopback that answers as the test says, and counts. Its certificate
 * is for 127.0.0.1, localhost and the service default/hook. */
#pragma once
#include <stdatomic.h>

#include "auth/pki.h"
#include "http/http.h"

struct hook;
/* On the hook's own thread; the answer's body is in the arena. */
typedef struct str (*hook_fn)(struct hook *h, struct arena *a, struct str path, struct str body, int *status);

struct hook {
    hook_fn answer;
    void *arg;
    struct http_request *request; /* what is being answered */
    _Atomic int asked;
    struct loop *loop;
    struct http_server *server;
    int port;
    struct pki_pair ca, cert;
};
/* `address`: "127.0.0.1", or another of loopback. */
void hook_start(struct hook *h, const char *address, hook_fn answer, void *arg);
/* The same, asking clients for certificates of that authority. */
void hook_start_with(struct hook *h, const char *address, struct str client_ca_pem, hook_fn answer,
                     void *arg);
void hook_stop(struct hook *h);
