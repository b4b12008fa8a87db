/* An asynchronous HTTP/1.1 client, over TLS or plain TCP, on the server's loops: for proxying (pod logs,
 * exec, services, aggregated APIs) and webhooks. Each call has a connection of its own. */
#pragma once
#include "http/http.h"
#include "http/pipe.h"

struct http_client; /* whom to trust and who we are; any number of calls on any loops */
struct http_call;   /* one request and its streamed response */

struct http_client_options {
    struct str ca_pem;            /* who signs servers' certificates; empty: the system's authorities */
    struct str cert_pem, key_pem; /* our own certificate; empty: none */
    bool insecure;                /* servers are not verified at all */
};

int http_client_new(const struct http_client_options *o, struct http_client **out, struct err *err);
/* Calls under way go on. */
void http_client_free(struct http_client *c);

struct http_call_options {
    struct str method;
    struct str url; /* "https://10.0.0.7:10250/containerLogs/ns/pod/c?follow=true", also http:// */
    int fd; /* not 0: a connection that is there already, to use instead of one to the URL's host; it becomes
               the call's */
    struct str server_name;            /* whom the certificate must name; empty: the URL's host */
    const struct http_header *headers; /* Host (unless given) and Content-Length are added */
    size_t n_headers;
    struct str body;    /* everything given here is copied */
    int64_t connect_ns; /* name lookup, TCP and TLS; 0: 10 s */
    int64_t header_ns;  /* from then to the end of the response's header; 0: 60 s; negative: no limit */
    int64_t idle_ns;    /* between two pieces of the body; 0: no limit */

    /* Called on the loop, never from within http_call_start. First `response`, unless the call fails before;
     * then `data` for each piece of the body (valid during the call); then `done`, once and last: `err` is
     * NULL when the response came whole. NULL for `data` drops the body. */
    void (*response)(void *arg, int status, const struct http_header *headers, size_t n_headers);
    void (*data)(void *arg, struct str bytes);
    void (*done)(void *arg, const struct err *err);
    /* Where the request asks for an Upgrade and the server agrees: `response` with 101, then this instead of
     * data and done; the call is over and the pipe, still paused, is the caller's: http_pipe_listen, then
     * http_pipe_resume. NULL: a 101 is an error. */
    void (*upgraded)(void *arg, struct http_pipe *pipe);
    void *arg;
};

/* On the loop's own thread. Bad options (a URL that is none) are told through `done`, like every other
 * failure: ERR_UNAVAILABLE where no connection came about, ERR_TIMEOUT, ERR_INTERNAL where the server broke
 * the protocol. */
struct http_call *http_call_start(struct http_client *c, struct loop *l, const struct http_call_options *o);
/* Backpressure: no more `data` until resumed; the server is slowed down through TCP. */
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
/* Gives up: nothing is called any more, and the call is gone. */
void http_call_abort(struct http_call *call);
