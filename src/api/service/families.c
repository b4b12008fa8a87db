#include "api/service/families.h"

#include "api/kind/service.h"
#include "base/ip.h"

#define SPEC PATH(NULL, "spec")

static struct str family_of(struct str ip)
{
    return ip_family_of(ip) == IP_V6 ? STR("IPv6") : STR("IPv4");
}

static struct str other_family(struct str family)
{
    return str_is(family, "IPv4") ? STR("IPv6") : STR("IPv4");
}

static bool same_strs(const struct str_vec *x, const struct str_vec *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++)
        same = str_eq(x->at[i], y->at[i]);
    return same;
}

static struct str policy_of(const struct service_spec *s)
{
    return s->ip_family_policy ? *s->ip_family_policy : STR("");
}

static void set_policy(struct service_spec *s, struct arena *a, struct str policy)
{
    s->ip_family_policy = arena_dup(a, &policy, sizeof policy);
}

/* Its endpoints are made by hand, of any family. */
static bool is_bare(const struct service_spec *s)
{
    return str_is(s->cluster_ip, "None") && !s->selector.n;
}

bool service_needs_address(const struct service_spec *s)
{
    return !str_is(s->type, "ExternalName");
}

bool service_needs_node_ports(const struct service_spec *s)
{
    return str_is(s->type, "NodePort") || str_is(s->type, "LoadBalancer");
}

/* --- services from before these fields --- */

bool service_is_complete(const struct service_spec *s)
{
    return !service_needs_address(s) || (s->ip_families.n && (s->cluster_ips.n || !s->cluster_ip.n));
}

void service_complete(struct service_spec *s, const struct str_vec *cluster, struct arena *a)
{
    if (s->cluster_ip.n && !s->cluster_ips.n)
        str_vec_add(&s->cluster_ips, a, s->cluster_ip);
    if (service_is_complete(s))
        return;
    if (str_is(s->cluster_ip, "None")) {
        str_vec_add(&s->ip_families, a, cluster->at[0]);
        if (is_bare(s))
            str_vec_add(&s->ip_families, a, other_family(cluster->at[0]));
    } else
        each (s->cluster_ips, i)
            str_vec_add(&s->ip_families, a, family_of(s->cluster_ips.at[i]));
    if (s->ip_families.n)
        set_policy(s, a, s->ip_families.n == 1 ? STR("SingleStack") : STR("RequireDualStack"));
}

/* --- what a client leaves out --- */

static bool has_node_port(const struct service_spec *s, int32_t port)
{
    each (s->ports, i)
        if (s->ports.at[i].node_port == port)
            return true;
    return false;
}

/* Ports go by their names: one that has none keeps what the port of its name had, unless another took it. */
static void keep_node_ports(struct service_spec *s, const struct service_spec *old)
{
    struct service_port_vec given = s->ports;
    _cleanup_arena_ struct arena scratch = {0};
    if (!given.n)
        return;
    given.at = arena_dup(&scratch, given.at, given.n * sizeof *given.at);
    const struct service_spec asked = {.ports = given};
    each (s->ports, i)
        each (old->ports, k)
            if (!given.at[i].node_port && str_eq(s->ports.at[i].name, old->ports.at[k].name) &&
                !has_node_port(&asked, old->ports.at[k].node_port))
                s->ports.at[i].node_port = old->ports.at[k].node_port;
}

static void keep_allocated(struct service_spec *s, const struct service_spec *old)
{
    if (service_needs_address(s) && service_needs_address(old)) {
        if (!s->cluster_ip.n)
            s->cluster_ip = old->cluster_ip;
        if (!s->cluster_ips.n)
            s->cluster_ips = old->cluster_ips;
    }
    if (service_needs_node_ports(s) && service_needs_node_ports(old))
        keep_node_ports(s, old);
    if (service_needs_health_port(s) && service_needs_health_port(old) && !s->health_check_node_port)
        s->health_check_node_port = old->health_check_node_port;
}

