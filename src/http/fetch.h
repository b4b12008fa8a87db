/* A blocking HTTP client for everything that is not a server: a remote API server, image registries. It
 * speaks HTTP/2 where offered; calls from all threads share connections, but those that stream have their
 * own. One thread of its own moves the bytes, through libcurl. */
#pragma once
#include <stdatomic.h>

#include "base/err.h"
#include "http/http.h"

struct fetch;

struct fetch_options {
    struct str ca_pem;            /* who signs servers' certificates; empty: the system's authorities */
    struct str cert_pem, key_pem; /* our own certificate; empty: none */
    struct str token;             /* a bearer token sent with every request; empty: none */
    bool insecure;                /* servers are not verified at all */
    bool
        environment_proxy; /* go through the proxies that HTTPS_PROXY and NO_PROXY name, as registries need */
    const char *user_agent; /* NULL: "sagong" */
};

int fetch_new(const struct fetch_options *o, struct fetch **out, struct err *err);
/* No call may be under way. */
void fetch_free(struct fetch *f);
/* From now on another token (they are rotated). Any thread. */
void fetch_set_token(struct fetch *f, struct str token);

/* Lets another thread end a call early: `struct fetch_cancel c = {0}`; one may serve several calls. */
struct fetch_cancel {
    _Atomic bool cancelled;
};

struct fetch_request {
    const char *method;                /* NULL: GET, or POST with a body */
    struct str url;                    /* absolute, http:// or https:// */
    const struct http_header *headers; /* Authorization here goes before the fetch's own token */
    size_t n_headers;
    struct str body;
    bool plain_http2;            /* over http://, HTTP/2 from the first byte, as gRPC speaks it */
    bool follow;                 /* redirects, at most 10; credentials are not sent to another host */
    int64_t connect_ns;          /* 0: 10 s */
    int64_t timeout_ns;          /* of the whole call; 0: 60 s; negative: no limit (watches) */
    int64_t idle_ns;             /* without a byte; 0: no limit */
    size_t max_body;             /* of the response, when it is gathered; 0: 64 MiB */
    struct fetch_cancel *cancel; /* may be NULL */
    struct str ca_pem;           /* who signs this server's certificate, instead of fetch_options' */
    struct str connect_to;       /* "10.96.0.7:443": reached there, whatever address the URL's host has */
    struct str unix_socket;      /* "/run/kms.sock": reached there; "@name": an abstract one */
    /* Streams the body instead of gathering it (for status 200 to 299 only: other answers are gathered).
     * Called on the calling thread, which may take its time: the server is held back meanwhile. Not 0: stop,
     * fetch_do returns 0. */
    int (*data)(void *arg, struct str bytes);
    void *arg;
};

struct fetch_response {
    int status;
    struct http_header *headers; /* names in lower case; of the last response where redirects were followed */
    size_t n_headers;
    struct str body;    /* empty when streamed */
    struct arena arena; /* owns all of it */
};
#define _cleanup_fetch_response_ _cleanup_(fetch_response_clear)
void fetch_response_clear(struct fetch_response *r);
struct str fetch_header_get(const struct fetch_response *r, struct str lower_name); /* empty when absent */

/* 0 when a response came, whatever its status. -1: ERR_UNAVAILABLE (no connection, or it broke), ERR_TIMEOUT,
 * ERR_TOO_LARGE, ERR_BAD_REQUEST (a bad URL), ERR_INTERNAL. A cancelled call is ERR_UNAVAILABLE with the
 * message "cancelled". */
int fetch_do(struct fetch *f, const struct fetch_request *q, struct fetch_response *out, struct err *err);

/* A call that nobody waits for. `request` is filled in, without `data`; it and all that it points at live
 * until `done`, which is called once, on the fetch's own thread, and must not block. */
struct fetch_async {
    struct fetch_request request;
    void (*done)(struct fetch_async *a);
    /* What came, as from fetch_do; the caller clears both. `why` is the error alone, without the URL. */
    int rc;
    struct fetch_response response;
    struct err err;
    struct str why;
};
void fetch_start(struct fetch *f, struct fetch_async *a);

/* Sets the flag and wakes the calls that watch it. */
void fetch_cancel(struct fetch *f, struct fetch_cancel *c);
