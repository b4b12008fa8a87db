/* Annotations of pods that mean something: what fields have replaced, and what other rules hang on
 * (ValidatePodSpecificAnnotations, applyAppArmorVersionSkew). */
#include "api/kind/container.h"
#include "api/kind/pod.h"

#define APP_ARMOR   STR("container.apparmor.security.beta.kubernetes.io/")
#define SECCOMP     STR("container.seccomp.security.alpha.kubernetes.io/")
#define SECCOMP_POD STR("seccomp.security.alpha.kubernetes.io/pod")
#define MIRROR      STR("kubernetes.io/config.mirror")
#define COST        STR("controller.kubernetes.io/pod-deletion-cost")

bool pod_is_mirror(const struct object_meta *m)
{
    return str_map_get(&m->annotations, MIRROR);
}

/* --- what they may say --- */

static bool is_localhost(struct str profile)
{
    return str_starts(profile, STR("localhost/"));
}

static struct str localhost_name(struct str profile)
{
    return str_from_at(profile, sizeof "localhost/" - 1);
}

static void valid_seccomp_annotation(struct field_errors *e, const struct path *at, struct str profile)
{
    if (is_localhost(profile))
        valid_relative_path(e, at, localhost_name(profile));
    else if (!str_is(profile, "runtime/default") && !str_is(profile, "docker/default") &&
             !str_is(profile, "unconfined"))
        field_invalid(e, at, profile, "must be a valid seccomp profile");
}

struct named {
    struct str name;
    bool found;
};

static void visit_named(const struct container *c, const struct path *at, void *arg)
{
    struct named *n = arg;
    (void)at;
    n->found |= str_eq(c->name, n->name);
}

static void valid_app_armor_annotation(struct field_errors *e, const struct path *at, struct str container,
                                       struct str profile, const struct pod_spec *s)
{
    struct named named = {container, false};
    containers_visit(s, NULL, visit_named, &named);
    if (!named.found)
        field_invalid(e, at, container, "container not found");
    if (profile.n && !str_is(profile, "runtime/default") && !str_is(profile, "unconfined") &&
        !is_localhost(profile))
        field_invalid(e, at, profile, "invalid AppArmor profile name: \"" STR_FMT "\"", STR_ARG(profile));
}

/* A 32-bit number as it is written: no plus sign, no zeros in front. */
static bool is_cost(struct str s)
{
    int64_t n;
    struct str digits = str_starts(s, STR("-")) ? str_from_at(s, 1) : s;
    if (!str_to_i64(s, &n) || n < INT32_MIN || n > INT32_MAX)
        return false;
    return str_is(s, "0") || (digits.n && digits.p[0] >= '1' && digits.p[0] <= '9');
}

void valid_pod_annotations(struct field_errors *e, const struct path *at, const struct str_map *annotations,
                           const struct pod_spec *s)
{
    each (*annotations, i) {
        struct str key = annotations->at[i].key, value = annotations->at[i].value;
        const struct path *item = PATH_OF(at, key);
        struct path child = path_child(at, key); /* upstream names some as fields */
        if (str_eq(key, MIRROR) && !s->node_name.n)
            field_invalid(e, item, value, "must set spec.nodeName if mirror pod annotation is set");
        if (str_eq(key, COST) && !is_cost(value))
            field_invalid(e, item, value, "must be a 32bit integer");
        if (str_eq(key, SECCOMP_POD) || str_starts(key, SECCOMP))
            valid_seccomp_annotation(e, &child, value);
        if (str_starts(key, APP_ARMOR))
            valid_app_armor_annotation(e, item, str_from_at(key, APP_ARMOR.n), value, s);
    }
}

/* --- what fields and annotations both say must be the same --- */

struct synced {
    struct field_errors *e;
    const struct object_meta *meta;
    const struct pod_spec *pod;
};

static const struct str *annotation_for(const struct synced *s, struct str prefix, struct str container)
{
    return str_map_get(&s->meta->annotations, arena_concat(&s->e->arena, prefix, container));
}

static void match_profile(struct field_errors *e, const struct path *at, const char *what, struct str said,
                          struct str type, const struct str *local)
{
    bool same = str_is(type, "Unconfined")       ? str_is(said, "unconfined")
                : str_is(type, "RuntimeDefault") ? str_is(said, "runtime/default")
                : str_is(type, "Localhost")      ? is_localhost(said)
                                                 : true;
    if (!same)
        field_forbidden(e, PATH(at, "type"), "%s type in annotation and field must match", what);
    else if (str_is(type, "Localhost") && (!local || !str_eq(localhost_name(said), *local)))
        field_forbidden(e, PATH(at, "localhostProfile"), "%s profile in annotation and field must match",
                        what);
}

static void match_seccomp(const struct synced *s, const struct path *at, const struct str *said,
                          const struct seccomp_profile *p)
{
    if (said && p && str_is(*said, "docker/default") && str_is(p->type, "RuntimeDefault"))
        return; /* its older name */
    if (said && p)
        match_profile(s->e, PATH(PATH(at, "securityContext"), "seccompProfile"), "seccomp", *said, p->type,
                      p->localhost_profile);
}

static void visit_seccomp(const struct container *c, const struct path *at, void *arg)
{
    const struct synced *s = arg;
    if (c->security_context)
        match_seccomp(s, at, annotation_for(s, SECCOMP, c->name), c->security_context->seccomp_profile);
}

