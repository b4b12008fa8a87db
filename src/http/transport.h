/* A TCP connection on a loop, with or without TLS, for server and client alike: bytes in, bytes out,
 * deadlines, end.
 *
 * Nothing is written when it comes up. Whoever has something to write says transport_dirty; once the loop has
 * seen to everything that was ready, and before it sleeps, each dirty connection's `flush` is asked to write
 * what it has while there is room. So a turn of the loop costs one system call per connection, however many
 * responses it made, and nothing is copied for a peer that does not read. Buffers belong to the loop, not to
 * the connection. */
#pragma once
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/loop.h"
#include "http/http.h"

struct transport;

/* What all connections of a loop share. */
struct io {
    struct loop *loop;
    size_t users, open_handles;
    uv_prepare_t prepare; /* flushes what is dirty */
    uv_timer_t timer;     /* looks at deadlines */
    int64_t due;          /* when it will */
    uint64_t turn;        /* how often the loop went round */
    struct transport *dirty, *all;
    struct buf out; /* bytes on their way to the socket of the connection being flushed */
    size_t staged;
    char stage[16 * 1024]; /* plain text that shall become one TLS record */
    char plain[16 * 1024]; /* decrypted */
    char in[64 * 1024];    /* from the socket */
};

/* On the loop's thread. Each io_get needs its io_put. */
struct io *io_get(struct loop *l);
void io_put(struct io *io);

struct transport_ops {
    void (*ready)(struct transport *t);                  /* connected and shaken hands */
    void (*data)(struct transport *t, struct str bytes); /* takes all of them */
    void (*ended)(struct transport *t);                  /* the peer sends no more */
    void (*flush)(struct transport *t);                  /* transport_write while transport_room */
    /* When to look again, in clock_mono; not after `now`: close it. INT64_MAX: never. */
    int64_t (*deadline)(struct transport *t, int64_t now);
    void (*closed)(struct transport *t); /* last: the owner may free it */
};

/* Embedded in its owner. */
struct transport {
    const struct transport_ops *ops;
    void *owner; /* for ops' own use */
    struct io *io;
    struct transport *next, **link; /* all of io */
    struct transport *next_dirty;
    SSL *ssl;
    int fd;
    int events; /* watched for */
    uv_poll_t poll;
    struct str source;  /* bytes that OpenSSL may read now */
    struct buf unread;  /* bytes from the socket that came before a pause */
    struct buf pending; /* bytes that the socket did not take yet */
    size_t pending_at;
    size_t written;   /* in this turn */
    uint64_t turn;    /* io's, when it last wrote */
    int64_t progress; /* when bytes last moved */
    char problem[96]; /* why it was closed, for people; empty: it just ended */
    bool connecting;  /* set by a client whose connect() is under way, before transport_start */
    bool ready, dirty, paused, blocked, closing, ending, half, shut;
    bool peer_ended, clean; /* the peer's last word was heard; it was TLS's own, not just TCP's */
};

/* Takes over `fd`, which does not block, and `ssl` (NULL: plain TCP). */
void transport_start(struct transport *t, const struct transport_ops *ops, struct io *io, int fd, SSL *ssl);
void transport_dirty(struct transport *t);
/* Only within `flush`. */
bool transport_room(const struct transport *t);
void transport_write(struct transport *t, struct str bytes);
/* No `data` from now on until resumed. */
void transport_pause(struct transport *t);
void transport_resume(struct transport *t);
/* Sends what is written, then ends this side and waits a little for the peer to do so too; `closed` follows.
 */
void transport_end(struct transport *t);
/* As transport_end, but goes on reading until the peer ends too. */
void transport_half_close(struct transport *t);
/* Ends at once; `closed` follows, not from within this call. */
void transport_close(struct transport *t, const char *problem);
/* The deadline may have come closer. */
void transport_due(struct transport *t, int64_t at);
