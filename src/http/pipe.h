/* A raw duplex stream of bytes: what is left of an HTTP/1.1 connection after it switched protocols (101), on
 * the server's side (http_upgrade) and on the client's (http_call). WebSocket and SPDY are spoken over it,
 * and a proxy joins two of them. Everything happens on the connection's loop. */
#pragma once
#include "http/http.h"

struct http_pipe;

/* What the pipe's owner is told; each may be NULL but `closed`. None is called from within a call that the
 * owner makes. */
struct http_pipe_events {
    void (*data)(void *arg, struct str bytes); /* valid during the call */
    void (*ended)(void *arg);                  /* the peer sends no more */
    void (*drained)(void *arg);                /* http_pipe_write had returned false: go on */
    void (*closed)(void *arg);                 /* once, last: the pipe is gone */
};

/* Turns a request into a pipe: sends 101 with these headers (Connection: Upgrade is added, Upgrade is not).
 * Only for HTTP/1.1 requests with an Upgrade header, see http_can_upgrade. Afterwards `r` is gone. Nothing is
 * read before http_pipe_resume: a pipe begins paused, so that its owner can get ready. */
bool http_can_upgrade(const struct http_request *r);
struct http_pipe *http_upgrade(struct http_request *r, const struct http_header *headers, size_t n_headers,
                               const struct http_pipe_events *events, void *arg);

/* As http_write: false when more waits than the high-water mark. */
bool http_pipe_write(struct http_pipe *p, const struct http_part *parts, size_t n_parts);
/* No more is written from this side; what waits is still sent. */
void http_pipe_end(struct http_pipe *p);
/* Ends both directions now; `closed` follows. */
void http_pipe_close(struct http_pipe *p);
/* Backpressure: reads nothing until resumed. */
void http_pipe_pause(struct http_pipe *p);
void http_pipe_resume(struct http_pipe *p);
/* Closes the pipe when no byte moves in either direction for that long. */
void http_pipe_set_idle(struct http_pipe *p, int64_t idle_ns);
/* Who is told from now on; a client's pipe has nobody until this is called. */
void http_pipe_listen(struct http_pipe *p, const struct http_pipe_events *events, void *arg);
