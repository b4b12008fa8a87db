/* A remote command's connection to its client, as `kubectl exec` and `kubectl attach` make it: standard
 * input, output and error, the terminal's size, and what became of it. Over SPDY/3.1 (subprotocols
 * channel.k8s.io to v4.channel.k8s.io) each is a stream; over WebSocket (channel.k8s.io, v4 and v5, plain and
 * base64) the first byte of a message says which. (Upstream: k8s.io/apimachinery/pkg/util/remotecommand,
 * KEP-4006.) Everything happens on the request's loop. */
#pragma once
#include "http/http.h"

struct remote;

enum remote_channel {
    REMOTE_STDIN,
    REMOTE_STDOUT,
    REMOTE_STDERR,
    REMOTE_ERROR,
    REMOTE_RESIZE,
    REMOTE_CHANNELS
};

/* What the client asked for. With a terminal there is no standard error. */
struct remote_options {
    bool in, out, err, tty;
};

/* None is called from within a call that the owner makes. */
struct remote_events {
    void (*ready)(void *arg); /* every stream is there: begin; input comes once remote_resume is called */
    void (*input)(void *arg, struct str bytes);
    void (*input_ended)(void *arg);
    void (*resize)(void *arg, uint16_t columns, uint16_t rows);
    void (*drained)(void *arg); /* remote_write had returned false: go on */
    void (*closed)(void *arg);  /* once, last: the client is gone, or has been told everything */
};

/* Upgrades the request, or answers why it cannot be (then NULL). */
struct remote *remote_open(struct http_request *r, const struct remote_options *o,
                           const struct remote_events *events, void *arg);
/* To the client; what it has not asked for is dropped. False: write no more until drained. */
bool remote_write(struct remote *r, enum remote_channel channel, struct str bytes);
/* Holds back the client's input: none comes until it is resumed. */
void remote_pause(struct remote *r);
void remote_resume(struct remote *r);
/* Says how it ended: well (`err` NULL), or with a non-zero exit code of the command (`err` is given and
 * `exit_code` not 0), or not at all. Then the connection ends, and `closed` follows. */
void remote_finish(struct remote *r, const struct err *err, int exit_code);
