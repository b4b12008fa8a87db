/* What the two ways of carrying a remote command share. */
#pragma once
#include "base/clock.h"
#include "http/pipe.h"
#include "http/spdy.h"
#include "http/websocket.h"
#include "node/stream/remote.h"

#define STREAM_IDLE_NS   (4 * 3600 * CLOCK_S) /* as upstream's streamingConnectionIdleTimeout */
#define STREAM_CREATE_MS 30000                /* for the client to open its streams */

struct remote_carrier {
    bool (*write)(struct remote *r, enum remote_channel channel, struct str bytes);
    void (*end)(struct remote *r); /* of all channels; the pipe is ended afterwards */
    int (*data)(struct remote *r, struct str bytes, struct err *err);
    void (*free)(struct remote *r);
};

struct remote {
    const struct remote_carrier *carrier;
    struct http_pipe *pipe; /* NULL once it is closed */
    struct remote_options o;
    struct remote_events events;
    void *arg;
    int version; /* of the subprotocol: 1 to 5 */
    bool base64; /* WebSocket: text messages */
    bool ready, finished, room;
    bool held;        /* the owner takes no input now: it waits in `early` */
    struct buf early; /* of stdin */
    bool input_over, input_over_told;
    bool delivering; /* `deliver` is on its way */
    struct loop_task deliver;
    struct buf size; /* of the terminal: JSON that is not whole yet */
    struct spdy *spdy;
    struct spdy_stream *streams[REMOTE_CHANNELS];
    struct websocket *websocket;
    struct loop_task task; /* tells `ready` */
    uv_timer_t timer;      /* until the streams are there, or until the client hangs up */
    int uses;              /* pipe, tasks, timer */
};

bool remote_has(const struct remote *r, enum remote_channel channel);
/* A client's bytes on stdin or resize. */
void remote_take(struct remote *r, enum remote_channel channel, struct str bytes);
void remote_take_end(struct remote *r, enum remote_channel channel);
/* Tells `ready`, soon. */
void remote_ready(struct remote *r);
bool remote_send(void *remote, struct str bytes); /* to the pipe */

extern const struct remote_carrier remote_over_spdy, remote_over_websocket;
void remote_start_spdy(struct remote *r);
void remote_start_websocket(struct remote *r);
