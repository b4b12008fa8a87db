#include "schema/custom/custom_type.h"

#include "schema/layout.h"

/* More properties than this in one object are kept without being looked at. */
enum { CUSTOM_FIELDS_MAX = 10000 };

/* A type that grows field by field. */
struct builder {
    struct arena *a;
    struct type *type;
    struct field *fields;
    uint32_t size;
};

static void field_of(struct arena *a, const struct json_schema_props *p, struct field *f);

static struct builder build(struct arena *a, struct str name, size_t most)
{
    struct builder b = {a, arena_new(a, struct type), arena_new_n(a, struct field, most), 0};
    *b.type = (struct type){.name = name, .fields = b.fields};
    return b;
}

static struct field *build_add(struct builder *b, struct field f)
{
    size_t size = f.shape == SHAPE_OPTIONAL ? sizeof(void *)
                  : f.shape == SHAPE_ONE    ? layout_size(&f)
                                            : sizeof(struct any_vec);
    f.offset = b->size;
    b->size += (uint32_t)((size + 7) / 8 * 8);
    struct field *at = &b->fields[b->type->n_fields++];
    *at = f;
    return at;
}

static const struct type *build_end(struct builder *b)
{
    b->type->size = b->size;
    type_index_make(b->a, b->type);
    return b->type;
}

/* Behind the fields: what does not fit, and what is preserved. */
static void build_rest(struct builder *b, bool preserve)
{
    b->type->flags |= preserve ? TYPE_UNKNOWN : TYPE_UNKNOWN | TYPE_PRUNED;
    build_add(b, (struct field){.kind = VALUE_JSON, .shape = SHAPE_MAP});
}

/* --- what a schema says of a value --- */

bool custom_preserves(const struct json_schema_props *p)
{
    return p->x_kubernetes_preserve_unknown_fields && *p->x_kubernetes_preserve_unknown_fields;
}

static bool is_type(const struct json_schema_props *p, const char *type)
{
    return str_is(p->type, type) && !p->x_kubernetes_int_or_string;
}

static bool is_map(const struct json_schema_props *p)
{
    const struct json_schema_props_or_bool *more = p->additional_properties;
    return more && (more->schema || more->allows) && !p->properties.n;
}

static bool is_struct(const struct json_schema_props *p)
{
    bool says_nothing = custom_preserves(p) && !p->properties.n && !p->x_kubernetes_embedded_resource;
    return is_type(p, "object") && !says_nothing && p->properties.n <= CUSTOM_FIELDS_MAX;
}

static bool is_resource_member(struct str name)
{
    return str_is(name, "kind") || str_is(name, "apiVersion") || str_is(name, "metadata");
}

static void add_properties(struct builder *b, const struct json_schema_props *p, bool resource)
{
    for (size_t i = 0; i < p->properties.n; i++) {
        const struct json_schema_props_entry *e = &p->properties.at[i];
        if (resource && is_resource_member(e->key))
            continue;
        struct field f = {.name = e->key};
        field_of(b->a, &e->value, &f);
        build_add(b, f);
    }
}

/* An object within the object: whole ones have kind, apiVersion and metadata besides. */
static const struct type *struct_of(struct arena *a, const struct json_schema_props *p, struct str name)
{
    struct builder b = build(a, name, p->properties.n + 4);
    b.type->doc = p->description;
    bool resource = p->x_kubernetes_embedded_resource;
    if (resource) {
        struct field text = {.kind = VALUE_STRING, .shape = SHAPE_OPTIONAL, .flags = FIELD_OMIT_ABSENT};
        text.name = STR("kind");
        build_add(&b, text);
        text.name = STR("apiVersion");
        build_add(&b, text);
        build_add(&b, (struct field){.name = STR("metadata"),
                                     .type = &object_meta_type,
                                     .kind = VALUE_STRUCT,
                                     .shape = SHAPE_OPTIONAL,
                                     .flags = FIELD_OMIT_EMPTY});
    }
    add_properties(&b, p, resource);
    if (p->x_kubernetes_map_type && str_is(*p->x_kubernetes_map_type, "atomic"))
        b.type->flags |= TYPE_ATOMIC;
    build_rest(&b, custom_preserves(p));
    return build_end(&b);
}

/* What a list or map holds. Lists and maps within one stand in a type of their own. */
static void items_of(struct arena *a, const struct json_schema_props *p, struct field *f)
{
    struct field item = {.name = f->name};
    f->kind = VALUE_JSON;
    if (!p)
        return;
    if (p->nullable)
        f->flags |= FIELD_NULL_ITEMS;
    field_of(a, p, &item);
    f->kind = item.kind;
    f->type = item.type;
    if (item.shape != SHAPE_LIST && item.shape != SHAPE_MAP)
        return;
    struct builder b = build(a, f->name, 1);
    build_add(&b, item);
    b.type->flags |= TYPE_BARE;
    f->kind = VALUE_STRUCT;
    f->type = build_end(&b);
}

