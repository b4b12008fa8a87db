/* Schemas of custom resource definitions: what is supported of OpenAPI, and how the Kubernetes extensions fit
 * together (apiextensions-apiserver's validation of definitions). */
#include "api/custom.h"
#include "api/kind/definition.h"
#include "api/rules/rules.h"
#include "schema/custom/custom_type.h"
#include "schema/custom/custom_valid.h"
#include "schema/json.h"

typedef struct json_schema_props schema;

/* Where the schema stands, and what that forbids. */
struct context {
    bool root, in_meta;
    struct str no_defaults; /* why there may be no defaults; empty: there may */
};

static void check_schema(struct field_errors *e, const struct path *at, const schema *s, struct context c);

static bool is(const struct str *s, const char *text)
{
    return s && str_is(*s, text);
}

/* --- what is not supported --- */

static void check_supported(struct field_errors *e, const struct path *at, const schema *s, struct context c)
{
    static const struct str types[] = {STR_INIT("array"),  STR_INIT("boolean"), STR_INIT("integer"),
                                       STR_INIT("number"), STR_INIT("object"),  STR_INIT("string")};
    bool known = !s->type.n;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        known |= str_eq(s->type, types[i]);
    if (!known)
        field_not_supported(e, PATH(at, "type"), s->type, types, ARRAY_LEN(types));
    if (s->default_ && c.no_defaults.n)
        field_forbidden(e, PATH(at, "default"), "must not be set " STR_FMT, STR_ARG(c.no_defaults));
    const struct {
        bool said;
        const char *name, *why;
    } forbidden[] = {
        {s->id.n, "id", "id is not supported"},
        {s->additional_items, "additionalItems", "additionalItems is not supported"},
        {s->pattern_properties.n, "patternProperties", "patternProperties is not supported"},
        {s->definitions.n, "definitions", "definitions is not supported"},
        {s->dependencies.at, "dependencies", "dependencies is not supported"},
        {s->ref, "$ref", "$ref is not supported"},
        {str_is(s->type, "null"), "type", "type cannot be set to null, use nullable as an alternative"},
        {s->items && s->items->json_schemas.n, "items", "items must be a schema object and not an array"},
        {c.in_meta && s->x_kubernetes_embedded_resource, "x-kubernetes-embedded-resource",
         "must not be used inside of resource meta"},
        {s->unique_items, "uniqueItems",
         "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"},
    };
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
        if (forbidden[i].said) {
            struct path p = path_child(at, str_from(forbidden[i].name));
            field_forbidden(e, &p, "%s", forbidden[i].why);
        }
}

/* --- lists and maps --- */

static struct bad_value bad_strings(struct field_errors *e, const struct str_vec *v)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < v->n; i++) {
        buf_add_c(&b, i ? ',' : '[');
        json_encode_string(&b, v->at[i]);
    }
    buf_add_str(&b, v->n ? STR("]") : STR("[]"));
    return BAD_RAW(arena_str(&e->arena, buf_str(&b)));
}

/* A merge type belongs to one JSON type. */
static void check_merges(struct field_errors *e, const struct path *at, const schema *s,
                         const struct str *how, const char *extension, const char *type,
                         const struct str *allowed, size_t n)
{
    bool known = false;
    if (!how)
        return;
    if (!str_is(s->type, type)) {
        if (s->type.n)
            field_invalid(e, PATH(at, "type"), s->type, "must be %s if %s is specified", type, extension);
        else
            field_required(e, PATH(at, "type"), "must be %s if %s is specified", type, extension);
    }
    for (size_t i = 0; i < n; i++)
        known |= str_eq(*how, allowed[i]);
    struct path p = path_child(at, str_from(extension));
    if (!known)
        field_not_supported(e, &p, *how, allowed, n);
}

static void check_set(struct field_errors *e, const struct path *at, const schema *items)
{
    static const char why[] = "must be atomic as item of a list with x-kubernetes-list-type=set";
    const struct str *list = items->x_kubernetes_list_type, *map = items->x_kubernetes_map_type;
    if (str_is(items->type, "array") && list && !is(list, "atomic"))
        field_invalid(e, PATH(PATH(at, "items"), "x-kubernetes-list-type"), *list, "%s", why);
    if (str_is(items->type, "object") && !is(map, "atomic"))
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(at, "items"), "x-kubernetes-map-type"),
                    list ? BAD(*list) : BAD_RAW(STR("null")), "%s", why);
}

