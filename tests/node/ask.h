/* Asks the kubelet endpoint, as the API server would. (Apart from the tests, as the kinds and http both have
 * a `struct http_header`.) */
#pragma once
#include "auth/pki.h"
#include "base/loop.h"

/* An authority, the endpoint's certificate, and the loop that it is served on. */
struct ask {
    struct pki_pair ca, serving, client, stranger;
    struct loop *loop;
};
void ask_open(struct ask *k);
void ask_close(struct ask *k);
/* The status; the body in `out`. `who`: the client's certificate, NULL for none. */
int ask_endpoint(struct ask *k, const struct pki_pair *who, int port, const char *path, struct buf *out);