static void list_of(struct arena *a, const struct json_schema_props *p, struct field *f)
{
    const struct str *how = p->x_kubernetes_list_type;
    f->shape = SHAPE_LIST;
    items_of(a, p->items ? p->items->schema : NULL, f);
    if (how && str_is(*how, "set")) {
        f->flags |= FIELD_LIST_SET;
    } else if (how && str_is(*how, "map") && p->x_kubernetes_list_map_keys.n <= UINT8_MAX) {
        f->flags |= FIELD_LIST_MAP;
        f->list_keys = p->x_kubernetes_list_map_keys.at;
        f->n_list_keys = (uint8_t)p->x_kubernetes_list_map_keys.n;
    } else {
        f->flags |= FIELD_ATOMIC;
    }
}

static void field_of(struct arena *a, const struct json_schema_props *p, struct field *f)
{
    static const struct {
        const char *type;
        enum value_kind kind;
    } scalars[] = {{"string", VALUE_STRING},
                   {"integer", VALUE_INT64},
                   {"number", VALUE_DOUBLE},
                   {"boolean", VALUE_BOOL}};
    f->doc = p->description;
    f->flags |= FIELD_OMIT_ABSENT;
    if (p->nullable)
        f->flags |= FIELD_NULLABLE;
    if (p->x_kubernetes_map_type && str_is(*p->x_kubernetes_map_type, "atomic"))
        f->flags |= FIELD_ATOMIC;
    if (p->default_) {
        struct field_rules *rules = arena_new(a, struct field_rules);
        rules->default_json = *p->default_;
        f->rules = rules;
    }
    f->shape = SHAPE_OPTIONAL;
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        if (is_type(p, scalars[i].type)) {
            f->kind = scalars[i].kind;
            return;
        }
    if (p->x_kubernetes_int_or_string) {
        f->kind = VALUE_INT_OR_STRING;
    } else if (is_type(p, "array")) {
        list_of(a, p, f);
    } else if (is_type(p, "object") && is_map(p)) {
        f->shape = SHAPE_MAP;
        items_of(a, p->additional_properties->schema, f);
    } else if (is_struct(p)) {
        f->kind = VALUE_STRUCT;
        f->type = struct_of(a, p, f->name);
    } else {
        f->kind = VALUE_JSON;
        f->shape = SHAPE_ONE;
    }
}

/* --- whole objects --- */

static void add_type_meta(struct builder *b)
{
    struct field text = {.kind = VALUE_STRING, .shape = SHAPE_ONE, .flags = FIELD_OMIT_EMPTY};
    text.name = STR("kind");
    build_add(b, text);
    text.name = STR("apiVersion");
    build_add(b, text);
}

static const struct field *find_field(const struct builder *b, const char *name)
{
    for (size_t i = 0; i < b->type->n_fields; i++)
        if (str_is(b->fields[i].name, name))
            return &b->fields[i];
    return NULL;
}

const struct type *custom_type_make(struct arena *a, const struct json_schema_props *schema, struct str name,
                                    struct str openapi_name, bool status)
{
    static const struct json_schema_props nothing;
    bool preserve = !schema || custom_preserves(schema);
    const struct json_schema_props *p = schema ? schema : &nothing;
    struct builder b = build(a, name, p->properties.n + 5);
    b.type->openapi_name = openapi_name;
    b.type->doc = p->description;
    add_type_meta(&b);
    build_add(&b, (struct field){.name = STR("metadata"),
                                 .type = &object_meta_type,
                                 .kind = VALUE_STRUCT,
                                 .shape = SHAPE_ONE,
                                 .flags = FIELD_OMIT_EMPTY});
    if (p->properties.n <= CUSTOM_FIELDS_MAX)
        add_properties(&b, p, true);
    if (status && preserve && !find_field(&b, "status"))
        build_add(&b, (struct field){.name = STR("status"), .kind = VALUE_JSON, .flags = FIELD_OMIT_ABSENT});
    build_rest(&b, preserve || p->properties.n > CUSTOM_FIELDS_MAX);
    return build_end(&b);
}

const struct type *custom_type_make_list(struct arena *a, const struct type *item, struct str name,
                                         struct str openapi_name)
{
    struct builder b = build(a, name, 4);
    b.type->openapi_name = openapi_name;
    add_type_meta(&b);
    build_add(&b, (struct field){.name = STR("metadata"),
                                 .type = &list_meta_type,
                                 .kind = VALUE_STRUCT,
                                 .shape = SHAPE_ONE,
                                 .flags = FIELD_OMIT_EMPTY});
    build_add(&b, (struct field){.name = STR("items"),
                                 .type = item,
                                 .kind = VALUE_STRUCT,
                                 .shape = SHAPE_LIST,
                                 .flags = FIELD_REQUIRED});
    return build_end(&b);
}
