#include "schema/custom/custom_openapi.h"

#include "schema/value.h"

#define OBJECT_META "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

static struct value text(const char *s)
{
    return VALUE_STR(str_from(s));
}

static bool is_true(const struct value *schema, const char *key)
{
    const struct value *v = value_get(schema, str_from(key));
    return v && v->kind == JSON_BOOL && v->b;
}

static struct value *properties(struct arena *a, struct value *schema)
{
    struct value *p = value_get(schema, STR("properties"));
    return p ? p : value_set(a, schema, STR("properties"), VALUE_OBJECT);
}

static void describe(struct arena *a, struct value *of, const char *name, const char *member, const char *is,
                     const char *doc)
{
    struct value v = VALUE_OBJECT;
    value_set(a, &v, STR("description"), text(doc));
    value_set(a, &v, str_from(member), text(is));
    value_set(a, properties(a, of), str_from(name), v);
}

/* What whole objects have; the words are those that clients look for. */
static void add_resource_members(struct arena *a, struct value *schema, bool v3)
{
    describe(a, schema, "apiVersion", "type", "string",
             "APIVersion defines which version of the schema this object is written in.");
    describe(a, schema, "kind", "type", "string", "Kind is the REST resource that this object stands for.");
    describe(a, schema, "metadata", "$ref",
             v3 ? "#/components/schemas/" OBJECT_META : "#/definitions/" OBJECT_META,
             "Standard object's metadata: its name, labels and owners.");
}

/* A required property that may be null must not be asked for by clients that do not know null. */
static void drop_nullable_required(struct value *schema)
{
    struct value *required = value_get(schema, STR("required"));
    const struct value *more = value_get(schema, STR("additionalProperties"));
    for (size_t i = 0; required && i < required->list.n;) {
        const struct value *p = value_get(value_get(schema, STR("properties")), required->list.at[i].s);
        if (is_true(more, "nullable") || is_true(p, "nullable"))
            value_remove(required, i);
        else
            i++;
    }
    if (required && !required->list.n)
        value_del(schema, STR("required"));
}

static void to_v2(struct value *schema)
{
    static const char *const junctors[] = {"allOf", "anyOf", "oneOf", "not"};
    struct value *type = value_get(schema, STR("type"));
    bool nullable = is_true(schema, "nullable");
    bool preserves = is_true(schema, "x-kubernetes-preserve-unknown-fields");
    for (size_t i = 0; i < ARRAY_LEN(junctors); i++)
        value_del(schema, str_from(junctors[i]));
    drop_nullable_required(schema);
    if (nullable || preserves) {
        value_del(schema, STR("items"));
        value_del(schema, STR("properties"));
        value_del(schema, STR("nullable"));
        type = value_get(schema, STR("type"));
    }
    bool bare_array = type && str_is(type->s, "array") && !value_get(schema, STR("items"));
    if (type && (nullable || bare_array || (preserves && str_is(type->s, "object"))))
        value_del(schema, STR("type"));
}

static void show(struct arena *a, struct value *schema, bool v3);

static void show_member(struct arena *a, struct value *schema, const char *key, bool v3)
{
    struct value *v = value_get(schema, str_from(key));
    if (v && v->kind == JSON_OBJECT)
        show(a, v, v3);
}

/* A schema and those below it. */
static void show(struct arena *a, struct value *schema, bool v3)
{
    if (!v3)
        to_v2(schema);
    struct value *p = value_get(schema, STR("properties"));
    for (size_t i = 0; p && i < p->members.n; i++)
        show(a, &p->members.at[i].value, v3);
    show_member(a, schema, "items", v3);
    show_member(a, schema, "additionalProperties", v3);
    bool preserves = is_true(schema, "x-kubernetes-preserve-unknown-fields");
    if (is_true(schema, "x-kubernetes-embedded-resource") && (v3 || !preserves))
        add_resource_members(a, schema, v3);
    if (v3 && is_true(schema, "x-kubernetes-int-or-string") && !value_get(schema, STR("anyOf")) &&
        !value_get(schema, STR("allOf"))) {
        static const char *const either[] = {"integer", "string"};
        struct value *any = value_set(a, schema, STR("anyOf"), VALUE_ARRAY);
        for (size_t i = 0; i < ARRAY_LEN(either); i++)
            value_set(a, value_append(a, any, VALUE_OBJECT), STR("type"), text(either[i]));
    }
}

static void add_gvk(struct arena *a, struct value *schema, const struct resource *r)
{
    struct value *list = value_set(a, schema, STR("x-kubernetes-group-version-kind"), VALUE_ARRAY);
    struct value *gvk = value_append(a, list, VALUE_OBJECT);
    value_set(a, gvk, STR("group"), VALUE_STR(r->group));
    value_set(a, gvk, STR("kind"), VALUE_STR(r->kind));
    value_set(a, gvk, STR("version"), VALUE_STR(r->version));
}

void custom_openapi_write(struct json_writer *w, const struct custom_version *v)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf json = {0};
    struct value schema = VALUE_OBJECT;
    if (v->schema)
        json_encode(&json, &json_schema_props_type, v->schema);
    if (!v->schema || value_parse(&a, buf_str(&json), &schema, NULL) < 0 ||
        (!w->v3 && is_true(&schema, "x-kubernetes-preserve-unknown-fields"))) {
        /* kubectl would take what is said for all that there may be. */
        schema = VALUE_OBJECT;
        value_set(&a, &schema, STR("type"), text("object"));
    } else {
        show(&a, &schema, w->v3);
        add_resource_members(&a, &schema, w->v3);
    }
    add_gvk(&a, &schema, &v->resource);
    for (size_t i = 0; i < schema.members.n; i++) {
        json_at_str(w, schema.members.at[i].key);
        value_write(w->out, &schema.members.at[i].value);
    }
}
