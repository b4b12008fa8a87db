/* A long answer, as it comes: a streamed body, or, where the client asks for a WebSocket, messages over that
 * (upstream: the watch handler's HandleWS, and wsstream.Reader of logs). */
#pragma once
#include "server/request.h"

struct outlet;

struct outlet_options {
    struct str content_type; /* of the body */
    /* Subprotocols of the socket: the first that the client names; one whose name begins with "base64." has
     * messages in base64. n 0: whatever the client names. */
    const struct str *protocols;
    size_t n_protocols;
    bool text; /* messages are text, as JSON is */
    /* As with http_begin: `closed` is called once, when it is over for whatever reason; after it, and what it
     * calls, the request is gone. */
    void (*closed)(void *arg);
    void (*drained)(void *arg);
    void *arg;
};

/* False: it was refused, and the request is answered. Until `closed` the request's memory stays; none of
 * these calls back from within. */
bool outlet_open(struct request *q, const struct outlet_options *o, struct outlet **out);
/* One message, or a piece of the body. False: write no more until drained. */
bool outlet_write(struct outlet *t, const struct http_part *parts, size_t n_parts);
void outlet_end(struct outlet *t);
bool outlet_is_socket(const struct outlet *t);
