/* What is let through with a warning: fields that no longer do anything, or not what was surely meant
 * (upstream: pkg/api/pod/warnings.go, pkg/api/node/util.go). */
#include "api/kind/pod.h"
#include "schema/quantity.h"

#define WARN(at, fmt, ...)                                                                                   \
    do {                                                                                                     \
        _cleanup_arena_ struct arena warn_arena_ = {0};                                                      \
        strategy_warn(c, STR_FMT ": " fmt, STR_ARG(path_text(&warn_arena_, (at))), ##__VA_ARGS__);           \
    } while (0)

/* --- labels of nodes that have other names now --- */

static const struct {
    const char *label, *since, *instead;
} old_labels[] = {
    {"beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"},
    {"beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"},
    {"failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"},
    {"failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"},
    {"beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"},
};

/* `key`: whether the label is the path's own last part, or stands there as a value. */
static void warn_label(const struct path *at, struct str label, bool key, const struct strategy_context *c)
{
    for (size_t i = 0; i < ARRAY_LEN(old_labels); i++) {
        if (!str_is(label, old_labels[i].label))
            continue;
        if (key)
            WARN(at, "deprecated since %s; use \"%s\" instead", old_labels[i].since, old_labels[i].instead);
        else
            WARN(at, "%s is deprecated since %s; use \"%s\" instead", old_labels[i].label,
                 old_labels[i].since, old_labels[i].instead);
    }
}

static void warn_term(const struct path *at, const struct node_selector_term *t,
                      const struct strategy_context *c)
{
    each (t->match_expressions, i)
        warn_label(PATH(PATH_AT(PATH(at, "matchExpressions"), i), "key"), t->match_expressions.at[i].key,
                   false, c);
}

static void warn_node_affinity(const struct path *spec, const struct node_affinity *a,
                               const struct strategy_context *c)
{
    const struct path *at = PATH(PATH(spec, "affinity"), "nodeAffinity"),
                      *required = PATH(PATH(at, "requiredDuringSchedulingIgnoredDuringExecution"),
                                       "nodeSelectorTerms"),
                      *preferred = PATH(at, "preferredDuringSchedulingIgnoredDuringExecution");
    const struct node_selector *must = a->required_during_scheduling_ignored_during_execution;
    if (must)
        each (must->node_selector_terms, i)
            warn_term(PATH_AT(required, i), &must->node_selector_terms.at[i], c);
    each (a->preferred_during_scheduling_ignored_during_execution, i)
        warn_term(PATH(PATH_AT(preferred, i), "preference"),
                  &a->preferred_during_scheduling_ignored_during_execution.at[i].preference, c);
}

static void warn_placement(const struct path *spec, const struct pod_spec *s,
                           const struct strategy_context *c)
{
    each (s->node_selector, i)
        warn_label(PATH_OF(PATH(spec, "nodeSelector"), s->node_selector.at[i].key),
                   s->node_selector.at[i].key, true, c);
    if (s->affinity && s->affinity->node_affinity)
        warn_node_affinity(spec, s->affinity->node_affinity, c);
    each (s->topology_spread_constraints, i)
        warn_label(PATH(PATH_AT(PATH(spec, "topologySpreadConstraints"), i), "topologyKey"),
                   s->topology_spread_constraints.at[i].topology_key, false, c);
}

/* --- volumes whose drivers are gone --- */

static void warn_volumes(const struct path *spec, const struct pod_spec *s, const struct strategy_context *c)
{
    each (s->volumes, i) {
        const struct volume *v = &s->volumes.at[i];
        const struct path *at = PATH_AT(PATH(spec, "volumes"), i);
        const struct {
            const char *name;
            bool there;
            const char *deprecated, *gone;
        } sources[] = {
            {"photonPersistentDisk", v->photon_persistent_disk, "v1.11", "v1.16"},
            {"scaleIO", v->scale_io, "v1.16", "v1.22"},
            {"flocker", v->flocker, "v1.22", "v1.25"},
            {"storageos", v->storageos, "v1.22", "v1.25"},
            {"quobyte", v->quobyte, "v1.22", "v1.25"},
            {"glusterfs", v->glusterfs, "v1.25", "v1.26"},
            {"cephfs", v->cephfs, "v1.28", "v1.31"},
            {"rbd", v->rbd, "v1.28", "v1.31"},
        };
        if (v->git_repo)
            WARN(PATH(at, "gitRepo"), "deprecated in v1.11, and disabled by default in v1.33+");
        for (size_t k = 0; k < ARRAY_LEN(sources); k++) {
            struct path source = path_child(at, str_from(sources[k].name));
            if (sources[k].there)
                WARN(&source, "deprecated in %s, non-functional in %s+", sources[k].deprecated,
                     sources[k].gone);
        }
    }
}

/* --- containers --- */

/* Bytes come whole. */
static void warn_bytes(const struct path *at, const struct str_map *amounts, const struct strategy_context *c)
{
    each (*amounts, i) {
        struct str name = amounts->at[i].key, amount = amounts->at[i].value;
        if ((str_is(name, "memory") || str_is(name, "ephemeral-storage")) && str_ends(amount, STR("m")))
            WARN(PATH_OF(at, name), "fractional byte value \"" STR_FMT "\" is invalid, must be an integer",
                 STR_ARG(amount));
    }
}

static void warn_ports(const struct path *list, const struct container_port_vec *ports,
                       const struct strategy_context *c)
{
    each (*ports, i)
        for (size_t k = 0; k < i; k++) {
            const struct container_port *p = &ports->at[i], *before = &ports->at[k];
            if (p->container_port != before->container_port || !str_eq(p->protocol, before->protocol) ||
                p->host_port != before->host_port || !str_eq(p->host_ip, before->host_ip))
                continue;
            _cleanup_arena_ struct arena a = {0};
            WARN(PATH_AT(list, i), "duplicate port definition with " STR_FMT,
                 STR_ARG(path_text(&a, PATH_AT(list, k))));
            break;
        }
}

static void warn_env(const struct path *list, const struct env_var_vec *env, const struct strategy_context *c)
{
    each (*env, i)
        for (size_t k = 0; k < i; k++)
            if (str_eq(env->at[k].name, env->at[i].name)) {
                WARN(PATH_AT(list, i),
                     "hides previous definition of \"" STR_FMT "\", which may be dropped when using apply",
                     STR_ARG(env->at[i].name));
                break;
            }
}

static void warn_containers(const struct path *list, const struct container_vec *v,
                            const struct strategy_context *c)
{
    each (*v, i) {
        const struct container *one = &v->at[i];
        const struct path *at = PATH_AT(list, i), *resources = PATH(at, "resources");
        warn_env(PATH(at, "env"), &one->env, c);
        warn_ports(PATH(at, "ports"), &one->ports, c);
        warn_bytes(PATH(resources, "limits"), &one->resources.limits, c);
        warn_bytes(PATH(resources, "requests"), &one->resources.requests, c);
    }
}

/* --- annotations that fields have replaced --- */

static void warn_annotations(const struct path *meta, const struct object_meta *m,
                             const struct strategy_context *c)
{
    static const struct {
        const char *annotation;
        bool prefix;
        const char *text;
    } old[] = {
        {"scheduler.alpha.kubernetes.io/critical-pod", false,
         "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
        {"seccomp.security.alpha.kubernetes.io/pod", false,
         "non-functional in v1.27+; use the \"seccompProfile\" field instead"},
        {"container.seccomp.security.alpha.kubernetes.io/", true,
         "non-functional in v1.27+; use the \"seccompProfile\" field instead"},
        {"container.apparmor.security.beta.kubernetes.io/", true,
         "deprecated since v1.30; use the \"appArmorProfile\" field instead"},
    };
    each (m->annotations, i)
        for (size_t k = 0; k < ARRAY_LEN(old); k++)
            if (old[k].prefix ? str_starts(m->annotations.at[i].key, str_from(old[k].annotation))
                              : str_is(m->annotations.at[i].key, old[k].annotation))
                WARN(PATH_OF(PATH(meta, "annotations"), m->annotations.at[i].key), "%s", old[k].text);
}

void pod_warnings(const struct pod_spec *s, const struct object_meta *m, const struct path *at,
                  const struct strategy_context *c)
{
    const struct path *spec = PATH(at, "spec");
    warn_annotations(PATH(at, "metadata"), m, c);
    warn_placement(spec, s, c);
    warn_volumes(spec, s, c);
    each (s->image_pull_secrets, i)
        if (!s->image_pull_secrets.at[i].name.n)
            WARN(PATH(PATH_AT(PATH(spec, "imagePullSecrets"), i), "name"), "invalid empty name \"\"");
    warn_containers(PATH(spec, "initContainers"), &s->init_containers, c);
    warn_containers(PATH(spec, "containers"), &s->containers, c);
    if (s->termination_grace_period_seconds && *s->termination_grace_period_seconds < 0)
        WARN(PATH(spec, "terminationGracePeriodSeconds"),
             "must be >= 0; negative values are invalid and will be treated as 1");
}

void template_warnings(const struct pod_template_spec *t, const struct pod_template_spec *old,
                       const struct strategy_context *c)
{
    struct path spec = path_child(NULL, STR("spec")), template = path_child(&spec, STR("template"));
    if (!old || !same(&pod_template_spec_type, t, old))
        pod_warnings(&t->spec, &t->metadata, &template, c);
}

void pods_name_warning(const struct object_meta *m, const struct strategy_context *c)
{
    struct str wrong[FORMAT_MESSAGES];
    size_t n = format_check(FORMAT_DNS1123_LABEL, m->name, wrong);
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? " " : "", STR_ARG(wrong[i]));
    if (n)
        strategy_warn(
            c,
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising "
            "behavior; a DNS label is recommended: [" STR_FMT "]",
            STR_ARG(buf_str(&b)));
}
