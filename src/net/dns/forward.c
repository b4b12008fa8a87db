#include "net/dns/forward.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/random.h"
#include "net/resolv_conf.h"

enum { SERVERS_MAX = 3, ASKING_MAX = 1000, TRY_MS = 2000, TRIES_MAX = 4, REPLY_MAX = 65535 };

struct dns_forward {
    struct loop *loop;
    char *resolv_conf;
    struct sockaddr_storage servers[SERVERS_MAX];
    size_t n_servers;
    struct sockaddr_storage self;
    uint16_t port;
    struct timespec read; /* the file's time when it was read */
    struct asking *all;
    size_t n;
    char *datagram; /* room for one reply, used within a callback only */
};

/* One question on its way. Its handles are closed for each try anew; what is told is told at once, and the
 * rest goes when the last handle is closed. */
struct asking {
    struct dns_forward *f;
    struct asking *next, **link;
    ldns_pkt *query;
    bool whole;
    dns_forward_fn fn; /* NULL: has been told */
    void *arg;
    size_t server, tries;
    uv_timer_t timer; /* of this try */
    bool timing;
    struct attempt *attempt; /* the present one */
    size_t n_open;           /* handles that are not closed yet */
};

/* A socket of its own, so that its port is as hard to guess as the id. */
struct attempt {
    struct asking *asking; /* NULL: given up */
    struct asking *owner;
    union {
        uv_handle_t handle;
        uv_udp_t udp;
        uv_tcp_t tcp;
    };
    bool is_tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct buf in, out; /* TCP: with two bytes of length before each message */
};

static void asking_try(struct asking *q);

/* --- the node's resolvers --- */

static bool address_parse(struct str text, uint16_t port, struct sockaddr_storage *out)
{
    char name[64];
    if (!text.n || text.n >= sizeof name)
        return false;
    memcpy(name, text.p, text.n);
    name[text.n] = 0;
    memset(out, 0, sizeof *out);
    return uv_ip4_addr(name, port, (struct sockaddr_in *)(void *)out) == 0 ||
           uv_ip6_addr(name, port, (struct sockaddr_in6 *)(void *)out) == 0;
}

static void forward_servers(struct dns_forward *f)
{
    struct stat st;
    _cleanup_arena_ struct arena a = {0};
    struct resolv_conf conf;
    if (stat(f->resolv_conf, &st) < 0) {
        f->n_servers = 0;
        return;
    }
    if (st.st_mtim.tv_sec == f->read.tv_sec && st.st_mtim.tv_nsec == f->read.tv_nsec)
        return;
    f->read = st.st_mtim;
    f->n_servers = 0;
    if (resolv_conf_read(f->resolv_conf, &a, &conf, NULL) < 0)
        return;
    for (size_t i = 0; i < conf.nameservers.n && f->n_servers < SERVERS_MAX; i++)
        if (address_parse(conf.nameservers.at[i], f->port, &f->servers[f->n_servers]) &&
            memcmp(&f->servers[f->n_servers], &f->self, sizeof f->self) != 0)
            f->n_servers++;
}

struct dns_forward *dns_forward_new(struct loop *l, const struct dns_forward_options *o)
{
    struct dns_forward *f = mem_zalloc(sizeof *f);
    f->loop = l;
    f->resolv_conf = str_dup_c(str_from(o->resolv_conf));
    f->port = o->port ? o->port : 53;
    address_parse(o->self, f->port, &f->self);
    f->datagram = mem_alloc(REPLY_MAX);
    return f;
}

/* --- one try --- */

static void asking_closed(struct asking *q)
{
    if (--q->n_open || q->fn)
        return;
    *q->link = q->next;
    if (q->next)
        q->next->link = q->link;
    q->f->n--;
    ldns_pkt_free(q->query);
    free(q);
}

static void attempt_free(struct attempt *t)
{
    buf_free(&t->in);
    buf_free(&t->out);
    free(t);
}

