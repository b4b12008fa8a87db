/* PodSecurity: pods meet the standard that the labels of their namespace name, or are refused, noted in the
 * audit log, or warned about; what makes pods is warned about ahead (k8s.io/pod-security-admission). */
#include <stdio.h>
#include <stdlib.h>

#include "api/admission.h"
#include "api/kind/container.h"
#include "api/metrics.h"
#include "api/pod_security/pod_security.h"
#include "api/road.h"
#include "kinds/apps_v1.h"
#include "kinds/batch_v1.h"
#include "kinds/podsecurity_v1.h"

#define LABEL_PREFIX      "pod-security.kubernetes.io/"
#define ANNOTATION_PREFIX "pod-security.kubernetes.io/"

enum { PODS_CHECKED_MAX = 3000 };

enum mode { MODE_ENFORCE, MODE_AUDIT, MODE_WARN, MODES };

/* What a namespace asks for. */
struct pod_policy {
    struct pod_security_standard at[MODES];
};

/* --- a namespace's labels --- */

static const char *const mode_names[] = {"enforce", "audit", "warn"};

/* What holds where there are no labels. */
static struct pod_security_standard usual(const struct api *a, enum mode m)
{
    struct pod_security_standard s = {POD_SECURITY_PRIVILEGED, POD_SECURITY_LATEST};
    const struct pod_security_configuration *c = a->admission->pod_security;
    if (!c)
        return s;
    const struct str *level[] = {&c->defaults.enforce, &c->defaults.audit, &c->defaults.warn},
                     *version[] = {&c->defaults.enforce_version, &c->defaults.audit_version,
                                   &c->defaults.warn_version};
    pod_security_level_parse(*level[m], &s.level);
    pod_security_version_parse(*version[m], &s.version);
    return s;
}

static void note(struct api_attributes *at, const char *key, struct str value)
{
    api_annotate(at->request, arena_printf(at->request->arena, ANNOTATION_PREFIX "%s", key), value);
}

/* Of whom nothing is asked; that is noted. `class`: of a pod, may be NULL. */
static bool exempt(const struct api *a, struct api_attributes *at, const struct str *class)
{
    const struct pod_security_configuration *c = a->admission->pod_security;
    const struct api_request *r = at->request;
    if (!c)
        return false;
    struct str ns = at->resource == &namespace_resource ? r->name : r->ns;
    const char *why = str_vec_has(&c->exemptions.namespaces, ns)                     ? "namespace"
                      : str_vec_has(&c->exemptions.usernames, r->user->name)         ? "user"
                      : class && str_vec_has(&c->exemptions.runtime_classes, *class) ? "runtimeClass"
                                                                                     : NULL;
    if (why)
        note(at, "exempt", str_from(why));
    return why;
}

/* Labels that are none of ours' values: enforced as strictly as can be, else not at all. */
static void read_policy(const struct api *a, const struct str_map *labels, struct pod_policy *out,
                        struct field_errors *e)
{
    struct path all = path_child(PATH(NULL, "metadata"), STR("labels"));
    for (int m = 0; m < MODES; m++) {
        char key[64];
        out->at[m] = usual(a, (enum mode)m);
        snprintf(key, sizeof key, LABEL_PREFIX "%s", mode_names[m]);
        const struct str *level = str_map_get(labels, str_from(key));
        if (level && !pod_security_level_parse(*level, &out->at[m].level)) {
            out->at[m].level = m == MODE_ENFORCE ? POD_SECURITY_RESTRICTED : POD_SECURITY_PRIVILEGED;
            field_invalid(e, PATH_OF(&all, str_from(key)), *level,
                          "must be one of privileged, baseline, restricted");
        }
        snprintf(key, sizeof key, LABEL_PREFIX "%s-version", mode_names[m]);
        const struct str *version = str_map_get(labels, str_from(key));
        if (version && !pod_security_version_parse(*version, &out->at[m].version))
            field_invalid(e, PATH_OF(&all, str_from(key)), *version, "must be \"latest\" or \"v1.x\"");
    }
}

static bool same_standard(struct pod_security_standard a, struct pod_security_standard b)
{
    return a.level == b.level && a.version == b.version;
}

/* How many pods are wrong in the same way, and the first of them by name. */
struct complaint {
    struct str why, pod;
    size_t n;
};

