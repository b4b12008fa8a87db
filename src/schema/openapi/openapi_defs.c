#include "schema/openapi/openapi_defs.h"

#include <stdlib.h>

#include "kinds/authentication_v1.h"
#include "kinds/autoscaling_v1.h"
#include "kinds/meta_v1.h"
#include "kinds/policy_v1.h"
#include "schema/custom/custom_openapi.h"

/* --- types that are no structs: name, and the schema in versions 2 and 3 --- */

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."

const struct type openapi_patch_type = {.name = STR_INIT("Patch"), .openapi_name = STR_INIT(META "Patch")};
static const struct type
    time_type = {.name = STR_INIT("Time"), .openapi_name = STR_INIT(META "Time")},
    micro_time_type = {.name = STR_INIT("MicroTime"), .openapi_name = STR_INIT(META "MicroTime")},
    duration_type = {.name = STR_INIT("Duration"), .openapi_name = STR_INIT(META "Duration")},
    quantity_type = {.name = STR_INIT("Quantity"),
                     .openapi_name = STR_INIT("io.k8s.apimachinery.pkg.api.resource.Quantity")},
    int_or_string_type = {.name = STR_INIT("IntOrString"),
                          .openapi_name = STR_INIT("io.k8s.apimachinery.pkg.util.intstr.IntOrString")};

static const struct {
    const struct type *type;
    const char *doc, *v2, *v3;
} openapi_plain[] = {
    {&time_type, "A moment, as RFC 3339 writes it, in whole seconds.",
     "\"type\":\"string\",\"format\":\"date-time\"", NULL},
    {&micro_time_type, "A moment, as RFC 3339 writes it, with microseconds.",
     "\"type\":\"string\",\"format\":\"date-time\"", NULL},
    {&duration_type, "A length of time: 300ms, 1h30m.", "\"type\":\"string\"", NULL},
    {&quantity_type, "An amount: a number with a suffix, 500m, 1Gi, 3e6.", "\"type\":\"string\"",
     "\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]"},
    {&int_or_string_type, "A number, or a string such as a percentage or the name of a port.",
     "\"type\":\"string\",\"format\":\"int-or-string\"",
     "\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]"},
    {&openapi_patch_type, "A patch, in the form that its media type names.", "\"type\":\"object\"", NULL},
    {&raw_extension_type, "Any object.", "\"type\":\"object\"", NULL},
    {&fields_v1_type, "A set of fields, as a tree of their names.", "\"type\":\"object\"", NULL},
    {&json_type, "Any JSON value.", "", NULL},
};

/* The definition that the field's values refer to; NULL when they are plain. */
static const struct type *openapi_field_type(const struct field *f)
{
    switch ((enum value_kind)f->kind) {
    case VALUE_STRUCT:
        return f->type;
    case VALUE_JSON:
        return f->type ? f->type : &raw_extension_type;
    case VALUE_TIME:
        return &time_type;
    case VALUE_MICRO_TIME:
        return &micro_time_type;
    case VALUE_DURATION:
        return &duration_type;
    case VALUE_QUANTITY:
        return &quantity_type;
    case VALUE_INT_OR_STRING:
        return &int_or_string_type;
    default:
        return NULL;
    }
}

/* --- gathering --- */

void openapi_defs_free(struct openapi_defs *d)
{
    map_free(&d->seen);
    free(d->at);
    *d = (struct openapi_defs){0};
}

void openapi_defs_add(struct openapi_defs *d, const struct type *t)
{
    uint32_t base;
    const struct field *f;
    if (!t->openapi_name.n || map_get(&d->seen, t->openapi_name))
        return;
    map_put(&d->seen, t->openapi_name, (void *)t);
    mem_grow((void **)&d->at, &d->cap, d->n + 1, sizeof *d->at);
    d->at[d->n++] = t;
    for (unsigned i = 0; (f = type_field_at(t, i, &base)); i++) {
        const struct type *below = openapi_field_type(f);
        if (t->flags & TYPE_UNKNOWN && below != &object_meta_type)
            continue; /* a custom kind says all of the others itself */
        if (below)
            openapi_defs_add(d, below);
    }
}

static int openapi_cmp(const void *a, const void *b)
{
    return str_cmp((*(const struct type *const *)a)->openapi_name,
                   (*(const struct type *const *)b)->openapi_name);
}

/* --- writing --- */

void openapi_write_ref(struct json_writer *w, const char *key, const struct type *t)
{
    json_open(w, key, '{');
    json_at(w, "$ref");
    buf_addf(w->out, "\"%s" STR_FMT "\"}", w->v3 ? "#/components/schemas/" : "#/definitions/",
             STR_ARG(t->openapi_name));
    w->comma = true;
}

