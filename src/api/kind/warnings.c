/* What is let through with a warning: fields that no longer do anything, or not what was surely meant
 * (upstream: pkg/api/pod/warnings.go, pkg/api/node/util.go). */
#include <stdlib.h>

#include "api/kind/container.h"
#include "api/kind/pod.h"
#include "api/kind/warn.h"

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

void warn_node_label(const struct path *at, struct str label, bool key, const struct strategy_context *c)
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
        warn_node_label(PATH(PATH_AT(PATH(at, "matchExpressions"), i), "key"), t->match_expressions.at[i].key,
                        false, c);
}

void warn_node_terms(const struct path *at, const struct node_selector *s, const struct strategy_context *c)
{
    each (s->node_selector_terms, i)
        warn_term(PATH_AT(PATH(at, "nodeSelectorTerms"), i), &s->node_selector_terms.at[i], c);
}

static void warn_node_affinity(const struct path *spec, const struct node_affinity *a,
                               const struct strategy_context *c)
{
    const struct path *at = PATH(PATH(spec, "affinity"), "nodeAffinity"),
                      *required = PATH(at, "requiredDuringSchedulingIgnoredDuringExecution"),
                      *preferred = PATH(at, "preferredDuringSchedulingIgnoredDuringExecution");
    const struct node_selector *must = a->required_during_scheduling_ignored_during_execution;
    if (must)
        warn_node_terms(required, must, c);
    each (a->preferred_during_scheduling_ignored_during_execution, i)
        warn_term(PATH(PATH_AT(preferred, i), "preference"),
                  &a->preferred_during_scheduling_ignored_during_execution.at[i].preference, c);
}

static void warn_null_selector(const struct path *at, const struct label_selector *s,
                               const struct strategy_context *c)
{
    if (!s)
        WARN(PATH(at, "labelSelector"), "a null labelSelector results in matching no pod");
}

static void warn_terms(const struct path *at, const struct pod_affinity_term_vec *required,
                       const struct weighted_pod_affinity_term_vec *preferred,
                       const struct strategy_context *c)
{
    each (*required, i)
        warn_null_selector(PATH_AT(PATH(at, "requiredDuringSchedulingIgnoredDuringExecution"), i),
                           required->at[i].label_selector, c);
    each (*preferred, i)
        warn_null_selector(
            PATH(PATH_AT(PATH(at, "preferredDuringSchedulingIgnoredDuringExecution"), i), "podAffinityTerm"),
            preferred->at[i].pod_affinity_term.label_selector, c);
}

static void warn_pod_affinity(const struct path *spec, const struct affinity *a,
                              const struct strategy_context *c)
{
    const struct path *at = PATH(spec, "affinity");
    if (a->pod_affinity)
        warn_terms(PATH(at, "podAffinity"),
                   &a->pod_affinity->required_during_scheduling_ignored_during_execution,
                   &a->pod_affinity->preferred_during_scheduling_ignored_during_execution, c);
    if (a->pod_anti_affinity)
        warn_terms(PATH(at, "podAntiAffinity"),
                   &a->pod_anti_affinity->required_during_scheduling_ignored_during_execution,
                   &a->pod_anti_affinity->preferred_during_scheduling_ignored_during_execution, c);
}

static void warn_placement(const struct path *spec, const struct pod_spec *s,
                           const struct strategy_context *c)
{
    each (s->node_selector, i)
        warn_node_label(PATH_OF(PATH(spec, "nodeSelector"), s->node_selector.at[i].key),
                        s->node_selector.at[i].key, true, c);
    if (s->affinity && s->affinity->node_affinity)
        warn_node_affinity(spec, s->affinity->node_affinity, c);
    each (s->topology_spread_constraints, i) {
        const struct topology_spread_constraint *t = &s->topology_spread_constraints.at[i];
        const struct path *at = PATH_AT(PATH(spec, "topologySpreadConstraints"), i);
        warn_node_label(PATH(at, "topologyKey"), t->topology_key, false, c);
        warn_null_selector(at, t->label_selector, c);
    }
}

/* --- lists whose repeats apply would drop --- */

