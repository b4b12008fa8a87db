/* Volumes follow their claims: Available, Bound, Released, and then kept or deleted
 * (pkg/controller/volume/persistentvolume). */
#include "controllers/storage/storage.h"
#include "controllers/table.h"

static int write_phase(struct work *w, struct object *o, const char *phase, struct str message)
{
    struct persistent_volume *v = object_copy(o, w->a);
    if (str_is(v->status.phase, phase) && str_eq(v->status.message, message))
        return 0;
    if (!str_is(v->status.phase, phase)) {
        struct time now = time_now();
        v->status.last_phase_transition_time = arena_dup(w->a, &now, sizeof now);
    }
    v->status.phase = str_from(phase);
    v->status.message = message;
    v->status.reason = (struct str){0};
    return client_update(w->client, &persistent_volume_resource, STR("status"), v, NULL, w->err);
}

/* --- once the claim has gone --- */

/* The directory is the node's to remove: it has to see that the volume is released before it goes. */
static bool node_is_away(struct work *w, const struct persistent_volume *v)
{
    const struct node_selector *s = v->spec.node_affinity ? v->spec.node_affinity->required : NULL;
    if (!s || !s->node_selector_terms.n || !s->node_selector_terms.at[0].match_expressions.n)
        return false;
    const struct node_selector_requirement *r = &s->node_selector_terms.at[0].match_expressions.at[0];
    _cleanup_object_ struct object *o =
        r->values.n ? informer_get(informer_of(w, node), (struct str){0}, r->values.at[0]) : NULL;
    if (!o)
        return false; /* it will not come back */
    const struct node_condition_vec *all = &((const struct node *)object_typed(o))->status.conditions;
    const struct node_condition *ready = condition_find(&node_condition_type, all, STR("Ready"));
    return !ready || !str_eq(ready->status, CONDITION_STATUS_TRUE);
}

static int delete_volume(struct work *w, struct object *o)
{
    const struct persistent_volume *v = volume_of(o);
    if (v->metadata.deletion_timestamp)
        return 0;
    if (node_is_away(w, v)) {
        work_again(w, 10 * CLOCK_S);
        return 0;
    }
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.uid = v->metadata.uid;
    int failed =
        client_delete(w->client, &persistent_volume_resource, (struct str){0}, w->name, &options, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

static int reclaim(struct work *w, struct object *o)
{
    const struct persistent_volume *v = volume_of(o);
    struct str by = labels_get(&v->metadata.annotations, VOLUME_PROVISIONED_BY),
               policy = v->spec.persistent_volume_reclaim_policy;
    if (str_is(policy, "Retain") || !policy.n)
        return 0;
    if (str_is(policy, "Delete") && str_eq(by, LOCAL_PROVISIONER))
        return delete_volume(w, o);
    if (str_is(policy, "Delete") && by.n)
        return 0; /* who provisioned it deletes it */
    bool recycle = str_is(policy, "Recycle");
    struct str message = recycle ? STR("No recycler plugin found for the volume!")
                                 : arena_printf(w->a,
                                                "error getting deleter volume plugin for volume \"" STR_FMT
                                                "\": no deletable volume plugin matched",
                                                STR_ARG(w->name));
    if (!str_is(v->status.phase, "Failed"))
        recorder_event(w->recorder, o, "Warning", recycle ? "VolumeFailedRecycle" : "VolumeFailedDelete",
                       (struct str){0}, STR_FMT, STR_ARG(message));
    return write_phase(w, o, "Failed", message);
}

static int release(struct work *w, struct object *o)
{
    const struct persistent_volume *v = volume_of(o);
    if (str_is(v->status.phase, "Released") || str_is(v->status.phase, "Failed"))
        return reclaim(w, o);
    return write_phase(w, o, "Released", (struct str){0}); /* the change brings it back */
}

/* The claim took another volume: this one is as free as it was before. */
static int unbind(struct work *w, struct object *o)
{
    struct persistent_volume *v = object_copy(o, w->a);
    if (labels_has(&v->metadata.annotations, VOLUME_BOUND_BY_CONTROLLER)) {
        labels_unset(&v->metadata.annotations, VOLUME_BOUND_BY_CONTROLLER);
        v->spec.claim_ref = NULL;
    } else {
        v->spec.claim_ref->uid = v->spec.claim_ref->resource_version = (struct str){0};
    }
    return client_update(w->client, &persistent_volume_resource, (struct str){0}, v, NULL, w->err);
}

/* The claim of the volume, asked for again where the cache has none: a volume is not given up lightly. */
static int find_claim(struct work *w, const struct object_reference *ref, struct object **out)
{
    *out = informer_get(informer_of(w, persistent_volume_claim), ref->namespace, ref->name);
    if (!*out &&
        client_get(w->client, &persistent_volume_claim_resource, ref->namespace, ref->name, out, w->err) < 0)
        return work_forgive(w, -1, ERR_NOT_FOUND);
    if (*out && !str_eq(object_meta(*out)->uid, ref->uid)) { /* another one of its name */
        object_unref(*out);
        *out = NULL;
    }
    return 0;
}

static int volume_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o =
        informer_get(informer_of(w, persistent_volume), (struct str){0}, w->name);
    _cleanup_object_ struct object *claim = NULL;
    if (!o)
        return 0;
    const struct persistent_volume *v = volume_of(o);
    if (!v->spec.claim_ref || !v->spec.claim_ref->uid.n) /* free, or set aside */
        return write_phase(w, o, "Available", (struct str){0});
    if (find_claim(w, v->spec.claim_ref, &claim) < 0)
        return -1;
    if (!claim)
        return release(w, o);
    struct str taken = claim_of(claim)->spec.volume_name;
    if (!taken.n)
        return 0; /* the binder is about to write it */
    if (str_eq(taken, w->name))
        return write_phase(w, o, "Bound", (struct str){0});
    bool made = labels_has(&v->metadata.annotations, VOLUME_PROVISIONED_BY);
    return made && str_is(v->spec.persistent_volume_reclaim_policy, "Delete") ? release(w, o) : unbind(w, o);
}

static void on_claim(struct controller *k, struct object *before, struct object *after)
{
    struct str was = before ? claim_of(before)->spec.volume_name : STR(""),
               is = after ? claim_of(after)->spec.volume_name : STR("");
    if (was.n)
        controller_add(k, (struct str){0}, was);
    if (is.n && !str_eq(is, was))
        controller_add(k, (struct str){0}, is);
    if (after)
        return;
    _cleanup_objects_ struct objects all = {0}; /* those that were bound to it without its knowing */
    informer_list(informer_of(k, persistent_volume), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct object_reference *ref = volume_of(all.at[i])->spec.claim_ref;
        if (ref && str_eq(ref->uid, object_meta(before)->uid))
            controller_on_self(k, NULL, all.at[i]);
    }
}

const struct controller_def volume_controller = {
    .name = "persistentvolume",
    .component = "persistentvolume-controller",
    .account = "persistent-volume-binder",
    .kind = &persistent_volume_resource,
    .reconcile = volume_reconcile,
    .watches = {{&persistent_volume_resource, controller_on_self},
                {&persistent_volume_claim_resource, on_claim},
                {&node_resource, NULL}},
};