static void attempt_closed(uv_handle_t *h)
{
    struct attempt *t = h->data;
    struct asking *owner = t->owner;
    attempt_free(t);
    asking_closed(owner);
}

static void timer_closed(uv_handle_t *h)
{
    asking_closed(h->data);
}

static void attempt_end(struct asking *q)
{
    struct attempt *t = q->attempt;
    q->attempt = NULL;
    if (!t)
        return;
    t->asking = NULL;
    if (!uv_is_closing(&t->handle))
        uv_close(&t->handle, attempt_closed);
}

/* The end: tells, and closes what is open. */
static void asking_tell(struct asking *q, ldns_pkt *reply)
{
    dns_forward_fn fn = q->fn;
    void *arg = q->arg;
    q->fn = NULL;
    attempt_end(q);
    if (!uv_is_closing((uv_handle_t *)&q->timer))
        uv_close((uv_handle_t *)&q->timer, timer_closed);
    fn(arg, reply);
}

static void asking_next(struct asking *q)
{
    attempt_end(q);
    q->server++;
    asking_try(q);
}

static void attempt_failed(struct attempt *t)
{
    if (t->asking)
        asking_next(t->asking);
}

static void attempt_start(struct asking *q, bool tcp);

static void asking_got(struct asking *q, ldns_pkt *reply, bool tcp)
{
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(reply);
    bool useless = rcode == LDNS_RCODE_SERVFAIL || rcode == LDNS_RCODE_REFUSED ||
                   rcode == LDNS_RCODE_NOTIMPL || rcode == LDNS_RCODE_FORMERR;
    if (useless && q->tries < TRIES_MAX && q->tries < q->f->n_servers) {
        ldns_pkt_free(reply); /* another may know better */
        asking_next(q);
    } else if (ldns_pkt_tc(reply) && q->whole && !tcp) {
        ldns_pkt_free(reply);
        attempt_end(q);
        attempt_start(q, true);
    } else {
        asking_tell(q, reply);
    }
}

/* Whatever does not answer the question is passed over: it may be someone's guess. */
static void attempt_read(struct attempt *t, const char *p, size_t n)
{
    ldns_pkt *reply = NULL;
    if (!t->asking || ldns_wire2pkt(&reply, (const uint8_t *)p, n) != LDNS_STATUS_OK)
        return;
    if (dns_is_reply_to(reply, t->asking->query))
        asking_got(t->asking, reply, t->is_tcp);
    else
        ldns_pkt_free(reply);
}

static void udp_room(uv_handle_t *h, size_t want, uv_buf_t *room)
{
    (void)want;
    struct attempt *t = h->data;
    *room = uv_buf_init(t->owner->f->datagram, REPLY_MAX);
}

static void udp_read(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                     unsigned flags)
{
    struct attempt *t = udp->data;
    if (n < 0)
        attempt_failed(t);
    else if (from && !(flags & UV_UDP_PARTIAL))
        attempt_read(t, buf->base, (size_t)n);
}

static void tcp_room(uv_handle_t *h, size_t want, uv_buf_t *room)
{
    (void)want;
    struct attempt *t = h->data;
    *room = uv_buf_init(buf_room(&t->in, 4096), 4096);
}

static void tcp_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct attempt *t = s->data;
    if (n < 0) {
        attempt_failed(t);
        return;
    }
    t->in.n += (size_t)n;
    const unsigned char *p = (const unsigned char *)t->in.p;
    size_t size = t->in.n >= 2 ? (size_t)p[0] << 8 | p[1] : SIZE_MAX;
    if (size != SIZE_MAX && t->in.n - 2 >= size) {
        uv_read_stop(s);
        attempt_read(t, t->in.p + 2, size);
        attempt_failed(t); /* if that was no answer */
    }
}

static void tcp_written(uv_write_t *w, int status)
{
    struct attempt *t = container_of(w, struct attempt, write);
    if (status < 0)
        attempt_failed(t);
}