static void warn_repeats(const struct path *spec, const struct pod_spec *s, const struct strategy_context *c)
{
    _cleanup_map_ struct map ips = {0}, secrets = {0};
    each (s->host_aliases, i) {
        struct str ip = s->host_aliases.at[i].ip;
        const struct path *at = PATH(PATH_AT(PATH(spec, "hostAliases"), i), "ip");
        if (map_put(&ips, ip, (void *)s))
            WARN(at, "duplicate ip \"" STR_FMT "\"", STR_ARG(ip));
    }
    each (s->image_pull_secrets, i)
        if (map_put(&secrets, s->image_pull_secrets.at[i].name, (void *)s))
            WARN(PATH(PATH_AT(PATH(spec, "imagePullSecrets"), i), "name"), "duplicate name \"" STR_FMT "\"",
                 STR_ARG(s->image_pull_secrets.at[i].name));
    each (s->image_pull_secrets, i)
        if (!s->image_pull_secrets.at[i].name.n)
            WARN(PATH(PATH_AT(PATH(spec, "imagePullSecrets"), i), "name"), "invalid empty name \"\"");
}

/* --- containers --- */

static void warn_bytes(const struct path *at, const struct str_map *amounts, const struct strategy_context *c)
{
    warn_fraction(at, amounts, STR("memory"), c);
    warn_fraction(at, amounts, STR("ephemeral-storage"), c);
}

/* A variable that is given anew without making use of what it was. */
static void warn_env(const struct path *list, const struct env_var_vec *env, const struct strategy_context *c)
{
    _cleanup_map_ struct map names = {0};
    each (*env, i) {
        const struct env_var *v = &env->at[i];
        _cleanup_buf_ struct buf ref = {0};
        if (!map_put(&names, v->name, (void *)v))
            continue;
        buf_addf(&ref, "$(" STR_FMT ")", STR_ARG(v->name));
        if (v->value_from || str_eq(v->value, buf_str(&ref)) || str_find(v->value, buf_str(&ref)) < 0)
            WARN(PATH_AT(list, i),
                 "hides previous definition of \"" STR_FMT "\", which may be dropped when using apply",
                 STR_ARG(v->name));
    }
}

/* Ports of all containers, as they are come by. */
struct ports {
    const struct strategy_context *c;
    struct {
        const struct container_port *port;
        struct str at;
    } * seen;
    size_t n, cap;
    struct arena arena;
};

/* NULL: they get along. */
static const char *port_clash(const struct container_port *p, const struct container_port *o)
{
    if (p->container_port != o->container_port || !str_eq(p->protocol, o->protocol))
        return NULL;
    if (str_eq(p->host_ip, o->host_ip) && p->host_port == o->host_port)
        return "duplicate";
    if (!p->host_port || !o->host_port)
        return "overlapping";
    return p->host_port == o->host_port && !p->host_ip.n != !o->host_ip.n ? "dangerously ambiguous" : NULL;
}

static void visit_ports(const struct container *one, const struct path *at, void *arg)
{
    struct ports *ports = arg;
    const struct strategy_context *c = ports->c;
    each (one->ports, i) {
        const struct container_port *p = &one->ports.at[i];
        const struct path *item = PATH_AT(PATH(at, "ports"), i);
        if (p->host_ip.n && !p->host_port)
            WARN(item,
                 "hostIP set without hostPort: {Name:" STR_FMT
                 " HostPort:%d ContainerPort:%d Protocol:" STR_FMT " HostIP:" STR_FMT "}",
                 STR_ARG(p->name), p->host_port, p->container_port, STR_ARG(p->protocol),
                 STR_ARG(p->host_ip));
        for (size_t k = 0; k < ports->n; k++) {
            const char *clash = port_clash(p, ports->seen[k].port);
            if (clash)
                WARN(item, "%s port definition with " STR_FMT, clash, STR_ARG(ports->seen[k].at));
        }
        mem_grow((void **)&ports->seen, &ports->cap, ports->n + 1, sizeof *ports->seen);
        ports->seen[ports->n].port = p;
        ports->seen[ports->n++].at = path_text(&ports->arena, item);
    }
}

