#include "api/service/services.h"

#include <stdlib.h>

#include "api/service/addresses.h"
#include "api/service/ranges.h"

enum { STATIC_MIN = 16, STATIC_MAX = 128, STATIC_PART = 32 };

struct services {
    pthread_mutex_t mutex;
    struct addresses *addresses;
    struct range ports;
    struct str cidr, port_range; /* as options say them */
    struct str first_address;
};

/* What one write has taken, to be given back if it fails; and what it lets go, if it succeeds. */
struct claims {
    bool open;
    uint32_t address, given_address; /* 0: none */
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

static bool wants_address(const struct service_spec *s)
{
    return !str_is(s->type, "ExternalName") && !str_is(s->cluster_ip, "None");
}

static bool wants_node_ports(const struct service_spec *s)
{
    return str_is(s->type, "NodePort") ||
           (str_is(s->type, "LoadBalancer") &&
            (!s->allocate_load_balancer_node_ports || *s->allocate_load_balancer_node_ports));
}

static bool wants_health_port(const struct service_spec *s)
{
    return str_is(s->type, "LoadBalancer") && str_is(s->external_traffic_policy, "Local");
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
    uint32_t address;
    if (address_parse(spec->cluster_ip, &address))
        addresses_know(s->addresses, address);
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
        addresses_new(a, a->options.service_cidrs.at[0], &addresses, err) < 0)
        return -1;
    struct services *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    s->cidr = a->options.service_cidrs.at[0];
    s->port_range = a->options.node_port_range;
    s->addresses = addresses;
    s->first_address = address_text(&a->arena, addresses_first(addresses));
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

/* --- defaults that only a write may set --- */

static struct str *new_str(struct arena *a, struct str s)
{
    return arena_dup(a, &s, sizeof s);
}

static void default_families(struct service_spec *s, struct arena *a)
{
    if (str_is(s->type, "ExternalName"))
        return;
    bool bare = str_is(s->cluster_ip, "None") && !s->selector.n; /* endpoints of any family, by hand */
    if (!s->ip_family_policy)
        s->ip_family_policy =
            new_str(a, bare && s->ip_families.n < 2 ? STR("RequireDualStack") : STR("SingleStack"));
    if (!s->ip_families.n)
        str_vec_add(&s->ip_families, a, STR("IPv4"));
    if (bare && !str_is(*s->ip_family_policy, "SingleStack") && s->ip_families.n == 1)
        str_vec_add(&s->ip_families, a, str_is(s->ip_families.at[0], "IPv4") ? STR("IPv6") : STR("IPv4"));
}

/* clusterIP and clusterIPs[0] are one field; either may be given, or cleared, by a client that knows only
 * one. */
static void sync_cluster_ips(struct service_spec *s, const struct service_spec *old, struct arena *a)
{
    if (old && str_eq(s->cluster_ip, old->cluster_ip) && s->cluster_ips.n == 0 && s->cluster_ip.n)
        s->cluster_ip = STR("");
    if (old && !s->cluster_ip.n && old->cluster_ip.n && s->cluster_ips.n && old->cluster_ips.n &&
        str_eq(s->cluster_ips.at[0], old->cluster_ips.at[0]))
        s->cluster_ips = (struct str_vec){0};
    if (s->cluster_ip.n && !s->cluster_ips.n)
        str_vec_add(&s->cluster_ips, a, s->cluster_ip);
    else if (!s->cluster_ip.n && s->cluster_ips.n)
        s->cluster_ip = s->cluster_ips.at[0];
}

/* What was handed out stays, though a client leaves it out of its update. */
static void keep_numbers(struct service_spec *s, const struct service_spec *old)
{
    if (wants_address(s) && wants_address(old) && !s->cluster_ip.n && !s->cluster_ips.n) {
        s->cluster_ip = old->cluster_ip;
        s->cluster_ips = old->cluster_ips;
    }
    if (wants_node_ports(s) && wants_node_ports(old))
        each (s->ports, i)
            each (old->ports, k)
                if (!s->ports.at[i].node_port && s->ports.at[i].port == old->ports.at[k].port &&
                    str_eq(s->ports.at[i].protocol, old->ports.at[k].protocol))
                    s->ports.at[i].node_port = old->ports.at[k].node_port;
    if (wants_health_port(s) && wants_health_port(old) && !s->health_check_node_port)
        s->health_check_node_port = old->health_check_node_port;
}

/* A change of type clears what the new type has no use for, unless the client has set it anew. */
static void drop_unused(struct service_spec *s, const struct service_spec *old)
{
    if (str_is(s->type, "ExternalName") && !str_is(old->type, "ExternalName") &&
        str_eq(s->cluster_ip, old->cluster_ip)) {
        s->cluster_ip = STR("");
        s->cluster_ips = (struct str_vec){0};
        s->ip_families = (struct str_vec){0};
        s->ip_family_policy = NULL;
    }
    if (wants_node_ports(old) && !wants_node_ports(s))
        each (s->ports, i)
            each (old->ports, k)
                if (s->ports.at[i].node_port == old->ports.at[k].node_port)
                    s->ports.at[i].node_port = 0;
    if (wants_health_port(old) && !wants_health_port(s) &&
        s->health_check_node_port == old->health_check_node_port)
        s->health_check_node_port = 0;
    if (str_is(old->type, "LoadBalancer") && !str_is(s->type, "LoadBalancer")) {
        s->allocate_load_balancer_node_ports = NULL;
        s->load_balancer_class = NULL;
    }
    bool external = str_is(s->type, "NodePort") || str_is(s->type, "LoadBalancer") || s->external_ips.n;
    if (!external && str_eq(s->external_traffic_policy, old->external_traffic_policy))
        s->external_traffic_policy = STR("");
}

/* --- handing out --- */

static int claim_address(struct services *s, struct road *d, struct service *svc, struct claims *c,
                         struct field_errors *e)
{
    struct service_spec *spec = &svc->spec;
    uint32_t address;
    if (!spec->cluster_ip.n) {
        if (!addresses_next(s->addresses, &address))
            return err_set(&d->r->err, ERR_INTERNAL, "failed to allocate a serviceIP: range is full");
        c->address = address;
        spec->cluster_ip = address_text(d->r->arena, address);
        spec->cluster_ips = (struct str_vec){0};
        str_vec_add(&spec->cluster_ips, d->r->arena, spec->cluster_ip);
        return 0;
    }
    if (!address_parse(spec->cluster_ip, &address))
        return 0; /* validation says what is wrong */
    enum address_claim claimed = addresses_claim(s->addresses, address);
    if (claimed == ADDRESS_CLAIMED) {
        c->address = address;
        return 0;
    }
    struct str list = arena_printf(&e->arena, "[\"" STR_FMT "\"]", STR_ARG(spec->cluster_ip));
    if (claimed == ADDRESS_BUSY)
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(NULL, "spec"), "clusterIPs"), BAD_RAW(list),
                    "failed to allocate IP " STR_FMT ": provided IP is already allocated",
                    STR_ARG(spec->cluster_ip));
    else
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(NULL, "spec"), "clusterIPs"), BAD_RAW(list),
                    "failed to allocate IP " STR_FMT ": the provided IP (" STR_FMT
                    ") is not in the valid range. The range of valid IPs is " STR_FMT,
                    STR_ARG(spec->cluster_ip), STR_ARG(spec->cluster_ip), STR_ARG(s->cidr));
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

