#include "net/dns/zone.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "net/service_view.h"

#define DNS_SCHEMA_VERSION "1.1.0"

enum { WAYS_MAX = 1000 }; /* more would not fit into a message with their names */

struct dns_zone {
    struct service_view view;
    struct informer *namespaces;
    struct map namespace_names; /* guarded by namespace_mutex; name -> its own copy */
    pthread_mutex_t namespace_mutex;
    char *domain_text;
    struct str domain, server_address;
    struct dns_name domain_labels;
};

/* One search. */
struct search {
    struct dns_zone *zone;
    struct str type;
    struct arena *a;
    struct dns_answer *out;
};

bool dns_name_split(struct str text, struct dns_name *out)
{
    struct str label;
    out->n = 0;
    if (text.n && text.p[text.n - 1] == '.')
        text.n--;
    while (text.n && str_cut(&text, '.', &label)) {
        if (!label.n || out->n == DNS_LABELS_MAX)
            return false;
        out->labels[out->n++] = label;
    }
    return true;
}

/* --- records --- */

static void add(struct search *s, struct dns_records *to, struct str owner, const char *type, struct str data)
{
    if (to->n == to->cap) {
        size_t cap = to->cap ? to->cap * 2 : 8;
        struct dns_record *more = arena_new_n(s->a, struct dns_record, cap);
        if (to->n)
            memcpy(more, to->at, to->n * sizeof *more);
        to->at = more;
        to->cap = cap;
    }
    to->at[to->n++] = (struct dns_record){owner, str_from(type), data};
}

static bool asks(const struct search *s, const char *type)
{
    return str_is(s->type, type);
}

static bool is_ipv6(struct str ip)
{
    return str_index(ip, ':') >= 0;
}

static void add_address(struct search *s, struct dns_records *to, struct str owner, struct str ip)
{
    for (size_t i = 0; i < to->n; i++)
        if (str_eq(to->at[i].data, ip) && str_eq(to->at[i].owner, owner))
            return;
    add(s, to, owner, is_ipv6(ip) ? "AAAA" : "A", ip);
}

/* --- services --- */

/* One way to reach a service: what A, AAAA and SRV records are made of. */
struct way {
    struct str ip;
    int32_t port;
    struct str target; /* the name that an SRV record points to */
};

struct ways {
    struct way *at;
    size_t n, cap;
};

/* The name that was asked for, below DOMAIN: [_PORT._PROTOCOL. | HOST.]SERVICE.NAMESPACE.svc */
struct service_name {
    struct str port, protocol; /* without "_" */
    struct str host, service, ns;
};

static void way_add(struct search *s, struct ways *w, struct way way)
{
    if (w->n == WAYS_MAX)
        return;
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 8;
        struct way *more = arena_new_n(s->a, struct way, cap);
        if (w->n)
            memcpy(more, w->at, w->n * sizeof *more);
        w->at = more;
        w->cap = cap;
    }
    w->at[w->n++] = way;
}

static bool is_headless(const struct service_spec *s)
{
    return str_is(s->cluster_ip, "None");
}

static bool is_wanted_port(const struct service_name *name, struct str port, struct str protocol)
{
    return !name->port.n || (str_eq_fold(name->port, port) && str_eq_fold(name->protocol, protocol));
}

static struct str service_domain(struct search *s, const struct service_name *n)
{
    return arena_printf(s->a, STR_FMT "." STR_FMT ".svc." STR_FMT, STR_ARG(n->service), STR_ARG(n->ns),
                        STR_ARG(s->zone->domain));
}

/* What an endpoint is called: its hostname, or one made of its address. */
static struct str endpoint_host(struct arena *a, const struct endpoint *e)
{
    if (e->hostname && e->hostname->n)
        return *e->hostname;
    char *text = arena_c(a, e->addresses.at[0]);
    for (char *c = text; *c; c++)
        if (*c == '.' || *c == ':')
            *c = '-';
    return str_from(text);
}

