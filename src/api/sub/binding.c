/* A pod gets its node: pods/binding, and POST to bindings. */
#include "api/sub/sub.h"

#include "schema/timestamp.h"

static int binding_valid(struct road *d, const struct binding *b)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path target = path_child(NULL, STR("target"));
    if (b->target.kind.n && !str_is(b->target.kind, "Node"))
        field_not_supported(&e, PATH(&target, "kind"), b->target.kind,
                            (const struct str[]){STR("Node"), STR("<empty>")}, 2);
    valid_required(&e, PATH(&target, "name"), b->target.name);
    return field_errors_status(&e, STR(""), STR("Binding"), b->metadata.name, &d->r->err);
}

static void set_scheduled(struct pod *pod, struct arena *a)
{
    struct pod_condition fresh = {
        .type = STR("PodScheduled"), .status = STR("True"), .last_transition_time = time_now()};
    struct pod_condition *list = arena_new_n(a, struct pod_condition, pod->status.conditions.n + 1);
    size_t n = 0;
    each (pod->status.conditions, i) {
        const struct pod_condition *c = &pod->status.conditions.at[i];
        if (!str_is(c->type, "PodScheduled"))
            list[n++] = *c;
        else if (str_is(c->status, "True"))
            fresh.last_transition_time = c->last_transition_time;
    }
    list[n++] = fresh;
    pod->status.conditions.at = list;
    pod->status.conditions.n = n;
}

static int binding_make(struct road *d)
{
    struct binding *b;
    struct err *err = &d->r->err;
    if (road_decode(d, &binding_resource, (void **)&b) < 0)
        return -1;
    if (!b->metadata.name.n)
        b->metadata.name = d->name;
    if (!str_eq(b->metadata.name, d->name))
        return err_set(err, ERR_BAD_REQUEST, "name in URL does not match name in Binding object");
    if (binding_valid(d, b) < 0)
        return -1;
    const struct pod *old = d->old;
    if (old->metadata.deletion_timestamp)
        return answer_conflict(err, &pod_resource, d->name,
                               "pod " STR_FMT " is being deleted, cannot be assigned to a host",
                               STR_ARG(d->name));
    if (b->metadata.uid.n && !str_eq(b->metadata.uid, old->metadata.uid))
        return answer_conflict(err, &pod_resource, d->name,
                               "Precondition failed: UID in precondition: " STR_FMT
                               ", UID in object meta: " STR_FMT,
                               STR_ARG(b->metadata.uid), STR_ARG(old->metadata.uid));
    if (old->spec.node_name.n)
        return answer_conflict(err, &pod_resource, d->name,
                               "pod " STR_FMT " is already assigned to node \"" STR_FMT "\"",
                               STR_ARG(d->name), STR_ARG(old->spec.node_name));
    if (old->spec.scheduling_gates.n)
        return answer_conflict(err, &pod_resource, d->name,
                               "pod " STR_FMT " has non-empty .spec.schedulingGates", STR_ARG(d->name));
    struct pod *pod = arena_dup(d->r->arena, old, sizeof *old);
    pod->metadata.resource_version = STR("");
    pod->status.nominated_node_name = (struct str){0}; /* KEP-5278: it is there now */
    set_scheduled(pod, d->r->arena);
    d->object = pod;
    d->shown = b;
    d->shown_resource = &binding_resource;
    return 0;
}

static int binding_take(struct road *d)
{
    const struct binding *b = d->shown;
    struct pod *pod = d->object;
    pod->spec.node_name = b->target.name;
    each (b->metadata.annotations, i)
        str_map_put(&pod->metadata.annotations, d->r->arena, b->metadata.annotations.at[i].key,
                    b->metadata.annotations.at[i].value);
    return binding_valid(d, b);
}

static int binding_answer(struct road *d)
{
    object_unref(d->r->object);
    d->r->object = NULL;
    return road_reply_success(d, 201, STR(""), STR(""));
}

static const struct write binding_write = {.make = binding_make,
                                           .take = binding_take,
                                           .answer = binding_answer,
                                           .raw = true,
                                           .quiet = true,
                                           .untracked = true};

int sub_binding(struct road *d)
{
    return road_write(d, &binding_write);
}

/* The old way in: the body says which pod. */
int sub_bindings(struct road *d)
{
    struct binding *b;
    if (road_decode(d, &binding_resource, (void **)&b) < 0)
        return -1;
    d->resource = &pod_resource;
    d->strategy = strategy_of(d->resource);
    d->context.resource = d->resource;
    d->table = store_table(d->api->store, d->resource);
    d->name = b->metadata.name;
    return sub_binding(d);
}