static const schema *property(const schema *s, struct str name)
{
    for (size_t i = 0; i < s->properties.n; i++)
        if (str_eq(s->properties.at[i].key, name))
            return &s->properties.at[i].value;
    return NULL;
}

static void check_key(struct field_errors *e, const struct path *at, const schema *s, struct str key)
{
    const schema *items = s->items->schema, *p = property(items, key);
    const struct path *properties = PATH(PATH(at, "items"), "properties");
    if (!p) {
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "x-kubernetes-list-map-keys"),
                    bad_strings(e, &s->x_kubernetes_list_map_keys),
                    "entries must all be names of item properties");
        return;
    }
    if (str_is(p->type, "array") || str_is(p->type, "object"))
        field_invalid(e, PATH(PATH_OF(properties, key), "type"), items->type,
                      "must be a scalar type if parent array's x-kubernetes-list-type is map");
    if (!str_vec_has(&items->required, key) && !p->default_)
        field_required(e, PATH(PATH_OF(properties, key), "default"),
                       "this property is in x-kubernetes-list-map-keys, so it must have a default or be a "
                       "required property");
    if (p->nullable)
        field_forbidden(e, PATH(PATH_OF(properties, key), "nullable"),
                        "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
}

static void check_map_list(struct field_errors *e, const struct path *at, const schema *s)
{
    const struct str_vec *keys = &s->x_kubernetes_list_map_keys;
    const schema *items = s->items ? s->items->schema : NULL;
    if (!keys->n)
        field_required(e, PATH(at, "x-kubernetes-list-map-keys"),
                       "must not be empty if x-kubernetes-list-type is map");
    if (!s->items)
        field_required(e, PATH(at, "items"), "must have a schema if x-kubernetes-list-type is map");
    if (!items)
        return;
    if (!str_is(items->type, "object")) {
        field_invalid(e, PATH(PATH(at, "items"), "type"), items->type,
                      "must be object if parent array's x-kubernetes-list-type is map");
        return;
    }
    for (size_t i = 0; i < keys->n; i++) {
        bool again = false;
        check_key(e, at, s, keys->at[i]);
        for (size_t k = 0; k < i; k++)
            again |= str_eq(keys->at[k], keys->at[i]);
        if (again)
            field_error(e, FIELD_ERROR_INVALID, PATH(at, "x-kubernetes-list-map-keys"), bad_strings(e, keys),
                        "must not contain duplicate entries");
    }
}

static void check_lists(struct field_errors *e, const struct path *at, const schema *s)
{
    static const struct str maps[] = {STR_INIT("atomic"), STR_INIT("granular")},
                            lists[] = {STR_INIT("atomic"), STR_INIT("set"), STR_INIT("map")};
    const struct str *how = s->x_kubernetes_list_type;
    const schema *items = s->items ? s->items->schema : NULL;
    check_merges(e, at, s, s->x_kubernetes_map_type, "x-kubernetes-map-type", "object", maps,
                 ARRAY_LEN(maps));
    check_merges(e, at, s, how, "x-kubernetes-list-type", "array", lists, ARRAY_LEN(lists));
    if (is(how, "set") && str_is(s->type, "array") && items)
        check_set(e, at, items);
    if (s->x_kubernetes_list_map_keys.n && !how)
        field_required(e, PATH(at, "x-kubernetes-list-type"),
                       "must be map if x-kubernetes-list-map-keys is non-empty");
    else if (s->x_kubernetes_list_map_keys.n && !is(how, "map"))
        field_invalid(e, PATH(at, "x-kubernetes-list-type"), *how,
                      "must be map if x-kubernetes-list-map-keys is non-empty");
    if ((is(how, "set") || is(how, "map")) && items && items->nullable)
        field_forbidden(e, PATH(PATH(at, "items"), "nullable"),
                        "cannot be nullable when x-kubernetes-list-type is " STR_FMT, STR_ARG(*how));
    if (is(how, "map"))
        check_map_list(e, at, s);
}