static bool endpoint_is_ready(const struct endpoint *e)
{
    return e->addresses.n && (!e->conditions.ready || *e->conditions.ready);
}

static void ways_of_slice(struct search *s, const struct service_name *name,
                          const struct endpoint_slice *slice, struct ways *out)
{
    struct str tcp = STR("TCP"), unnamed = {0};
    if (str_eq(slice->address_type, ADDRESS_TYPE_FQDN))
        return;
    for (size_t i = 0; i < slice->endpoints.n; i++) {
        const struct endpoint *e = &slice->endpoints.at[i];
        if (!endpoint_is_ready(e))
            continue;
        struct str host = endpoint_host(s->a, e);
        if (name->host.n && !str_eq_fold(name->host, host))
            continue;
        struct str target =
            arena_printf(s->a, STR_FMT "." STR_FMT, STR_ARG(host), STR_ARG(service_domain(s, name)));
        if (!slice->ports.n && !name->port.n) /* headless services may have none */
            way_add(s, out, (struct way){e->addresses.at[0], 0, target});
        for (size_t k = 0; k < slice->ports.n; k++) {
            const struct discovery_endpoint_port *p = &slice->ports.at[k];
            if (is_wanted_port(name, p->name ? *p->name : unnamed, p->protocol ? *p->protocol : tcp))
                way_add(s, out, (struct way){e->addresses.at[0], p->port ? *p->port : 0, target});
        }
    }
}

static void ways_of_service(struct search *s, const struct service_name *name,
                            const struct service_entry *entry, struct ways *out)
{
    const struct service_spec *spec = &((const struct service *)object_typed(entry->service))->spec;
    if (is_headless(spec) || name->host.n) {
        for (size_t i = 0; i < entry->slices.n; i++)
            ways_of_slice(s, name, object_typed(entry->slices.at[i]), out);
        return;
    }
    for (size_t p = 0; p < spec->ports.n; p++)
        for (size_t i = 0; i < spec->cluster_ips.n; i++)
            if (is_wanted_port(name, spec->ports.at[p].name, spec->ports.at[p].protocol))
                way_add(
                    s, out,
                    (struct way){spec->cluster_ips.at[i], spec->ports.at[p].port, service_domain(s, name)});
}

static void answer_srv(struct search *s, const struct ways *ways)
{
    int weight = ways->n && ways->n < 100 ? (int)(100 / ways->n) : 1;
    for (size_t i = 0; i < ways->n; i++) {
        const struct way *w = &ways->at[i];
        bool seen = !w->port;
        for (size_t k = 0; k < i && !seen; k++) /* once for both families */
            seen = ways->at[k].port == w->port && str_eq(ways->at[k].target, w->target);
        if (!seen)
            add(s, &s->out->answers, (struct str){0}, "SRV",
                arena_printf(s->a, "0 %d %d " STR_FMT ".", weight, w->port, STR_ARG(w->target)));
        add_address(s, &s->out->extra, w->target, w->ip);
    }
    if (!s->out->answers.n)
        s->out->extra.n = 0;
}

/* So that clients which take the first do not all take the same. */
static void ways_shuffle(struct ways *ways)
{
    for (size_t i = ways->n; i > 1; i--) {
        size_t k = random_below(i);
        struct way w = ways->at[i - 1];
        ways->at[i - 1] = ways->at[k];
        ways->at[k] = w;
    }
}

static enum dns_finding answer_ways(struct search *s, struct ways *ways)
{
    if (!ways->n)
        return DNS_ABSENT;
    ways_shuffle(ways);
    if (asks(s, "SRV"))
        answer_srv(s, ways);
    for (size_t i = 0; i < ways->n; i++)
        if (asks(s, is_ipv6(ways->at[i].ip) ? "AAAA" : "A"))
            add_address(s, &s->out->answers, (struct str){0}, ways->at[i].ip);
    return DNS_FOUND;
}