static void visit_app_armor(const struct container *c, const struct path *at, void *arg)
{
    const struct synced *s = arg;
    const struct str *said = annotation_for(s, APP_ARMOR, c->name);
    const struct app_armor_profile *p =
        s->pod->security_context ? s->pod->security_context->app_armor_profile : NULL;
    if (c->security_context && c->security_context->app_armor_profile)
        p = c->security_context->app_armor_profile;
    if (said && p)
        match_profile(s->e, PATH(PATH(at, "securityContext"), "appArmorProfile"), "apparmor", *said, p->type,
                      p->localhost_profile);
}

void valid_annotations_match(struct field_errors *e, const struct path *spec, const struct object_meta *m,
                             const struct pod_spec *pod)
{
    struct synced s = {e, m, pod};
    if (!m->annotations.n)
        return;
    if (pod->security_context)
        match_seccomp(&s, spec, str_map_get(&m->annotations, SECCOMP_POD),
                      pod->security_context->seccomp_profile);
    containers_visit(pod, spec, visit_seccomp, &s);
    if (!pod->os || !str_is(pod->os->name, "windows"))
        containers_visit(pod, spec, visit_app_armor, &s);
}

/* --- what an update may not do to them --- */

void valid_annotations_update(struct field_errors *e, const struct path *at, const struct str_map *now,
                              const struct str_map *old)
{
    each (*old, i) {
        struct str key = old->at[i].key;
        const struct str *v = str_map_get(now, key);
        if (v && str_eq(*v, old->at[i].value))
            continue;
        if (str_starts(key, APP_ARMOR))
            field_forbidden(e, PATH_OF(at, key), "may not remove or update AppArmor annotations");
        if (str_eq(key, MIRROR))
            field_forbidden(e, PATH_OF(at, key), "may not remove or update mirror pod annotation");
    }
    each (*now, i) {
        struct str key = now->at[i].key;
        if (str_map_get(old, key))
            continue;
        if (str_starts(key, APP_ARMOR))
            field_forbidden(e, PATH_OF(at, key), "may not add AppArmor annotations");
        if (str_eq(key, MIRROR))
            field_forbidden(e, PATH_OF(at, key), "may not add mirror pod annotation");
    }
}

/* --- AppArmor: the field and the annotation that it has replaced, each made from the other --- */

static struct str app_armor_said(const struct app_armor_profile *p, struct arena *a)
{
    if (str_is(p->type, "Localhost"))
        return p->localhost_profile ? arena_concat(a, STR("localhost/"), *p->localhost_profile) : STR("");
    return str_is(p->type, "RuntimeDefault") ? STR("runtime/default")
           : str_is(p->type, "Unconfined")   ? STR("unconfined")
                                             : STR("");
}

/* NULL where the annotation says nothing that a field could. */
static struct app_armor_profile *app_armor_meant(struct str said, struct arena *a)
{
    struct app_armor_profile *p = arena_new(a, struct app_armor_profile);
    struct str name = is_localhost(said) ? localhost_name(said) : STR("");
    if (str_is(said, "runtime/default"))
        p->type = STR("RuntimeDefault");
    else if (str_is(said, "unconfined"))
        p->type = STR("Unconfined");
    else if (name.n && str_trim(name).n == name.n) {
        p->type = STR("Localhost");
        p->localhost_profile = arena_dup(a, &name, sizeof name);
    } else
        return NULL;
    return p;
}

static void sync_container(struct container *c, struct pod *pod, const struct app_armor_profile *of_pod,
                           const struct strategy_context *x)
{
    struct str key = arena_concat(x->arena, APP_ARMOR, c->name);
    const struct str *said = str_map_get(&pod->metadata.annotations, key);
    const struct app_armor_profile *own = c->security_context ? c->security_context->app_armor_profile : NULL;
    if (!said) {
        const struct app_armor_profile *p = own ? own : of_pod;
        struct str text = p ? app_armor_said(p, x->arena) : STR("");
        if (text.n)
            str_map_put(&pod->metadata.annotations, x->arena, key, text);
        return;
    }
    if (own)
        return;
    struct app_armor_profile *meant = app_armor_meant(*said, x->arena);
    bool of_its_own = meant && !(of_pod && same(&app_armor_profile_type, meant, of_pod));
    if (of_its_own) {
        if (!c->security_context)
            c->security_context = arena_new(x->arena, struct security_context);
        c->security_context->app_armor_profile = meant;
    }
    if (!meant || of_its_own)
        strategy_warn(x,
                      "metadata.annotations[" STR_FMT "]: deprecated since v1.30; use the "
                      "\"appArmorProfile\" field instead",
                      STR_ARG(key));
}

void pod_sync_app_armor(struct pod *pod, const struct strategy_context *x)
{
    struct pod_spec *s = &pod->spec;
    const struct app_armor_profile *p = s->security_context ? s->security_context->app_armor_profile : NULL;
    if (s->os && str_is(s->os->name, "windows"))
        return;
    each (s->init_containers, i)
        sync_container(&s->init_containers.at[i], pod, p, x);
    each (s->containers, i)
        sync_container(&s->containers.at[i], pod, p, x);
}
