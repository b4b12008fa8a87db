/* Services (pkg/apis/core/validation). */
#include "api/kind/service.h"
#include "api/kind/kinds.h"
#include "base/map.h"

static bool is_type(const struct service_spec *s, const char *type)
{
    return str_is(s->type, type);
}

static bool is_external(const struct service_spec *s)
{
    return is_type(s, "NodePort") || is_type(s, "LoadBalancer");
}

static struct str *own_str(struct arena *a, struct str s)
{
    return arena_dup(a, &s, sizeof s);
}

static void service_defaults(void *o, struct arena *a)
{
    struct service_spec *s = &((struct service *)o)->spec;
    if (str_is(s->session_affinity, "ClientIP")) {
        if (!s->session_affinity_config)
            s->session_affinity_config = arena_new(a, struct session_affinity_config);
        if (!s->session_affinity_config->client_ip)
            s->session_affinity_config->client_ip = arena_new(a, struct client_ip_config);
        if (!s->session_affinity_config->client_ip->timeout_seconds)
            s->session_affinity_config->client_ip->timeout_seconds =
                arena_dup(a, &(int32_t){10800}, sizeof(int32_t));
    } else if (str_is(s->session_affinity, "None"))
        s->session_affinity_config = NULL;
    each (s->ports, i) {
        struct service_port *p = &s->ports.at[i];
        if (p->target_port.is_str ? !p->target_port.s.n : !p->target_port.i)
            p->target_port = (struct int_or_str){.i = p->port};
    }
    if ((is_external(s) || (s->external_ips.n && is_type(s, "ClusterIP"))) && !s->external_traffic_policy.n)
        s->external_traffic_policy = STR("Cluster");
    if (!s->internal_traffic_policy && !is_type(s, "ExternalName"))
        s->internal_traffic_policy = own_str(a, STR("Cluster"));
    if (!is_type(s, "LoadBalancer"))
        return;
    if (!s->allocate_load_balancer_node_ports)
        s->allocate_load_balancer_node_ports = arena_dup(a, &(bool){true}, sizeof(bool));
    struct load_balancer_ingress_vec *ingress = &((struct service *)o)->status.load_balancer.ingress;
    if (ingress->n) /* may be shared: a patch of the spec does not reach it */
        ingress->at = arena_dup(a, ingress->at, ingress->n * sizeof *ingress->at);
    each (*ingress, i)
        if (ingress->at[i].ip.n && !ingress->at[i].ip_mode)
            ingress->at[i].ip_mode = own_str(a, STR("VIP"));
}

static void valid_service_port(struct field_errors *e, const struct path *at, const struct service_port *p,
                               const struct service_spec *s)
{
    if (s->ports.n > 1 && !p->name.n)
        field_required(e, PATH(at, "name"), "%s", "");
    else if (p->name.n)
        format_validate(e, PATH(at, "name"), FORMAT_DNS1123_LABEL, p->name);
    valid_port(e, PATH(at, "port"), p->port);
    VALID_ONE_OF(e, PATH(at, "protocol"), p->protocol, true, STR("SCTP"), STR("TCP"), STR("UDP"));
    valid_port_or_name(e, PATH(at, "targetPort"), &p->target_port);
    if (p->app_protocol)
        valid_qualified(e, PATH(at, "appProtocol"), *p->app_protocol);
    if (p->node_port && is_type(s, "ClusterIP"))
        field_forbidden(e, PATH(at, "nodePort"), "may not be used when `type` is 'ClusterIP'");
}

