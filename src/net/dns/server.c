#define LOG_PART "dns"
#include "net/dns/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/thread.h"
#include "client/informer.h"
#include "kinds/core_v1.h"
#include "net/dns/resolver.h"

enum {
    QUERY_MAX = 4096,   /* by UDP */
    CONNS_MAX = 200,    /* TCP */
    CONN_ASKS_MAX = 16, /* at a time */
    IDLE_MS = 10000,
    BACKLOG = 64,
    CACHE_MOST = 2000,
    RETRY_MS = 2000,
    SOCKET_ROOM = 1 << 20,
    LISTENERS = 2, /* one of each family */
};

struct conn;

/* An address where it listens, or tries to. */
struct listener {
    struct dns_server *server;
    struct ip address; /* none: nowhere */
    uv_udp_t *udp;
    uv_tcp_t *tcp;
};

struct addresses {
    struct ip at[LISTENERS];
};

struct dns_server {
    struct dns_resolver resolver;
    struct loop *loop;
    struct informer *nodes;
    char *node_name;
    uint16_t port;
    pthread_mutex_t mutex;
    struct addresses wanted; /* to listen on; guarded by mutex */
    bool posted;             /* `listen` waits in the loop; guarded by mutex */
    struct loop_task listen;
    /* The loop's own from here on. */
    struct listener listeners[LISTENERS];
    uv_timer_t retry;
    struct conn *conns;
    size_t n_conns;
    struct ask *asks; /* under way */
    char datagram[QUERY_MAX];
};

/* A query and whom to tell. */
struct ask {
    struct dns_request request;
    struct dns_server *server;
    struct ask *next, **link;
    struct listener *listener; /* UDP */
    struct sockaddr_storage peer;
    struct conn *conn; /* TCP; NULL: it has gone meanwhile, or UDP */
};

/* A TCP connection. */
struct conn {
    struct dns_server *server;
    struct conn *next, **link;
    uv_tcp_t tcp;
    uv_timer_t idle;
    struct buf in;
    size_t n_asks, n_open;
    bool taking; /* within conn_take */
};

struct reply {
    uv_write_t write;
    struct buf out;
};

/* --- asks --- */

static struct ask *ask_new(struct dns_server *s, struct conn *conn, void (*done)(struct dns_request *))
{
    struct ask *a = mem_zalloc(sizeof *a);
    a->server = s;
    a->conn = conn;
    a->request.tcp = conn;
    a->request.done = done;
    a->next = s->asks;
    a->link = &s->asks;
    if (s->asks)
        s->asks->link = &a->next;
    s->asks = a;
    return a;
}

static void ask_free(struct ask *a)
{
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    dns_request_clear(&a->request);
    free(a);
}

/* --- UDP --- */

static void udp_answered(struct dns_request *r)
{
    struct ask *a = container_of(r, struct ask, request);
    uv_buf_t out = uv_buf_init(r->out.p, (unsigned)r->out.n);
    if (r->out.n && a->listener->udp) /* what the socket does not take now is lost, as datagrams are */
        uv_udp_try_send(a->listener->udp, &out, 1, (struct sockaddr *)&a->peer);
    ask_free(a);
}

static void udp_room(uv_handle_t *h, size_t want, uv_buf_t *room)
{
    (void)want;
    struct listener *l = h->data;
    *room = uv_buf_init(l->server->datagram, QUERY_MAX);
}

static void udp_read(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                     unsigned flags)
{
    if (n <= 0 || !from || flags & UV_UDP_PARTIAL)
        return;
    struct listener *l = udp->data;
    struct ask *a = ask_new(l->server, NULL, udp_answered);
    a->listener = l;
    memcpy(&a->peer, from,
           from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    dns_resolver_ask(&l->server->resolver, &a->request, str_slice(buf->base, (size_t)n));
}

/* --- TCP: each message behind two bytes of its length --- */

static void conn_free(struct conn *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->server->n_conns--;
    buf_free(&c->in);
    free(c);
}

static void conn_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    if (--c->n_open == 0)
        conn_free(c);
}

static void conn_close(struct conn *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    for (struct ask *a = c->server->asks; a; a = a->next)
        if (a->conn == c)
            a->conn = NULL;
    uv_close((uv_handle_t *)&c->tcp, conn_closed);
    uv_close((uv_handle_t *)&c->idle, conn_closed);
}

static void conn_idle(uv_timer_t *timer)
{
    conn_close(timer->data);
}

static void reply_written(uv_write_t *w, int status)
{
    (void)status; /* a broken connection ends by itself */
    struct reply *reply = container_of(w, struct reply, write);
    buf_free(&reply->out);
    free(reply);
}

static void conn_take(struct conn *c);

