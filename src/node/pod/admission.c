#include "node/pod/admission.h"

#include "node/pod/pods.h"
#include "node/pod/resources.h"
#include "schema/quantity.h"

/* One question to the node: whether it takes the pod, and if not, why. */
struct admission {
    struct pod_state *p;
    const struct pod *pod;
    const struct node *node;
    struct objects others; /* pods that are here already */
    struct arena *a;
    struct str reason, message;
};

static bool refuse(struct admission *x, struct str reason, struct str message)
{
    x->reason = reason;
    x->message = arena_concat(x->a, STR("Pod was rejected: "), message);
    return false;
}

/* --- sysctls --- */

/* Those that only concern the pod and harm nobody else (KEP-34). */
static const struct str safe_sysctls[] = {
    STR_INIT("kernel.shm_rmid_forced"),           STR_INIT("net.ipv4.ip_local_port_range"),
    STR_INIT("net.ipv4.ip_local_reserved_ports"), STR_INIT("net.ipv4.ip_unprivileged_port_start"),
    STR_INIT("net.ipv4.ping_group_range"),        STR_INIT("net.ipv4.tcp_fin_timeout"),
    STR_INIT("net.ipv4.tcp_keepalive_intvl"),     STR_INIT("net.ipv4.tcp_keepalive_probes"),
    STR_INIT("net.ipv4.tcp_keepalive_time"),      STR_INIT("net.ipv4.tcp_rmem"),
    STR_INIT("net.ipv4.tcp_syncookies"),          STR_INIT("net.ipv4.tcp_wmem"),
};

/* Both ways to write it mean the same; '/' first makes '.' part of a name. */
static struct str sysctl_dotted(struct str name, struct arena *a)
{
    ptrdiff_t slash = str_index(name, '/'), dot = str_index(name, '.');
    if (slash < 0 || (dot >= 0 && dot < slash))
        return name;
    char *out = arena_c(a, name);
    for (char *c = out; *c; c++)
        *c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
    return str_from(out);
}

static bool admit_sysctls(struct admission *x)
{
    const struct pod_security_context *s = x->pod->spec.security_context;
    for (size_t i = 0; s && i < s->sysctls.n; i++) {
        struct str said = s->sysctls.at[i].name, name = sysctl_dotted(said, x->a);
        bool safe = false, net = str_starts(name, STR("net."));
        for (size_t k = 0; k < ARRAY_LEN(safe_sysctls); k++)
            safe |= str_eq(name, safe_sysctls[k]);
        const char *shared = net && x->pod->spec.host_network ? "net"
                             : !net && x->pod->spec.host_ipc  ? "ipc"
                                                              : NULL;
        if (!safe)
            return refuse(
                x, STR("SysctlForbidden"),
                arena_printf(x->a, "forbidden sysctl: \"" STR_FMT "\" not allowlisted", STR_ARG(said)));
        if (shared)
            return refuse(x, STR("SysctlForbidden"),
                          arena_printf(x->a,
                                       "forbidden sysctl: \"" STR_FMT "\" not allowed with host %s enabled",
                                       STR_ARG(said), shared));
    }
    return true;
}

/* --- what the pod wants of a node --- */

static bool admit_os(struct admission *x)
{
    const struct pod_os *os = x->pod->spec.os;
    return !os || str_is(os->name, "linux") ||
           refuse(x, STR("PodOSNotSupported"),
                  STR("Failed to admit pod as the OS field doesn't match node OS"));
}

static bool admit_node_selector(struct admission *x)
{
    const struct str_map *wanted = &x->pod->spec.node_selector;
    for (size_t i = 0; i < wanted->n; i++)
        if (!str_eq(resource_amount(&x->node->metadata.labels, wanted->at[i].key), wanted->at[i].value))
            return refuse(
                x, STR("NodeAffinity"),
                STR("Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"));
    return true;
}

static bool same_address(struct str x, struct str y)
{
    return str_eq(x, y) || !x.n || !y.n || str_is(x, "0.0.0.0") || str_is(y, "0.0.0.0");
}

static bool ports_clash(const struct container_port *x, const struct pod *other)
{
    for (size_t c = 0; c < other->spec.containers.n; c++) {
        const struct container_port_vec *v = &other->spec.containers.at[c].ports;
        for (size_t i = 0; i < v->n; i++)
            if (x->host_port && v->at[i].host_port == x->host_port &&
                str_eq(v->at[i].protocol, x->protocol) && same_address(v->at[i].host_ip, x->host_ip))
                return true;
    }
    return false;
}

