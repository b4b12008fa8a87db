/* HTTP/1.1 and HTTP/2 over TLS, as server. Requests are handed over whole (body within its limit); responses
 * may be whole or streamed. Everything about one request happens on the loop thread of its connection. */
#pragma once
#include "base/err.h"
#include "base/loop.h"

struct http_server;
struct http_request; /* one request and its response */

struct http_header {
    struct str name, value; /* names are lower case */
};

struct http_server_options {
    const char *listen;  /* "0.0.0.0:6443", "[::]:6443" */
    struct loop **loops; /* connections are spread over them */
    size_t n_loops;
    struct str cert_pem,
        key_pem;              /* the server's chain and key; both empty: plain TCP, for tests on loopback */
    struct str client_ca_pem; /* who signs client certificates; empty: none asked for */
    struct str proxy_ca_pem;  /* who signs those of front proxies: see http_peer_proxy; empty: no one */
    size_t max_body;          /* bytes; 0: 3 MiB */
    size_t max_header;        /* bytes; 0: 1 MiB / 64 KiB as fits */
    uint32_t max_streams;     /* of one HTTP/2 connection; 0: 250 */
    size_t max_connections;   /* more are closed at once; 0: 10,000 */
    int64_t idle_ns;          /* connections with nothing under way are closed; 0: 3 minutes */
    int64_t header_ns;        /* for the handshake and for the header of a request; 0: 32 s, as upstream */
    int64_t body_ns;          /* for the body of a request; 0: 5 minutes */
    /* Called for each request, on its loop. Must answer, now or later (http_respond ...). */
    void (*handle)(void *arg, struct http_request *r);
    void *arg;
    /* Renders an error of the HTTP layer itself (too large, bad request): a Status body in JSON. */
    void (*render_error)(const struct err *err, struct buf *out);
};

int http_server_start(const struct http_server_options *o, struct http_server **out, struct err *err);
/* From now on new connections get this certificate and are verified against this authority; that of front
 * proxies stays. Any thread. */
int http_server_reload(struct http_server *s, struct str cert_pem, struct str key_pem,
                       struct str client_ca_pem, struct err *err);
/* Stops accepting, lets what is under way end until `deadline` (clock_mono), then closes; returns when every
 * connection is gone. Not on a loop's thread; the loops must still be running. */
void http_server_stop(struct http_server *s, int64_t deadline);
void http_server_free(struct http_server *s);
int http_server_port(const struct http_server *s); /* where it listens, when asked for port 0 */

/* --- the request; slices live as long as it --- */
struct str http_method(const struct http_request *r);
struct str http_path(const struct http_request *r);  /* as sent, without the query */
struct str http_query(const struct http_request *r); /* as sent, without '?' */
struct str http_header_get(const struct http_request *r, struct str lower_name); /* empty when absent */
struct str http_body(const struct http_request *r);
struct str http_peer_address(const struct http_request *r);
/* Name and value of every header, in the order sent; the Host of HTTP/2 (:authority) is there as "host". */
const struct http_header *http_headers(const struct http_request *r, size_t *n);
/* The client certificate (DER) when it is verified and valid now, else empty. Connections with a bad one are
 * served as well, as upstream does, and it is for authentication to refuse: http_peer_problem says why it was
 * refused, NULL when the certificate is good or none was given. */
struct str http_peer_certificate(const struct http_request *r);
const char *http_peer_problem(const struct http_request *r);
/* The certificate (DER) when it is a front proxy's, verified and valid now, else empty. */
struct str http_peer_proxy(const struct http_request *r);
struct arena *http_arena(struct http_request *r); /* freed with the request */
struct loop *http_loop(struct http_request *r);

/* --- the response --- */

/* Bytes and what keeps them alive: `release(owner)` is called, on the loop, once they are sent or given up.
 * release NULL: copied before the call returns. */
struct http_part {
    struct str bytes;
    void (*release)(void *owner);
    void *owner;
};

/* A whole response. After it, `r` belongs to http again. Content-Length and Date are added; headers that are
 * about the connection or the length of the body are left out when given. Every request must be answered,
 * also one whose client is gone. */
void http_respond(struct http_request *r, int status, const struct http_header *headers, size_t n_headers,
                  const struct http_part *parts, size_t n_parts);
/* Keeps what belongs to the request (its slices, its arena) beyond the end of its response, until it is
 * released: for work that goes on after an early answer. Each hold needs a release of its own. */
void http_hold(struct http_request *r);
void http_release(struct http_request *r);
/* A stream: begin, write any number of times, end. `closed` is called once, on the loop, when the stream is
 * over for whatever reason (also after http_end); after it `r` is gone. `drained` (may be NULL) is called
 * when the bytes that wait fell below the low-water mark after http_write had returned false. */
void http_begin(struct http_request *r, int status, const struct http_header *headers, size_t n_headers,
                void (*closed)(void *arg), void (*drained)(void *arg), void *arg);
/* False when more waits than the high-water mark (256 KiB): write no more until drained. */
bool http_write(struct http_request *r, const struct http_part *parts, size_t n_parts);
void http_end(struct http_request *r);
/* Called when the client goes away while no response has begun; afterwards `r` stays valid until responded
 * to. */
void http_on_abort(struct http_request *r, void (*aborted)(void *arg), void *arg);