/* --- validation rules: what can be said of them without knowing the language --- */

static bool has_newline(struct str s)
{
    return str_index(s, '\n') >= 0 || str_index(s, '\r') >= 0;
}

static void check_rule(struct field_errors *e, const struct path *at, const struct validation_rule *r)
{
    static const struct str reasons[] = {STR_INIT("FieldValueDuplicate"), STR_INIT("FieldValueForbidden"),
                                         STR_INIT("FieldValueInvalid"), STR_INIT("FieldValueRequired")};
    struct str rule = str_trim(r->rule), message = str_trim(r->message);
    if (!rule.n)
        field_required(e, PATH(at, "rule"), "rule is not specified");
    else if (r->message.n && !message.n)
        field_invalid(e, PATH(at, "message"), r->message, "message must be non-empty if specified");
    else if (has_newline(message))
        field_invalid(e, PATH(at, "message"), r->message, "message must not contain line breaks");
    else if (has_newline(rule) && !message.n)
        field_required(e, PATH(at, "message"), "message must be specified if rule contains line breaks");
    if (r->message_expression.n && !str_trim(r->message_expression).n)
        field_required(e, PATH(at, "messageExpression"), "messageExpression must be non-empty if specified");
    bool known = !r->reason;
    for (size_t i = 0; !known && i < ARRAY_LEN(reasons); i++)
        known = str_eq(*r->reason, reasons[i]);
    if (!known)
        field_not_supported(e, PATH(at, "reason"), *r->reason, reasons, ARRAY_LEN(reasons));
    if (r->field_path.n && !str_trim(r->field_path).n)
        field_invalid(e, PATH(at, "fieldPath"), r->field_path, "fieldPath must be non-empty if specified");
    if (has_newline(r->field_path))
        field_invalid(e, PATH(at, "fieldPath"), r->field_path, "fieldPath must not contain line breaks");
}

/* --- the tree --- */

static void check_properties(struct field_errors *e, const struct path *at, const schema *s, struct context c)
{
    for (size_t i = 0; i < s->properties.n; i++) {
        struct str name = s->properties.at[i].key;
        struct context below = {.in_meta = c.in_meta, .no_defaults = c.no_defaults};
        bool meta = str_is(name, "metadata") || str_is(name, "kind") || str_is(name, "apiVersion");
        if (meta && (c.root || s->x_kubernetes_embedded_resource)) {
            below.in_meta = true;
            if (c.root)
                below.no_defaults = arena_printf(&e->arena, "in top-level " STR_FMT, STR_ARG(name));
        }
        check_schema(e, PATH_OF(PATH(at, "properties"), name), &s->properties.at[i].value, below);
    }
}

static void check_schemas(struct field_errors *e, const struct path *at,
                          const struct json_schema_props_vec *list, struct context c)
{
    for (size_t i = 0; i < list->n; i++)
        check_schema(e, PATH_AT(at, i), &list->at[i], c);
}

static void check_schema(struct field_errors *e, const struct path *at, const schema *s, struct context c)
{
    const struct json_schema_props_or_bool *more = s->additional_properties;
    struct context below = {.in_meta = c.in_meta, .no_defaults = c.no_defaults};
    check_supported(e, at, s, c);
    if (more && s->properties.n && (!more->allows || more->schema))
        field_forbidden(e, PATH(at, "additionalProperties"),
                        "additionalProperties and properties are mutual exclusive");
    if (more && more->schema) {
        struct context values = below;
        if (c.in_meta)
            values.no_defaults = STR("inside additionalProperties applying to object metadata");
        check_schema(e, PATH(at, "additionalProperties"), more->schema, values);
    }
    check_properties(e, at, s, c);
    if (s->not_)
        check_schema(e, PATH(at, "not"), s->not_, below);
    check_schemas(e, PATH(at, "allOf"), &s->all_of, below);
    check_schemas(e, PATH(at, "oneOf"), &s->one_of, below);
    check_schemas(e, PATH(at, "anyOf"), &s->any_of, below);
    if (s->items && s->items->schema)
        check_schema(e, PATH(at, "items"), s->items->schema, below);
    if (s->x_kubernetes_preserve_unknown_fields && !*s->x_kubernetes_preserve_unknown_fields)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "x-kubernetes-preserve-unknown-fields"),
                    BAD_RAW(STR("false")), "must be true or undefined");
    check_lists(e, at, s);
    each (s->x_kubernetes_validations, i)
        check_rule(e, PATH_AT(PATH(at, "x-kubernetes-validations"), i), &s->x_kubernetes_validations.at[i]);
}

