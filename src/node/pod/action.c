#include "node/pod/action.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/ip.h"
#include "node/pod/grpc_health.h"
#include "node/pod/http_get.h"

enum { ACTION_OUTPUT_MAX = 10 << 10 };

static int find_port(const struct container *c, const struct int_or_str *port, int *out, struct err *err)
{
    *out = port->i;
    if (port->is_str) {
        int64_t number;
        *out = 0;
        for (size_t i = 0; i < c->ports.n; i++)
            if (str_eq(c->ports.at[i].name, port->s))
                *out = c->ports.at[i].container_port;
        if (!*out && str_to_i64(port->s, &number) && number < 65536)
            *out = (int)number;
    }
    return *out > 0 && *out < 65536
               ? 0
               : err_set(err, ERR_INVALID, "couldn't find port: " STR_FMT, STR_ARG(port->s));
}

static struct str pod_host(struct pod_state *p, struct str said, struct arena *a)
{
    if (said.n)
        return arena_str(a, said);
    return p->ips.n ? arena_str(a, p->ips.at[0]) : STR("127.0.0.1");
}

static int make_http(struct pod_state *p, const struct container *c, const struct http_get_action *http,
                     struct arena *a, struct action *out, struct err *err)
{
    if (find_port(c, &http->port, &out->port, err) < 0)
        return -1;
    struct str host = pod_host(p, http->host, a);
    const char *slash = http->path.n && http->path.p[0] == '/' ? "" : "/";
    out->kind = ACTION_HTTP;
    out->host = host;
    out->url = arena_printf(a, "%s://" STR_FMT ":%d%s" STR_FMT,
                            str_eq_fold(http->scheme, STR("HTTPS")) ? "https" : "http",
                            STR_ARG(ip_host(a, host)), out->port, slash, STR_ARG(http->path));
    out->headers = (struct str_vec){arena_new_n(a, struct str, 2 * http->http_headers.n), 0};
    for (size_t i = 0; i < http->http_headers.n; i++) {
        out->headers.at[out->headers.n++] = arena_str(a, http->http_headers.at[i].name);
        out->headers.at[out->headers.n++] = arena_str(a, http->http_headers.at[i].value);
    }
    return 0;
}

int action_make(struct pod_state *p, const struct container *c, const struct runtime_container *in,
                const struct exec_action *exec, const struct http_get_action *http,
                const struct tcp_socket_action *tcp, const struct grpc_action *grpc,
                const struct sleep_action *sleep, int64_t timeout_ns, struct arena *a, struct action *out,
                struct err *err)
{
    *out = (struct action){.timeout_ns = timeout_ns, .runtime = p->node->runtime};
    out->container.id = arena_str(a, in->id);
    if (exec) {
        out->kind = ACTION_EXEC;
        out->command = (struct str_vec){arena_new_n(a, struct str, exec->command.n), exec->command.n};
        for (size_t i = 0; i < exec->command.n; i++)
            out->command.at[i] = arena_str(a, exec->command.at[i]);
    } else if (http) {
        return make_http(p, c, http, a, out, err);
    } else if (tcp) {
        out->kind = ACTION_TCP;
        out->host = pod_host(p, tcp->host, a);
        return find_port(c, &tcp->port, &out->port, err);
    } else if (grpc) {
        out->kind = ACTION_GRPC;
        out->host = pod_host(p, STR(""), a);
        out->port = grpc->port;
        out->service = grpc->service ? arena_str(a, *grpc->service) : STR("");
    } else if (sleep) {
        out->kind = ACTION_SLEEP;
        out->seconds = sleep->seconds;
    } else {
        return err_set(err, ERR_INVALID, "missing probe handler");
    }
    return 0;
}