static int claim_all(struct services *s, struct road *d, struct service *svc, const struct service_spec *old,
                     struct claims *c, struct field_errors *e)
{
    struct service_spec *spec = &svc->spec;
    struct arena *a = d->r->arena;
    c->ports = arena_new_n(a, uint32_t, spec->ports.n + 1);
    uint32_t *mine = arena_new_n(a, uint32_t, old ? old->ports.n + 1 : 1), address;
    size_t n_mine = old ? node_ports_of(old, mine) : 0;
    bool had = old && address_parse(old->cluster_ip, &address);
    if (wants_address(spec) && !(had && str_eq(spec->cluster_ip, old->cluster_ip)) &&
        claim_address(s, d, svc, c, e) < 0)
        return -1;
    if (had && !wants_address(spec))
        c->given_address = address;
    if (wants_node_ports(spec))
        each (spec->ports, i) {
            share_node_port(spec, i);
            if (claim_port(s, d, &spec->ports.at[i].node_port,
                           PATH(PATH_AT(PATH(PATH(NULL, "spec"), "ports"), i), "nodePort"), c, mine, n_mine,
                           e) < 0)
                return -1;
        }
    if (wants_health_port(spec) &&
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

static void claims_drop(struct services *s, const struct claims *c)
{
    if (c->address)
        addresses_give(s->addresses, c->address);
    for (size_t i = 0; i < c->n_ports; i++)
        range_give(&s->ports, c->ports[i]);
}

int services_begin(struct services *s, struct road *d)
{
    if (d->resource != &service_resource || d->write->status || d->write->raw)
        return 0;
    struct service *svc = d->object;
    const struct service_spec *old = d->old ? &((const struct service *)d->old)->spec : NULL;
    sync_cluster_ips(&svc->spec, old, d->r->arena);
    if (old) {
        keep_numbers(&svc->spec, old);
        drop_unused(&svc->spec, old);
    }
    default_families(&svc->spec, d->r->arena);
    struct claims *c = d->claims = arena_new(d->r->arena, struct claims);
    _cleanup_field_errors_ struct field_errors e = {0};
    _lock_(&s->mutex);
    c->open = true;
    if (claim_all(s, d, svc, old, c, &e) < 0)
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
    if (c->given_address)
        addresses_give(s->addresses, c->given_address);
    for (size_t i = 0; i < c->n_given; i++)
        range_give(&s->ports, c->given_ports[i]);
}

void services_release(struct services *s, const struct resource *r, const void *typed)
{
    if (r != &service_resource)
        return;
    const struct service_spec *spec = &((const struct service *)typed)->spec;
    _cleanup_arena_ struct arena a = {0};
    uint32_t *ports = arena_new_n(&a, uint32_t, spec->ports.n + 1), address;
    size_t n = node_ports_of(spec, ports);
    _lock_(&s->mutex);
    if (address_parse(spec->cluster_ip, &address))
        addresses_give(s->addresses, address);
    for (size_t i = 0; i < n; i++)
        range_give(&s->ports, ports[i]);
}

struct str services_first_address(const struct services *s)
{
    return s->first_address;
}
