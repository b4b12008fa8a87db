/* A client that reads what a server sends over a WebSocket, until it says close. */
#pragma once
#include "cluster.h"
#include "http/client.h"
#include "http/websocket.h"

struct viewer {
    const char *protocols; /* that it names; "": none */
    const char *accept;    /* media type; NULL: none named */
    bool nobody;           /* without a certificate */

    int status;
    bool text;           /* of the last message */
    int messages;        /* those that say something */
    struct buf seen;     /* all of them */
    struct buf protocol; /* that the server chose */

    struct http_client *client;
    struct loop *loop;
    struct loop_task task;
    struct str url;
    struct http_pipe *pipe;
    struct websocket *socket;
    struct latch over;
};
void viewer_view(struct viewer *v, struct cluster *c, const char *path);
void viewer_free(struct viewer *v);