static void valid_service_ports(struct field_errors *e, const struct path *at, const struct service_spec *s)
{
    _cleanup_map_ struct map names = {0}, ports = {0}, node_ports = {0};
    if (!s->ports.n && !str_is(s->cluster_ip, "None") && !is_type(s, "ExternalName"))
        field_required(e, at, "%s", "");
    each (s->ports, i) {
        const struct service_port *p = &s->ports.at[i];
        const struct path *item = PATH_AT(at, i);
        valid_service_port(e, item, p, s);
        if (p->name.n && map_put(&names, p->name, (void *)p))
            field_duplicate(e, PATH(item, "name"), p->name);
        struct str key = arena_printf(&e->arena,
                                      "{\"Name\":\"\",\"Protocol\":\"" STR_FMT
                                      "\",\"AppProtocol\":null,\"Port\":%d,\"TargetPort\":0,"
                                      "\"NodePort\":0}",
                                      STR_ARG(p->protocol), p->port);
        if (map_put(&ports, key, (void *)p))
            field_error(e, FIELD_ERROR_DUPLICATE, item, BAD_RAW(key), "%s", "");
        key = arena_printf(&e->arena, STR_FMT "/%d", STR_ARG(p->protocol), p->node_port);
        if (p->node_port && map_put(&node_ports, key, (void *)p))
            field_error(e, FIELD_ERROR_DUPLICATE, PATH(item, "nodePort"), BAD_INT(p->node_port), "%s", "");
    }
}

/* A mere name has no addresses. */
static void valid_external_name(struct field_errors *e, const struct path *spec, const struct service_spec *s)
{
    static const char *const none = "may not be set for ExternalName services";
    struct str name = s->external_name;
    if (!is_type(s, "ExternalName"))
        return;
    if (s->cluster_ips.n)
        field_forbidden(e, PATH(spec, "clusterIPs"), "%s", none);
    if (s->ip_families.n)
        field_forbidden(e, PATH(spec, "ipFamilies"), "%s", none);
    if (s->ip_family_policy)
        field_forbidden(e, PATH(spec, "ipFamilyPolicy"), "%s", none);
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    valid_format(e, PATH(spec, "externalName"), FORMAT_DNS1123_SUBDOMAIN, name);
}

