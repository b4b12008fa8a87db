#include "api/kind/container.h"
#include "api/kind/pod.h"
#include "base/map.h"

static void valid_dns(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    const struct path *at = PATH(spec, "dnsConfig");
    const struct pod_dns_config *c = s->dns_config;
    VALID_ONE_OF(e, PATH(spec, "dnsPolicy"), s->dns_policy, true, STR("ClusterFirst"),
                 STR("ClusterFirstWithHostNet"), STR("Default"), STR("None"));
    if (str_is(s->dns_policy, "None") && (!c || c->nameservers.n == 0))
        field_required(e, c ? PATH(at, "nameservers") : at,
                       "must provide at least one DNS nameserver when `dnsPolicy` is None");
    if (!c)
        return;
    if (c->nameservers.n > 3)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "nameservers"), BAD_NONE,
                    "must not have more than 3 nameservers");
    each (c->nameservers, i)
        valid_ip(e, PATH_AT(PATH(at, "nameservers"), i), c->nameservers.at[i]);
    if (c->searches.n > 32)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "searches"), BAD_NONE,
                    "must not have more than 32 search paths");
    each (c->searches, i) {
        struct str search = c->searches.at[i];
        if (search.n > 1 && str_ends(search, STR(".")))
            search.n--;
        if (!str_is(search, "."))
            format_validate(e, PATH_AT(PATH(at, "searches"), i), FORMAT_DNS1123_SUBDOMAIN_UNDERSCORE, search);
    }
    each (c->options, i)
        if (!c->options.at[i].name.n)
            field_required(e, PATH_AT(PATH(at, "options"), i), "must not be empty");
}

static void valid_host_aliases(struct field_errors *e, const struct path *at, const struct pod_spec *s)
{
    each (s->host_aliases, i) {
        const struct host_alias *h = &s->host_aliases.at[i];
        valid_ip(e, PATH(PATH_AT(at, i), "ip"), h->ip);
        each (h->hostnames, k)
            format_validate(e, PATH(PATH_AT(at, i), "hostnames"), FORMAT_DNS1123_SUBDOMAIN,
                            h->hostnames.at[k]);
    }
}

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
    if (s->scheduling_gates.n && s->node_name.n)
        field_forbidden(e, PATH(spec, "nodeName"),
                        "cannot be set until all schedulingGates have been cleared");
}

static void valid_windows(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    if (!s->os)
        return;
    VALID_ONE_OF(e, PATH(PATH(spec, "os"), "name"), s->os->name, true, STR("linux"), STR("windows"));
    if (!str_is(s->os->name, "windows"))
        return;
    if (s->host_pid)
        field_forbidden(e, PATH(PATH(spec, "securityContext"), "hostPID"), "cannot be set for a windows pod");
    if (s->host_ipc)
        field_forbidden(e, PATH(PATH(spec, "securityContext"), "hostIPC"), "cannot be set for a windows pod");
}

/* Resources of the pod as a whole (KEP-2837). */
static void valid_pod_resources(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    if (!s->resources)
        return;
    const struct path *at = PATH(spec, "resources");
    valid_resource_requirements(e, at, s->resources);
    each (s->resources->limits, i) {
        struct str name = s->resources->limits.at[i].key;
        if (!str_is(name, "cpu") && !str_is(name, "memory") && !str_starts(name, STR("hugepages-")))
            field_error(e, FIELD_ERROR_NOT_SUPPORTED, PATH_OF(PATH(at, "limits"), name), BAD(name),
                        "supported values: \"cpu\", \"hugepages-\", \"memory\"");
    }
}

void valid_pod_spec(struct field_errors *e, const struct path *at, const struct pod_spec *s)
{
    valid_volumes(e, PATH(at, "volumes"), &s->volumes);
    valid_containers(e, &(struct container_scope){s, at});
    valid_pod_resources(e, at, s);
    VALID_ONE_OF(e, PATH(at, "restartPolicy"), s->restart_policy, true, STR("Always"), STR("Never"),
                 STR("OnFailure"));
    valid_dns(e, at, s);
    valid_placement(e, at, s);
    valid_pod_security(e, at, s);
    valid_gates(e, at, s);
    valid_host_aliases(e, PATH(at, "hostAliases"), s);
    valid_windows(e, at, s);
    if (s->service_account_name.n)
        format_validate(e, PATH(at, "serviceAccountName"), FORMAT_DNS1123_SUBDOMAIN, s->service_account_name);
    if (s->node_name.n)
        format_validate(e, PATH(at, "nodeName"), FORMAT_DNS1123_SUBDOMAIN, s->node_name);
    if (s->active_deadline_seconds)
        if (*s->active_deadline_seconds < 1 || *s->active_deadline_seconds > INT32_MAX)
            field_invalid_int(e, PATH(at, "activeDeadlineSeconds"), *s->active_deadline_seconds,
                              "must be between 1 and 2147483647, inclusive");
    if (s->hostname.n)
        format_validate(e, PATH(at, "hostname"), FORMAT_DNS1123_LABEL, s->hostname);
    if (s->subdomain.n)
        format_validate(e, PATH(at, "subdomain"), FORMAT_DNS1123_LABEL, s->subdomain);
    if (s->priority_class_name.n)
        format_validate(e, PATH(at, "priorityClassName"), FORMAT_DNS1123_SUBDOMAIN, s->priority_class_name);
    if (s->runtime_class_name)
        format_validate(e, PATH(at, "runtimeClassName"), FORMAT_DNS1123_SUBDOMAIN, *s->runtime_class_name);
    if (s->preemption_policy)
        VALID_ONE_OF(e, PATH(at, "preemptionPolicy"), *s->preemption_policy, true, STR("Never"),
                     STR("PreemptLowerPriority"));
    each (s->overhead, i)
        valid_quantity(e, PATH_OF(PATH(at, "overhead"), s->overhead.at[i].key), s->overhead.at[i].value);
}

void valid_pod_template(struct field_errors *e, const struct path *at, const struct pod_template_spec *t)
{
    valid_labels(e, PATH(PATH(at, "metadata"), "labels"), &t->metadata.labels);
    valid_annotations(e, PATH(PATH(at, "metadata"), "annotations"), &t->metadata.annotations);
    valid_pod_spec(e, PATH(at, "spec"), &t->spec);
    if (t->spec.ephemeral_containers.n)
        field_forbidden(e, PATH(PATH(at, "spec"), "ephemeralContainers"),
                        "ephemeral containers not allowed in pod template");
}