static enum dns_finding answer_external(struct search *s, struct str target)
{
    unsigned char number[16];
    char text[INET6_ADDRSTRLEN];
    if (target.n && target.p[target.n - 1] == '.')
        target.n--;
    if (target.n && target.n < sizeof text) { /* an address that poses as a name */
        memcpy(text, target.p, target.n);
        text[target.n] = 0;
        bool v4 = inet_pton(AF_INET, text, number) == 1, v6 = inet_pton(AF_INET6, text, number) == 1;
        if ((v4 && asks(s, "A")) || (v6 && asks(s, "AAAA")))
            add_address(s, &s->out->answers, (struct str){0}, arena_str(s->a, target));
        if (v4 || v6)
            return DNS_FOUND;
    }
    add(s, &s->out->answers, (struct str){0}, "CNAME", arena_printf(s->a, STR_FMT ".", STR_ARG(target)));
    s->out->alias = arena_str(s->a, target);
    return asks(s, "CNAME") ? DNS_FOUND : DNS_ALIAS;
}

static bool is_underscored(struct str label)
{
    return label.n > 1 && label.p[0] == '_';
}

/* Reads the labels before "svc"; false when no service's name is built so. */
static bool service_name_read(const struct dns_name *n, size_t count, struct service_name *out)
{
    *out = (struct service_name){.ns = n->labels[count - 1], .service = n->labels[count - 2]};
    if (count == 3)
        out->host = n->labels[0];
    if (count == 4) {
        out->port = str_from_at(n->labels[0], 1);
        out->protocol = str_from_at(n->labels[1], 1);
        return is_underscored(n->labels[0]) && is_underscored(n->labels[1]);
    }
    return count <= 3;
}

static bool namespace_exists(struct dns_zone *z, struct str name)
{
    _lock_(&z->namespace_mutex);
    return map_get(&z->namespace_names, name);
}

static enum dns_finding find_service(struct search *s, const struct dns_name *n, size_t count)
{
    struct service_name name;
    if (count == 0)
        return DNS_FOUND;
    if (count == 1)
        return namespace_exists(s->zone, n->labels[0]) ? DNS_FOUND : DNS_ABSENT;
    if (!service_name_read(n, count, &name))
        return DNS_ABSENT;
    struct str key = arena_printf(s->a, STR_FMT "/" STR_FMT, STR_ARG(name.ns), STR_ARG(name.service));
    _lock_(&s->zone->view.mutex);
    const struct service_entry *entry = service_view_get(&s->zone->view, key);
    if (!entry || !entry->service)
        return DNS_ABSENT;
    const struct service_spec *spec = &((const struct service *)object_typed(entry->service))->spec;
    if (str_eq(spec->type, SERVICE_TYPE_EXTERNAL_NAME))
        return count == 2 ? answer_external(s, spec->external_name) : DNS_ABSENT;
    if (is_underscored(name.host)) /* what lies between: there are names below it */
        return DNS_FOUND;
    struct ways ways = {0};
    ways_of_service(s, &name, entry, &ways);
    /* The addresses stay where they are: objects may change once the lock is gone. */
    for (size_t i = 0; i < ways.n; i++)
        ways.at[i].ip = arena_str(s->a, ways.at[i].ip);
    return answer_ways(s, &ways);
}

/* --- pods: 10-244-0-2.NAMESPACE.pod --- */

static enum dns_finding find_pod(struct search *s, const struct dns_name *n, size_t count)
{
    if (count == 0)
        return DNS_FOUND;
    if (count > 2 || !namespace_exists(s->zone, n->labels[count - 1]))
        return DNS_ABSENT;
    if (count == 1)
        return DNS_FOUND;
    unsigned char number[16];
    char *text = arena_c(s->a, n->labels[0]);
    size_t dashes = 0;
    for (char *c = text; *c; c++)
        dashes += *c == '-';
    bool ipv4 = dashes == 3 && str_find(n->labels[0], STR("--")) < 0;
    for (char *c = text; *c; c++)
        if (*c == '-')
            *c = ipv4 ? '.' : ':';
    if (inet_pton(ipv4 ? AF_INET : AF_INET6, text, number) != 1)
        return DNS_ABSENT;
    if (asks(s, ipv4 ? "A" : "AAAA"))
        add_address(s, &s->out->answers, (struct str){0}, str_from(text));
    return DNS_FOUND;
}