static void tcp_answered(struct dns_request *r)
{
    struct ask *a = container_of(r, struct ask, request);
    struct conn *c = a->conn;
    if (c && !r->out.n) {
        ask_free(a);
        conn_close(c);
        return;
    }
    if (c) {
        struct reply *reply = mem_zalloc(sizeof *reply);
        char length[2] = {(char)(r->out.n >> 8), (char)r->out.n};
        buf_add(&reply->out, length, 2);
        buf_add(&reply->out, r->out.p, r->out.n);
        uv_buf_t out = uv_buf_init(reply->out.p, (unsigned)reply->out.n);
        if (uv_write(&reply->write, (uv_stream_t *)&c->tcp, &out, 1, reply_written) < 0)
            reply_written(&reply->write, -1);
        c->n_asks--;
    }
    ask_free(a);
    if (c)
        conn_take(c);
}

/* Takes whole messages off what has come in. One after the other: a client that does not read its answers
 * gets no more of them. */
static void conn_take(struct conn *c)
{
    size_t at = 0;
    if (c->taking)
        return;
    c->taking = true;
    while (!uv_is_closing((uv_handle_t *)&c->tcp) && c->in.n - at >= 2 && c->n_asks < CONN_ASKS_MAX &&
           uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) < SOCKET_ROOM) {
        const unsigned char *p = (const unsigned char *)c->in.p + at;
        size_t n = (size_t)p[0] << 8 | p[1];
        if (n > QUERY_MAX) {
            conn_close(c);
            break;
        }
        if (c->in.n - at - 2 < n)
            break;
        struct ask *a = ask_new(c->server, c, tcp_answered);
        c->n_asks++;
        at += 2 + n;
        dns_resolver_ask(&c->server->resolver, &a->request, str_slice((const char *)p + 2, n));
    }
    c->taking = false;
    if (at) {
        memmove(c->in.p, c->in.p + at, c->in.n - at);
        c->in.n -= at;
    }
}

static void conn_room(uv_handle_t *h, size_t want, uv_buf_t *room)
{
    (void)want;
    struct conn *c = h->data;
    size_t n = c->in.n < 2 * QUERY_MAX ? QUERY_MAX : 0; /* no room: ends the connection */
    *room = uv_buf_init(n ? buf_room(&c->in, n) : NULL, (unsigned)n);
}

static void conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct conn *c = stream->data;
    if (n < 0) {
        conn_close(c);
        return;
    }
    c->in.n += (size_t)n;
    uv_timer_again(&c->idle);
    conn_take(c);
}

static void tcp_accept(uv_stream_t *listener, int status)
{
    struct dns_server *s = ((struct listener *)listener->data)->server;
    if (status < 0)
        return;
    struct conn *c = mem_zalloc(sizeof *c);
    *c = (struct conn){.server = s, .next = s->conns, .link = &s->conns, .n_open = 2};
    if (s->conns)
        s->conns->link = &c->next;
    s->conns = c;
    s->n_conns++;
    uv_tcp_init(loop_uv(s->loop), &c->tcp);
    uv_timer_init(loop_uv(s->loop), &c->idle);
    c->tcp.data = c->idle.data = c;
    uv_timer_start(&c->idle, conn_idle, IDLE_MS, IDLE_MS);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 || s->n_conns > CONNS_MAX ||
        uv_read_start((uv_stream_t *)&c->tcp, conn_room, conn_read) < 0)
        conn_close(c);
}

/* --- listening --- */

static void handle_free(uv_handle_t *h)
{
    free(h);
}

static void unlisten(struct listener *l)
{
    if (l->udp)
        uv_close((uv_handle_t *)l->udp, handle_free);
    if (l->tcp)
        uv_close((uv_handle_t *)l->tcp, handle_free);
    l->udp = NULL;
    l->tcp = NULL;
}

/* A socket bound to the address, which the node's link may get only later. */
static int socket_bound(int type, struct ip ip, uint16_t port, struct err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v6 = ip.family == IP_V6;
    ip_bytes(ip, is_v6 ? v6.sin6_addr.s6_addr : (unsigned char *)&v4.sin_addr);
    int one = 1, fd = socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one) == 0 &&
        (type != SOCK_STREAM || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0) &&
        bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof v6 : sizeof v4) == 0)
        return fd;
    int e = errno;
    if (fd >= 0)
        close(fd);
    return err_errno(err, e, "listen on port %u", port);
}

static int listen_udp(struct listener *l, struct err *err)
{
    int fd = socket_bound(SOCK_DGRAM, l->address, l->server->port, err);
    if (fd < 0)
        return -1;
    l->udp = mem_zalloc(sizeof *l->udp);
    uv_udp_init(loop_uv(l->server->loop), l->udp);
    l->udp->data = l;
    int rc = uv_udp_open(l->udp, fd);
    if (rc < 0)
        close(fd);
    if (rc == 0)
        rc = uv_udp_recv_start(l->udp, udp_room, udp_read);
    return rc < 0 ? err_set(err, ERR_INTERNAL, "listen: %s", uv_strerror(rc)) : 0;
}

static int listen_tcp(struct listener *l, struct err *err)
{
    int fd = socket_bound(SOCK_STREAM, l->address, l->server->port, err);
    if (fd < 0)
        return -1;
    l->tcp = mem_zalloc(sizeof *l->tcp);
    uv_tcp_init(loop_uv(l->server->loop), l->tcp);
    l->tcp->data = l;
    int rc = uv_tcp_open(l->tcp, fd);
    if (rc < 0)
        close(fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)l->tcp, BACKLOG, tcp_accept);
    return rc < 0 ? err_set(err, ERR_INTERNAL, "listen: %s", uv_strerror(rc)) : 0;
}