static void tcp_connected(uv_connect_t *c, int status)
{
    struct attempt *t = container_of(c, struct attempt, connect);
    if (!t->asking)
        return;
    uv_buf_t out = uv_buf_init(t->out.p, (unsigned)t->out.n);
    if (status < 0 || uv_read_start((uv_stream_t *)&t->tcp, tcp_room, tcp_read) < 0 ||
        uv_write(&t->write, (uv_stream_t *)&t->tcp, &out, 1, tcp_written) < 0)
        attempt_failed(t);
}

static int attempt_send(struct attempt *t, const struct sockaddr *to)
{
    uv_buf_t out = uv_buf_init(t->out.p + 2, (unsigned)t->out.n - 2);
    if (t->is_tcp)
        return uv_tcp_connect(&t->connect, &t->tcp, to, tcp_connected);
    if (uv_udp_connect(&t->udp, to) < 0 || uv_udp_recv_start(&t->udp, udp_room, udp_read) < 0)
        return -1;
    return uv_udp_try_send(&t->udp, &out, 1, NULL) < 0 ? -1 : 0;
}

static void attempt_start(struct asking *q, bool tcp)
{
    uint8_t *wire = NULL;
    size_t n = 0;
    ldns_pkt_set_id(q->query, (uint16_t)random_below(65536));
    if (ldns_pkt2wire(&wire, q->query, &n) != LDNS_STATUS_OK || n > REPLY_MAX) {
        free(wire);
        asking_tell(q, NULL);
        return;
    }
    struct attempt *t = mem_zalloc(sizeof *t);
    t->asking = t->owner = q;
    t->is_tcp = tcp;
    char length[2] = {(char)(n >> 8), (char)n};
    buf_add(&t->out, length, 2);
    buf_add(&t->out, wire, n);
    free(wire);
    uv_loop_t *uv = loop_uv(q->f->loop);
    int rc = tcp ? uv_tcp_init(uv, &t->tcp) : uv_udp_init(uv, &t->udp);
    ensure(rc == 0);
    t->handle.data = t;
    q->attempt = t;
    q->n_open++;
    const struct sockaddr *to = (const struct sockaddr *)&q->f->servers[q->server % q->f->n_servers];
    if (attempt_send(t, to) < 0)
        attempt_failed(t);
}

static void asking_late(uv_timer_t *timer)
{
    asking_next(timer->data);
}

static void asking_try(struct asking *q)
{
    size_t n = q->f->n_servers;
    if (!n || q->tries == TRIES_MAX || q->tries == 2 * n) {
        asking_tell(q, NULL);
        return;
    }
    q->tries++;
    uv_timer_start(&q->timer, asking_late, TRY_MS, 0);
    attempt_start(q, false);
}

void dns_forward_ask(struct dns_forward *f, const ldns_pkt *query, bool whole, dns_forward_fn fn, void *arg)
{
    forward_servers(f);
    if (!f->n_servers || f->n >= ASKING_MAX) {
        fn(arg, NULL);
        return;
    }
    struct asking *q = mem_zalloc(sizeof *q);
    *q = (struct asking){.f = f, .whole = whole, .fn = fn, .arg = arg, .next = f->all, .link = &f->all};
    if (f->all)
        f->all->link = &q->next;
    f->all = q;
    f->n++;
    q->query = ldns_pkt_clone(query);
    ensure(q->query);
    ldns_pkt_set_edns_udp_size(q->query, DNS_UDP_MAX);
    uv_timer_init(loop_uv(f->loop), &q->timer);
    q->timer.data = q;
    q->n_open = 1;
    asking_try(q);
}

void dns_forward_free(struct dns_forward *f)
{
    if (!f)
        return;
    while (f->all) { /* the loop closed their handles as it ended */
        struct asking *q = f->all;
        f->all = q->next;
        if (q->attempt)
            attempt_free(q->attempt);
        ldns_pkt_free(q->query);
        free(q);
    }
    free(f->resolv_conf);
    free(f->datagram);
    free(f);
}
