#include "api/service/services.h"

#include <stdlib.h>

#include "api/kind/service.h"
#include "api/service/addresses.h"
#include "api/service/families.h"
#include "api/service/ranges.h"

enum { STATIC_MIN = 16, STATIC_MAX = 128, STATIC_PART = 32 };

struct services {
    pthread_mutex_t mutex;
    struct addresses *addresses;
    struct range ports;
    struct str port_range;    /* as options say it */
    struct str_vec families;  /* of which addresses are handed out, the main one first */
    struct str first_address; /* of the main range */
};

enum { IPS_MAX = 2 };

/* What one write has taken, to be given back if it fails; and what it lets go, if it succeeds. */
struct claims {
    bool open;
    struct ip ips[IPS_MAX], given_ips[IPS_MAX];
    size_t n_ips, n_given_ips;
    uint32_t *ports, *given_ports;
    size_t n_ports, n_given;
};

/* --- texts and numbers --- */

static int ports_parse(struct str range, uint32_t *first, uint32_t *n, struct err *err)
{
    ptrdiff_t dash = str_index(range, '-');
    int64_t low = 0, high = 0;
    if (dash < 0 || !str_to_i64(str_slice(range.p, (size_t)dash), &low) ||
        !str_to_i64(str_from_at(range, (size_t)dash + 1), &high) || low < 1 || high > 65535 || low > high)
        return err_set(err, ERR_BAD_REQUEST, "node port range \"" STR_FMT "\" is no range of ports",
                       STR_ARG(range));
    *first = (uint32_t)low;
    *n = (uint32_t)(high - low + 1);
    return 0;
}

/* The band that is kept for those who name their port (KEP-3668). */
static uint32_t static_band(uint32_t n)
{
    uint32_t band = n / STATIC_PART;
    if (n <= STATIC_MIN)
        return 0;
    return band < STATIC_MIN ? STATIC_MIN : band > STATIC_MAX ? STATIC_MAX : band;
}

/* --- a service's numbers --- */

static bool hands_out_node_ports(const struct service_spec *s)
{
    return str_is(s->type, "NodePort") ||
           (str_is(s->type, "LoadBalancer") &&
            (!s->allocate_load_balancer_node_ports || *s->allocate_load_balancer_node_ports));
}

/* Those that are addresses; of services from before there were several, the one. */
static size_t ips_of(const struct service_spec *s, struct ip out[IPS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->cluster_ips.n && n < IPS_MAX; i++)
        n += ip_parse_sloppy(s->cluster_ips.at[i], &out[n]);
    return s->cluster_ips.n ? n : ip_parse_sloppy(s->cluster_ip, &out[0]);
}

/* Counts each port number once: two protocols may share one. */
static size_t node_ports_of(const struct service_spec *s, uint32_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i <= s->ports.n; i++) {
        int32_t port = i < s->ports.n ? s->ports.at[i].node_port : s->health_check_node_port;
        bool seen = port <= 0;
        for (size_t k = 0; k < n; k++)
            seen |= out[k] == (uint32_t)port;
        if (!seen)
            out[n++] = (uint32_t)port;
    }
    return n;
}

static void take_all(struct services *s, const struct service_spec *spec, struct arena *a)
{
    struct ip ips[IPS_MAX];
    for (size_t n = ips_of(spec, ips); n > 0; n--)
        addresses_know(s->addresses, ips[n - 1]);
    uint32_t *ports = arena_new_n(a, uint32_t, spec->ports.n + 1);
    size_t n = node_ports_of(spec, ports);
    for (size_t i = 0; i < n; i++)
        range_take(&s->ports, ports[i]);
}

int services_new(struct api *a, struct services **out, struct err *err)
{
    uint32_t first_port = 0, n_ports = 0;
    struct addresses *addresses;
    if (ports_parse(a->options.node_port_range, &first_port, &n_ports, err) < 0 ||
        addresses_new(a, &a->options.service_cidrs, &addresses, err) < 0)
        return -1;
    struct services *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    s->port_range = a->options.node_port_range;
    s->addresses = addresses;
    s->first_address = ip_text(&a->arena, addresses_first(addresses));
    each (a->options.service_cidrs, i)
        str_vec_add(&s->families, &a->arena,
                    ip_family_of(a->options.service_cidrs.at[i]) == IP_V6 ? STR("IPv6") : STR("IPv4"));
    range_init(&s->ports, first_port, n_ports, static_band(n_ports));
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &service_resource), STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        _cleanup_arena_ struct arena scratch = {0};
        take_all(s, &((const struct service *)object_typed(o))->spec, &scratch);
    }
    *out = s;
    return 0;
}

