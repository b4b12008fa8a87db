/* DELETE and deletecollection: options, preconditions, finalizers, graceful ends (apiserver's
 * registry/rest/delete.go and generic/registry/store.go). */
#include "api/admission.h"
#include "api/definitions.h"
#include "api/road.h"
#include "api/service/services.h"
#include "kinds/apiextensions_v1.h"
#include "schema/timestamp.h"

static int delete_done(struct road *d);

/* --- options --- */

static int delete_options_invalid(struct field_errors *e, struct err *err)
{
    return field_errors_status(e, STR("meta.k8s.io"), STR("DeleteOptions"), STR(""), err);
}

static int delete_options_check(const struct delete_options *o, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    if (o->propagation_policy && o->orphan_dependents)
        field_invalid(&e, PATH(NULL, "propagationPolicy"), *o->propagation_policy,
                      "orphanDependents and deletionPropagation cannot be both set");
    if (o->propagation_policy && !str_is(*o->propagation_policy, "Foreground") &&
        !str_is(*o->propagation_policy, "Background") && !str_is(*o->propagation_policy, "Orphan"))
        field_not_supported(
            &e, PATH(NULL, "propagationPolicy"), *o->propagation_policy,
            (const struct str[]){STR("Foreground"), STR("Background"), STR("Orphan"), STR("nil")}, 4);
    each (o->dry_run, i)
        if (!str_is(o->dry_run.at[i], "All"))
            field_error(&e, FIELD_ERROR_NOT_SUPPORTED, PATH(NULL, "dryRun"),
                        BAD_RAW(arena_printf(&e.arena, "[\"" STR_FMT "\"]", STR_ARG(o->dry_run.at[i]))),
                        "supported values: \"All\"");
    return delete_options_invalid(&e, err);
}

/* The body's, where there is one; else what the query or the caller in process said. */
static int delete_options_read(struct road *d, struct delete_options *o)
{
    struct api_request *r = d->r;
    *o = (struct delete_options){0};
    if (r->body.n || r->typed) {
        void *typed;
        if (road_decode(d, &delete_options_resource, &typed) < 0)
            return -1;
        *o = *(struct delete_options *)typed;
    } else {
        if (r->grace_said)
            o->grace_period_seconds = arena_dup(r->arena, &r->grace_s, sizeof r->grace_s);
        if (r->propagation_policy.n)
            o->propagation_policy = arena_dup(r->arena, &r->propagation_policy, sizeof r->propagation_policy);
        if (r->precondition_uid.n || r->precondition_resource_version.n) {
            o->preconditions = arena_new(r->arena, struct preconditions);
            if (r->precondition_uid.n)
                o->preconditions->uid = arena_dup(r->arena, &r->precondition_uid, sizeof(struct str));
            if (r->precondition_resource_version.n)
                o->preconditions->resource_version =
                    arena_dup(r->arena, &r->precondition_resource_version, sizeof(struct str));
        }
    }
    r->dry_run |= o->dry_run.n > 0;
    return delete_options_check(o, &r->err);
}

static int delete_check_precondition(struct road *d, const struct preconditions *p)
{
    const struct object_meta *m = object_meta(d->current);
    if (!p)
        return 0;
    struct resource named = *d->resource; /* upstream names the kind here */
    named.qualified = d->resource->group.n
                          ? arena_printf(d->r->arena, STR_FMT "." STR_FMT, STR_ARG(d->resource->kind),
                                         STR_ARG(d->resource->group))
                          : d->resource->kind;
    named.plural = d->resource->kind;
    if (p->uid && !str_eq(*p->uid, m->uid))
        return answer_conflict(&d->r->err, &named, d->name,
                               "the UID in the precondition (" STR_FMT
                               ") does not match the UID in record (" STR_FMT
                               "). The object might have been deleted and then recreated",
                               STR_ARG(*p->uid), STR_ARG(m->uid));
    int64_t revision;
    if (p->resource_version &&
        (!str_to_i64(*p->resource_version, &revision) || revision != object_revision(d->current)))
        return answer_conflict(
            &d->r->err, &named, d->name,
            "the ResourceVersion in the precondition (" STR_FMT
            ") does not match the ResourceVersion in record (%lld). The object might have been modified",
            STR_ARG(*p->resource_version), (long long)object_revision(d->current));
    return 0;
}

/* --- finalizers and grace --- */

/* What garbage collection is to do stands in the finalizers: which of the two, by options, then by what is
 * there, then by kind. */
