/* DaemonSets (pkg/apis/apps/validation). */
#include "api/kind/kinds.h"
#include "api/kind/pod.h"
#include "api/kind/workload.h"

static void daemon_set_defaults(void *o, struct arena *a)
{
    struct daemon_set *d = o;
    struct daemon_set_update_strategy *u = &d->spec.update_strategy;
    pod_spec_defaults(&d->spec.template.spec, a);
    if (str_is(u->type, "RollingUpdate") && !u->rolling_update) {
        u->rolling_update = arena_new(a, struct rolling_update_daemon_set);
        u->rolling_update->max_unavailable = rolling_amount(a, STR(""), 1);
        u->rolling_update->max_surge = rolling_amount(a, STR(""), 0);
    }
}

static void valid_rolling_update(struct field_errors *e, const struct path *at,
                                 const struct rolling_update_daemon_set *r)
{
    const struct path *unavailable = PATH(at, "maxUnavailable"), *surge = PATH(at, "maxSurge");
    valid_count_or_percent(e, unavailable, r->max_unavailable);
    valid_count_or_percent(e, surge, r->max_surge);
    valid_at_most_100_percent(e, unavailable, r->max_unavailable);
    valid_at_most_100_percent(e, surge, r->max_surge);
    bool misses = !rolling_amount_is_zero(r->max_unavailable), adds = !rolling_amount_is_zero(r->max_surge);
    if (misses && adds)
        field_error(e, FIELD_ERROR_INVALID, surge, rolling_amount_bad(r->max_surge),
                    "may not be set when maxUnavailable is non-zero");
    if (!misses && !adds)
        field_required(e, unavailable, "cannot be 0 when maxSurge is 0");
}

static void daemon_set_validate(const void *o, struct field_errors *e)
{
    const struct daemon_set_spec *s = &((const struct daemon_set *)o)->spec;
    const struct daemon_set_update_strategy *u = &s->update_strategy;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *update = PATH(spec, "updateStrategy");
    valid_selector(e, PATH(spec, "selector"), s->selector);
    valid_selected_template(e, spec, s->selector, &s->template);
    if (s->selector && label_selector_empty(s->selector))
        field_error(e, FIELD_ERROR_INVALID, PATH(spec, "selector"), BAD_RAW(STR("{}")),
                    "empty selector is invalid for daemonset");
    valid_pod_template(e, PATH(spec, "template"), &s->template);
    valid_running_on(e, PATH(spec, "template"), &s->template, "DaemonSet");
    valid_not_negative(e, PATH(spec, "minReadySeconds"), s->min_ready_seconds);
    if (str_is(u->type, "RollingUpdate") && !u->rolling_update)
        field_required(e, PATH(update, "rollingUpdate"), "%s", "");
    else if (str_is(u->type, "RollingUpdate"))
        valid_rolling_update(e, PATH(update, "rollingUpdate"), u->rolling_update);
    else if (!str_is(u->type, "OnDelete"))
        field_error(e, FIELD_ERROR_NOT_SUPPORTED, update, valid_bad(e, &daemon_set_update_strategy_type, u),
                    "supported values: \"RollingUpdate\", \"OnDelete\"");
    if (s->revision_history_limit)
        valid_not_negative(e, PATH(spec, "revisionHistoryLimit"), *s->revision_history_limit);
}

static void daemon_set_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct daemon_set_status *s = &((const struct daemon_set *)o)->status;
    VALID_COUNTS(e, {"currentNumberScheduled", s->current_number_scheduled},
                 {"numberMisscheduled", s->number_misscheduled},
                 {"desiredNumberScheduled", s->desired_number_scheduled}, {"numberReady", s->number_ready},
                 {"observedGeneration", s->observed_generation},
                 {"updatedNumberScheduled", s->updated_number_scheduled},
                 {"numberAvailable", s->number_available}, {"numberUnavailable", s->number_unavailable});
    valid_collisions(e, s->collision_count, ((const struct daemon_set *)old)->status.collision_count);
}

TEMPLATE_WARN(daemon_set_warn, daemon_set)

const struct strategy daemon_set_strategy = {
    .resource = &daemon_set_resource,
    .defaults = daemon_set_defaults,
    .validate = daemon_set_validate,
    .validate_status = daemon_set_validate_status,
    .warn = daemon_set_warn,
};
