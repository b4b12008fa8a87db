/* SPDY/3.1 as Kubernetes' clients speak it behind an upgrade (SPDY Protocol draft 3.1): streams of bytes over
 * one connection, either side's. It knows no sockets: bytes are handed in, and bytes come out.
 *
 * Those clients (Go's spdystream) take no part in flow control: they send no WINDOW_UPDATE and heed none. So
 * neither is done here; a session that has to wait holds back the connection that it runs over. */
#pragma once
#include "http/http.h"

struct spdy;        /* a session */
struct spdy_stream; /* until its owner lets go of it, or the session is freed */

enum spdy_status { SPDY_PROTOCOL_ERROR = 1, SPDY_INVALID_STREAM, SPDY_REFUSED_STREAM, SPDY_CANCEL = 5 };
enum { SPDY_MAX_STREAMS = 1024 }; /* at a time; more are refused */

/* Called from within spdy_input only. spdy_free must not be called there. */
struct spdy_events {
    /* The peer opened a stream: spdy_reply to it, or spdy_release it. The headers live during the call. */
    void (*opened)(void *arg, struct spdy_stream *s, const struct http_header *headers, size_t n);
    void (*data)(void *arg, struct spdy_stream *s, struct str bytes);
    void (*ended)(void *arg, struct spdy_stream *s); /* the peer writes no more to it */
    void (*reset)(void *arg, struct spdy_stream *s); /* the peer has given it up: spdy_release */
};

/* `send` takes bytes for the peer, copies them, and says false when it has more than enough of them. */
struct spdy *spdy_new(bool server, const struct spdy_events *events, bool (*send)(void *arg, struct str),
                      void *arg);
void spdy_free(struct spdy *s);
/* Bytes from the peer. -1: it does not speak SPDY; a GOAWAY was sent, and the connection must end. */
int spdy_input(struct spdy *s, struct str bytes, struct err *err);

/* Opens a stream; the peer's answer is not waited for. NULL when there are too many. */
struct spdy_stream *spdy_open(struct spdy *s, const struct http_header *headers, size_t n);
void spdy_reply(struct spdy_stream *s);
/* False as `send` says; the bytes were sent all the same. Nothing after spdy_end. */
bool spdy_write(struct spdy_stream *s, struct str bytes);
void spdy_end(struct spdy_stream *s);
/* Forgets the stream: what the peer still says of it is dropped. Where this side has not ended it, it is
 * reset. */
void spdy_release(struct spdy_stream *s);
/* What the owner keeps with a stream. */
void spdy_set(struct spdy_stream *s, void *owner);
void *spdy_get(const struct spdy_stream *s);