/* clusterIP is clusterIPs[0]: one of the two follows where a client has changed the other alone. */
static void sync_cluster_ips(struct service_spec *s, const struct service_spec *old, struct arena *a)
{
    if (!old) {
        if (s->cluster_ip.n && !s->cluster_ips.n)
            str_vec_add(&s->cluster_ips, a, s->cluster_ip);
        return;
    }
    if (str_eq(s->cluster_ip, old->cluster_ip)) {
        if (!s->cluster_ips.n)
            s->cluster_ips = old->cluster_ips;
    } else if (same_strs(&s->cluster_ips, &old->cluster_ips)) {
        s->cluster_ips = (struct str_vec){0};
        if (s->cluster_ip.n)
            str_vec_add(&s->cluster_ips, a, s->cluster_ip);
    }
}

/* --- what another type has no use for --- */

static bool adds_node_ports(const struct service_spec *s, const struct service_spec *old)
{
    each (s->ports, i)
        if (s->ports.at[i].node_port && !has_node_port(old, s->ports.at[i].node_port))
            return true;
    return false;
}

static void drop_addresses(struct service_spec *s, const struct service_spec *old)
{
    if (str_eq(s->cluster_ip, old->cluster_ip) && same_strs(&s->cluster_ips, &old->cluster_ips)) {
        s->cluster_ip = STR("");
        s->cluster_ips = (struct str_vec){0};
    }
    if (same_strs(&s->ip_families, &old->ip_families))
        s->ip_families = (struct str_vec){0};
    if (str_eq(policy_of(s), policy_of(old)))
        s->ip_family_policy = NULL;
}

static void drop_balancer(struct service_spec *s, const struct service_spec *old)
{
    if (s->allocate_load_balancer_node_ports && old->allocate_load_balancer_node_ports &&
        *s->allocate_load_balancer_node_ports == *old->allocate_load_balancer_node_ports)
        s->allocate_load_balancer_node_ports = NULL;
    if (s->load_balancer_class && old->load_balancer_class &&
        str_eq(*s->load_balancer_class, *old->load_balancer_class))
        s->load_balancer_class = NULL;
}

static bool has_external_policy(const struct service_spec *s)
{
    return service_needs_node_ports(s) || (str_is(s->type, "ClusterIP") && s->external_ips.n);
}

static void drop_unused(struct service_spec *s, const struct service_spec *old)
{
    if (service_needs_address(old) && !service_needs_address(s))
        drop_addresses(s, old);
    if (service_needs_node_ports(old) && !service_needs_node_ports(s) && !adds_node_ports(s, old))
        each (s->ports, i)
            s->ports.at[i].node_port = 0;
    if (service_needs_health_port(old) && !service_needs_health_port(s) &&
        s->health_check_node_port == old->health_check_node_port)
        s->health_check_node_port = 0;
    if (str_is(old->type, "LoadBalancer") && !str_is(s->type, "LoadBalancer"))
        drop_balancer(s, old);
    if (has_external_policy(old) && !has_external_policy(s) &&
        str_eq(s->external_traffic_policy, old->external_traffic_policy))
        s->external_traffic_policy = STR("");
}

void service_link(struct service_spec *s, const struct service_spec *old, struct arena *a)
{
    if (old)
        keep_allocated(s, old);
    sync_cluster_ips(s, old, a);
    if (old)
        drop_unused(s, old);
}

/* --- families and policy --- */

bool service_keeps_families(const struct service_spec *s, const struct service_spec *old)
{
    return old && service_needs_address(s) && str_eq(s->type, old->type) &&
           str_is(policy_of(s), "PreferDualStack") &&
           (!old->ip_family_policy || str_is(policy_of(old), "PreferDualStack")) &&
           same_strs(&s->cluster_ips, &old->cluster_ips) && same_strs(&s->ip_families, &old->ip_families);
}