static void listen_again(uv_timer_t *timer)
{
    struct dns_server *s = timer->data;
    s->listen.run(&s->listen);
}

/* False when it does not work now. */
static bool listen_on(struct listener *l, struct ip wanted)
{
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    if (ip_eq(wanted, l->address) && (!wanted.family || (l->udp && l->tcp)))
        return true;
    unlisten(l);
    l->address = wanted;
    if (!wanted.family)
        return true;
    struct str text = ip_text(&a, wanted);
    if (listen_udp(l, &err) < 0 || listen_tcp(l, &err) < 0) {
        log_warn("cannot serve at " STR_FMT ": " STR_FMT, STR_ARG(text), STR_ARG(err.message));
        unlisten(l);
        return false;
    }
    log_info("serving at " STR_FMT ", port %u", STR_ARG(text), l->server->port);
    return true;
}

/* Listens where it is wanted; tries again where that does not work. */
static void listen_run(struct loop_task *task)
{
    struct dns_server *s = container_of(task, struct dns_server, listen);
    struct addresses wanted;
    bool listening = true;
    {
        _lock_(&s->mutex);
        wanted = s->wanted;
        s->posted = false;
    }
    for (size_t i = 0; i < LISTENERS; i++)
        listening &= listen_on(&s->listeners[i], wanted.at[i]);
    if (!listening)
        uv_timer_start(&s->retry, listen_again, RETRY_MS, 0);
}

static void server_listen_on(struct dns_server *s, struct addresses wanted)
{
    bool same = true;
    _lock_(&s->mutex);
    for (size_t i = 0; i < LISTENERS; i++)
        same &= ip_eq(wanted.at[i], s->wanted.at[i]);
    if (same)
        return;
    s->wanted = wanted;
    if (!s->posted)
        loop_post(s->loop, &s->listen);
    s->posted = true;
}

static void server_on_node(void *arg, struct object *before, struct object *after)
{
    (void)before;
    const struct node *node = after ? object_typed(after) : NULL;
    struct addresses wanted = {0};
    for (size_t i = 0; node && i < node->spec.pod_cidrs.n && i < LISTENERS; i++) {
        struct ip_prefix pods;
        if (ip_prefix_parse(node->spec.pod_cidrs.at[i], &pods))
            wanted.at[i] = ip_prefix_at(pods, 1);
    }
    if (wanted.at[0].family)
        server_listen_on(arg, wanted);
}

int dns_server_start(struct client *c, const struct dns_server_options *o, struct dns_server **out,
                     struct err *err)
{
    struct addresses address = {0};
    if (o->listen.n && !ip_parse(o->listen, &address.at[0]))
        return err_set(err, ERR_BAD_REQUEST, "not an IP address: \"" STR_FMT "\"", STR_ARG(o->listen));
    struct dns_server *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    s->port = o->port ? o->port : 53;
    s->listen.run = listen_run;
    for (size_t i = 0; i < LISTENERS; i++)
        s->listeners[i].server = s;
    s->loop = loop_new("dns");
    s->resolver.zone = dns_zone_start(
        c, &(struct dns_zone_options){.domain = o->domain, .server_address = o->service_address});
    s->resolver.cache = dns_cache_new(CACHE_MOST);
    s->resolver.forward = dns_forward_new(
        s->loop,
        &(struct dns_forward_options){.resolv_conf = o->resolv_conf ? o->resolv_conf : "/etc/resolv.conf",
                                      .self = o->service_address,
                                      .port = o->forward_port});
    uv_timer_init(loop_uv(s->loop), &s->retry);
    s->retry.data = s;
    loop_start(s->loop);
    if (o->listen.n) {
        server_listen_on(s, address);
    } else {
        _cleanup_buf_ struct buf field = {0};
        buf_addf(&field, "metadata.name=" STR_FMT, STR_ARG(o->node_name));
        s->nodes =
            client_informer(c, &node_resource, &(struct informer_options){.field_selector = buf_str(&field)});
        informer_handle(s->nodes, server_on_node, s);
    }
    *out = s;
    return 0;
}

void dns_server_stop(struct dns_server *s)
{
    if (!s)
        return;
    if (s->nodes)
        informer_unhandle(s->nodes, server_on_node, s);
    loop_stop(s->loop);
    loop_join(s->loop);
    dns_forward_free(s->resolver.forward);
    while (s->asks) /* whom nobody answered any more */
        ask_free(s->asks);
    while (s->conns)
        conn_free(s->conns);
    for (size_t i = 0; i < LISTENERS; i++) {
        free(s->listeners[i].udp);
        free(s->listeners[i].tcp);
    }
    loop_free(s->loop);
    dns_cache_free(s->resolver.cache);
    dns_zone_stop(s->resolver.zone);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}
