#include "server/stream/tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/encode.h"
#include "http/join.h"

enum { COMPLAINT_MAX = 1024 };

struct tunnel {
    struct http_call *call;
    struct loop *loop;
    int status;
    struct buf complaint;
    void (*done)(void *arg, int fd, const struct err *err);
    void *arg;
};

static void tunnel_free(struct tunnel *t)
{
    buf_free(&t->complaint);
    free(t);
}

static void got_response(void *arg, int status, const struct http_header *headers, size_t n)
{
    (void)headers, (void)n;
    struct tunnel *t = arg;
    t->status = status;
}

static void got_data(void *arg, struct str bytes)
{
    struct tunnel *t = arg;
    if (t->complaint.n + bytes.n <= COMPLAINT_MAX)
        buf_add_str(&t->complaint, bytes);
}

/* No upgrade came of it. */
static void got_end(void *arg, const struct err *why)
{
    struct tunnel *t = arg;
    _cleanup_err_ struct err err = {0};
    if (!why) {
        if (t->status == 502) /* the agent has tried, and says what happened */
            err_set(&err, ERR_UNAVAILABLE, STR_FMT, STR_ARG(str_trim(buf_str(&t->complaint))));
        else
            err_set(&err, ERR_UNAVAILABLE, "the node's agent answered %d: " STR_FMT, t->status,
                    STR_ARG(str_trim(buf_str(&t->complaint))));
        why = &err;
    }
    t->done(t->arg, -1, why);
    tunnel_free(t);
}

static void forget(void *arg)
{
    (void)arg;
}

static void got_upgrade(void *arg, struct http_pipe *pipe)
{
    struct tunnel *t = arg;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
        _cleanup_err_ struct err err = {0};
        err_errno(&err, errno, "make a socket");
        static const struct http_pipe_events nobody = {.closed = forget};
        http_pipe_listen(pipe, &nobody, NULL);
        http_pipe_close(pipe);
        t->done(t->arg, -1, &err);
    } else {
        join_fd(t->loop, pipe, ends[0], 0);
        t->done(t->arg, ends[1], NULL);
    }
    tunnel_free(t);
}

struct tunnel *tunnel_open(struct http_client *agents, struct loop *l, struct str node_url,
                           struct str address, void (*done)(void *arg, int fd, const struct err *err),
                           void *arg)
{
    static const struct http_header upgrade = {STR_INIT("upgrade"), STR_INIT("tcp")};
    struct tunnel *t = mem_zalloc(sizeof *t);
    _cleanup_buf_ struct buf url = {0};
    *t = (struct tunnel){.loop = l, .done = done, .arg = arg};
    buf_addf(&url, STR_FMT "/dial?address=", STR_ARG(node_url));
    encode_percent(&url, address);
    t->call = http_call_start(agents, l,
                              &(struct http_call_options){.url = buf_str(&url),
                                                          .headers = &upgrade,
                                                          .n_headers = 1,
                                                          .response = got_response,
                                                          .data = got_data,
                                                          .done = got_end,
                                                          .upgraded = got_upgrade,
                                                          .arg = t});
    return t;
}

void tunnel_abort(struct tunnel *t)
{
    http_call_abort(t->call);
    tunnel_free(t);
}