static void infer_policy(struct service_spec *s, const struct service_spec *old, struct arena *a)
{
    if (!s->ip_family_policy && old && old->ip_family_policy)
        s->ip_family_policy = old->ip_family_policy;
    else if (!s->ip_family_policy)
        set_policy(s, a, is_bare(s) ? STR("RequireDualStack") : STR("SingleStack"));
}

/* To ask for one family is to give up the second, where the client did not say more. */
static void shorten(struct service_spec *s, const struct service_spec *old)
{
    if (same_strs(&s->cluster_ips, &old->cluster_ips) && s->cluster_ips.n > 1)
        s->cluster_ips.n = 1;
    if (same_strs(&s->ip_families, &old->ip_families) && s->ip_families.n > 1)
        s->ip_families.n = 1;
}

static void complain_policy(struct field_errors *e, const struct service_spec *s, const char *message)
{
    field_invalid(e, PATH(SPEC, "ipFamilyPolicy"), policy_of(s), "%s", message);
}

/* Two of something ask for another policy than one family, and to drop one asks for this. */
static void check_policy(struct service_spec *s, const struct service_spec *old, struct field_errors *e)
{
    if (str_is(policy_of(s), "SingleStack")) {
        if (old)
            shorten(s, old);
        if (s->cluster_ips.n == 2)
            complain_policy(
                e, s,
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
        if (s->ip_families.n == 2)
            complain_policy(
                e, s,
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
    } else if (old) {
        if (s->cluster_ips.n && s->cluster_ips.n < old->cluster_ips.n)
            complain_policy(e, s, "must be 'SingleStack' to release the secondary cluster IP");
        if (s->ip_families.n && s->ip_families.n < old->ip_families.n)
            complain_policy(e, s, "must be 'SingleStack' to release the secondary IP family");
    }
}

static void infer_families(struct service_spec *s, const struct str_vec *cluster, struct arena *a,
                           struct field_errors *e)
{
    const struct path *list = PATH(SPEC, "clusterIPs");
    if (service_is_headless(s))
        return;
    for (size_t i = s->ip_families.n; i < s->cluster_ips.n; i++) {
        struct str family = family_of(s->cluster_ips.at[i]);
        if (str_vec_has(cluster, family))
            str_vec_add(&s->ip_families, a, family);
        else
            field_error(e, FIELD_ERROR_INVALID, PATH_AT(list, i), valid_bad_list(e, &s->cluster_ips),
                        STR_FMT " is not configured on this cluster", STR_ARG(family));
    }
}

/* What the cluster cannot give. */
static void check_cluster(const struct service_spec *s, const struct str_vec *cluster, struct field_errors *e)
{
    if (str_is(policy_of(s), "RequireDualStack") && cluster->n < 2)
        complain_policy(e, s, "this cluster is not configured for dual-stack services");
    each (s->ip_families, i)
        if (!str_vec_has(cluster, s->ip_families.at[i]))
            field_invalid(e, PATH_AT(PATH(SPEC, "ipFamilies"), i), s->ip_families.at[i],
                          "not configured on this cluster");
}

void service_families(struct service_spec *s, const struct service_spec *old, const struct str_vec *cluster,
                      struct arena *a, struct field_errors *e)
{
    if (!service_needs_address(s) || service_keeps_families(s, old))
        return;
    infer_policy(s, old, a);
    valid_service_ips(e, s);
    if (e->n)
        return;
    check_policy(s, old, e);
    infer_families(s, cluster, a, e);
    if (!e->n && !is_bare(s))
        check_cluster(s, cluster, e);
    if (e->n)
        return;
    if (!s->ip_families.n)
        str_vec_add(&s->ip_families, a, cluster->at[0]);
    if (s->ip_families.n == 1 && !str_is(policy_of(s), "SingleStack") && (is_bare(s) || cluster->n == 2))
        str_vec_add(&s->ip_families, a, other_family(s->ip_families.at[0]));
}
