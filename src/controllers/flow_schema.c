/* Says in each FlowSchema's status whether the priority level that it names is there. */
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/flowcontrol_v1.h"

static int dangling_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, flow_schema), (struct str){0}, w->name);
    if (!o)
        return 0;
    struct flow_schema *s = object_copy(o, w->a);
    struct str level = s->spec.priority_level_configuration.name;
    _cleanup_object_ struct object *there =
        informer_get(informer_of(w, priority_level_configuration), (struct str){0}, level);
    struct verdict v = {.type = STR("Dangling")};
    v.status = there ? CONDITION_STATUS_FALSE : CONDITION_STATUS_TRUE;
    v.reason = there ? STR("Found") : STR("NotFound");
    v.message = arena_printf(
        w->a, "This FlowSchema references the PriorityLevelConfiguration object named \"" STR_FMT "\" %s",
        STR_ARG(level), there ? "and it exists" : "but there is no such object");
    if (!condition_set_any(w->a, &flow_schema_condition_type, (struct any_vec *)(void *)&s->status.conditions,
                           CONDITION_ANY_CHANGE, &v))
        return 0;
    return client_update(w->client, &flow_schema_resource, STR("status"), s, NULL, w->err);
}

/* A level that comes or goes is news for those that name it. */
static void on_level(struct controller *k, struct object *before, struct object *after)
{
    if (before && after)
        return;
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, flow_schema), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct flow_schema *s = object_typed(all.at[i]);
        if (str_eq(s->spec.priority_level_configuration.name, object_name(before ? before : after)))
            controller_add(k, (struct str){0}, object_name(all.at[i]));
    }
}

const struct controller_def flow_schema_controller = {
    .name = "flow-schema",
    .component = "priority-and-fairness-config-consumer",
    .kind = &flow_schema_resource,
    .reconcile = dangling_reconcile,
    .watches = {{&flow_schema_resource, controller_on_self},
                {&priority_level_configuration_resource, on_level}},
};
