#include <stdlib.h>

#include "base/duplex.h"
#include "node/stream/exec.h"

/* conmon keeps no more than that of a record. */
enum { RECORD_MOST = 8 << 10, FROM_STDERR = 3 };

struct attach {
    struct remote *remote; /* NULL once the client is gone */
    struct duplex *socket; /* NULL once the container is */
    struct loop *loop;
    char *dir;
    int uses;
};

static void put(struct attach *t)
{
    if (--t->uses)
        return;
    free(t->dir);
    free(t);
}

static void container_says(void *arg, struct str record)
{
    struct attach *t = arg;
    if (!t->remote || !record.n)
        return;
    enum remote_channel channel = record.p[0] == FROM_STDERR ? REMOTE_STDERR : REMOTE_STDOUT;
    if (!remote_write(t->remote, channel, str_from_at(record, 1)))
        duplex_pause(t->socket);
}

static void container_ended(void *arg)
{
    struct attach *t = arg;
    if (t->remote)
        remote_finish(t->remote, NULL, 0);
    duplex_close(t->socket);
}

static void container_drained(void *arg)
{
    struct attach *t = arg;
    if (t->remote)
        remote_resume(t->remote);
}

static void container_closed(void *arg)
{
    struct attach *t = arg;
    t->socket = NULL;
    container_drained(t);
    put(t);
}

static void client_ready(void *arg)
{
    static const struct duplex_events events = {.data = container_says,
                                                .ended = container_ended,
                                                .drained = container_drained,
                                                .closed = container_closed};
    struct attach *t = arg;
    _cleanup_err_ struct err err = {0};
    int fd = container_attach(str_from(t->dir), &err);
    if (fd < 0) {
        remote_finish(t->remote, &err, 0);
        return;
    }
    t->socket = duplex_new(t->loop, fd, RECORD_MOST, &events, t);
    t->uses++;
    duplex_resume(t->socket);
    remote_resume(t->remote);
}

static void client_input(void *arg, struct str bytes)
{
    struct attach *t = arg;
    if (t->socket && !duplex_write(t->socket, bytes))
        remote_pause(t->remote);
}

static void client_input_ended(void *arg)
{
    struct attach *t = arg;
    if (t->socket)
        duplex_end(t->socket);
}

static void client_resized(void *arg, uint16_t columns, uint16_t rows)
{
    struct attach *t = arg;
    container_resize(str_from(t->dir), columns, rows, NULL);
}

static void client_drained(void *arg)
{
    struct attach *t = arg;
    if (t->socket)
        duplex_resume(t->socket);
}

static void client_gone(void *arg)
{
    struct attach *t = arg;
    t->remote = NULL;
    if (t->socket)
        duplex_close(t->socket);
    put(t);
}

void attach_serve(struct http_request *r, struct str dir, const struct remote_options *o)
{
    static const struct remote_events events = {.ready = client_ready,
                                                .input = client_input,
                                                .input_ended = client_input_ended,
                                                .resize = client_resized,
                                                .drained = client_drained,
                                                .closed = client_gone};
    struct attach *t = mem_zalloc(sizeof *t);
    *t = (struct attach){.loop = http_loop(r), .dir = str_dup_c(dir), .uses = 1};
    t->remote = remote_open(r, o, &events, t);
    if (!t->remote)
        put(t);
}
