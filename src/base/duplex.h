/* A file descriptor on a loop, as bytes both ways: a pipe, a socket, the master of a pseudo-terminal. It is
 * to descriptors what http_pipe is to upgraded connections, so that either can be joined to the other.
 * Everything happens on the loop's own thread. */
#pragma once
#include "base/buf.h"
#include "base/loop.h"

struct duplex;

/* What the owner is told; each may be NULL but `closed`. None is called from within a call that the owner
 * makes. */
struct duplex_events {
    void (*data)(void *arg, struct str bytes); /* valid during the call */
    void (*ended)(void *arg);                  /* nothing more will be read */
    void (*drained)(void *arg);                /* duplex_write had returned false: go on */
    void (*closed)(void *arg);                 /* once, last: it is gone */
};

/* Takes over `fd`, whatever its mode was. It begins paused. `step`: how much is written at a time, for
 * sockets that keep records; 0: as much as there is. */
struct duplex *duplex_new(struct loop *l, int fd, size_t step, const struct duplex_events *events, void *arg);
/* Copies. False when more waits than the high-water mark (256 KiB): write no more until drained. What the
 * other side will not take any more is dropped. */
bool duplex_write(struct duplex *d, struct str bytes);
/* Writes no more; once what waits is written a socket is half closed, and a pipe is closed, as there is no
 * other way to say so. A terminal has no end. */
void duplex_end(struct duplex *d);
/* Ends both directions now; `closed` follows. */
void duplex_close(struct duplex *d);
void duplex_pause(struct duplex *d);
void duplex_resume(struct duplex *d);
/* The descriptor, for ioctl; still the duplex's. */
int duplex_fd(const struct duplex *d);