void openapi_write_gvk(struct json_writer *w, struct str group, struct str version, struct str kind)
{
    json_open(w, "x-kubernetes-group-version-kind", '{');
    json_str(w, "group", group);
    json_str(w, "version", version);
    json_str(w, "kind", kind);
    json_close(w, '}');
}

static void openapi_write_doc(struct json_writer *w, struct str doc)
{
    if (doc.n)
        json_str(w, "description", doc);
}

static void openapi_write_enum(struct json_writer *w, const struct field_rules *r)
{
    if (!r || !r->n_enumeration)
        return;
    _cleanup_arena_ struct arena a = {0};
    struct str *sorted = arena_dup(&a, r->enumeration, r->n_enumeration * sizeof *sorted);
    qsort(sorted, r->n_enumeration, sizeof *sorted, str_qsort);
    json_open(w, "enum", '[');
    for (size_t i = 0; i < r->n_enumeration; i++)
        json_str(w, NULL, sorted[i]);
    json_close(w, ']');
}

/* The members that say what one plain value is. */
static void openapi_write_plain(struct json_writer *w, const struct field *f)
{
    static const struct {
        const char *type, *format;
    } plain[] = {
        [VALUE_BOOL] = {"boolean", NULL},     [VALUE_INT32] = {"integer", "int32"},
        [VALUE_INT64] = {"integer", "int64"}, [VALUE_DOUBLE] = {"number", "double"},
        [VALUE_STRING] = {"string", NULL},    [VALUE_BYTES] = {"string", "byte"},
    };
    json_str(w, "type", str_from(plain[f->kind].type));
    if (plain[f->kind].format)
        json_str(w, "format", str_from(plain[f->kind].format));
    openapi_write_enum(w, f->rules);
}

/* The schema of an item or entry. */
static void openapi_write_item(struct json_writer *w, const char *key, const struct field *f)
{
    const struct type *t = openapi_field_type(f);
    if (t) {
        openapi_write_ref(w, key, t);
        return;
    }
    json_open(w, key, '{');
    openapi_write_plain(w, f);
    json_close(w, '}');
}

static void openapi_write_strategies(struct json_writer *w, const struct field *f)
{
    bool retain = f->flags & FIELD_PATCH_REPLACE_KEYS, merge = f->flags & FIELD_PATCH_MERGE;
    if (f->patch_key.n)
        json_str(w, "x-kubernetes-patch-merge-key", f->patch_key);
    if (retain || merge)
        json_str(w, "x-kubernetes-patch-strategy",
                 retain && merge ? STR("merge,retainKeys")
                 : retain        ? STR("retainKeys")
                                 : STR("merge"));
}

static void openapi_write_list_type(struct json_writer *w, const struct field *f)
{
    if (f->flags & FIELD_LIST_MAP) {
        json_open(w, "x-kubernetes-list-map-keys", '[');
        for (size_t i = 0; i < f->n_list_keys; i++)
            json_str(w, NULL, f->list_keys[i]);
        json_close(w, ']');
    }
    if (f->shape == SHAPE_LIST && f->flags & (FIELD_LIST_MAP | FIELD_LIST_SET | FIELD_ATOMIC))
        json_str(w, "x-kubernetes-list-type",
                 f->flags & FIELD_LIST_MAP   ? STR("map")
                 : f->flags & FIELD_LIST_SET ? STR("set")
                                             : STR("atomic"));
    else if (f->shape != SHAPE_LIST && f->flags & FIELD_ATOMIC)
        json_str(w, "x-kubernetes-map-type", STR("atomic"));
}

static void openapi_write_default(struct json_writer *w, const struct field *f)
{
    if (f->rules && f->rules->default_json.n)
        json_raw(w, "default", f->rules->default_json);
}

/* A field's schema, as a member of "properties". */
static void openapi_write_field(struct json_writer *w, const struct field *f)
{
    const struct type *t = openapi_field_type(f);
    json_open_str(w, f->name, '{');
    openapi_write_doc(w, f->doc);
    if (f->shape == SHAPE_LIST) {
        json_str(w, "type", STR("array"));
        openapi_write_item(w, "items", f);
    } else if (f->shape == SHAPE_MAP) {
        json_str(w, "type", STR("object"));
        openapi_write_item(w, "additionalProperties", f);
    } else if (t && w->v3) { /* nothing may stand beside a $ref */
        json_open(w, "allOf", '[');
        openapi_write_ref(w, NULL, t);
        json_close(w, ']');
    } else if (t) {
        json_at(w, "$ref");
        buf_addf(w->out, "\"#/definitions/" STR_FMT "\"", STR_ARG(t->openapi_name));
    } else {
        openapi_write_plain(w, f);
    }
    if (!t || w->v3 || f->shape == SHAPE_LIST || f->shape == SHAPE_MAP)
        openapi_write_default(w, f);
    openapi_write_list_type(w, f);
    openapi_write_strategies(w, f);
    json_close(w, '}');
}