static void warn_ports(const struct path *spec, const struct pod_spec *s, const struct strategy_context *c)
{
    struct ports ports = {.c = c};
    containers_visit(s, spec, visit_ports, &ports);
    free(ports.seen);
    arena_free(&ports.arena);
}

/* --- annotations that fields have replaced --- */

struct warned {
    const struct pod_spec *spec;
    const struct object_meta *meta;
    const struct path *annotations;
    const struct strategy_context *c;
    bool template;
};

static void warn_annotation(const struct warned *w, struct str prefix, struct str name, const char *text)
{
    const struct strategy_context *c = w->c;
    struct str key = arena_concat(c->arena, prefix, name);
    if (str_map_get(&w->meta->annotations, key))
        WARN(PATH_OF(w->annotations, key), "%s", text);
}

static const char *const seccomp_gone = "non-functional in v1.27+; use the \"seccompProfile\" field instead";

static void visit_container(const struct container *one, const struct path *at, void *arg)
{
    const struct warned *w = arg;
    const struct security_context *s = one->security_context;
    const struct pod_security_context *of_pod = w->spec->security_context;
    const struct path *resources = PATH(at, "resources");
    if (!s || !s->seccomp_profile)
        warn_annotation(w, STR("container.seccomp.security.alpha.kubernetes.io/"), one->name, seccomp_gone);
    /* Of pods this is said where field and annotation are made from each other. */
    if (w->template && !(of_pod && of_pod->app_armor_profile) && !(s && s->app_armor_profile))
        warn_annotation(w, STR("container.apparmor.security.beta.kubernetes.io/"), one->name,
                        "deprecated since v1.30; use the \"appArmorProfile\" field instead");
    warn_bytes(PATH(resources, "limits"), &one->resources.limits, w->c);
    warn_bytes(PATH(resources, "requests"), &one->resources.requests, w->c);
    warn_env(PATH(at, "env"), &one->env, w->c);
}

static void warn_annotations(const struct warned *w)
{
    static const struct {
        const char *key, *text;
    } gone[] = {
        {"scheduler.alpha.kubernetes.io/critical-pod",
         "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
        {"security.alpha.kubernetes.io/sysctls",
         "non-functional in v1.11+; use the \"sysctls\" field instead"},
        {"security.alpha.kubernetes.io/unsafe-sysctls",
         "non-functional in v1.11+; use the \"sysctls\" field instead"},
    };
    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        warn_annotation(w, STR(""), str_from(gone[i].key), gone[i].text);
}

static void warn_volumes(const struct path *spec, const struct pod_spec *s, const struct strategy_context *c)
{
    each (s->volumes, i) {
        const struct volume *v = &s->volumes.at[i];
        const struct path *at = PATH_AT(PATH(spec, "volumes"), i),
                          *template = PATH(PATH(at, "ephemeral"), "volumeClaimTemplate");
        warn_volume_source(at, &volume_type, v, c);
        if (v->ephemeral && v->ephemeral->volume_claim_template)
            claim_spec_warnings(PATH(template, "spec"), &v->ephemeral->volume_claim_template->spec, c);
    }
    warn_overlapping_paths(&s->volumes, c);
}

void pod_warnings(const struct pod_spec *s, const struct object_meta *m, const struct path *at,
                  const struct strategy_context *c)
{
    const struct path *spec = PATH(at, "spec");
    const struct warned w = {s, m, PATH(PATH(at, "metadata"), "annotations"), c, at};
    warn_placement(spec, s, c);
    warn_annotations(&w);
    warn_volumes(spec, s, c);
    warn_repeats(spec, s, c);
    warn_bytes(PATH(spec, "overhead"), &s->overhead, c);
    if (!s->security_context || !s->security_context->seccomp_profile)
        warn_annotation(&w, STR(""), STR("seccomp.security.alpha.kubernetes.io/pod"), seccomp_gone);
    containers_visit(s, spec, visit_container, (void *)&w);
    warn_ports(spec, s, c);
    if (s->termination_grace_period_seconds && *s->termination_grace_period_seconds < 0)
        WARN(PATH(spec, "terminationGracePeriodSeconds"),
             "must be >= 0; negative values are invalid and will be treated as 1");
    if (s->affinity)
        warn_pod_affinity(spec, s->affinity, c);
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
