/* The spec of pods and of templates of pods, as a whole (ValidatePodSpec, in its order). */
#include "api/kind/container.h"
#include "api/kind/pod.h"

/* --- names and addresses --- */

enum { NAMESERVERS_MAX = 3, SEARCHES_MAX = 32, SEARCH_CHARS_MAX = 2048 };

static void valid_searches(struct field_errors *e, const struct path *at, const struct str_vec *searches)
{
    size_t chars = searches->n ? searches->n - 1 : 0; /* the spaces between them */
    each (*searches, i)
        chars += searches->at[i].n;
    if (searches->n > SEARCHES_MAX)
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, searches),
                    "must not have more than %d search paths", SEARCHES_MAX);
    if (chars > SEARCH_CHARS_MAX)
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, searches),
                    "must not have more than %d characters (including spaces) in the search list",
                    SEARCH_CHARS_MAX);
    each (*searches, i) {
        struct str search = searches->at[i];
        if (str_is(search, "."))
            continue;
        if (str_ends(search, STR(".")))
            search.n--;
        format_validate(e, PATH_AT(at, i), FORMAT_DNS1123_SUBDOMAIN_UNDERSCORE, search);
    }
}

static void valid_dns(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    const struct path *at = PATH(spec, "dnsConfig"), *servers = PATH(at, "nameservers");
    const struct pod_dns_config *c = s->dns_config;
    if (str_is(s->dns_policy, "None") && !c)
        field_required(e, at, "must provide `dnsConfig` when `dnsPolicy` is None");
    else if (str_is(s->dns_policy, "None") && !c->nameservers.n)
        field_required(e, servers, "must provide at least one DNS nameserver when `dnsPolicy` is None");
    else if (c) {
        if (c->nameservers.n > NAMESERVERS_MAX)
            field_error(e, FIELD_ERROR_INVALID, servers, valid_bad_list(e, &c->nameservers),
                        "must not have more than %d nameservers", NAMESERVERS_MAX);
        each (c->nameservers, i)
            valid_ip(e, PATH_AT(servers, i), c->nameservers.at[i]);
        valid_searches(e, PATH(at, "searches"), &c->searches);
        each (c->options, i)
            if (!c->options.at[i].name.n)
                field_required(e, PATH_AT(PATH(at, "options"), i), "must not be empty");
    }
}

static void valid_host_aliases(struct field_errors *e, const struct path *at, const struct pod_spec *s)
{
    each (s->host_aliases, i) {
        const struct host_alias *h = &s->host_aliases.at[i];
        valid_ip(e, PATH(PATH_AT(at, i), "ip"), h->ip);
        each (h->hostnames, k)
            format_validate(e, PATH_AT(PATH(PATH_AT(at, i), "hostnames"), k), FORMAT_DNS1123_SUBDOMAIN,
                            h->hostnames.at[k]);
    }
}

enum { HOSTNAME_MAX = 64 };

static void valid_host_name(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    const struct path *at = PATH(spec, "hostnameOverride");
    if (!s->hostname_override)
        return;
    if (s->set_hostname_as_fqdn && *s->set_hostname_as_fqdn)
        field_forbidden(e, at, "may not be specified when setHostnameAsFQDN is true");
    if (s->host_network)
        field_forbidden(e, at, "may not be specified when hostNetwork is true");
    if (s->hostname_override->n > HOSTNAME_MAX)
        field_too_long(e, at, HOSTNAME_MAX);
    format_validate(e, at, FORMAT_DNS1123_SUBDOMAIN, *s->hostname_override);
}

/* On the host's network a port is the host's. In a template it may be left out: pods get it. */
static void valid_host_network(struct field_errors *e, const struct path *spec, const struct pod_spec *s,
                               bool template)
{
    if (!s->host_network)
        return;
    each (s->containers, i)
        each (s->containers.at[i].ports, k) {
            const struct container_port *p = &s->containers.at[i].ports.at[k];
            const struct path *ports = PATH(PATH_AT(PATH(spec, "containers"), i), "ports");
            if ((p->host_port || !template) && p->host_port != p->container_port)
                field_invalid_int(e, PATH(PATH_AT(ports, k), "hostPort"), p->host_port,
                                  "must match `containerPort` when `hostNetwork` is true");
        }
}

/* --- gates --- */

static void valid_gates(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    _cleanup_map_ struct map names = {0};
    each (s->readiness_gates, i)
        format_validate(e, PATH(PATH_AT(PATH(spec, "readinessGates"), i), "conditionType"), FORMAT_LABEL_KEY,
                        s->readiness_gates.at[i].condition_type);
    each (s->scheduling_gates, i) {
        const struct path *item = PATH_AT(PATH(spec, "schedulingGates"), i);
        struct str name = s->scheduling_gates.at[i].name;
        format_validate(e, item, FORMAT_LABEL_KEY, name);
        if (map_put(&names, name, (void *)s))
            field_duplicate(e, item, name);
    }
}

/* --- the whole --- */

static void valid_format_maybe(struct field_errors *e, const struct path *at, enum format f, struct str v)
{
    if (v.n)
        format_validate(e, at, f, v);
}

