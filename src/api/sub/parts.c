/* Subresources that write one part of their object: namespaces/finalize, pods/ephemeralcontainers,
 * pods/resize, certificatesigningrequests/approval. */
#include "api/sub/sub.h"

#include "api/kind/certificate.h"
#include "api/kind/pod.h"
#include "api/patch.h"

/* The client's whole object, of which `take` moves the part over to a copy of the present one. */
static int part_make(struct road *d, void (*take)(void *to, const void *from, struct arena *a))
{
    void *given;
    if (d->r->verb == API_PATCH) {
        if (patch_struct(&d->context, d->resource, d->old, &given, &d->r->err) < 0)
            return -1;
    } else if (road_decode(d, d->resource, &given) < 0)
        return -1;
    struct object_meta *m;
    const struct object_meta *asked = resource_meta(d->resource, given);
    if (asked->name.n && !str_eq(asked->name, d->name))
        return err_set(&d->r->err, ERR_BAD_REQUEST,
                       "the name of the object (" STR_FMT ") does not match the name on the URL (" STR_FMT
                       ")",
                       STR_ARG(asked->name), STR_ARG(d->name));
    d->object = arena_dup(d->r->arena, d->old, d->resource->type->size);
    m = resource_meta(d->resource, d->object);
    m->resource_version = asked->resource_version;
    take(d->object, given, d->r->arena);
    return 0;
}

/* What a client may write of the metadata. */
static void take_meta(const struct resource *r, void *to, const void *from)
{
    struct object_meta *m = resource_meta(r, to);
    const struct object_meta *given = resource_meta(r, (void *)from);
    m->labels = given->labels;
    m->annotations = given->annotations;
    m->finalizers = given->finalizers;
    m->owner_references = given->owner_references;
}

static void take_finalizers(void *to, const void *from, struct arena *a)
{
    (void)a;
    take_meta(&namespace_resource, to, from);
    ((struct namespace *)to)->spec.finalizers = ((const struct namespace *)from)->spec.finalizers;
}

static int finalize_make(struct road *d)
{
    return part_make(d, take_finalizers);
}

static void finalize_valid(const void *o, const void *old, struct field_errors *e)
{
    const struct str_vec *v = &((const struct namespace *)o)->spec.finalizers;
    struct path spec = path_child(NULL, STR("spec"));
    (void)old;
    each (*v, i) {
        const struct path *at = PATH_AT(PATH(&spec, "finalizers"), i);
        format_validate(e, at, FORMAT_LABEL_KEY, v->at[i]);
        valid_standard_finalizer(e, at, v->at[i]);
    }
}

int sub_finalize(struct road *d)
{
    static const struct write write = {.make = finalize_make, .raw = true, .validate = finalize_valid};
    return road_write(d, &write);
}

static void take_ephemeral(void *to, const void *from, struct arena *a)
{
    (void)a;
    ((struct pod *)to)->spec.ephemeral_containers = ((const struct pod *)from)->spec.ephemeral_containers;
}

static int ephemeral_make(struct road *d)
{
    return part_make(d, take_ephemeral);
}

static void ephemeral_valid(const void *o, const void *old, struct field_errors *e)
{
    valid_pod_ephemeral_update(o, old, e);
}

int sub_ephemeral_containers(struct road *d)
{
    static const struct write write = {.make = ephemeral_make, .raw = true, .validate = ephemeral_valid};
    return d->r->verb == API_GET ? verb_get(d) : road_write(d, &write);
}

static void take_resize(void *to, const void *from, struct arena *a)
{
    pod_take_resize(to, from, a);
}

static int resize_make(struct road *d)
{
    return part_make(d, take_resize);
}

static void resize_valid(const void *o, const void *old, struct field_errors *e)
{
    valid_pod_resize(o, old, e);
}

int sub_resize(struct road *d)
{
    static const struct write write = {.make = resize_make, .raw = true, .validate = resize_valid};
    return d->r->verb == API_GET ? verb_get(d) : road_write(d, &write);
}

static void take_conditions(void *to, const void *from, struct arena *a)
{
    (void)a;
    take_meta(&certificate_signing_request_resource, to, from);
    ((struct certificate_signing_request *)to)->status.conditions =
        ((const struct certificate_signing_request *)from)->status.conditions;
}

static int approval_make(struct road *d)
{
    if (part_make(d, take_conditions) < 0)
        return -1;
    const struct certificate_signing_request *old = d->old;
    signing_request_times(&((struct certificate_signing_request *)d->object)->status.conditions,
                          &old->status.conditions);
    return 0;
}

int sub_approval(struct road *d)
{
    static const struct write write = {
        .make = approval_make, .raw = true, .validate = signing_request_valid_approval};
    return d->r->verb == API_GET ? verb_get(d) : road_write(d, &write);
}