static void valid_traffic(struct field_errors *e, const struct path *spec, const struct service_spec *s)
{
    bool external = is_external(s) || (is_type(s, "ClusterIP") && s->external_ips.n);
    if (external)
        VALID_ONE_OF(e, PATH(spec, "externalTrafficPolicy"), s->external_traffic_policy, true, STR("Cluster"),
                     STR("Local"));
    else if (s->external_traffic_policy.n)
        field_invalid(e, PATH(spec, "externalTrafficPolicy"), s->external_traffic_policy,
                      "may only be set for externally-accessible services");
    if (!service_needs_health_port(s) && s->health_check_node_port)
        field_invalid_int(
            e, PATH(spec, "healthCheckNodePort"), s->health_check_node_port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
    else if (s->health_check_node_port)
        valid_port(e, PATH(spec, "healthCheckNodePort"), s->health_check_node_port);
    if (s->internal_traffic_policy)
        VALID_SUPPORTED(e, PATH(spec, "internalTrafficPolicy"), *s->internal_traffic_policy, STR("Cluster"),
                        STR("Local"));
    if (s->traffic_distribution)
        VALID_SUPPORTED(e, PATH(spec, "trafficDistribution"), *s->traffic_distribution, STR("PreferClose"),
                        STR("PreferSameZone"), STR("PreferSameNode"));
}

static void valid_affinity_seconds(struct field_errors *e, const struct path *spec,
                                   const struct service_spec *s)
{
    VALID_ONE_OF(e, PATH(spec, "sessionAffinity"), s->session_affinity, true, STR("ClientIP"), STR("None"));
    const struct path *config = PATH(spec, "sessionAffinityConfig"), *ip = PATH(config, "clientIP");
    if (!str_is(s->session_affinity, "ClientIP"))
        return;
    if (!s->session_affinity_config || !s->session_affinity_config->client_ip ||
        !s->session_affinity_config->client_ip->timeout_seconds)
        field_required(e, PATH(ip, "timeoutSeconds"), "when session affinity type is ClientIP");
    else {
        int32_t seconds = *s->session_affinity_config->client_ip->timeout_seconds;
        if (seconds <= 0 || seconds > 86400)
            field_invalid_int(e, PATH(ip, "timeoutSeconds"), seconds,
                              "must be greater than 0 and less than 86400");
    }
}

static const char *const balancers_only = "may only be used when `type` is 'LoadBalancer'";

/* Whom the balancer lets in; where the spec does not say it, an annotation does. */
static void valid_source_ranges(struct field_errors *e, const struct service *svc)
{
    const struct service_spec *s = &svc->spec;
    const struct str key = STR("service.beta.kubernetes.io/load-balancer-source-ranges");
    const struct str *annotated = str_map_get(&svc->metadata.annotations, key);
    struct path list = path_child(PATH(NULL, "spec"), STR("LoadBalancerSourceRanges")),
                annotations = path_child(PATH(NULL, "metadata"), STR("annotations"));
    if (!s->load_balancer_source_ranges.n && !annotated)
        return;
    const struct path *at = s->load_balancer_source_ranges.n ? &list : PATH_OF(&annotations, key);
    if (!is_type(s, "LoadBalancer"))
        field_forbidden(e, at, "%s", balancers_only);
    each (s->load_balancer_source_ranges, i)
        valid_cidr(e, PATH_AT(at, i), str_trim(s->load_balancer_source_ranges.at[i]));
    struct str rest = annotated ? str_trim(*annotated) : STR(""), range;
    while (!s->load_balancer_source_ranges.n && str_cut(&rest, ',', &range))
        valid_cidr(e, at, str_trim(range));
}

static void valid_balancer_fields(struct field_errors *e, const struct path *spec,
                                  const struct service_spec *s)
{
    bool balancer = is_type(s, "LoadBalancer");
    if (s->allocate_load_balancer_node_ports && !balancer)
        field_forbidden(e, PATH(spec, "allocateLoadBalancerNodePorts"), "%s", balancers_only);
    if (s->load_balancer_class && !balancer)
        field_forbidden(e, PATH(spec, "loadBalancerClass"), "%s", balancers_only);
    else if (s->load_balancer_class)
        valid_qualified(e, PATH(spec, "loadBalancerClass"), *s->load_balancer_class);
}

/* The older annotation and the one that has replaced it say the same, where both are there. */
static void valid_topology_annotations(struct field_errors *e, const struct object_meta *m)
{
    const struct str key = STR("service.kubernetes.io/topology-mode");
    const struct str *mode = str_map_get(&m->annotations, key),
                     *hints = str_map_get(&m->annotations, STR("service.kubernetes.io/topology-aware-hints"));
    if (mode && hints && !str_eq(*mode, *hints))
        field_invalid(e, PATH_OF(PATH(PATH(NULL, "metadata"), "annotations"), key), *mode,
                      "must match annotations[service.kubernetes.io/topology-aware-hints] when both are "
                      "specified");
}

static void service_validate(const void *o, struct field_errors *e)
{
    const struct service_spec *s = &((const struct service *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_topology_annotations(e, &((const struct service *)o)->metadata);
    VALID_ONE_OF(e, PATH(spec, "type"), s->type, true, STR("ClusterIP"), STR("ExternalName"),
                 STR("LoadBalancer"), STR("NodePort"));
    valid_service_ports(e, PATH(spec, "ports"), s);
    valid_labels(e, PATH(spec, "selector"), &s->selector);
    valid_affinity_seconds(e, spec, s);
    if (is_external(s) && service_is_headless(s))
        field_invalid(e, PATH_AT(PATH(spec, "clusterIPs"), 0), s->cluster_ip,
                      "may not be set to 'None' for " STR_FMT " services", STR_ARG(s->type));
    valid_external_name(e, spec, s);
    valid_service_ips(e, s);
    each (s->external_ips, i) {
        size_t before = e->n;
        valid_ip(e, PATH_AT(PATH(spec, "externalIPs"), i), s->external_ips.at[i]);
        if (e->n == before)
            valid_endpoint_ip(e, PATH_AT(PATH(spec, "externalIPs"), i), s->external_ips.at[i]);
    }
    valid_source_ranges(e, o);
    note_ip(e, PATH(spec, "loadBalancerIP"), s->load_balancer_ip);
    valid_balancer_fields(e, spec, s);
    valid_traffic(e, spec, s);
}

static void service_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct service_spec *s = &((const struct service *)o)->spec,
                              *old = &((const struct service *)before)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    valid_service_ips_update(e, s, old);
    if (old->load_balancer_class && is_type(old, "LoadBalancer") && is_type(s, "LoadBalancer") &&
        (!s->load_balancer_class || !str_eq(*s->load_balancer_class, *old->load_balancer_class)))
        field_error(e, FIELD_ERROR_INVALID, PATH(&spec, "loadBalancerClass"),
                    s->load_balancer_class ? BAD(*s->load_balancer_class) : BAD_RAW(STR("null")),
                    "may not change once set");
    if (service_needs_health_port(s) && service_needs_health_port(old) &&
        s->health_check_node_port != old->health_check_node_port)
        field_forbidden(e, PATH(&spec, "healthCheckNodePort"), "field is immutable");
}

/* What a balancer has said of itself goes with it. */
static void service_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    (void)old, (void)c;
    struct service *s = o;
    if (!is_type(&s->spec, "LoadBalancer"))
        s->status.load_balancer = (struct load_balancer_status){0};
}

static void service_validate_status(const void *o, const void *old, struct field_errors *e)
{
    (void)old;
    const struct service *s = o;
    const struct load_balancer_ingress_vec *v = &s->status.load_balancer.ingress;
    struct path status = path_child(NULL, STR("status"));
    const struct path *list = PATH(PATH(&status, "loadBalancer"), "ingress");
    if (v->n && !is_type(&s->spec, "LoadBalancer")) {
        field_forbidden(e, list, "may only be used when `spec.type` is 'LoadBalancer'");
        return;
    }
    each (*v, i) {
        const struct load_balancer_ingress *in = &v->at[i];
        const struct path *at = PATH_AT(list, i), *mode = PATH(at, "ipMode");
        valid_balancer(e, at, in->ip, in->hostname);
        if (!in->ip_mode && in->ip.n)
            field_required(e, mode, "must be specified when `ip` is set");
        else if (in->ip_mode && !in->ip.n)
            field_forbidden(e, mode, "may not be specified when `ip` is not set");
        else if (in->ip_mode)
            VALID_SUPPORTED(e, mode, *in->ip_mode, STR("Proxy"), STR("VIP"));
    }
}

/* Fields that do nothing here, or soon will not. */
static void service_warn(const void *o, const void *old, const struct strategy_context *c)
{
    (void)old;
    const struct service *svc = o;
    const struct service_spec *s = &svc->spec;
    bool headless = is_type(s, "ClusterIP") && str_is(s->cluster_ip, "None"),
         name = is_type(s, "ExternalName");
    const struct {
        bool there;
        const char *text;
    } warnings[] = {
        {str_map_get(&svc->metadata.annotations, STR("service.kubernetes.io/topology-aware-hints")),
         "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
         "service.kubernetes.io/topology-mode instead"},
        {headless && s->load_balancer_ip.n, "spec.loadBalancerIP is ignored for headless services"},
        {headless && s->external_ips.n, "spec.externalIPs is ignored for headless services"},
        {headless && !str_is(s->session_affinity, "None"),
         "spec.SessionAffinity is ignored for headless services"},
        {s->external_ips.n && !headless && !name, "spec.externalIPs is deprecated"},
        {name && s->external_ips.n, "spec.externalIPs is ignored when spec.type is \"ExternalName\""},
        {!name && s->external_name.n, "spec.externalName is ignored when spec.type is not \"ExternalName\""},
        {s->traffic_distribution && str_is(*s->traffic_distribution, "PreferClose"),
         "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(warnings); i++)
        if (warnings[i].there)
            strategy_warn(c, "%s", warnings[i].text);
}

const struct strategy service_strategy = {
    .resource = &service_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE | STRATEGY_RETURNS_DELETED,
    .defaults = service_defaults,
    .prepare_update = service_prepare_update,
    .validate = service_validate,
    .validate_update = service_validate_update,
    .validate_status = service_validate_status,
    .warn = service_warn,
};