static void valid_names(struct field_errors *e, const struct path *at, const struct pod_spec *s)
{
    valid_format_maybe(e, PATH(at, "serviceAccountName"), FORMAT_DNS1123_SUBDOMAIN, s->service_account_name);
    valid_format_maybe(e, PATH(at, "nodeName"), FORMAT_DNS1123_SUBDOMAIN, s->node_name);
    if (s->active_deadline_seconds)
        format_validate_range(e, PATH(at, "activeDeadlineSeconds"), *s->active_deadline_seconds, 1,
                              INT32_MAX);
    valid_format_maybe(e, PATH(at, "hostname"), FORMAT_DNS1123_LABEL, s->hostname);
    valid_format_maybe(e, PATH(at, "subdomain"), FORMAT_DNS1123_LABEL, s->subdomain);
}

static void valid_rest(struct field_errors *e, const struct path *at, const struct pod_spec *s)
{
    valid_format_maybe(e, PATH(at, "priorityClassName"), FORMAT_DNS1123_SUBDOMAIN, s->priority_class_name);
    if (s->runtime_class_name)
        format_validate(e, PATH(at, "runtimeClassName"), FORMAT_DNS1123_SUBDOMAIN, *s->runtime_class_name);
    if (s->preemption_policy)
        VALID_ONE_OF(e, PATH(at, "preemptionPolicy"), *s->preemption_policy, true,
                     STR("PreemptLowerPriority"), STR("Never"));
    valid_resource_requirements(e, PATH(at, "overhead"),
                                &(struct resource_requirements){.limits = s->overhead},
                                RESOURCES_OF_CONTAINER, NULL);
}

void valid_pod_spec(struct field_errors *e, const struct path *at, const struct pod_spec *s,
                    const struct object_meta *meta)
{
    _cleanup_map_ struct map volumes = {0};
    valid_volumes(e, PATH(at, "volumes"), &s->volumes, meta, &volumes);
    valid_pod_claims(e, PATH(at, "resourceClaims"), s, meta);
    valid_containers(e, &(struct container_scope){s, at, meta, &volumes});
    valid_pod_resources(e, at, s);
    valid_host_network(e, at, s, !meta);
    VALID_ONE_OF(e, PATH(at, "restartPolicy"), s->restart_policy, true, STR("Always"), STR("OnFailure"),
                 STR("Never"));
    VALID_ONE_OF(e, PATH(at, "dnsPolicy"), s->dns_policy, true, STR("ClusterFirstWithHostNet"),
                 STR("ClusterFirst"), STR("Default"), STR("None"));
    valid_labels(e, PATH(at, "nodeSelector"), &s->node_selector);
    valid_pod_security(e, at, s);
    if (s->affinity)
        valid_affinity(e, PATH(at, "affinity"), s->affinity);
    valid_dns(e, at, s);
    valid_gates(e, at, s);
    valid_spread(e, PATH(at, "topologySpreadConstraints"), s);
    valid_host_process(e, at, s);
    valid_host_users(e, at, s);
    valid_host_name(e, at, s);
    valid_names(e, at, s);
    valid_tolerations(e, PATH(at, "tolerations"), &s->tolerations);
    valid_host_aliases(e, PATH(at, "hostAliases"), s);
    valid_rest(e, at, s);
    valid_pod_os(e, at, s);
    valid_env_files(e, at, s);
}

void valid_pod_template(struct field_errors *e, const struct path *at, const struct pod_template_spec *t)
{
    const struct path *annotations = PATH(at, "annotations"); /* upstream leaves "metadata" out */
    valid_labels(e, PATH(at, "labels"), &t->metadata.labels);
    valid_annotations(e, annotations, &t->metadata.annotations);
    valid_pod_annotations(e, annotations, &t->metadata.annotations, &t->spec);
    valid_pod_spec(e, PATH(at, "spec"), &t->spec, NULL);
    valid_annotations_match(e, PATH(at, "spec"), &t->metadata, &t->spec);
    if (t->spec.ephemeral_containers.n)
        field_forbidden(e, PATH(PATH(at, "spec"), "ephemeralContainers"),
                        "ephemeral containers not allowed in pod template");
}

/* --- pods --- */

/* What holds for pods and not for templates: who has no account has no tokens. */
static void valid_tokens(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    if (s->service_account_name.n)
        return;
    each (s->volumes, i) {
        const struct projected_volume_source *p = s->volumes.at[i].projected;
        const struct path *sources = PATH(PATH(PATH_AT(PATH(spec, "volumes"), i), "projected"), "sources");
        for (size_t k = 0; p && k < p->sources.n; k++)
            if (p->sources.at[k].service_account_token)
                field_forbidden(e, PATH(PATH_AT(sources, k), "serviceAccountToken"),
                                "must not be specified when serviceAccountName is not set");
    }
}

void valid_pod(struct field_errors *e, const struct pod *pod)
{
    struct path spec = path_child(NULL, STR("spec"));
    const struct path *annotations = PATH(PATH(NULL, "metadata"), "annotations");
    valid_pod_annotations(e, annotations, &pod->metadata.annotations, &pod->spec);
    valid_pod_spec(e, &spec, &pod->spec, &pod->metadata);
    valid_tokens(e, &spec, &pod->spec);
}
