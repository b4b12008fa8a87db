/* A server on loopback for tests, and blocking clients to talk to it byte by byte. */
#pragma once
#include "test.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "auth/pki.h"
#include "base/clock.h"
#include "http/http.h"
#include "http/pipe.h"

/* What handlers did, for tests to look at. */
struct seen {
    _Atomic int requests, released, closed, drained, refused_writes, aborted, pipes_closed;
};

struct harness {
    struct loop *loops[2];
    struct http_server *server;
    int port;
    struct seen seen;
    struct pki_pair ca, cert; /* with TLS */
    char url[64];
    /* of /park: a request that is not answered until harness_unpark */
    struct http_request *_Atomic parked;
    struct loop_task unpark;
};

/* `o` may set limits and times; the rest is filled in. With `tls`: a certificate for localhost and 127.0.0.1,
 * and client certificates of h->ca are asked for. Routes: /echo            METHOD PATH?QUERY and the body
 *   /host            the Host header
 *   /peer            the common name of the client certificate, or why there is none
 *   /stream?N        N lines, one write each, then the end
 *   /forever         a stream that is written to whenever it drains, until it is closed
 *   /big?N           N bytes in one part
 *   /odd             "ok" with headers that must not be sent so (HTTP/1.1)
 *   /park            nothing, until harness_unpark
 *   /upgrade         a pipe that echoes */
void harness_start(struct harness *h, struct http_server_options o, bool tls);
void harness_stop(struct harness *h);
void harness_unpark(struct harness *h);
/* Waits until the counter reached `n`; fails the test after five seconds. */
void harness_wait(_Atomic int *counter, int n);

/* --- a blocking TCP connection --- */
int dial(const struct harness *h);
void send_all(int fd, struct str bytes);
#define send_text(fd, text) send_all((fd), STR(text))
/* Reads until `n` bytes, or `until` appears (NULL: until the end, or two seconds of silence). Arena-owned. */
struct str receive(struct arena *a, int fd, const char *until);
/* True when the peer closes within two seconds. */
bool is_closed(int fd);
/* Sends, reads to the end, closes. */
struct str exchange(const struct harness *h, struct arena *a, struct str request);

/* --- a blocking TLS connection; `pair` NULL: no client certificate; alpn "h2" or "http/1.1" --- */
struct tls {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};
void tls_dial(struct tls *t, const struct harness *h, const struct pki_pair *pair, const char *alpn);
void tls_close(struct tls *t);
/* As receive; false at the end. */
bool tls_read(struct tls *t, void *to, size_t n);
