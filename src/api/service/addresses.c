#include "api/service/addresses.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/random.h"
#include "kinds/networking_v1.h"

enum { RANGE_MAX = 1 << 20, RANGES_MAX = 64, STATIC_MIN = 16, STATIC_MAX = 256, STATIC_PART = 16 };

#define MANAGED_BY STR("ipaddress.kubernetes.io/managed-by")
#define MANAGER    STR("ipallocator.k8s.io")

/* Addresses that can be given: not the network's own, not its broadcast. */
struct address_range {
    uint32_t first, n;
};

struct addresses {
    struct api *api;
    struct address_range own; /* the server's */
    struct map taken;         /* text -> itself: what services have */
};

bool address_parse(struct str s, uint32_t *out)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr in;
    if (!s.n || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (inet_pton(AF_INET, text, &in) != 1)
        return false;
    *out = ntohl(in.s_addr);
    return true;
}

struct str address_text(struct arena *a, uint32_t address)
{
    return arena_printf(a, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                        address & 255);
}

static bool range_parse(struct str cidr, struct address_range *out)
{
    ptrdiff_t slash = str_index(cidr, '/');
    int64_t bits = 0;
    uint32_t base;
    if (slash < 0 || !address_parse(str_slice(cidr.p, (size_t)slash), &base) ||
        !str_to_i64(str_from_at(cidr, (size_t)slash + 1), &bits) || bits < 8 || bits > 30)
        return false;
    uint32_t n = UINT32_C(1) << (32 - bits);
    out->first = (base & ~(n - 1)) + 1;
    out->n = (n > RANGE_MAX ? RANGE_MAX : n) - 2;
    return true;
}

int addresses_new(struct api *a, struct str cidr, struct addresses **out, struct err *err)
{
    struct address_range own;
    if (!range_parse(cidr, &own))
        return err_set(err, ERR_BAD_REQUEST, "service CIDR \"" STR_FMT "\" is no IPv4 network",
                       STR_ARG(cidr));
    struct addresses *s = mem_zalloc(sizeof *s);
    s->api = a;
    s->own = own;
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

uint32_t addresses_first(const struct addresses *s)
{
    return s->own.first;
}

/* The server's range and those of ServiceCIDRs that stay; each once. */
static size_t ranges_now(struct addresses *s, struct address_range out[RANGES_MAX])
{
    size_t n = 0;
    out[n++] = s->own;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s->api->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(s->api->store, &service_cidr_resource), STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c)) && n < RANGES_MAX;) {
        const struct service_cidr *cidr = object_typed(o);
        for (size_t i = 0; i < cidr->spec.cidrs.n && n < RANGES_MAX && !cidr->metadata.deletion_timestamp;
             i++) {
            struct address_range r;
            bool known = !range_parse(cidr->spec.cidrs.at[i], &r);
            for (size_t k = 0; k < n && !known; k++)
                known = out[k].first == r.first && out[k].n == r.n;
            if (!known)
                out[n++] = r;
        }
    }
    return n;
}

static bool service_has(struct api *a, const struct parent_reference *ref, struct str ip)
{
    _cleanup_object_ struct object *o = road_find(a, &service_resource, ref->namespace, ref->name);
    const struct service *s = o ? object_typed(o) : NULL;
    for (size_t i = 0; s && i < s->spec.cluster_ips.n; i++)
        if (str_eq(s->spec.cluster_ips.at[i], ip))
            return true;
    return false;
}

/* Whether an IPAddress keeps it: one that was made for a service ends a moment after that lets go. */
static bool is_kept(struct addresses *s, struct str ip)
{
    _cleanup_object_ struct object *o = road_find(s->api, &ip_address_resource, STR(""), ip);
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

void addresses_know(struct addresses *s, uint32_t ip)
{
    _cleanup_arena_ struct arena a = {0};
    struct str text = address_text(&a, ip);
    if (map_get(&s->taken, text))
        return;
    char *copy = str_dup_c(text);
    map_put(&s->taken, str_slice(copy, text.n), copy);
}

static bool addresses_take(struct addresses *s, uint32_t ip)
{
    _cleanup_arena_ struct arena a = {0};
    struct str text = address_text(&a, ip);
    if (map_get(&s->taken, text) || is_kept(s, text))
        return false;
    addresses_know(s, ip);
    return true;
}

enum address_claim addresses_claim(struct addresses *s, uint32_t ip)
{
    struct address_range ranges[RANGES_MAX];
    size_t n = ranges_now(s, ranges);
    for (size_t i = 0; i < n; i++)
        if (ip >= ranges[i].first && ip - ranges[i].first < ranges[i].n)
            return addresses_take(s, ip) ? ADDRESS_CLAIMED : ADDRESS_BUSY;
    return ADDRESS_OUTSIDE;
}

/* How many at the start of a range are kept for those who name their address. */
static uint32_t static_band(uint32_t n)
{
    uint32_t band = n / STATIC_PART;
    if (n <= STATIC_MIN)
        return 0;
    return band < STATIC_MIN ? STATIC_MIN : band > STATIC_MAX ? STATIC_MAX : band;
}

/* From a random place on, around. */
static bool search(struct addresses *s, uint32_t first, uint32_t n, uint32_t *ip)
{
    uint32_t start = n ? (uint32_t)random_below(n) : 0;
    for (uint32_t i = 0; i < n; i++) {
        *ip = first + (start + i) % n;
        if (addresses_take(s, *ip))
            return true;
    }
    return false;
}

bool addresses_next(struct addresses *s, uint32_t *ip)
{
    struct address_range ranges[RANGES_MAX];
    size_t n = ranges_now(s, ranges);
    for (size_t i = 0; i < n; i++) {
        uint32_t band = static_band(ranges[i].n);
        if (search(s, ranges[i].first + band, ranges[i].n - band, ip))
            return true;
    }
    for (size_t i = 0; i < n; i++)
        if (search(s, ranges[i].first, static_band(ranges[i].n), ip))
            return true;
    return false;
}

void addresses_give(struct addresses *s, uint32_t ip)
{
    _cleanup_arena_ struct arena a = {0};
    free(map_del(&s->taken, address_text(&a, ip)));
}