static void delete_finalizers(struct str_vec *finalizers, const struct delete_options *o, bool orphans,
                              struct arena *a)
{
    bool has_orphan = str_vec_has(finalizers, STR("orphan"));
    bool has_foreground = str_vec_has(finalizers, STR("foregroundDeletion"));
    bool orphan = has_orphan, foreground = has_foreground;
    if (o->orphan_dependents) {
        orphan = *o->orphan_dependents;
        foreground = false;
    } else if (o->propagation_policy) {
        orphan = str_is(*o->propagation_policy, "Orphan");
        foreground = str_is(*o->propagation_policy, "Foreground");
    } else if (orphans && !has_foreground)
        orphan = true;
    if (has_orphan != orphan || has_foreground != foreground) {
        if (finalizers->n)
            finalizers->at = arena_dup(a, finalizers->at, finalizers->n * sizeof *finalizers->at);
        str_vec_del(finalizers, STR("orphan"));
        str_vec_del(finalizers, STR("foregroundDeletion"));
        if (orphan)
            str_vec_add(finalizers, a, STR("orphan"));
        if (foreground)
            str_vec_add(finalizers, a, STR("foregroundDeletion"));
    }
}

/* How long a pod may take to end, in seconds (pod strategy's CheckGracefulDelete). */
static int64_t pod_grace(const struct pod *pod, const int64_t *asked)
{
    int64_t grace = asked ? *asked : 0;
    if (!asked && pod->spec.termination_grace_period_seconds)
        grace = *pod->spec.termination_grace_period_seconds;
    if (!pod->spec.node_name.n || str_is(pod->status.phase, "Failed") ||
        str_is(pod->status.phase, "Succeeded"))
        return 0;
    return grace < 0 ? 1 : grace;
}

static void set_deletion(struct object_meta *m, struct arena *a, int64_t at_s, int64_t grace_s)
{
    m->deletion_timestamp = arena_dup(a, &(struct time){.s = at_s}, sizeof(struct time));
    m->deletion_grace_period_seconds = arena_dup(a, &grace_s, sizeof grace_s);
}

enum delete_step {
    DELETE_NOW,     /* take it away */
    DELETE_MARK,    /* write d->object, which says that it is going */
    DELETE_PENDING, /* it is going already: nothing to do */
};

static enum delete_step delete_pod_step(struct road *d, struct object_meta *m, const struct delete_options *o)
{
    int64_t *asked = o->grace_period_seconds;
    if (m->deletion_timestamp) {
        if (!m->deletion_grace_period_seconds)
            return DELETE_NOW;
        int64_t before = *m->deletion_grace_period_seconds;
        if (before == 0)
            return DELETE_NOW;
        if (!asked || *asked >= before)
            return DELETE_PENDING;
        int64_t grace = *asked < 0 ? 1 : *asked; /* only ever sooner */
        if (grace == 0)
            return DELETE_NOW;
        set_deletion(m, d->r->arena, m->deletion_timestamp->s - before + grace, grace);
        return DELETE_MARK;
    }
    int64_t grace = pod_grace(d->object, asked);
    if (grace == 0)
        return DELETE_NOW;
    set_deletion(m, d->r->arena, time_now().s + grace, grace);
    m->generation++;
    return DELETE_MARK;
}

/* Namespaces go through Terminating, until their own finalizers are gone. */
static enum delete_step delete_namespace_step(struct road *d, struct object_meta *m)
{
    struct namespace *ns = d->object;
    if (!ns->spec.finalizers.n && m->deletion_timestamp)
        return DELETE_NOW;
    if (m->deletion_timestamp && str_is(ns->status.phase, "Terminating"))
        return DELETE_PENDING;
    if (!m->deletion_timestamp)
        m->deletion_timestamp =
            arena_dup(d->r->arena, &(struct time){.s = time_now().s}, sizeof(struct time));
    ns->status.phase = STR("Terminating");
    return ns->spec.finalizers.n ? DELETE_MARK : DELETE_NOW;
}

static enum delete_step delete_decide(struct road *d, const struct delete_options *o)
{
    const struct object_meta *old = object_meta(d->current);
    d->object = arena_dup(d->r->arena, d->old, d->resource->type->size);
    struct object_meta *m = resource_meta(d->resource, d->object);
    enum delete_step step = d->resource == &pod_resource         ? delete_pod_step(d, m, o)
                            : d->resource == &namespace_resource ? delete_namespace_step(d, m)
                                                                 : DELETE_NOW;
    if (d->resource == &custom_resource_definition_resource && !m->deletion_timestamp)
        definition_mark_deleted(d->object, d->r->arena);
    delete_finalizers(&m->finalizers, o, d->strategy->flags & STRATEGY_ORPHANS, d->r->arena);
    bool changed = m->finalizers.n != old->finalizers.n || m->finalizers.at != old->finalizers.at;
    if (m->finalizers.n && step == DELETE_NOW) {
        step = m->deletion_timestamp && !changed ? DELETE_PENDING : DELETE_MARK;
        if (!m->deletion_timestamp) {
            if (!m->deletion_grace_period_seconds && m->generation > 0)
                m->generation++;
            set_deletion(m, d->r->arena, time_now().s, 0);
            step = DELETE_MARK;
        }
    } else if (step == DELETE_PENDING && changed)
        step = DELETE_MARK;
    return step;
}

/* --- one object --- */

struct deletion {
    struct delete_options options;
    enum delete_step step;
};

