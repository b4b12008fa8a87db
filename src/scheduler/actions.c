#define LOG_PART "scheduler"
#include "scheduler/actions.h"

#include "base/clock.h"
#include "base/log.h"
#include "client/volumes.h"
#include "kinds/core_v1.h"
#include "schema/timestamp.h"
#include "schema/value.h"

enum { EVENT_MESSAGE_MOST = 1024 }; /* upstream's NoteLengthLimit */

int action_bind(const struct actions *a, struct object *pod, struct str node, struct err *err)
{
    const struct object_meta *meta = object_meta(pod);
    struct binding b = {
        .metadata = {.name = meta->name, .namespace = meta->namespace, .uid = meta->uid},
        .target = {.kind = STR("Node"), .name = node},
    };
    if (client_create_sub(a->client, &pod_resource, meta->namespace, meta->name, STR("binding"),
                          &binding_resource, &b, NULL, err) < 0)
        return -1;
    recorder_event(a->recorder, pod, "Normal", "Scheduled", (struct str){0},
                   "Successfully assigned " STR_FMT "/" STR_FMT " to " STR_FMT, STR_ARG(meta->namespace),
                   STR_ARG(meta->name), STR_ARG(node));
    return 0;
}

int action_decide_volume(const struct actions *a, struct object *claim, struct object *volume,
                         struct str node, struct err *err)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct object_meta *c = object_meta(claim);
    struct value patch = VALUE_OBJECT;
    struct value *meta = value_set(&arena, &patch, STR("metadata"), VALUE_OBJECT);
    struct value *annotations = value_set(&arena, meta, STR("annotations"), VALUE_OBJECT);
    if (!volume) {
        value_set(&arena, meta, STR("uid"), VALUE_STR(c->uid));
        value_set(&arena, annotations, CLAIM_SELECTED_NODE, VALUE_STR(node));
        return client_patch(a->client, &persistent_volume_claim_resource, c->namespace, c->name, STR(""),
                            PATCH_MERGE, value_json(&arena, &patch), NULL, err);
    }
    const struct persistent_volume *v = object_typed(volume);
    if (!v->spec.claim_ref)
        value_set(&arena, annotations, VOLUME_BOUND_BY_CONTROLLER, VALUE_STR(STR("yes")));
    /* Whoever else has taken it meanwhile keeps it. */
    value_set(&arena, meta, STR("resourceVersion"), VALUE_STR(v->metadata.resource_version));
    struct value *spec = value_set(&arena, &patch, STR("spec"), VALUE_OBJECT);
    struct value *ref = value_set(&arena, spec, STR("claimRef"), VALUE_OBJECT);
    value_set(&arena, ref, STR("kind"), VALUE_STR(persistent_volume_claim_resource.kind));
    value_set(&arena, ref, STR("apiVersion"), VALUE_STR(STR("v1")));
    value_set(&arena, ref, STR("namespace"), VALUE_STR(c->namespace));
    value_set(&arena, ref, STR("name"), VALUE_STR(c->name));
    value_set(&arena, ref, STR("uid"), VALUE_STR(c->uid));
    value_set(&arena, ref, STR("resourceVersion"), VALUE_STR(c->resource_version));
    return client_patch(a->client, &persistent_volume_resource, STR(""), v->metadata.name, STR(""),
                        PATCH_MERGE, value_json(&arena, &patch), NULL, err);
}

static const struct pod_condition *condition_of(const struct pod *p, struct str type)
{
    for (size_t i = 0; i < p->status.conditions.n; i++)
        if (str_eq(p->status.conditions.at[i].type, type))
            return &p->status.conditions.at[i];
    return NULL;
}

/* A strategic merge patch of the status: one condition, and the nomination. */
static struct str condition_patch(struct arena *a, const struct pod *p, struct str type, const char *status,
                                  const char *reason, struct str message, const struct str *nominated)
{
    const struct pod_condition *was = condition_of(p, type);
    int64_t now = clock_wall();
    bool changed = !was || !str_is(was->status, status);
    struct value patch = VALUE_OBJECT, condition = VALUE_OBJECT, conditions = VALUE_ARRAY;
    value_set(a, &condition, STR("type"), VALUE_STR(type));
    value_set(a, &condition, STR("status"), VALUE_STR(str_from(status)));
    value_set(a, &condition, STR("reason"), VALUE_STR(str_from(reason)));
    value_set(a, &condition, STR("message"), VALUE_STR(message));
    value_set(a, &condition, STR("lastProbeTime"), VALUE_NULL);
    if (p->metadata.generation)
        value_set(a, &condition, STR("observedGeneration"), VALUE_INT(p->metadata.generation));
    if (changed) {
        _cleanup_buf_ struct buf text = {0};
        time_write(&text, (struct time){.s = now / CLOCK_S});
        value_set(a, &condition, STR("lastTransitionTime"), VALUE_STR(arena_str(a, buf_str(&text))));
    }
    value_append(a, &conditions, condition);
    struct value *meta = value_set(a, &patch, STR("metadata"), VALUE_OBJECT);
    value_set(a, meta, STR("uid"), VALUE_STR(p->metadata.uid));
    value_set(a, meta, STR("resourceVersion"), VALUE_STR(p->metadata.resource_version));
    struct value *to = value_set(a, &patch, STR("status"), VALUE_OBJECT);
    value_set(a, to, STR("conditions"), conditions);
    if (nominated)
        value_set(a, to, STR("nominatedNodeName"), nominated->n ? VALUE_STR(*nominated) : VALUE_NULL);
    return value_json(a, &patch);
}

