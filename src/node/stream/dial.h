/* Connections from within a network namespace. */
#pragma once
#include "base/err.h"
#include "base/loop.h"

/* A connection that is being made by a thread of its own, as entering a namespace is for good. */
struct dial {
    const char *network; /* a namespace's file; NULL: the host's. It and the host must live until `done` */
    const char *host;    /* an address; "localhost": of either family */
    int port;
    struct loop *loop;
    void (*done)(struct dial *d); /* on the loop */
    int fd;                       /* then: the connection, the owner's to close; or -1, and why */
    struct err err;
    struct loop_task task;
};

void dial_start(struct dial *d);
