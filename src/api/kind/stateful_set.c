/* StatefulSets (pkg/apis/apps/validation). */
#include "api/kind/kinds.h"
#include "api/kind/pod.h"
#include "api/kind/warn.h"
#include "api/kind/workload.h"

static void stateful_set_defaults(void *o, struct arena *a)
{
    struct stateful_set *s = o;
    struct stateful_set_update_strategy *u = &s->spec.update_strategy;
    pod_spec_defaults(&s->spec.template.spec, a);
    if (str_is(u->type, "RollingUpdate") && !u->rolling_update) {
        u->rolling_update = arena_new(a, struct rolling_update_stateful_set_strategy);
        u->rolling_update->partition = arena_new(a, int32_t);
    }
}

static void valid_rolling_update(struct field_errors *e, const struct path *at,
                                 const struct rolling_update_stateful_set_strategy *r)
{
    const struct path *unavailable = PATH(at, "maxUnavailable");
    if (r->partition)
        valid_not_negative(e, PATH(at, "partition"), *r->partition);
    if (!r->max_unavailable)
        return;
    valid_count_or_percent(e, unavailable, r->max_unavailable);
    if (rolling_amount_is_zero(r->max_unavailable))
        field_error(e, FIELD_ERROR_INVALID, unavailable, rolling_amount_bad(r->max_unavailable),
                    "cannot be 0");
    valid_at_most_100_percent(e, unavailable, r->max_unavailable);
}

static void valid_update_strategy(struct field_errors *e, const struct path *at,
                                  const struct stateful_set_update_strategy *u)
{
    const struct path *rolling = PATH(at, "rollingUpdate");
    if (!u->type.n)
        field_required(e, at, "%s", "");
    else if (str_is(u->type, "RollingUpdate")) {
        if (u->rolling_update)
            valid_rolling_update(e, rolling, u->rolling_update);
    } else if (!str_is(u->type, "OnDelete"))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad(e, &stateful_set_update_strategy_type, u),
                    "must be 'RollingUpdate' or 'OnDelete'");
    else if (u->rolling_update)
        field_error(e, FIELD_ERROR_INVALID, rolling,
                    valid_bad(e, &rolling_update_stateful_set_strategy_type, u->rolling_update),
                    "only allowed for updateStrategy 'RollingUpdate'");
}

static void valid_retention(struct field_errors *e, const struct path *at,
                            const struct stateful_set_persistent_volume_claim_retention_policy *p)
{
    VALID_ONE_OF(e, PATH(at, "whenDeleted"), p->when_deleted, true, STR("Retain"), STR("Delete"));
    VALID_ONE_OF(e, PATH(at, "whenScaled"), p->when_scaled, true, STR("Retain"), STR("Delete"));
}