/* --- from addresses to names --- */

static int hex_digit(struct str label)
{
    char c = label.n == 1 ? label.p[0] : 0;
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 4.3.2.1.in-addr.arpa, or 32 digits and ip6.arpa; false when it is no whole address. */
static bool reverse_address(const struct dns_name *n, struct arena *a, struct str *ip)
{
    unsigned char number[16];
    char text[INET6_ADDRSTRLEN];
    if (n->n < 2 || !str_is(n->labels[n->n - 1], "arpa"))
        return false;
    if (n->n == 6 && str_is(n->labels[4], "in-addr")) {
        *ip = arena_printf(a, STR_FMT "." STR_FMT "." STR_FMT "." STR_FMT, STR_ARG(n->labels[3]),
                           STR_ARG(n->labels[2]), STR_ARG(n->labels[1]), STR_ARG(n->labels[0]));
        return inet_pton(AF_INET, ip->p, number) == 1;
    }
    if (n->n != 34 || !str_is(n->labels[32], "ip6"))
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_digit(n->labels[31 - 2 * i]), low = hex_digit(n->labels[30 - 2 * i]);
        if (high < 0 || low < 0)
            return false;
        number[i] = (unsigned char)(high << 4 | low);
    }
    *ip = arena_str(a, str_from(inet_ntop(AF_INET6, number, text, sizeof text)));
    return true;
}

/* The names that an address has through this service. */
static void reverse_of_service(struct search *s, const struct service_entry *e, struct str ip)
{
    if (!e->service)
        return;
    const struct service *service = object_typed(e->service);
    struct service_name name = {.service = service->metadata.name, .ns = service->metadata.namespace};
    for (size_t i = 0; i < service->spec.cluster_ips.n; i++)
        if (str_eq(service->spec.cluster_ips.at[i], ip))
            add(s, &s->out->answers, (struct str){0}, "PTR",
                arena_printf(s->a, STR_FMT ".", STR_ARG(service_domain(s, &name))));
    for (size_t k = 0; is_headless(&service->spec) && k < e->slices.n; k++) {
        const struct endpoint_slice *slice = object_typed(e->slices.at[k]);
        for (size_t i = 0; i < slice->endpoints.n; i++) {
            const struct endpoint *at = &slice->endpoints.at[i];
            if (endpoint_is_ready(at) && str_eq(at->addresses.at[0], ip))
                add(s, &s->out->answers, (struct str){0}, "PTR",
                    arena_printf(s->a, STR_FMT "." STR_FMT ".", STR_ARG(endpoint_host(s->a, at)),
                                 STR_ARG(service_domain(s, &name))));
        }
    }
}

/* Seldom asked, so it looks through all services rather than keep an index. */
static enum dns_finding find_reverse(struct search *s, struct str ip)
{
    _lock_(&s->zone->view.mutex);
    map_each (&s->zone->view.entries, slot)
        reverse_of_service(s, slot->value, ip);
    if (!s->out->answers.n)
        return DNS_FOREIGN;
    if (!asks(s, "PTR"))
        s->out->answers.n = 0;
    return DNS_FOUND;
}

/* --- the whole --- */

static bool is_below(const struct dns_name *n, const struct dns_name *domain)
{
    if (n->n < domain->n)
        return false;
    for (size_t i = 0; i < domain->n; i++)
        if (!str_eq(n->labels[n->n - domain->n + i], domain->labels[i]))
            return false;
    return true;
}

static enum dns_finding find_apex(struct search *s)
{
    if (asks(s, "SOA"))
        add(s, &s->out->answers, (struct str){0}, "SOA", dns_zone_soa(s->zone, s->a).data);
    if (asks(s, "NS"))
        add(s, &s->out->answers, (struct str){0}, "NS",
            arena_printf(s->a, "ns.dns." STR_FMT ".", STR_ARG(s->zone->domain)));
    return DNS_FOUND;
}