static int delete_reply(struct road *d, struct object *o, bool gone)
{
    const struct delete_options *w = &((struct deletion *)d->more)->options;
    bool waits = (w->orphan_dependents && !*w->orphan_dependents) ||
                 (w->propagation_policy && str_is(*w->propagation_policy, "Foreground"));
    if (!gone)
        return road_reply(d, waits ? 202 : 200, o);
    if (d->strategy->flags & STRATEGY_RETURNS_DELETED)
        return road_reply(d, 200, o);
    const struct object_meta *m = object_meta(o);
    road_reply_success(d, 200, m->name, m->uid);
    object_unref(o);
    return ROAD_DONE;
}

/* Decides about d->current and submits; ROAD_DONE when there was nothing to submit. */
static int delete_judged(struct road *d)
{
    struct deletion *w = d->more;
    int rc = road_admit_all(d);
    if (rc != ROAD_DONE)
        return rc;
    w->step = delete_decide(d, &w->options);
    if (w->step == DELETE_PENDING || d->r->dry_run) {
        struct object *o = object_ref(d->current);
        return delete_reply(d, o, w->step == DELETE_NOW);
    }
    if (w->step == DELETE_NOW)
        return road_submit(d, CHANGE_DELETE, NULL, object_revision(d->current), delete_done);
    if (!road_encode(d))
        return -1;
    return road_submit(d, CHANGE_UPDATE, d->fresh, object_revision(d->current), delete_done);
}

static int delete_try(struct road *d)
{
    struct deletion *w = d->more;
    if (delete_check_precondition(d, w->options.preconditions) < 0)
        return -1;
    road_judge(d, &(struct api_attributes){.request = d->r,
                                           .operation = API_OP_DELETE,
                                           .resource = d->resource,
                                           .old = d->old,
                                           .dry_run = d->r->dry_run,
                                           .options = &w->options});
    d->next = delete_judged;
    return delete_judged(d);
}

static int delete_done(struct road *d)
{
    struct deletion *w = d->more;
    if (d->change.result == CHANGE_CONFLICT) {
        if (++d->tries > 32)
            return answer_modified(&d->r->err, d->resource, d->name);
        return road_load(d) < 0 ? -1 : delete_try(d);
    }
    if (road_change_result(d) < 0)
        return -1;
    if (w->step == DELETE_MARK)
        return delete_reply(d, object_ref(d->fresh), false);
    struct object *last = d->change.current ? d->change.current : d->current;
    services_release(d->api->services, d->resource, object_typed(last));
    return delete_reply(d, object_ref(last), true);
}

static int delete_with(struct road *d, const struct delete_options *o)
{
    struct deletion *w = arena_new(d->r->arena, struct deletion);
    w->options = *o;
    d->more = w;
    return road_load(d) < 0 ? -1 : delete_try(d);
}

static void delete_warn(struct road *d, const struct delete_options *o)
{
    if (d->strategy->warn_orphans && !o->orphan_dependents && !o->propagation_policy)
        str_vec_add(&d->r->warnings, d->r->arena, str_from(d->strategy->warn_orphans));
}

int verb_delete(struct road *d)
{
    struct delete_options o;
    if (delete_options_read(d, &o) < 0)
        return -1;
    delete_warn(d, &o);
    return delete_with(d, &o);
}

/* --- a collection: one object after the other, each as a request of its own --- */

struct collection {
    struct delete_options options;
    struct str *names, *spaces;
    size_t n, at;
};

static int collection_step(struct road *d)
{
    struct collection *c = d->more;
    for (;; c->at++) {
        if (d->child) {
            int rc = road_child_run(d);
            if (rc == ROAD_WAIT)
                return rc;
            if (rc < 0 && d->r->err.reason != ERR_NOT_FOUND)
                return -1;
            err_clear(&d->r->err);
            road_child_end(d);
        }
        if (c->at == c->n)
            break;
        struct api_request *child = road_child(d, API_DELETE, d->resource, c->spaces[c->at], c->names[c->at]);
        child->typed = &c->options;
        child->dry_run = d->r->dry_run;
    }
    d->r->code = 200;
    return ROAD_DONE;
}

int verb_delete_collection(struct road *d)
{
    struct collection *c = arena_new(d->r->arena, struct collection);
    struct arena *a = d->r->arena;
    if (delete_options_read(d, &c->options) < 0 || verb_list(d) < 0)
        return -1;
    delete_warn(d, &c->options);
    const struct api_list *list = d->r->list; /* what is to go is the answer too */
    c->n = list->n;
    c->names = arena_new_n(a, struct str, c->n);
    c->spaces = arena_new_n(a, struct str, c->n);
    for (size_t i = 0; i < c->n; i++) {
        c->names[i] = arena_str(a, object_name(list->at[i]));
        c->spaces[i] = arena_str(a, object_namespace(list->at[i]));
    }
    d->more = c;
    d->next = collection_step;
    return collection_step(d);
}
