/* WebSocket (RFC 6455), framed by wslay: messages over a connection, as server or client. It knows no
 * sockets: bytes are handed in, and bytes come out. */
#pragma once
#include "http/pipe.h"

struct websocket;

enum { WEBSOCKET_MESSAGE_MAX = 1 << 20 }; /* bytes of a message; larger ones end the connection */
enum websocket_code { WEBSOCKET_NORMAL = 1000, WEBSOCKET_PROTOCOL_ERROR = 1002, WEBSOCKET_INTERNAL = 1011 };

/* Called from within websocket_input only; websocket_free must not be called there. */
struct websocket_events {
    void (*message)(void *arg, bool text, struct str bytes); /* valid during the call */
    void (*closed)(void *arg);                               /* the peer has said close, and was answered */
};

/* `send` takes bytes for the peer, copies them, and says false when it has more than enough of them. */
struct websocket *websocket_new(bool server, const struct websocket_events *events,
                                bool (*send)(void *arg, struct str bytes), void *arg);
void websocket_free(struct websocket *w);
/* Bytes from the peer; pings are answered. -1: it broke the protocol and was told so. */
int websocket_input(struct websocket *w, struct str bytes, struct err *err);
/* A message of both parts. False as `send` says; the message was sent all the same. */
bool websocket_write(struct websocket *w, bool text, struct str head, struct str bytes);
/* Says close; nothing can be written after it. */
void websocket_end(struct websocket *w, enum websocket_code code);

/* --- the handshake, as server --- */

/* Whether the request asks for a WebSocket of version 13, with a key. */
bool websocket_wanted(const struct http_request *r);
/* The first of the client's subprotocols that is among `known` (n of them). True with an empty `*out` when it
 * named none; false when it named only others. */
bool websocket_choose(const struct http_request *r, const struct str *known, size_t n, struct str *out);
/* Answers 101; the pipe is as http_upgrade says. */
struct http_pipe *websocket_accept(struct http_request *r, struct str protocol,
                                   const struct http_pipe_events *events, void *arg);
/* What a server answers to Sec-WebSocket-Key. */
struct str websocket_answer(struct arena *a, struct str key);
