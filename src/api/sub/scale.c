/* The scale subresource: an autoscaling/v1 Scale that stands for spec.replicas of a workload. */
#include "api/sub/sub.h"

#include "api/apply.h"
#include "api/custom.h"
#include "api/managed.h"
#include "api/patch.h"
#include "api/sub/scale_owners.h"
#include "kinds/autoscaling_v1.h"
#include "schema/field_ref.h"
#include "schema/json.h"
#include "schema/selector.h"

static struct str strip(struct str path)
{
    return str_starts(path, STR(".")) ? str_from_at(path, 1) : path;
}

/* Where the number behind a path lies; an absent optional one is made where `a` is given. NULL: there is
 * none. */
static int32_t *scale_number(const struct road *d, struct str path, const void *typed, struct arena *a)
{
    struct field_ref ref;
    if (!field_ref_resolve(d->resource->type, strip(path), &ref))
        return NULL;
    void *at = field_ref_at(&ref, typed);
    if (!at || ref.leaf->shape != SHAPE_OPTIONAL)
        return at;
    int32_t **number = at;
    if (!*number && a)
        *number = arena_new(a, int32_t);
    return *number;
}

/* The selector as text: of a LabelSelector, of a plain map, or the text that a status holds. */
static struct str scale_selector(const struct road *d, const void *typed)
{
    struct field_ref ref;
    struct arena *a = d->r->arena;
    struct selector s;
    if (!d->resource->scale_selector_path.n ||
        !field_ref_resolve(d->resource->type, strip(d->resource->scale_selector_path), &ref))
        return STR("");
    const void *at = field_ref_at(&ref, typed);
    if (at && ref.leaf->shape == SHAPE_OPTIONAL)
        at = *(const void *const *)at;
    if (!at)
        return STR("");
    if (ref.leaf->kind == VALUE_STRING && ref.leaf->shape != SHAPE_MAP)
        return *(const struct str *)at;
    if (ref.leaf->shape == SHAPE_MAP)
        selector_from_map(a, at, &s);
    else if (ref.leaf->type != &label_selector_type || selector_from(a, at, &s, NULL) < 0)
        return STR("");
    _cleanup_buf_ struct buf b = {0};
    selector_write(&b, &s);
    return arena_str(a, buf_str(&b));
}

/* --- of custom resources, whose paths lead through what their definition leaves open too --- */

static int32_t custom_number(struct value *tree, struct str path)
{
    const struct value *v = custom_at(tree, path);
    return v && v->kind == JSON_INT && v->i >= 0 && v->i <= INT32_MAX ? (int32_t)v->i : 0;
}

static void custom_scale(const struct road *d, const void *typed, struct scale *s)
{
    const struct resource *r = d->resource;
    struct value tree;
    if (!custom_tree(d->r->arena, r, typed, &tree))
        return;
    s->spec.replicas = custom_number(&tree, r->scale_replicas_path);
    s->status.replicas = custom_number(&tree, r->scale_status_path);
    const struct value *selector = r->scale_selector_path.n ? custom_at(&tree, r->scale_selector_path) : NULL;
    if (selector && selector->kind == JSON_STRING)
        s->status.selector = selector->s;
}

/* d->object with the number set; what leads there is made. */
static int custom_set_replicas(struct road *d, int32_t replicas)
{
    const struct resource *r = d->resource;
    struct arena *a = d->r->arena;
    struct str path = strip(r->scale_replicas_path), step;
    struct value tree, *at = &tree;
    if (!custom_tree(a, r, d->object, &tree))
        return err_set(&d->r->err, ERR_INTERNAL, "the object nests too deep");
    while (str_cut(&path, '.', &step)) {
        struct value *next = value_get(at, step);
        at = next && (!path.p || next->kind == JSON_OBJECT) ? next : value_set(a, at, step, VALUE_OBJECT);
    }
    *at = VALUE_INT(replicas);
    d->object = arena_alloc(a, r->type->size);
    return json_decode(a, r->type, value_json(a, &tree), JSON_BORROW, d->object, NULL, &d->r->err);
}