/* Sets a condition of a pod that has not changed meanwhile; where it has, of the pod as it is by then, but
 * only while it is `still` what the condition is about. */
static void set_condition(const struct actions *a, struct object *pod, struct str type, const char *status,
                          const char *reason, struct str message, const struct str *nominated,
                          bool (*still)(const struct pod *p))
{
    enum { TRIES = 4 };
    _cleanup_object_ struct object *now = object_ref(pod);
    _cleanup_err_ struct err err = {0};
    for (int i = 0; i < TRIES; i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct str body =
            condition_patch(&arena, object_typed(now), type, status, reason, message, nominated);
        if (client_patch(a->client, &pod_resource, object_namespace(pod), object_name(pod), STR("status"),
                         PATCH_STRATEGIC, body, NULL, &err) == 0)
            return;
        if (err.reason != ERR_CONFLICT)
            break;
        object_unref(now);
        now = NULL;
        if (client_get(a->client, &pod_resource, object_namespace(pod), object_name(pod), &now, &err) < 0)
            break;
        if (!str_eq(object_meta(now)->uid, object_meta(pod)->uid) || !still(object_typed(now)))
            return;
    }
    if (err.reason != ERR_NOT_FOUND)
        log_warn("the status of pod " STR_FMT "/" STR_FMT ": " STR_FMT, STR_ARG(object_namespace(pod)),
                 STR_ARG(object_name(pod)), STR_ARG(err.message));
}

static bool still_waits(const struct pod *p)
{
    return p->spec.node_name.n == 0;
}

static bool still_runs(const struct pod *p)
{
    return !p->metadata.deletion_timestamp;
}

void action_refuse(const struct actions *a, struct object *pod, const char *reason, struct str message,
                   const struct str *nominated)
{
    const struct pod *p = object_typed(pod);
    bool cut = message.n > EVENT_MESSAGE_MOST;
    recorder_event(a->recorder, pod, "Warning", "FailedScheduling", (struct str){0}, STR_FMT "%s",
                   (int)(cut ? EVENT_MESSAGE_MOST - 4 : message.n), message.p, cut ? " ..." : "");
    const struct pod_condition *was = condition_of(p, POD_CONDITION_TYPE_POD_SCHEDULED);
    bool same = was && str_is(was->status, "False") && str_is(was->reason, reason) &&
                str_eq(was->message, message) && was->observed_generation == p->metadata.generation;
    if (same && (!nominated || str_eq(*nominated, p->status.nominated_node_name)))
        return;
    set_condition(a, pod, POD_CONDITION_TYPE_POD_SCHEDULED, "False", reason, message, nominated, still_waits);
}

void action_evict(const struct actions *a, struct object *victim, struct object *preemptor, struct str node)
{
    const struct pod *p = object_typed(victim);
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_err_ struct err err = {0};
    struct str message = arena_printf(&arena, STR_FMT ": preempting to accommodate a higher priority pod",
                                      STR_ARG(a->scheduler));
    set_condition(a, victim, POD_CONDITION_TYPE_DISRUPTION_TARGET, "True", "PreemptionByScheduler", message,
                  NULL, still_runs);
    struct client_delete_options o = DELETE_OPTIONS_DEFAULT;
    o.uid = p->metadata.uid;
    if (client_delete(a->client, &pod_resource, p->metadata.namespace, p->metadata.name, &o, &err) < 0) {
        if (err.reason != ERR_NOT_FOUND)
            log_warn("preempting pod " STR_FMT "/" STR_FMT ": " STR_FMT, STR_ARG(p->metadata.namespace),
                     STR_ARG(p->metadata.name), STR_ARG(err.message));
        return;
    }
    recorder_event(a->recorder, victim, "Normal", "Preempted", (struct str){0},
                   "Preempted by pod " STR_FMT " on node " STR_FMT, STR_ARG(object_meta(preemptor)->uid),
                   STR_ARG(node));
}