/* --- defaults --- */

/* Whether the value has fields that the schema does not name, which would be pruned. */
static bool is_unpruned(const schema *s, struct str json)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct strict_errors strict = {0};
    struct json_schema_props_entry only = {STR("v"), *s};
    const schema holder = {.type = STR("object"), .properties = {&only, 1}};
    const struct type *t = custom_type_make(&a, &holder, STR("v"), STR(""), false);
    struct str text = arena_printf(&a, "{\"v\":" STR_FMT "}", STR_ARG(json));
    json_decode(&a, t, text, JSON_BORROW, arena_alloc(&a, t->size), &strict, &err);
    return strict.n;
}

static void check_default(struct field_errors *e, const struct path *at, const schema *s)
{
    _cleanup_arena_ struct arena a = {0};
    struct value v;
    if (value_parse(&a, *s->default_, &v, NULL) < 0)
        return;
    if (is_unpruned(s, *s->default_))
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(*s->default_), "must not have unknown fields");
    size_t before = e->n;
    custom_check_embedded(e, at, s, &v);
    if (e->n > before)
        return;
    struct custom_patterns *patterns = custom_patterns_new(s);
    custom_validate(e, at, s, patterns, &v, NULL);
    custom_patterns_free(patterns);
}

static void check_defaults(struct field_errors *e, const struct path *at, const schema *s)
{
    if (s->default_)
        check_default(e, PATH(at, "default"), s);
    if (s->items && s->items->schema)
        check_defaults(e, PATH(at, "items"), s->items->schema);
    for (size_t i = 0; i < s->properties.n; i++)
        check_defaults(e, PATH_OF(PATH(at, "properties"), s->properties.at[i].key),
                       &s->properties.at[i].value);
}

/* --- the root --- */

/* With a status of its own the root may only say what holds of the parts as well. */
static void check_root(struct field_errors *e, const struct path *at, const schema *s)
{
    static const char allowed[] =
        "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength "
        "MinLength "
        "Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example "
        "XPreserveUnknownFields XValidations]";
    if (s->type.n && !str_is(s->type, "object"))
        field_invalid(e, PATH(at, "type"), s->type,
                      "only \"object\" is allowed as the type at the root of the schema if the status "
                      "subresource is enabled");
    bool more = s->id.n || s->schema.n || s->ref || s->default_ || s->enum_.n || s->max_properties ||
                s->min_properties || s->all_of.n || s->one_of.n || s->any_of.n || s->not_ ||
                s->additional_properties || s->pattern_properties.n || s->dependencies.n ||
                s->additional_items || s->definitions.n || s->nullable || s->x_kubernetes_embedded_resource ||
                s->x_kubernetes_int_or_string || s->x_kubernetes_list_map_keys.n ||
                s->x_kubernetes_list_type || s->x_kubernetes_map_type;
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, &json_schema_props_type, s);
    if (more)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(arena_str(&e->arena, buf_str(&json))),
                    "only %s fields are allowed at the root of the schema if the status subresource is "
                    "enabled",
                    allowed);
}

void valid_definition_schema(struct field_errors *e, const struct path *at, const schema *s, bool status)
{
    if (status)
        check_root(e, at, s);
    if (s->nullable)
        field_forbidden(e, PATH(at, "nullable"), "nullable cannot be true at the root");
    size_t before = e->n;
    valid_structural(e, at, s);
    if (e->n == before)
        check_defaults(e, at, s);
    check_schema(e, at, s, (struct context){.root = true});
    if (e->n == before)
        rules_check(e, at, s);
}
