#include "client/volumes.h"

#include "schema/quantity.h"
#include "schema/str_map.h"

static const struct str beta_class = STR_INIT("volume.beta.kubernetes.io/storage-class");

struct str claim_class(const struct persistent_volume_claim *c)
{
    struct str old = str_map_text(&c->metadata.annotations, beta_class);
    return old.n ? old : c->spec.storage_class_name ? *c->spec.storage_class_name : (struct str){0};
}

struct str volume_class(const struct persistent_volume *v)
{
    struct str old = str_map_text(&v->metadata.annotations, beta_class);
    return old.n ? old : v->spec.storage_class_name;
}

bool class_waits(const struct storage_class *c)
{
    return c->volume_binding_mode && str_is(*c->volume_binding_mode, "WaitForFirstConsumer");
}

bool volume_is_for(const struct persistent_volume *v, const struct persistent_volume_claim *c)
{
    const struct object_reference *ref = v->spec.claim_ref;
    return ref && str_eq(ref->name, c->metadata.name) && str_eq(ref->namespace, c->metadata.namespace) &&
           (!ref->uid.n || str_eq(ref->uid, c->metadata.uid));
}

static bool has_all(const struct str_vec *have, const struct str_vec *wanted)
{
    for (size_t i = 0; i < wanted->n; i++) {
        size_t k = 0;
        while (k < have->n && !str_eq(have->at[k], wanted->at[i]))
            k++;
        if (k == have->n)
            return false;
    }
    return true;
}

static struct str or_else(const struct str *s, struct str otherwise)
{
    return s && s->n ? *s : otherwise;
}

bool volume_can_hold(const struct persistent_volume *v, const struct persistent_volume_claim *c)
{
    struct str mode = STR("Filesystem"), none = {0};
    return quantity_cmp_str(str_map_text(&v->spec.capacity, STR("storage")),
                            str_map_text(&c->spec.resources.requests, STR("storage"))) >= 0 &&
           str_eq(or_else(v->spec.volume_mode, mode), or_else(c->spec.volume_mode, mode)) &&
           str_eq(or_else(v->spec.volume_attributes_class_name, none),
                  or_else(c->spec.volume_attributes_class_name, none)) &&
           has_all(&v->spec.access_modes, &c->spec.access_modes);
}

static bool labels_suit(const struct persistent_volume *v, const struct persistent_volume_claim *c)
{
    _cleanup_arena_ struct arena a = {0};
    struct selector s;
    return !c->spec.selector ||
           (selector_from(&a, c->spec.selector, &s, NULL) == 0 && selector_matches(&s, &v->metadata.labels));
}

bool volume_is_free_for(const struct persistent_volume *v, const struct persistent_volume_claim *c)
{
    /* Those that are not Available yet will be in a moment, and then be looked at again. */
    return !v->metadata.deletion_timestamp && !v->spec.claim_ref && str_is(v->status.phase, "Available") &&
           str_eq(volume_class(v), claim_class(c)) && volume_can_hold(v, c) && labels_suit(v, c);
}

bool volume_is_smaller(const struct persistent_volume *v, const struct persistent_volume *than)
{
    return quantity_cmp_str(str_map_text(&v->spec.capacity, STR("storage")),
                            str_map_text(&than->spec.capacity, STR("storage"))) < 0;
}

bool volume_claim_name(const struct pod *pod, const struct volume *v, struct arena *a, struct str *name)
{
    if (v->persistent_volume_claim)
        *name = v->persistent_volume_claim->claim_name;
    else if (v->ephemeral)
        *name = arena_printf(a, STR_FMT "-" STR_FMT, STR_ARG(pod->metadata.name), STR_ARG(v->name));
    else
        return false;
    return true;
}

bool claim_is_of_pod(const struct persistent_volume_claim *c, const struct pod *pod)
{
    for (size_t i = 0; i < c->metadata.owner_references.n; i++) {
        const struct owner_reference *r = &c->metadata.owner_references.at[i];
        if (r->controller && *r->controller && str_eq(r->uid, pod->metadata.uid))
            return true;
    }
    return false;
}