static bool admit_ports(struct admission *x)
{
    for (size_t o = 0; o < x->others.n; o++)
        for (size_t c = 0; c < x->pod->spec.containers.n; c++) {
            const struct container_port_vec *v = &x->pod->spec.containers.at[c].ports;
            for (size_t i = 0; i < v->n; i++)
                if (ports_clash(&v->at[i], object_typed(x->others.at[o])))
                    return refuse(x, STR("NodePorts"),
                                  STR("Predicate NodePorts failed: node(s) didn't have free ports for the "
                                      "requested pod ports"));
        }
    return true;
}

/* CPU in thousandths, all else in units. */
static int64_t in_units(struct str resource, struct str amount)
{
    return str_is(resource, "cpu") ? quantity_milli_of(amount) : quantity_value_of(amount);
}

static bool admit_resources(struct admission *x)
{
    static const struct str resources[] = {STR_INIT("pods"), STR_INIT("cpu"), STR_INIT("memory"),
                                           STR_INIT("ephemeral-storage")};
    for (size_t r = 0; r < ARRAY_LEN(resources); r++) {
        struct str name = resources[r], allocatable = resource_amount(&x->node->status.allocatable, name);
        bool pods = str_is(name, "pods");
        int64_t asked = pods ? 1 : pod_request(x->pod, name, false), used = 0;
        if (!asked || !allocatable.n)
            continue;
        for (size_t i = 0; i < x->others.n; i++)
            used += pods ? 1 : pod_request(object_typed(x->others.at[i]), name, false);
        int64_t capacity = in_units(name, allocatable);
        if (used + asked > capacity)
            return refuse(x, arena_concat(x->a, STR("OutOf"), name),
                          arena_printf(x->a,
                                       "Node didn't have enough resource: " STR_FMT
                                       ", requested: %lld, used: %lld, capacity: %lld",
                                       STR_ARG(name), (long long)asked, (long long)used,
                                       (long long)capacity));
    }
    return true;
}

/* --- all of it --- */

/* Keeps those that were taken earlier and have not ended: they go first. */
static void keep_earlier(struct admission *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->others.n; i++) {
        const struct pod *other = object_typed(x->others.at[i]);
        bool over = str_is(other->status.phase, "Succeeded") || str_is(other->status.phase, "Failed");
        if (over || str_eq(other->metadata.uid, x->p->uid) ||
            !pods_is_admitted(x->p->node->pods, other->metadata.uid))
            object_unref(x->others.at[i]);
        else
            x->others.at[kept++] = x->others.at[i];
    }
    x->others.n = kept;
}

bool pod_admit(struct pod_state *p, const struct pod *pod, struct arena *a, struct str *reason,
               struct str *message)
{
    if (p->admitted)
        return true;
    _lock_(&p->node->admission_mutex); /* of two that want the same, one is first */
    static bool (*const checks[])(struct admission * x) = {admit_sysctls, admit_os, admit_node_selector,
                                                           admit_ports, admit_resources};
    _cleanup_object_ struct object *node = informer_get(p->node->node_informer, STR(""), p->node->name);
    if (!node)
        return p->admitted = true;
    struct admission x = {.p = p, .pod = pod, .node = object_typed(node), .a = a};
    informer_list(p->node->pod_informer, STR(""), &x.others);
    keep_earlier(&x);
    bool taken = true;
    for (size_t i = 0; i < ARRAY_LEN(checks) && taken; i++)
        taken = checks[i](&x);
    objects_clear(&x.others);
    *reason = x.reason;
    *message = x.message;
    __atomic_store_n(&p->admitted, taken, __ATOMIC_RELEASE);
    return taken;
}

bool pod_has_room(struct pod_state *p, const struct pod *pod, struct arena *a, struct str *reason,
                  struct str *message)
{
    _cleanup_object_ struct object *node = informer_get(p->node->node_informer, STR(""), p->node->name);
    if (!node)
        return true;
    struct admission x = {.p = p, .pod = pod, .node = object_typed(node), .a = a}, alone = x;
    informer_list(p->node->pod_informer, STR(""), &x.others);
    keep_earlier(&x);
    bool fits = admit_resources(&x), ever = fits || admit_resources(&alone);
    objects_clear(&x.others);
    if (fits)
        return true;
    *reason = ever ? STR("Deferred") : STR("Infeasible");
    *message = str_from_at(ever ? x.message : alone.message, sizeof "Pod was rejected: " - 1);
    return false;
}