static void stateful_set_validate(const void *o, struct field_errors *e)
{
    const struct stateful_set_spec *s = &((const struct stateful_set *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *template = PATH(spec, "template");
    if (!s->pod_management_policy.n)
        field_required(e, PATH(spec, "podManagementPolicy"), "%s", "");
    else if (!str_is(s->pod_management_policy, "OrderedReady") &&
             !str_is(s->pod_management_policy, "Parallel"))
        field_invalid(e, PATH(spec, "podManagementPolicy"), s->pod_management_policy,
                      "must be 'OrderedReady' or 'Parallel'");
    valid_update_strategy(e, PATH(spec, "updateStrategy"), &s->update_strategy);
    if (s->persistent_volume_claim_retention_policy)
        valid_retention(e, PATH(spec, "persistentVolumeClaimRetentionPolicy"),
                        s->persistent_volume_claim_retention_policy);
    valid_not_negative(e, PATH(spec, "replicas"), *s->replicas);
    valid_not_negative(e, PATH(spec, "minReadySeconds"), s->min_ready_seconds);
    if (s->ordinals)
        valid_not_negative(e, PATH(PATH(spec, "ordinals"), "start"), s->ordinals->start);
    valid_workload_selector(e, spec, s->selector, &s->template, "statefulset");
    valid_labels(e, PATH(template, "labels"), &s->template.metadata.labels);
    valid_annotations(e, PATH(template, "annotations"), &s->template.metadata.annotations);
    valid_running_on(e, template, &s->template, "StatefulSet");
}

/* The template as its pods will be: with the volumes that the claims stand for, which take the place of its
 * own of the same name. */
static void valid_claimed_template(struct field_errors *e, const struct stateful_set_spec *s)
{
    struct path spec = path_child(NULL, STR("spec"));
    const struct volume_vec *own = &s->template.spec.volumes;
    struct pod_template_spec t = s->template;
    struct volume *all = arena_new_n(&e->arena, struct volume, own->n + s->volume_claim_templates.n);
    t.spec.volumes = (struct volume_vec){all, own->n};
    if (own->n)
        memcpy(all, own->at, own->n * sizeof *all);
    each (s->volume_claim_templates, i) {
        struct str name = s->volume_claim_templates.at[i].metadata.name;
        bool there = false;
        each (*own, k)
            there |= str_eq(own->at[k].name, name);
        if (there || !name.n)
            continue;
        struct persistent_volume_claim_volume_source *claim =
            arena_new(&e->arena, struct persistent_volume_claim_volume_source);
        claim->claim_name = name;
        all[t.spec.volumes.n] = (struct volume){.name = name};
        all[t.spec.volumes.n++].persistent_volume_claim = claim;
    }
    valid_pod_template(e, PATH(&spec, "template"), &t);
}

static void stateful_set_validate_create(const void *o, struct field_errors *e)
{
    const struct stateful_set_spec *s = &((const struct stateful_set *)o)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    if (s->service_name.n)
        format_validate(e, PATH(&spec, "serviceName"), FORMAT_DNS1123_LABEL, s->service_name);
    valid_claimed_template(e, s);
}

static void stateful_set_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct stateful_set *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    struct stateful_set_spec munged = now->spec;
    munged.replicas = old->spec.replicas;
    munged.ordinals = old->spec.ordinals;
    munged.template = old->spec.template;
    munged.update_strategy = old->spec.update_strategy;
    munged.min_ready_seconds = old->spec.min_ready_seconds;
    munged.revision_history_limit = old->spec.revision_history_limit;
    munged.persistent_volume_claim_retention_policy = old->spec.persistent_volume_claim_retention_policy;
    if (!same(&stateful_set_spec_type, &munged, &old->spec))
        field_forbidden(
            e, &spec,
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
            "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
            "'minReadySeconds' are forbidden");
    /* What was let in before there were these rules may stay. */
    _cleanup_field_errors_ struct field_errors was = {0};
    valid_claimed_template(&was, &old->spec);
    if (!was.n)
        valid_claimed_template(e, &now->spec);
}

static void stateful_set_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct stateful_set_status *s = &((const struct stateful_set *)o)->status;
    VALID_COUNTS(e, {"replicas", s->replicas}, {"readyReplicas", s->ready_replicas},
                 {"currentReplicas", s->current_replicas}, {"updatedReplicas", s->updated_replicas},
                 {"availableReplicas", s->available_replicas},
                 {"observedGeneration", s->observed_generation});
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "currentReplicas", s->current_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "updatedReplicas", s->updated_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.readyReplicas", s->ready_replicas);
    valid_collisions(e, s->collision_count, ((const struct stateful_set *)old)->status.collision_count);
}

NAMED_TEMPLATE_WARN(stateful_set_template_warn, stateful_set)

static void stateful_set_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const int32_t *limit = ((const struct stateful_set *)o)->spec.revision_history_limit;
    const struct persistent_volume_claim_vec *claims =
        &((const struct stateful_set *)o)->spec.volume_claim_templates;
    struct path spec = path_child(NULL, STR("spec"));
    stateful_set_template_warn(o, old, c);
    for (size_t i = 0; !old && i < claims->n; i++)
        claim_spec_warnings(PATH_AT(PATH(&spec, "volumeClaimTemplates"), i), &claims->at[i].spec, c);
    if (limit && *limit < 0)
        strategy_warn(
            c, "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= "
               "0 is recommended");
}

const struct strategy stateful_set_strategy = {
    .resource = &stateful_set_resource,
    .defaults = stateful_set_defaults,
    .validate = stateful_set_validate,
    .validate_create = stateful_set_validate_create,
    .validate_update = stateful_set_validate_update,
    .validate_status = stateful_set_validate_status,
    .warn = stateful_set_warn,
};