static struct scale *scale_of(const struct road *d, struct object *o)
{
    const void *typed = object_typed(o);
    const struct object_meta *m = object_meta(o);
    struct scale *s = arena_new(d->r->arena, struct scale);
    s->metadata.name = arena_str(d->r->arena, m->name);
    s->metadata.namespace = arena_str(d->r->arena, m->namespace);
    s->metadata.uid = arena_str(d->r->arena, m->uid);
    s->metadata.creation_timestamp = m->creation_timestamp;
    s->metadata.resource_version = arena_printf(d->r->arena, "%lld", (long long)object_revision(o));
    if (d->resource->custom) {
        custom_scale(d, typed, s);
        return s;
    }
    const int32_t *wanted = scale_number(d, d->resource->scale_replicas_path, typed, NULL);
    const int32_t *present = scale_number(d, d->resource->scale_status_path, typed, NULL);
    s->spec.replicas = wanted ? *wanted : 0;
    s->status.replicas = present ? *present : 0;
    s->status.selector = arena_str(d->r->arena, scale_selector(d, typed));
    return s;
}

static int scale_answer(struct road *d)
{
    struct object *o = d->r->object;
    d->r->virtual_typed = scale_of(d, o);
    d->r->virtual_resource = &scale_resource;
    return ROAD_DONE;
}

static int scale_make(struct road *d)
{
    struct scale *before = scale_of(d, d->current), *scale = NULL;
    struct err *err = &d->r->err;
    struct managed_fields_entry_vec owners =
        scale_owners(d, &resource_meta(d->resource, d->old)->managed_fields);
    bool applies = d->r->verb == API_PATCH && d->r->patch_type == API_PATCH_APPLY, any_version = false;
    if (applies) {
        struct application x = {.road = d,
                                .resource = &scale_resource,
                                .live = before,
                                .managed = &owners,
                                .ignored = managed_ignored(d),
                                .versions = &scale_versions};
        if (apply_body(&x) < 0)
            return -1;
        scale = x.object;
        any_version = !x.names_version;
    } else if (d->r->verb == API_PATCH) {
        if (patch_struct(&d->context, &scale_resource, before, (void **)&scale, err) < 0)
            return -1;
    } else if (road_decode(d, &scale_resource, (void **)&scale) < 0)
        return -1;
    if (scale->metadata.name.n && !str_eq(scale->metadata.name, d->name))
        return err_set(err, ERR_BAD_REQUEST,
                       "the name of the object (" STR_FMT ") does not match the name on the URL (" STR_FMT
                       ")",
                       STR_ARG(scale->metadata.name), STR_ARG(d->name));
    d->object = object_copy(d->current, d->r->arena);
    struct object_meta *m = resource_meta(d->resource, d->object);
    m->resource_version = scale->metadata.resource_version;
    if (any_version || (d->r->verb == API_PATCH && !applies &&
                        str_eq(m->resource_version, before->metadata.resource_version)))
        m->resource_version = STR("");
    if (!applies)
        scale_track(d, &owners, before, scale);
    m->managed_fields = scale_owners_of_parent(d, &m->managed_fields, &scale->metadata.managed_fields);
    if (scale->metadata.uid.n)
        m->uid = scale->metadata.uid;
    d->shown_old = before;
    d->shown = scale;
    d->shown_resource = &scale_resource;
    return 0;
}

static int scale_take(struct road *d)
{
    const struct scale *scale = d->shown;
    if (scale->spec.replicas < 0) {
        _cleanup_field_errors_ struct field_errors e = {0};
        valid_not_negative(&e, PATH(PATH(NULL, "spec"), "replicas"), scale->spec.replicas);
        return field_errors_status(&e, STR("autoscaling"), STR("Scale"), d->name, &d->r->err);
    }
    if (d->resource->custom)
        return custom_set_replicas(d, scale->spec.replicas);
    int32_t *wanted = scale_number(d, d->resource->scale_replicas_path, d->object, d->r->arena);
    if (!wanted)
        return err_set(&d->r->err, ERR_INTERNAL, "the object has no field " STR_FMT,
                       STR_ARG(d->resource->scale_replicas_path));
    *wanted = scale->spec.replicas;
    return 0;
}

int sub_scale(struct road *d)
{
    static const struct write write = {
        .make = scale_make, .take = scale_take, .answer = scale_answer, .untracked = true};
    if (d->r->verb != API_GET)
        return road_write(d, &write);
    return verb_get(d) < 0 ? -1 : scale_answer(d);
}
