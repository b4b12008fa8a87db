/* What an update of a pod may change (ValidatePodUpdate), and its ephemeral containers
 * (ValidatePodEphemeralContainersUpdate). Resizing is kind/pod_resize.c, the status kind/pod_status.c. */
#include "api/kind/container.h"
#include "api/kind/pod.h"

/* Copies of the lists whose items get munged, so that neither object is touched. */
static void take_images(struct field_errors *e, const struct path *at, struct container_vec *munged,
                        const struct container_vec *now, const struct container_vec *old)
{
    if (munged->n)
        munged->at = arena_dup(&e->arena, munged->at, munged->n * sizeof *munged->at);
    each (*munged, i) {
        valid_required(e, PATH(PATH_AT(at, i), "image"), now->at[i].image);
        munged->at[i].image = old->at[i].image;
    }
}

static bool same_count(struct field_errors *e, const struct path *at, const struct container_vec *now,
                       const struct container_vec *old)
{
    if (now->n == old->n)
        return true;
    field_forbidden(e, at, "pod updates may not add or remove containers");
    return false;
}

/* True when that is all there is to say. */
static bool valid_deadline_update(struct field_errors *e, const struct path *at, const int64_t *now,
                                  const int64_t *old)
{
    size_t before = e->n;
    if (now && (*now < 0 || *now > INT32_MAX))
        format_validate_range(e, at, *now, 0, INT32_MAX);
    else if (now && old && *old < *now)
        field_invalid_int(e, at, *now, "must be less than or equal to previous value");
    else if (!now && old) {
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("null")),
                    "must not update from a positive integer to nil value");
        return false;
    }
    return e->n != before;
}

/* Existing tolerations stay, but for their seconds; new ones may come. */
static void valid_tolerations_update(struct field_errors *e, const struct path *at,
                                     const struct toleration_vec *now, const struct toleration_vec *old)
{
    each (*old, i) {
        bool found = false;
        each (*now, k) {
            struct toleration t = now->at[k];
            t.toleration_seconds = old->at[i].toleration_seconds;
            found |= same(&toleration_type, &t, &old->at[i]);
        }
        if (!found) {
            field_forbidden(e, at, "existing toleration can not be modified except its tolerationSeconds");
            return;
        }
    }
}

static void valid_gates_update(struct field_errors *e, const struct path *at, const struct pod_spec *now,
                               const struct pod_spec *old)
{
    each (now->scheduling_gates, i) {
        bool found = false;
        each (old->scheduling_gates, k)
            found |= str_eq(now->scheduling_gates.at[i].name, old->scheduling_gates.at[k].name);
        if (!found)
            field_forbidden(e, PATH(PATH_AT(at, i), "name"),
                            "only deletion is allowed, but found new scheduling gate '" STR_FMT "'",
                            STR_ARG(now->scheduling_gates.at[i].name));
    }
}

/* --- a gated pod may still narrow where it goes --- */

static const char *const only_additions = "only additions are allowed (no mutations or deletions)";

static void narrow_selector(struct field_errors *e, const struct path *at, const struct str_map *now,
                            const struct str_map *old)
{
    each (*old, i) {
        const struct str *v = str_map_get(now, old->at[i].key);
        if (v && str_eq(*v, old->at[i].value))
            continue;
        struct pod_spec shown = {.node_selector = *now};
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_member(e, &pod_spec_type, "nodeSelector", &shown),
                    "%s", only_additions);
        return;
    }
}

static bool begins_with(const struct node_selector_requirement_vec *now,
                        const struct node_selector_requirement_vec *old)
{
    for (size_t i = 0; i < old->n; i++)
        if (i >= now->n || !same(&node_selector_requirement_type, &now->at[i], &old->at[i]))
            return false;
    return true;
}

static bool term_narrows(const struct node_selector_term *now, const struct node_selector_term *old)
{
    if (!old->match_expressions.n && !old->match_fields.n) /* takes nothing, and may not begin to */
        return !now->match_expressions.n && !now->match_fields.n;
    return begins_with(&now->match_expressions, &old->match_expressions) &&
           begins_with(&now->match_fields, &old->match_fields);
}

