/* Inside the server: connections and requests, whichever version of HTTP carries them. h1.c and h2.c are the
 * two versions, request.c is what handlers see, server.c makes the connections. */
#pragma once
#include <stdatomic.h>
#include <sys/queue.h>

#include "http/parse.h"
#include "http/parts.h"
#include "http/pipe.h"
#include "http/transport.h"

struct http_conn;

/* The server's share of one loop. */
struct shard {
    struct http_server *server;
    struct loop *loop;
    struct io *io;
    struct http_conn *conns;
    _Atomic size_t n_conns;     /* also those on their way here */
    struct http_request *spare; /* to be used again */
    size_t n_spare;
    int64_t date_s; /* what `date` says */
    char date[32];
    bool stopping;
    int64_t stop_by;
    uv_timer_t stop_timer;
    struct loop_task start, stop;
};

struct http_server {
    struct http_server_options o; /* without its PEMs */
    struct buf proxy_ca_pem;
    SSL_CTX *tls; /* guarded by mutex; NULL: plain TCP */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    size_t n_running; /* shards; guarded by mutex */
    struct shard *shards;
    size_t n_shards;
    _Atomic size_t body_bytes; /* of all requests that are not answered */
    int fd, port;
    uv_poll_t listener; /* on the first shard's loop */
    uv_timer_t retry;
    bool listening; /* guarded by mutex */
    struct loop_task unlisten;
};

/* What a version of HTTP does for a request. */
struct conn_ops {
    /* The response's head; `length` -1: a stream. */
    void (*begin)(struct http_request *r, const struct http_header *headers, size_t n, int64_t length);
    /* Parts were added to r->queue, or r->ended was set. */
    void (*more)(struct http_request *r);
    /* No further requests: ends once those under way are answered. */
    void (*drain)(struct http_conn *c);
};

struct http_conn {
    struct transport transport;
    const struct conn_ops *ops; /* NULL until the handshake is over */
    void *protocol;             /* struct h1 or h2 */
    struct shard *shard;
    struct http_conn *next, **link;
    size_t n_requests; /* alive, also those that lost their stream */
    size_t body_bytes; /* that they hold */
    bool gone, draining;
    int64_t since; /* accepted */
    char peer[46];
    struct buf certificate;                      /* DER, verified */
    int64_t certificate_from, certificate_until; /* seconds */
    const char *certificate_problem;
    bool is_proxy; /* the certificate is a front proxy's; whether it is a client's is another matter */
};

struct http_request {
    struct http_conn *conn;
    struct arena arena;
    struct str method, path, query;
    struct http_header *headers;
    size_t n_headers, cap_headers, header_bytes;
    struct buf body;
    size_t body_bytes; /* as counted by the connection and the server */
    int64_t since;     /* when its first bytes came */
    int refuse;        /* answer with this status, whatever else it says */
    const char *refuse_why;

    int status;
    struct parts queue;
    bool complete; /* the request's body has come */
    bool begun, stream, ended;
    bool bodiless; /* the response has no body: HEAD, 204, 304 */
    bool full;     /* http_write returned false: say when drained */
    bool detached; /* its stream is gone */
    bool deferred; /* HTTP/2: nghttp2 waits for more */
    unsigned held; /* http_hold: it must not go yet */
    bool over;     /* it would have gone */
    int32_t stream_id;
    bool head_complete; /* HTTP/2 */
    void (*closed)(void *arg);
    void (*drained)(void *arg);
    void *arg;
    void (*aborted)(void *arg);
    void *aborted_arg;
    struct loop_task task;
    struct http_request *next;            /* spare */
    TAILQ_ENTRY(http_request) of_session; /* HTTP/2: those with a stream */
};

/* request.c */
struct http_request *request_new(struct http_conn *c);
/* Tells `closed`, and frees. Its version of HTTP knows it no more. */
void request_free(struct http_request *r);
/* The stream is gone: frees, or waits for the response that will come. */
void request_abandon(struct http_request *r);
/* The target of a request line or :path; false when it is none. */
bool request_set_target(struct http_request *r, struct str target);
void request_add_header(struct http_request *r, struct str name, struct str value);
/* Adds to the body unless it gets too large: then r->refuse is set. */
void request_add_body(struct http_request *r, struct str bytes);
/* Hands a complete request to the server's handler, or answers what must be refused. */
void request_dispatch(struct http_request *r);
void request_fail(struct http_request *r, int status, const char *why);
/* To be called when bytes of r->queue were sent: wakes a writer that waits. */
void request_drain(struct http_request *r);
/* Whether a header of a response is for us to say, or for nobody: about the connection and the length of the
 * body. What a handler says of it (one that passes on another server's response) is left out. */
bool header_is_ours(struct str name);
/* For the Date header. */
struct str shard_date(struct shard *s);

/* server.c */
void conn_release(struct http_conn *c); /* frees it when it is gone and has no requests */

/* h1.c, h2.c: what a connection becomes once the handshake says which */
void h1_start(struct http_conn *c);
void h2_start(struct http_conn *c);