static int by_text(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* A stricter standard: whom of the present pods it would have refused. */
static void warn_of_present_pods(struct api *a, struct api_attributes *at, struct str ns,
                                 struct pod_security_standard s)
{
    struct arena *arena = at->request->arena;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct table *pods = store_table(a->store, &pod_resource);
    size_t total = snapshot_count(snap, pods, ns), checked = 0, n = 0;
    size_t most = total < PODS_CHECKED_MAX ? total : PODS_CHECKED_MAX;
    struct complaint *found = arena_new_n(arena, struct complaint, most);
    struct cursor c;
    cursor_open(&c, snap, pods, ns, STR(""), STR(""));
    for (struct object *o; checked < most && (o = cursor_next(&c)); checked++) {
        const struct pod *pod = object_typed(o);
        _cleanup_buf_ struct buf why = {0};
        if (pod_security_allows(s, &pod->metadata.annotations, &pod->spec, NULL, &why))
            continue;
        size_t i = 0;
        while (i < n && !str_eq(found[i].why, buf_str(&why)))
            i++;
        if (i == n)
            found[n++] =
                (struct complaint){arena_str(arena, buf_str(&why)), arena_str(arena, pod->metadata.name), 0};
        found[i].n++;
    }
    if (checked < total)
        api_warn(
            at->request,
            arena_printf(arena,
                         "new PodSecurity enforce level only checked against the first %zu of %zu existing "
                         "pods",
                         checked, total));
    if (!n)
        return;
    api_warn(at->request, arena_printf(arena,
                                       "existing pods in namespace \"" STR_FMT
                                       "\" violate the new PodSecurity enforce level \"" STR_FMT "\"",
                                       STR_ARG(ns), STR_ARG(pod_security_standard_text(arena, s))));
    struct str *texts = arena_new_n(arena, struct str, n);
    for (size_t i = 0; i < n; i++) {
        const struct complaint *k = &found[i];
        struct str others = k->n == 1   ? STR("")
                            : k->n == 2 ? STR(" (and 1 other pod)")
                                        : arena_printf(arena, " (and %zu other pods)", k->n - 1);
        texts[i] = arena_printf(arena, STR_FMT STR_FMT ": " STR_FMT, STR_ARG(k->pod), STR_ARG(others),
                                STR_ARG(k->why));
    }
    qsort(texts, n, sizeof *texts, by_text);
    for (size_t i = 0; i < n; i++)
        api_warn(at->request, texts[i]);
}

static bool same_errors(const struct field_errors *a, const struct field_errors *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = str_eq(a->at[i].field, b->at[i].field) && str_eq(a->at[i].body, b->at[i].body);
    return same;
}

static int judge_namespace(struct api *a, struct api_attributes *at, struct err *err)
{
    const struct namespace *ns = at->object, *old = at->old;
    struct pod_policy now, before;
    _cleanup_field_errors_ struct field_errors wrong = {0}, wrong_before = {0};
    read_policy(a, &ns->metadata.labels, &now, &wrong);
    if (old)
        read_policy(a, &old->metadata.labels, &before, &wrong_before);
    if (wrong.n && !(old && wrong_before.n && same_errors(&wrong, &wrong_before)))
        return field_errors_status(&wrong, STR(""), STR("Namespace"), ns->metadata.name, err);
    if (!old)
        return 0;
    struct pod_security_standard s = now.at[MODE_ENFORCE], was = before.at[MODE_ENFORCE];
    if (!same_standard(s, was) && s.level != POD_SECURITY_PRIVILEGED &&
        !(s.version == was.version && s.level < was.level) && !exempt(a, at, NULL))
        warn_of_present_pods(a, at, ns->metadata.name, s);
    return 0;
}

/* --- pods, and what makes them --- */

/* The template within an object; NULL when it has none, or is no such kind. */
static const struct pod_template_spec *template_of(const struct resource *r, const void *o)
{
    if (r == &deployment_resource)
        return &((const struct deployment *)o)->spec.template;
    if (r == &daemon_set_resource)
        return &((const struct daemon_set *)o)->spec.template;
    if (r == &stateful_set_resource)
        return &((const struct stateful_set *)o)->spec.template;
    if (r == &replica_set_resource)
        return &((const struct replica_set *)o)->spec.template;
    if (r == &replication_controller_resource)
        return ((const struct replication_controller *)o)->spec.template;
    if (r == &pod_template_resource)
        return &((const struct pod_template *)o)->template;
    if (r == &job_resource)
        return &((const struct job *)o)->spec.template;
    if (r == &cron_job_resource)
        return &((const struct cron_job *)o)->spec.job_template.spec.template;
    return NULL;
}

static bool container_matters(const struct container *c, const struct container *old, const struct pod *pod,
                              const struct pod *before)
{
    char key[512];
    snprintf(key, sizeof key, "container.seccomp.security.alpha.kubernetes.io/" STR_FMT, STR_ARG(c->name));
    const struct str *now = str_map_get(&pod->metadata.annotations, str_from(key)),
                     *was = str_map_get(&before->metadata.annotations, str_from(key));
    return !str_eq(c->image, old->image) || !str_eq(now ? *now : STR(""), was ? *was : STR(""));
}

/* Whether an update changes what the standards look at (and updates can change). */
static bool update_matters(const struct pod *pod, const struct pod *old)
{
    const struct str key = STR("seccomp.security.alpha.kubernetes.io/pod");
    const struct str *now = str_map_get(&pod->metadata.annotations, key),
                     *was = str_map_get(&old->metadata.annotations, key);
    if (!str_eq(now ? *now : STR(""), was ? *was : STR("")) ||
        pod->spec.containers.n != old->spec.containers.n ||
        pod->spec.init_containers.n != old->spec.init_containers.n)
        return true;
    each (pod->spec.containers, i)
        if (container_matters(&pod->spec.containers.at[i], &old->spec.containers.at[i], pod, old))
            return true;
    each (pod->spec.init_containers, i)
        if (container_matters(&pod->spec.init_containers.at[i], &old->spec.init_containers.at[i], pod, old))
            return true;
    each (pod->spec.ephemeral_containers, i) {
        const struct ephemeral_container *c = &pod->spec.ephemeral_containers.at[i], *same = NULL;
        each (old->spec.ephemeral_containers, k)
            if (str_eq(old->spec.ephemeral_containers.at[k].name, c->name))
                same = &old->spec.ephemeral_containers.at[k];
        if (!same || container_matters(ephemeral_as_container(c), ephemeral_as_container(same), pod, old))
            return true;
    }
    return false;
}

/* What the standard says of the pod: "would violate PodSecurity ...", or empty. */
static struct str violation(struct arena *a, struct pod_security_standard s,
                            const struct str_map *annotations, const struct pod_spec *spec, const char *verb)
{
    _cleanup_buf_ struct buf b = {0};
    if (pod_security_allows(s, annotations, spec, &b, NULL))
        return STR("");
    return arena_printf(a, "%s PodSecurity \"" STR_FMT "\": " STR_FMT, verb,
                        STR_ARG(pod_security_standard_text(a, s)), STR_ARG(buf_str(&b)));
}

static int judge_spec(struct api *api, struct api_attributes *at, const struct str_map *annotations,
                      const struct pod_spec *spec, bool enforce, struct err *err)
{
    struct arena *a = at->request->arena;
    if (exempt(api, at, spec->runtime_class_name))
        return 0;
    _cleanup_object_ struct object *o = road_find(api, &namespace_resource, STR(""), at->request->ns);
    if (!o)
        return 0; /* NamespaceLifecycle has said so */
    struct pod_policy policy;
    _cleanup_field_errors_ struct field_errors wrong = {0};
    read_policy(api, &object_meta(o)->labels, &policy, &wrong);
    if (wrong.n) {
        _cleanup_buf_ struct buf b = {0};
        field_errors_write(&b, &wrong);
        note(at, "error", arena_printf(a, "Failed to parse policy: " STR_FMT, STR_ARG(buf_str(&b))));
    }
    if (enforce)
        note(at, "enforce-policy", pod_security_standard_text(a, policy.at[MODE_ENFORCE]));
    struct str refused =
        enforce ? violation(a, policy.at[MODE_ENFORCE], annotations, spec, "violates") : STR("");
    if (enforce)
        metrics_pod_security(!refused.n, "enforce", pod_security_standard_text(a, policy.at[MODE_ENFORCE]),
                             at);
    struct str audited = violation(a, policy.at[MODE_AUDIT], annotations, spec, "would violate");
    if (audited.n) {
        metrics_pod_security(false, "audit", pod_security_standard_text(a, policy.at[MODE_AUDIT]), at);
        note(at, "audit-violations", audited);
    }
    if (refused.n)
        return admission_forbid(at, err, STR_FMT, STR_ARG(refused));
    struct str warning = violation(a, policy.at[MODE_WARN], annotations, spec, "would violate");
    if (warning.n) {
        metrics_pod_security(false, "warn", pod_security_standard_text(a, policy.at[MODE_WARN]), at);
        api_warn(at->request, warning);
    }
    return 0;
}

static int judge_pod(struct api *a, struct api_attributes *at, struct err *err)
{
    struct str sub = at->request->subresource;
    const struct pod *pod = at->object;
    if (sub.n && !str_is(sub, "ephemeralcontainers") && !str_is(sub, "resize"))
        return 0;
    if (exempt(a, at, NULL) || (at->old && !update_matters(pod, at->old)))
        return 0;
    return judge_spec(a, at, &pod->metadata.annotations, &pod->spec, true, err);
}

static int pod_security_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (at->operation != API_OP_CREATE && at->operation != API_OP_UPDATE)
        return 0;
    if (at->resource == &pod_resource)
        return judge_pod(a, at, err);
    if (at->request->subresource.n)
        return 0;
    if (at->resource == &namespace_resource)
        return judge_namespace(a, at, err);
    const struct pod_template_spec *t = template_of(at->resource, at->object);
    return t ? judge_spec(a, at, &t->metadata.annotations, &t->spec, false, err) : 0;
}

const struct admission_plugin pod_security_admission = {.name = "PodSecurity",
                                                        .validate = pod_security_validate};