static int run_exec(const struct action *x, struct err *err)
{
    _cleanup_buf_ struct buf out = {0};
    int code;
    if (container_exec(x->runtime, &x->container, &x->command, x->timeout_ns, ACTION_OUTPUT_MAX, &out, &code,
                       err) < 0)
        return err && err->reason == ERR_TIMEOUT
                   ? err_set(err, ERR_TIMEOUT, "command timed out: \"" STR_FMT "\" timed out after %llds",
                             STR_ARG(x->command.n ? x->command.at[0] : STR("")),
                             (long long)(x->timeout_ns / CLOCK_S))
                   : -1;
    if (code == 0)
        return 0;
    return out.n ? err_set(err, ERR_INTERNAL, STR_FMT, STR_ARG(buf_str(&out)))
                 : err_set(err, ERR_INTERNAL, "command terminated with exit code %d", code);
}

/* In Go's words, which people search for. */
static int http_problem(const struct action *x, const struct err *why, struct err *err)
{
    struct str text = why->message;
    if (why->reason == ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT,
                       "Get \"" STR_FMT
                       "\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                       STR_ARG(x->url));
    if (str_find(text, STR("Failed to connect")) >= 0)
        return err_set(err, ERR_UNAVAILABLE,
                       "Get \"" STR_FMT "\": dial tcp " STR_FMT ":%d: connect: connection refused",
                       STR_ARG(x->url), STR_ARG(x->host), x->port);
    return err_set(err, ERR_UNAVAILABLE, "Get \"" STR_FMT "\": " STR_FMT, STR_ARG(x->url), STR_ARG(text));
}

static int run_http(const struct action *x, struct err *err)
{
    int status;
    _cleanup_err_ struct err why = {0};
    if (http_get(x->url, &x->headers, x->timeout_ns, &status, &why) < 0)
        return http_problem(x, &why, err);
    return status >= 200 && status < 400
               ? 0
               : err_set(err, ERR_UNAVAILABLE, "HTTP probe failed with statuscode: %d", status);
}

/* Connects within the time; the descriptor, or -1. */
static int dial(const struct action *x, struct err *err)
{
    char host[256], port[16];
    snprintf(host, sizeof host, STR_FMT, STR_ARG(x->host));
    snprintf(port, sizeof port, "%d", x->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    int e = getaddrinfo(host, port, &hints, &all);
    if (e)
        return err_set(err, ERR_UNAVAILABLE, "dial tcp: lookup %s: %s", host, gai_strerror(e));
    int fd = socket(all->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = fd < 0 ? -1 : connect(fd, all->ai_addr, all->ai_addrlen), problem = r < 0 ? errno : 0;
    freeaddrinfo(all);
    if (fd >= 0 && problem == EINPROGRESS) {
        struct pollfd p = {fd, POLLOUT, 0};
        socklen_t n = sizeof problem;
        if (poll(&p, 1, (int)(x->timeout_ns / CLOCK_MS)) <= 0)
            problem = ETIMEDOUT;
        else
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &n);
    }
    if (!problem)
        return fd;
    file_closep(&fd);
    return problem == ETIMEDOUT ? err_set(err, ERR_TIMEOUT, "dial tcp %s:%s: i/o timeout", host, port)
           : problem == ECONNREFUSED
               ? err_set(err, ERR_UNAVAILABLE, "dial tcp %s:%s: connect: connection refused", host, port)
               : err_set(err, ERR_UNAVAILABLE, "dial tcp %s:%s: connect: %s", host, port, strerror(problem));
}

int action_run(const struct action *x, struct err *err)
{
    switch (x->kind) {
    case ACTION_EXEC:
        return run_exec(x, err);
    case ACTION_HTTP:
        return run_http(x, err);
    case ACTION_TCP: {
        _cleanup_fd_ int fd = dial(x, err);
        return fd < 0 ? -1 : 0;
    }
    case ACTION_SLEEP:
        clock_sleep(x->seconds * CLOCK_S);
        return 0;
    case ACTION_GRPC:
        return grpc_health_check(x->host, x->port, x->service, x->timeout_ns, err);
    default:
        return err_set(err, ERR_INVALID, "missing probe handler");
    }
}