static void narrow_affinity(struct field_errors *e, const struct path *at, const struct node_affinity *now,
                            const struct node_affinity *old)
{
    static const struct node_selector none;
    const struct path *terms =
        PATH(PATH(at, "requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms");
    const struct node_selector *was = old ? old->required_during_scheduling_ignored_during_execution : NULL,
                               *is = now ? now->required_during_scheduling_ignored_during_execution : NULL;
    if (!was || !was->node_selector_terms.n)
        return;
    if (!is)
        is = &none;
    if (is->node_selector_terms.n != was->node_selector_terms.n) {
        field_error(e, FIELD_ERROR_INVALID, terms,
                    valid_bad_member(e, &node_selector_type, "nodeSelectorTerms", is),
                    "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
        return;
    }
    each (was->node_selector_terms, i)
        if (!term_narrows(&is->node_selector_terms.at[i], &was->node_selector_terms.at[i]))
            field_error(e, FIELD_ERROR_INVALID, PATH_AT(terms, i),
                        valid_bad(e, &node_selector_term_type, &is->node_selector_terms.at[i]), "%s",
                        only_additions);
}

/* What a gated pod may have changed is made what it was, so that the rest can be compared. */
static void valid_gated_update(struct field_errors *e, const struct path *spec, struct pod_spec *munged,
                               const struct pod_spec *old)
{
    const struct node_affinity *was = old->affinity ? old->affinity->node_affinity : NULL,
                               *is = munged->affinity ? munged->affinity->node_affinity : NULL;
    narrow_selector(e, PATH(spec, "nodeSelector"), &munged->node_selector, &old->node_selector);
    munged->node_selector = old->node_selector;
    if (is && was ? same(&node_affinity_type, is, was) : is == was)
        return;
    narrow_affinity(e, PATH(PATH(spec, "affinity"), "nodeAffinity"), is, was);
    bool others = munged->affinity && (munged->affinity->pod_affinity || munged->affinity->pod_anti_affinity);
    if (!old->affinity && !others) {
        munged->affinity = NULL;
        return;
    }
    struct affinity *a = arena_new(&e->arena, struct affinity);
    if (munged->affinity)
        *a = *munged->affinity;
    a->node_affinity = old->affinity ? old->affinity->node_affinity : NULL;
    munged->affinity = a;
}

/* --- the update --- */

static void valid_spec_update(struct field_errors *e, const struct path *spec, struct pod_spec *munged,
                              const struct pod_spec *now, const struct pod_spec *old)
{
    munged->active_deadline_seconds = old->active_deadline_seconds;
    munged->tolerations = old->tolerations;
    munged->scheduling_gates = old->scheduling_gates;
    if (old->scheduling_gates.n)
        valid_gated_update(e, spec, munged, old);
    if (old->termination_grace_period_seconds && *old->termination_grace_period_seconds < 0 &&
        now->termination_grace_period_seconds && *now->termination_grace_period_seconds == 1)
        munged->termination_grace_period_seconds = old->termination_grace_period_seconds;
    if (!same(&pod_spec_type, munged, old))
        field_forbidden(
            e, spec,
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
            "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it "
            "was previously negative)\n");
}

void valid_pod_update(const void *o, const void *before, struct field_errors *e)
{
    const struct pod *pod = o, *old = before;
    const struct pod_spec *now = &pod->spec, *was = &old->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *list = PATH(spec, "containers"), *init = PATH(spec, "initContainers");
    struct pod_spec munged = *now;
    valid_annotations_update(e, PATH(PATH(NULL, "metadata"), "annotations"), &pod->metadata.annotations,
                             &old->metadata.annotations);
    if (!same_count(e, list, &now->containers, &was->containers))
        return;
    take_images(e, list, &munged.containers, &now->containers, &was->containers);
    if (!same_count(e, init, &now->init_containers, &was->init_containers))
        return;
    take_images(e, init, &munged.init_containers, &now->init_containers, &was->init_containers);
    if (valid_deadline_update(e, PATH(spec, "activeDeadlineSeconds"), now->active_deadline_seconds,
                              was->active_deadline_seconds))
        return;
    valid_tolerations_update(e, PATH(spec, "tolerations"), &now->tolerations, &was->tolerations);
    valid_gates_update(e, PATH(spec, "schedulingGates"), now, was);
    valid_spec_update(e, spec, &munged, now, was);
}

/* --- ephemeral containers: they may come, and then stay --- */

void valid_pod_ephemeral_update(const struct pod *pod, const struct pod *old, struct field_errors *e)
{
    const struct path *at = PATH(PATH(NULL, "spec"), "ephemeralContainers");
    valid_pod(e, pod);
    if (pod_is_mirror(&old->metadata)) {
        field_forbidden(e, PATH(NULL, ""), "static pods do not support ephemeral containers");
        return;
    }
    each (old->spec.ephemeral_containers, i) {
        const struct ephemeral_container *was = &old->spec.ephemeral_containers.at[i], *now = NULL;
        struct str name = ephemeral_as_container(was)->name;
        each (pod->spec.ephemeral_containers, k)
            if (str_eq(ephemeral_as_container(&pod->spec.ephemeral_containers.at[k])->name, name))
                now = &pod->spec.ephemeral_containers.at[k];
        if (!now)
            field_forbidden(e, at, "existing ephemeral containers \"" STR_FMT "\" may not be removed\n",
                            STR_ARG(name));
        else if (!same(&ephemeral_container_type, now, was))
            field_forbidden(e, at, "existing ephemeral containers \"" STR_FMT "\" may not be changed\n",
                            STR_ARG(name));
    }
}
