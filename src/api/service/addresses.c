#include "api/service/addresses.h"

#include <stdlib.h>

#include "base/random.h"
#include "kinds/networking_v1.h"

enum { RANGES_MAX = 64, OWN_MAX = 2, STATIC_MIN = 16, STATIC_MAX = 256, STATIC_PART = 16 };

#define MANAGED_BY STR("ipaddress.kubernetes.io/managed-by")
#define MANAGER    STR("ipallocator.k8s.io")

/* Addresses that can be given: not the network's own, nor, of IPv4, its broadcast. */
struct address_range {
    struct ip first;
    uint64_t n;
    uint64_t kept; /* how many at the start are for those who name their address */
};

struct addresses {
    struct api *api;
    struct address_range own[OWN_MAX]; /* the server's */
    size_t n_own;
    struct map taken; /* text -> itself: what services have */
};

static uint64_t static_band(ip_number size)
{
    ip_number band = size / STATIC_PART;
    if (size <= STATIC_MIN)
        return 0;
    return band < STATIC_MIN ? STATIC_MIN : band > STATIC_MAX ? STATIC_MAX : (uint64_t)band;
}

/* Of IPv6 networks, half is for hosts at most. */
static bool range_parse(struct str cidr, struct address_range *out)
{
    struct ip_prefix p;
    if (!ip_prefix_parse(cidr, &p) || (p.base.family == IP_V6 && p.bits < 64))
        return false;
    ip_number size = ip_prefix_last(p).n - p.base.n + 1, apart = p.base.family == IP_V4 ? 2 : 1;
    if (size <= apart)
        return false;
    *out = (struct address_range){ip_prefix_at(p, 1), (uint64_t)(size - apart), static_band(size)};
    return true;
}

int addresses_new(struct api *a, const struct str_vec *cidrs, struct addresses **out, struct err *err)
{
    struct address_range own[OWN_MAX] = {0};
    bool good = cidrs->n && cidrs->n <= OWN_MAX;
    for (size_t i = 0; good && i < cidrs->n; i++) {
        if (!range_parse(cidrs->at[i], &own[i]))
            return err_set(err, ERR_BAD_REQUEST, "service CIDR \"" STR_FMT "\" is no network for services",
                           STR_ARG(cidrs->at[i]));
        good = i == 0 || own[0].first.family != own[1].first.family;
    }
    if (!good)
        return err_set(err, ERR_BAD_REQUEST, "there may be one service CIDR of each family");
    struct addresses *s = mem_zalloc(sizeof *s);
    s->api = a;
    memcpy(s->own, own, sizeof own);
    s->n_own = cidrs->n;
    *out = s;
    return 0;
}

void addresses_free(struct addresses *s)
{
    if (!s)
        return;
    map_each (&s->taken, slot)
        free(slot->value);
    map_free(&s->taken);
    free(s);
}

struct ip addresses_first(const struct addresses *s)
{
    return s->own[0].first;
}

/* Those of ServiceCIDRs that stay, each once; before there are any, the server's. */
static size_t ranges_now(struct addresses *s, struct address_range out[RANGES_MAX])
{
    size_t n = 0;
    bool any = false;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s->api->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(s->api->store, &service_cidr_resource), STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c)) && n < RANGES_MAX;) {
        const struct service_cidr *cidr = object_typed(o);
        any = true;
        for (size_t i = 0; i < cidr->spec.cidrs.n && n < RANGES_MAX && !cidr->metadata.deletion_timestamp;
             i++) {
            struct address_range r;
            bool known = !range_parse(cidr->spec.cidrs.at[i], &r);
            for (size_t k = 0; k < n && !known; k++)
                known = ip_eq(out[k].first, r.first) && out[k].n == r.n;
            if (!known)
                out[n++] = r;
        }
    }
    if (any)
        return n;
    memcpy(out, s->own, s->n_own * sizeof *out);
    return s->n_own;
}

static bool service_has(struct api *a, const struct parent_reference *ref, struct ip ip)
{
    _cleanup_object_ struct object *o = road_find(a, &service_resource, ref->namespace, ref->name);
    const struct service *s = o ? object_typed(o) : NULL;
    for (size_t i = 0; s && i < s->spec.cluster_ips.n; i++) {
        struct ip has;
        if (ip_parse_sloppy(s->spec.cluster_ips.at[i], &has) && ip_eq(has, ip))
            return true;
    }
    return false;
}

/* Whether an IPAddress keeps it: one that was made for a service ends a moment after that lets go. */
static bool is_kept(struct addresses *s, struct ip ip, struct str text)
{
    _cleanup_object_ struct object *o = road_find(s->api, &ip_address_resource, STR(""), text);
    if (!o)
        return false;
    const struct ip_address *address = object_typed(o);
    const struct parent_reference *ref = address->spec.parent_ref;
    const struct str_map *labels = &address->metadata.labels;
    for (size_t i = 0; ref && i < labels->n; i++)
        if (str_eq(labels->at[i].key, MANAGED_BY) && str_eq(labels->at[i].value, MANAGER))
            return service_has(s->api, ref, ip);
    return true;
}

void addresses_know(struct addresses *s, struct ip ip)
{
    _cleanup_arena_ struct arena a = {0};
    struct str text = ip_text(&a, ip);
    if (map_get(&s->taken, text))
        return;
    char *copy = str_dup_c(text);
    map_put(&s->taken, str_slice(copy, text.n), copy);
}

static bool addresses_take(struct addresses *s, struct ip ip)
{
    _cleanup_arena_ struct arena a = {0};
    struct str text = ip_text(&a, ip);
    if (map_get(&s->taken, text) || is_kept(s, ip, text))
        return false;
    addresses_know(s, ip);
    return true;
}

enum address_claim addresses_claim(struct addresses *s, struct ip ip)
{
    struct address_range ranges[RANGES_MAX];
    size_t n = ranges_now(s, ranges);
    for (size_t i = 0; i < n; i++)
        if (ip.family == ranges[i].first.family && ip.n >= ranges[i].first.n &&
            ip.n - ranges[i].first.n < ranges[i].n)
            return addresses_take(s, ip) ? ADDRESS_CLAIMED : ADDRESS_BUSY;
    return ADDRESS_OUTSIDE;
}

/* `n` addresses of the range, those behind the first `from`: beginning at a random place, around. */
static bool search(struct addresses *s, const struct address_range *r, uint64_t from, uint64_t n,
                   struct ip *ip)
{
    uint64_t start = n ? random_below(n) : 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = i < n - start ? start + i : i - (n - start);
        *ip = (struct ip){r->first.family, r->first.n + from + at};
        if (addresses_take(s, *ip))
            return true;
    }
    return false;
}

bool addresses_next(struct addresses *s, enum ip_family family, struct ip *ip)
{
    struct address_range ranges[RANGES_MAX];
    size_t n = ranges_now(s, ranges);
    for (size_t i = 0; i < n; i++)
        if (ranges[i].first.family == family &&
            search(s, &ranges[i], ranges[i].kept, ranges[i].n - ranges[i].kept, ip))
            return true;
    for (size_t i = 0; i < n; i++)
        if (ranges[i].first.family == family && search(s, &ranges[i], 0, ranges[i].kept, ip))
            return true;
    return false;
}

void addresses_give(struct addresses *s, struct ip ip)
{
    _cleanup_arena_ struct arena a = {0};
    free(map_del(&s->taken, ip_text(&a, ip)));
}
