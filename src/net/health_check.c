#define LOG_PART "proxy"
#include "net/health_check.h"

#include <stdlib.h>

#include "base/loop.h"
#include "client/reconciler.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "net/health_port.h"

/* One service's. */
struct check {
    char *key; /* "ns/name" */
    int number;
    struct health_port *port;
};

struct health_checks {
    struct service_view *view;
    struct str node;
    struct reconciler *reconciler; /* opens and closes: that may block */
    struct map checks; /* key -> struct check; guarded by the view's lock, written by the reconciler */
    struct loop *loop; /* made for the first one */
};

static void check_free(struct check *c)
{
    health_port_close(c->port);
    free(c->key);
    free(c);
}

/* The port that the service asks for, or 0, and its ready endpoints on this node: of the family that has
 * more, as a pod of both has an endpoint in each. */
static int wanted_port(const struct health_checks *h, const struct service_entry *e, int *local)
{
    const struct service *s = e && e->service ? object_typed(e->service) : NULL;
    int four = 0, six = 0;
    *local = 0;
    if (!s || !s->spec.health_check_node_port || !str_eq(s->spec.type, SERVICE_TYPE_LOAD_BALANCER))
        return 0;
    for (size_t k = 0; k < e->slices.n; k++) {
        const struct endpoint_slice *slice = object_typed(e->slices.at[k]);
        int *count = str_eq(slice->address_type, ADDRESS_TYPE_IPV6) ? &six : &four;
        for (size_t i = 0; i < slice->endpoints.n; i++) {
            const struct endpoint *ep = &slice->endpoints.at[i];
            *count += (!ep->conditions.ready || *ep->conditions.ready) && ep->node_name &&
                      str_eq(*ep->node_name, h->node);
        }
    }
    *local = four > six ? four : six;
    return s->spec.health_check_node_port;
}

static int check_reconcile(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                           struct err *err)
{
    (void)again_ns;
    struct health_checks *h = arg;
    struct str key = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(ns), STR_ARG(name));
    struct check *old;
    int port, local;
    {
        _lock_(&h->view->mutex);
        port = wanted_port(h, service_view_get(h->view, key), &local);
        old = map_get(&h->checks, key);
        if (old)
            health_port_set(old->port, local);
        if (old && old->number == port)
            return 0;
        if (old)
            map_del(&h->checks, key);
    }
    if (old)
        check_free(old);
    if (!port)
        return 0;
    if (!h->loop) {
        h->loop = loop_new("healthcheck");
        loop_start(h->loop);
    }
    struct health_port *opened;
    if (health_port_open(h->loop, ns, name, port, &opened, err) < 0)
        return err_wrap(err, "health check of service " STR_FMT, STR_ARG(key));
    health_port_set(opened, local);
    struct check *c = mem_alloc(sizeof *c);
    *c = (struct check){str_dup_c(key), port, opened};
    _lock_(&h->view->mutex);
    map_put(&h->checks, str_from(c->key), c);
    return 0;
}

struct health_checks *health_checks_new(struct service_view *view, struct str node)
{
    struct health_checks *h = mem_zalloc(sizeof *h);
    h->view = view;
    h->node = node;
    h->reconciler = reconciler_new("healthcheck", 1, check_reconcile, h);
    reconciler_start(h->reconciler);
    return h;
}

void health_checks_look(struct health_checks *h, const struct service_entry *e)
{
    int local;
    struct str rest = e->key, ns;
    if (!map_get(&h->checks, e->key) && !wanted_port(h, e, &local))
        return;
    str_cut(&rest, '/', &ns);
    reconciler_add(h->reconciler, ns, rest);
}

void health_checks_free(struct health_checks *h)
{
    if (!h)
        return;
    reconciler_stop(h->reconciler);
    reconciler_free(h->reconciler);
    map_each (&h->checks, slot)
        check_free(slot->value);
    map_free(&h->checks);
    if (h->loop) {
        loop_stop(h->loop);
        loop_join(h->loop);
        loop_free(h->loop);
    }
    free(h);
}