static void openapi_write_one_gvk(struct json_writer *w, const struct resource *r, struct str kind)
{
    json_open(w, NULL, '{');
    json_str(w, "group", r->group);
    json_str(w, "kind", kind);
    json_str(w, "version", r->version);
    json_close(w, '}');
}

/* All kinds that the type is: one for most, every group's for DeleteOptions and WatchEvent. */
static void openapi_write_kinds(struct json_writer *w, const struct openapi_set *set, const struct type *t)
{
    static const struct resource *const sent[] = {&scale_resource, &eviction_resource, &status_resource,
                                                  &authentication_token_request_resource};
    bool everywhere = t == &delete_options_type || t == &meta_watch_event_type;
    bool any = false;
    struct str last = {0};
    for (size_t i = 0; i < set->n + ARRAY_LEN(sent); i++) {
        const struct resource *r = i < set->n ? set->resources[i] : sent[i - set->n];
        bool kind = r->type == t, list = r->list_type == t;
        bool of_group = everywhere && i < set->n && !str_eq(last, r->api_version);
        if (!kind && !list && !of_group)
            continue;
        if (!any)
            json_open(w, "x-kubernetes-group-version-kind", '[');
        any = true;
        last = r->api_version;
        openapi_write_one_gvk(w, r, of_group ? t->name : kind ? r->kind : r->list_kind);
    }
    if (any)
        json_close(w, ']');
}

static bool openapi_write_named(struct json_writer *w, const struct type *t)
{
    for (size_t i = 0; i < ARRAY_LEN(openapi_plain); i++) {
        if (openapi_plain[i].type != t)
            continue;
        const char *rest = w->v3 && openapi_plain[i].v3 ? openapi_plain[i].v3 : openapi_plain[i].v2;
        json_str(w, "description", str_from(openapi_plain[i].doc));
        if (*rest)
            buf_addf(w->out, ",%s", rest);
        return true;
    }
    return false;
}

static void openapi_write_struct(struct json_writer *w, const struct openapi_set *set, const struct type *t)
{
    const struct field *f;
    uint32_t base;
    bool required = false;
    openapi_write_doc(w, t->doc);
    if (t->flags & TYPE_EITHER) /* one of several: nothing is promised */
        return;
    json_str(w, "type", STR("object"));
    if (!type_field_at(t, 0, &base))
        return;
    for (unsigned i = 0; (f = type_field_at(t, i, &base)); i++) {
        if (!(f->flags & FIELD_REQUIRED))
            continue;
        if (!required)
            json_open(w, "required", '[');
        required = true;
        json_str(w, NULL, f->name);
    }
    if (required)
        json_close(w, ']');
    json_open(w, "properties", '{');
    for (unsigned i = 0; (f = type_field_at(t, i, &base)); i++)
        openapi_write_field(w, f);
    json_close(w, '}');
    openapi_write_kinds(w, set, t);
    if (t->flags & TYPE_ATOMIC)
        json_str(w, "x-kubernetes-map-type", STR("atomic"));
}

/* The custom kind that is of that type, if one is. */
static const struct custom_version *openapi_custom(const struct openapi_set *set, const struct type *t)
{
    for (size_t i = 0; t->flags & TYPE_UNKNOWN && i < set->n; i++)
        if (set->resources[i]->type == t)
            return custom_version_of(set->resources[i]);
    return NULL;
}

void openapi_defs_write(struct json_writer *w, struct openapi_defs *d)
{
    qsort(d->at, d->n, sizeof *d->at, openapi_cmp);
    for (size_t i = 0; i < d->n; i++) {
        const struct type *t = d->at[i];
        json_open_str(w, t->openapi_name, '{');
        const struct custom_version *custom = openapi_custom(d->set, t);
        if (custom) {
            custom_openapi_write(w, custom);
        } else if (t->flags & TYPE_BARE) { /* its only field's value */
            openapi_write_doc(w, t->doc);
            json_str(w, "type", STR("array"));
            openapi_write_item(w, "items", &t->fields[0]);
        } else if (!openapi_write_named(w, t)) {
            openapi_write_struct(w, d->set, t);
        }
        json_close(w, '}');
    }
}
