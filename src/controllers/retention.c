#include "controllers/retention.h"

#include "controllers/meta.h"

static bool has_owner(const struct object_meta *m, struct str uid)
{
    for (size_t i = 0; i < m->owner_references.n; i++)
        if (str_eq(m->owner_references.at[i].uid, uid))
            return true;
    return false;
}

/* True when that changed something. */
static bool set_owner(struct arena *a, struct object_meta *m, struct object *owner, bool wanted)
{
    if (!owner || has_owner(m, object_meta(owner)->uid) == wanted)
        return false;
    if (wanted)
        meta_add_owner(a, m, owner_reference_to(a, owner));
    else
        meta_drop_owner(m, object_meta(owner)->uid);
    return true;
}

int claim_retain(struct work *w, struct object *set, struct object *pod, bool condemned, struct str claim)
{
    const struct stateful_set_persistent_volume_claim_retention_policy *policy =
        ((const struct stateful_set *)object_typed(set))->spec.persistent_volume_claim_retention_policy;
    bool scaled = policy && str_is(policy->when_scaled, "Delete"),
         deleted = policy && str_is(policy->when_deleted, "Delete");
    _cleanup_object_ struct object *o = informer_get(informer_of(w, persistent_volume_claim), w->ns, claim);
    if (!o)
        return 0;
    struct persistent_volume_claim *c = object_copy(o, w->a);
    const struct owner_reference *other = meta_controller(&c->metadata);
    if (other && !str_eq(other->uid, object_meta(set)->uid) &&
        !(pod && str_eq(other->uid, object_meta(pod)->uid)))
        return 0; /* somebody else sees to it */
    bool of_pod = condemned && scaled;
    bool changed = set_owner(w->a, &c->metadata, set, deleted && !of_pod);
    changed |= set_owner(w->a, &c->metadata, pod, of_pod);
    if (!changed)
        return 0;
    int failed =
        client_update(w->client, &persistent_volume_claim_resource, (struct str){0}, c, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}