void services_free(struct services *s)
{
    if (!s)
        return;
    addresses_free(s->addresses);
    range_free(&s->ports);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* --- handing out --- */

/* The i-th of clusterIPs, named or any. */
static int claim_ip(struct services *s, struct road *d, struct service_spec *spec, size_t i, struct claims *c,
                    struct field_errors *e)
{
    struct str *text = &spec->cluster_ips.at[i];
    struct ip ip;
    if (!text->n) {
        enum ip_family family = str_is(spec->ip_families.at[i], "IPv6") ? IP_V6 : IP_V4;
        if (!addresses_next(s->addresses, family, &ip))
            return err_set(&d->r->err, ERR_INTERNAL, "failed to allocate a serviceIP: range is full");
        *text = ip_text(d->r->arena, ip);
    } else {
        enum address_claim claim = ip_parse(*text, &ip) ? addresses_claim(s->addresses, ip) : ADDRESS_OUTSIDE;
        if (claim != ADDRESS_CLAIMED) {
            field_error(e, FIELD_ERROR_INVALID, PATH(PATH(NULL, "spec"), "clusterIPs"),
                        valid_bad_list(e, &spec->cluster_ips), "failed to allocate IP " STR_FMT ": %s",
                        STR_ARG(*text),
                        claim == ADDRESS_BUSY ? "provided IP is already allocated"
                                              : "the provided network does not match the current range");
            return 0;
        }
    }
    c->ips[c->n_ips++] = ip;
    return 0;
}

/* Those from the `from`th family on. */
static int claim_ips(struct services *s, struct road *d, struct service_spec *spec, size_t from,
                     struct claims *c, struct field_errors *e)
{
    for (size_t i = spec->cluster_ips.n; i < spec->ip_families.n; i++)
        str_vec_add(&spec->cluster_ips, d->r->arena, STR("")); /* not said */
    for (size_t i = from; i < spec->ip_families.n && i < IPS_MAX && !e->n; i++)
        if (claim_ip(s, d, spec, i, c, e) < 0)
            return -1;
    if (!e->n && spec->cluster_ips.n)
        spec->cluster_ip = spec->cluster_ips.at[0];
    return 0;
}

/* A service gets all its addresses when it comes, a second with a second family; it gives back the second, or
 * all when it becomes a mere name. */
static int claim_addresses(struct services *s, struct road *d, struct service_spec *spec,
                           const struct service_spec *old, struct claims *c, struct field_errors *e)
{
    bool had = old && service_needs_address(old), wants = service_needs_address(spec);
    if (service_keeps_families(spec, old) || (!had && !wants))
        return 0;
    if (!had)
        return service_is_headless(spec) ? 0 : claim_ips(s, d, spec, 0, c, e);
    if (service_is_headless(old))
        return 0;
    if (!wants) {
        c->n_given_ips = ips_of(old, c->given_ips);
        return 0;
    }
    if (old->ip_families.n == 1 && spec->ip_families.n == 2)
        return claim_ips(s, d, spec, 1, c, e);
    struct ip ips[IPS_MAX];
    if (old->ip_families.n == 2 && spec->ip_families.n == 1 && ips_of(old, ips) == 2)
        c->given_ips[c->n_given_ips++] = ips[1];
    return 0;
}

static bool among(const uint32_t *numbers, size_t n, uint32_t number)
{
    for (size_t i = 0; i < n; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* One port: named, or any. `mine` are the old object's own. */
static int claim_port(struct services *s, struct road *d, int32_t *port, const struct path *at,
                      struct claims *c, const uint32_t *mine, size_t n_mine, struct field_errors *e)
{
    uint32_t number = (uint32_t)*port;
    if (!*port) {
        if (!range_next(&s->ports, &number))
            return err_set(&d->r->err, ERR_INTERNAL, "failed to allocate a nodePort: range is full");
        *port = (int32_t)number;
    } else if (among(mine, n_mine, number) || among(c->ports, c->n_ports, number))
        return 0;
    else if (!range_take(&s->ports, number)) {
        if (range_has(&s->ports, number))
            field_invalid_int(e, at, *port, "provided port is already allocated");
        else
            field_invalid_int(e, at, *port,
                              "provided port is not in the valid range. The range of valid ports is " STR_FMT,
                              STR_ARG(s->port_range));
        return 0;
    }
    c->ports[c->n_ports++] = number;
    return 0;
}

/* Two protocols of one port number get one node port. */
static void share_node_port(struct service_spec *spec, size_t i)
{
    for (size_t k = 0; k < spec->ports.n && !spec->ports.at[i].node_port; k++)
        if (k != i && spec->ports.at[k].node_port && spec->ports.at[k].port == spec->ports.at[i].port &&
            !str_eq(spec->ports.at[k].protocol, spec->ports.at[i].protocol))
            spec->ports.at[i].node_port = spec->ports.at[k].node_port;
}

static int claim_ports(struct services *s, struct road *d, struct service_spec *spec,
                       const struct service_spec *old, struct claims *c, struct field_errors *e)
{
    struct arena *a = d->r->arena;
    c->ports = arena_new_n(a, uint32_t, spec->ports.n + 1);
    uint32_t *mine = arena_new_n(a, uint32_t, old ? old->ports.n + 1 : 1);
    size_t n_mine = old ? node_ports_of(old, mine) : 0;
    if (service_needs_node_ports(spec))
        each (spec->ports, i) {
            share_node_port(spec, i);
            if (!spec->ports.at[i].node_port && !hands_out_node_ports(spec))
                continue;
            if (claim_port(s, d, &spec->ports.at[i].node_port,
                           PATH(PATH_AT(PATH(PATH(NULL, "spec"), "ports"), i), "nodePort"), c, mine, n_mine,
                           e) < 0)
                return -1;
        }
    if (service_needs_health_port(spec) &&
        claim_port(s, d, &spec->health_check_node_port, PATH(PATH(NULL, "spec"), "healthCheckNodePort"), c,
                   mine, n_mine, e) < 0)
        return -1;
    uint32_t *kept = arena_new_n(a, uint32_t, spec->ports.n + 1);
    size_t n_kept = node_ports_of(spec, kept);
    c->given_ports = mine;
    for (size_t i = 0; i < n_mine; i++)
        if (!among(kept, n_kept, mine[i]))
            c->given_ports[c->n_given++] = mine[i];
    return 0;
}

static int claim_all(struct services *s, struct road *d, struct service_spec *spec,
                     const struct service_spec *old, struct claims *c, struct field_errors *e)
{
    if (claim_addresses(s, d, spec, old, c, e) < 0)
        return -1;
    return e->n ? 0 : claim_ports(s, d, spec, old, c, e);
}

static void claims_drop(struct services *s, const struct claims *c)
{
    for (size_t i = 0; i < c->n_ips; i++)
        addresses_give(s->addresses, c->ips[i]);
    for (size_t i = 0; i < c->n_ports; i++)
        range_give(&s->ports, c->ports[i]);
}

int services_begin(struct services *s, struct road *d)
{
    if (d->resource != &service_resource || d->write->status || d->write->raw)
        return 0;
    struct service *svc = d->object;
    struct service_spec before, *old = NULL;
    if (d->old) {
        before = ((const struct service *)d->old)->spec;
        service_complete(&before, &s->families, d->r->arena);
        old = &before;
    }
    service_link(&svc->spec, old, d->r->arena);
    struct claims *c = d->claims = arena_new(d->r->arena, struct claims);
    _cleanup_field_errors_ struct field_errors e = {0};
    service_families(&svc->spec, old, &s->families, d->r->arena, &e);
    _lock_(&s->mutex);
    c->open = true;
    if (!e.n && claim_all(s, d, &svc->spec, old, c, &e) < 0)
        return -1;
    return field_errors_status(&e, STR(""), STR("Service"), svc->metadata.name, &d->r->err);
}

void services_end(struct services *s, struct road *d, bool ok)
{
    struct claims *c = d->claims;
    if (d->resource != &service_resource || !d->write || d->write->status || d->write->raw || !c || !c->open)
        return;
    _lock_(&s->mutex);
    c->open = false;
    if (!ok) {
        claims_drop(s, c);
        return;
    }
    for (size_t i = 0; i < c->n_given_ips; i++)
        addresses_give(s->addresses, c->given_ips[i]);
    for (size_t i = 0; i < c->n_given; i++)
        range_give(&s->ports, c->given_ports[i]);
}

void services_release(struct services *s, const struct resource *r, const void *typed)
{
    if (r != &service_resource)
        return;
    const struct service_spec *spec = &((const struct service *)typed)->spec;
    _cleanup_arena_ struct arena a = {0};
    uint32_t *ports = arena_new_n(&a, uint32_t, spec->ports.n + 1);
    struct ip ips[IPS_MAX];
    size_t n = node_ports_of(spec, ports), n_ips = ips_of(spec, ips);
    _lock_(&s->mutex);
    for (size_t i = 0; i < n_ips; i++)
        addresses_give(s->addresses, ips[i]);
    for (size_t i = 0; i < n; i++)
        range_give(&s->ports, ports[i]);
}

struct str services_first_address(const struct services *s)
{
    return s->first_address;
}
