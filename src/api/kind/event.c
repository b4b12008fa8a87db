/* Events (pkg/registry/core/event, pkg/apis/core/validation/events.go). */
#include "api/kind/kinds.h"

static void event_validate(const void *o, struct field_errors *e)
{
    const struct event *ev = o;
    struct path at = path_child(NULL, STR("involvedObject"));
    struct str ns = ev->involved_object.namespace;
    /* Events of cluster-scoped objects live in "default". */
    if (!ns.n ? !str_is(ev->metadata.namespace, "default") && !str_is(ev->metadata.namespace, "kube-system")
              : !str_eq(ns, ev->metadata.namespace))
        field_invalid(e, PATH(&at, "namespace"), ns, "does not match event.namespace");
}

const struct strategy event_strategy = {
    .resource = &event_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .validate = event_validate,
};