enum dns_finding dns_zone_find(struct dns_zone *z, const struct dns_name *name, struct str type,
                               struct arena *a, struct dns_answer *out)
{
    *out = (struct dns_answer){0};
    struct search s = {z, type, a, out};
    struct str ip;
    if (reverse_address(name, a, &ip))
        return find_reverse(&s, ip);
    if (!is_below(name, &z->domain_labels))
        return DNS_FOREIGN;
    size_t n = name->n - z->domain_labels.n;
    if (n == 0)
        return find_apex(&s);
    struct str last = name->labels[n - 1];
    if (str_is(last, "svc"))
        return find_service(&s, name, n - 1);
    if (str_is(last, "pod"))
        return find_pod(&s, name, n - 1);
    if (n == 1 && str_is(last, "dns-version")) {
        if (asks(&s, "TXT"))
            add(&s, &out->answers, (struct str){0}, "TXT", STR("\"" DNS_SCHEMA_VERSION "\""));
        return DNS_FOUND;
    }
    if (str_is(last, "dns") && (n == 1 || (n == 2 && str_is(name->labels[0], "ns")))) {
        if (n == 2 && asks(&s, is_ipv6(z->server_address) ? "AAAA" : "A"))
            add_address(&s, &out->answers, (struct str){0}, z->server_address);
        return DNS_FOUND;
    }
    return DNS_ABSENT;
}

struct dns_record dns_zone_soa(struct dns_zone *z, struct arena *a)
{
    struct str data =
        arena_printf(a, "ns.dns." STR_FMT ". hostmaster." STR_FMT ". %lld 7200 1800 86400 %d",
                     STR_ARG(z->domain), STR_ARG(z->domain), (long long)(clock_wall() / CLOCK_S), DNS_TTL_S);
    return (struct dns_record){z->domain, STR("SOA"), data};
}

/* --- following the cluster --- */

static void zone_on_namespace(void *arg, struct object *before, struct object *after)
{
    struct dns_zone *z = arg;
    struct str name = object_name(after ? after : before);
    _lock_(&z->namespace_mutex);
    char *there = map_get(&z->namespace_names, name);
    if (after && !there) {
        char *copy = str_dup_c(name);
        map_put(&z->namespace_names, str_slice(copy, name.n), copy);
    } else if (!after && there) {
        map_del(&z->namespace_names, name);
        free(there);
    }
}

static void zone_on_service(struct service_view *v, struct service_entry *e)
{
    if (service_entry_is_empty(e))
        service_view_drop(v, e);
}

struct dns_zone *dns_zone_start(struct client *c, const struct dns_zone_options *o)
{
    struct dns_zone *z = mem_zalloc(sizeof *z);
    pthread_mutex_init(&z->namespace_mutex, NULL);
    z->domain_text = str_dup_c(o->domain);
    z->domain = str_slice(z->domain_text, o->domain.n);
    dns_name_split(z->domain, &z->domain_labels);
    z->server_address = str_slice(str_dup_c(o->server_address), o->server_address.n);
    z->view.entry_size = sizeof(struct service_entry);
    z->view.changed = zone_on_service;
    service_view_start(&z->view, c);
    z->namespaces = client_informer(c, &namespace_resource, NULL);
    informer_handle(z->namespaces, zone_on_namespace, z);
    return z;
}

void dns_zone_stop(struct dns_zone *z)
{
    if (!z)
        return;
    service_view_stop(&z->view);
    service_view_free(&z->view);
    informer_unhandle(z->namespaces, zone_on_namespace, z);
    map_each (&z->namespace_names, slot)
        free(slot->value);
    map_free(&z->namespace_names);
    pthread_mutex_destroy(&z->namespace_mutex);
    free(z->domain_text);
    free((char *)z->server_address.p);
    free(z);
}

bool dns_zone_synced(struct dns_zone *z)
{
    return service_view_synced(&z->view, 0) && informer_synced(z->namespaces, 0);
}
