#include "controllers/claim.h"

#include <stdlib.h>

#include "schema/json.h"

/* Adds a reference of the caller to the list. */
static void claimed(struct objects *out, struct object *o)
{
    out->at = mem_realloc(out->at, (out->n + 1) * sizeof *out->at);
    out->at[out->n++] = o;
}

/* The cached owner may be gone and another of its name be there: only a live one may adopt. */
static int owner_may_adopt(struct work *w, struct object *owner, bool *may)
{
    _cleanup_object_ struct object *live = NULL;
    if (client_get(w->client, object_resource(owner), object_namespace(owner), object_name(owner), &live,
                   w->err) < 0)
        return -1;
    const struct object_meta *meta = object_meta(live);
    *may = str_eq(meta->uid, object_meta(owner)->uid) && !meta->deletion_timestamp;
    return 0;
}

/* By patch, which is all that the roles of controllers let them do to pods. `refs` is a list. */
static int dependent_patch(struct work *w, struct object *o, struct str refs, struct object **out)
{
    struct str patch =
        arena_printf(w->a, "{\"metadata\":{\"uid\":\"" STR_FMT "\",\"ownerReferences\":" STR_FMT "}}",
                     STR_ARG(object_meta(o)->uid), STR_ARG(refs));
    int failed = client_patch(w->client, object_resource(o), object_namespace(o), object_name(o),
                              (struct str){0}, PATCH_STRATEGIC, patch, out, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

static int dependent_adopt(struct work *w, struct object *owner, struct object *o, struct objects *out)
{
    _cleanup_buf_ struct buf refs = {0};
    struct owner_reference ref = owner_reference_to(w->a, owner);
    struct object *adopted = NULL;
    buf_add_lit(&refs, "[");
    json_encode(&refs, &owner_reference_type, &ref);
    buf_add_lit(&refs, "]");
    if (dependent_patch(w, o, buf_str(&refs), &adopted) < 0)
        return -1;
    if (adopted)
        claimed(out, adopted);
    return 0;
}

static int dependent_release(struct work *w, struct object *owner, struct object *o)
{
    struct str refs = arena_printf(w->a, "[{\"$patch\":\"delete\",\"uid\":\"" STR_FMT "\"}]",
                                   STR_ARG(object_meta(owner)->uid));
    return dependent_patch(w, o, refs, NULL);
}

static int object_qsort(const void *x, const void *y)
{
    struct object *const *a = x, *const *b = y;
    return str_cmp(object_name(*a), object_name(*b));
}

int claim_dependents(struct work *w, struct object *owner, const struct selector *selector,
                     struct informer *dependents, struct objects *out)
{
    const struct object_meta *mine = object_meta(owner);
    bool going = mine->deletion_timestamp;
    _cleanup_objects_ struct objects owned = {0}, orphans = {0};
    informer_list_owned(dependents, mine->uid, &owned);
    for (size_t i = 0; i < owned.n; i++) {
        struct object *o = owned.at[i];
        if (selector_matches(selector, &object_meta(o)->labels))
            claimed(out, object_ref(o));
        else if (!going && dependent_release(w, owner, o) < 0)
            return -1;
    }
    if (going)
        return 0;

    informer_list_orphans(dependents, object_namespace(owner), &orphans);
    bool asked = false, may = false;
    for (size_t i = 0; i < orphans.n; i++) {
        struct object *o = orphans.at[i];
        const struct object_meta *meta = object_meta(o);
        if (meta->deletion_timestamp || !selector_matches(selector, &meta->labels))
            continue;
        if (!asked && owner_may_adopt(w, owner, &may) < 0)
            return work_forgive(w, -1, ERR_NOT_FOUND);
        asked = true;
        if (may && dependent_adopt(w, owner, o, out) < 0)
            return -1;
    }
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, object_qsort);
    return 0;
}
