/* Structural schemas (apiextensions-apiserver's schema package): every field has one place that says what it
 * is, outside of allOf, anyOf, oneOf and not, which only restrict it. */
#include <stdlib.h>

#include "api/kind/definition.h"
#include "base/regex.h"
#include "schema/custom/custom_type.h"

typedef struct json_schema_props schema;

enum level { ROOT, ITEM, FIELD };

static void check_junctions(struct field_errors *e, const struct path *at, const schema *s, bool skip_any_of,
                            bool skip_all_of);

static const schema *items_of(const schema *s)
{
    return s->items ? s->items->schema : NULL;
}

static const schema *find(const schema *s, struct str name)
{
    for (size_t i = 0; i < s->properties.n; i++)
        if (str_eq(s->properties.at[i].key, name))
            return &s->properties.at[i].value;
    return NULL;
}

/* --- under allOf, anyOf, oneOf and not --- */

static void check_nested(struct field_errors *e, const struct path *at, const schema *s, bool skip_any_of)
{
    if (!s)
        return;
    check_junctions(e, at, s, skip_any_of, false);
    check_nested(e, PATH(at, "items"), items_of(s), false);
    for (size_t i = 0; i < s->properties.n; i++) {
        struct path p = path_key(PATH(at, "properties"), s->properties.at[i].key);
        check_nested(e, &p, &s->properties.at[i].value, false);
    }
    const struct {
        bool said;
        const char *name, *must;
    } forbidden[] = {
        {s->type.n, "type", "must be empty"},
        {s->additional_properties, "additionalProperties", "must be undefined"},
        {s->default_, "default", "must be undefined"},
        {s->title.n, "title", "must be empty"},
        {s->description.n, "description", "must be empty"},
        {s->nullable, "nullable", "must be false"},
        {custom_preserves(s), "x-kubernetes-preserve-unknown-fields", "must be false"},
        {s->x_kubernetes_embedded_resource, "x-kubernetes-embedded-resource", "must be false"},
        {s->x_kubernetes_int_or_string, "x-kubernetes-int-or-string", "must be false"},
        {s->x_kubernetes_list_map_keys.n, "x-kubernetes-list-map-keys", "must be empty"},
        {s->x_kubernetes_list_type, "x-kubernetes-list-type", "must be undefined"},
        {s->x_kubernetes_map_type, "x-kubernetes-map-type", "must be undefined"},
        {s->x_kubernetes_validations.n, "x-kubernetes-validations", "must be empty"},
    };
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
        if (forbidden[i].said) {
            struct path p = path_child(at, str_from(forbidden[i].name));
            field_forbidden(e, &p, "%s to be structural", forbidden[i].must);
        }
    if (find(s, STR("metadata")))
        field_forbidden(e, PATH_OF(PATH(at, "properties"), STR("metadata")),
                        "must not be specified in a nested context");
}

static void check_list(struct field_errors *e, const struct path *at,
                       const struct json_schema_props_vec *list, bool skip_first_any_of)
{
    for (size_t i = 0; i < list->n; i++)
        check_nested(e, PATH_AT(at, i), &list->at[i], skip_first_any_of && i == 0);
}

static void check_junctions(struct field_errors *e, const struct path *at, const schema *s, bool skip_any_of,
                            bool skip_all_of)
{
    _cleanup_err_ struct err why = {0};
    struct regex *regex = NULL;
    if (!skip_any_of)
        check_list(e, PATH(at, "anyOf"), &s->any_of, false);
    check_list(e, PATH(at, "allOf"), &s->all_of, skip_all_of);
    check_list(e, PATH(at, "oneOf"), &s->one_of, false);
    check_nested(e, PATH(at, "not"), s->not_, false);
    if (s->pattern.n && regex_new(s->pattern, &regex, &why) < 0)
        field_invalid(e, PATH(at, "pattern"), s->pattern,
                      "must be a valid regular expression, but isn't: " STR_FMT, STR_ARG(why.message));
    regex_free(regex);
}

/* anyOf: [{type: integer}, {type: string}], the one way in which types may stand there. */
static bool is_int_or_string(const struct json_schema_props_vec *any_of)
{
    static const char *const types[] = {"integer", "string"};
    if (any_of->n != ARRAY_LEN(types))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const schema only = {.type = str_from(types[i])};
        if (!same(&json_schema_props_type, &any_of->at[i], &only))
            return false;
    }
    return true;
}

/* --- in its own place --- */

static void check_meta(struct field_errors *e, const struct path *at, const schema *s, enum level level)
{
    const struct path *properties = PATH(at, "properties");
    static const char *const texts[] = {"kind", "apiVersion"};
    bool whole = level == ROOT || s->x_kubernetes_embedded_resource;
    for (size_t i = 0; whole && i < ARRAY_LEN(texts); i++) {
        const schema *p = find(s, str_from(texts[i]));
        if (p && !str_is(p->type, "string"))
            field_invalid(e, PATH(PATH_OF(properties, str_from(texts[i])), "type"), p->type,
                          "must be string");
    }
    const schema *metadata = find(s, STR("metadata"));
    const struct path *meta = PATH_OF(properties, STR("metadata"));
    if (!metadata)
        return;
    if (whole && !str_is(metadata->type, "object"))
        field_invalid(e, PATH(meta, "type"), metadata->type, "must be object");
    if (level != ROOT)
        return;
    schema rest = *metadata;
    size_t known = (find(&rest, STR("name")) != NULL) + (find(&rest, STR("generateName")) != NULL);
    if (known == rest.properties.n)
        rest.properties = (struct json_schema_props_map){0};
    rest.type = STR("");
    rest.default_ = NULL;
    static const schema nothing;
    if (!same(&json_schema_props_type, &rest, &nothing))
        field_forbidden(e, meta,
                        "must not specify anything other than name and generateName, but metadata is "
                        "implicitly specified");
}

static void check_type(struct field_errors *e, const struct path *at, const schema *s, enum level level)
{
    static const char *const empty[] = {"must not be empty at the root",
                                        "must not be empty for specified array items",
                                        "must not be empty for specified object fields"};
    const struct path *type = PATH(at, "type");
    if (s->x_kubernetes_embedded_resource && !str_is(s->type, "object")) {
        if (s->type.n)
            field_invalid(e, type, s->type, "must be object if x-kubernetes-embedded-resource is true");
        else
            field_required(e, type, "must be object if x-kubernetes-embedded-resource is true");
    } else if (!s->type.n && !s->x_kubernetes_int_or_string && !custom_preserves(s)) {
        field_required(e, type, "%s", empty[level]);
    }
    if (level == ROOT && s->type.n && !str_is(s->type, "object"))
        field_invalid(e, type, s->type, "must be object at the root");
}

static void check_invariants(struct field_errors *e, const struct path *at, const schema *s, enum level level)
{
    const struct json_schema_props_or_bool *more = s->additional_properties;
    if (str_is(s->type, "array") && !items_of(s))
        field_required(e, PATH(at, "items"), "must be specified");
    if (items_of(s))
        check_invariants(e, PATH(at, "items"), items_of(s), ITEM);
    for (size_t i = 0; i < s->properties.n; i++) {
        struct path p = path_key(PATH(at, "properties"), s->properties.at[i].key);
        check_invariants(e, &p, &s->properties.at[i].value, FIELD);
    }
    if (more && level == ROOT)
        field_forbidden(e, PATH(at, "additionalProperties"), "must not be used at the root");
    if (more && more->schema)
        check_invariants(e, PATH(at, "additionalProperties"), more->schema, FIELD);
    if (s->x_kubernetes_int_or_string && custom_preserves(s))
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "x-kubernetes-preserve-unknown-fields"),
                    BAD_RAW(STR("true")), "must be false if x-kubernetes-int-or-string is true");
    if (s->x_kubernetes_int_or_string && s->x_kubernetes_embedded_resource)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "x-kubernetes-embedded-resource"), BAD_RAW(STR("true")),
                    "must be false if x-kubernetes-int-or-string is true");
    check_junctions(e, at, s, is_int_or_string(&s->any_of),
                    s->all_of.n && is_int_or_string(&s->all_of.at[0].any_of));
    check_type(e, at, s, level);
    if (s->x_kubernetes_embedded_resource && more)
        field_forbidden(e, PATH(at, "additionalProperties"),
                        "must not be used if x-kubernetes-embedded-resource is set");
    check_meta(e, at, s, level);
    if (s->x_kubernetes_embedded_resource && !custom_preserves(s) && !s->properties.n)
        field_required(e, PATH(at, "properties"),
                       "must not be empty if x-kubernetes-embedded-resource is true without "
                       "x-kubernetes-preserve-unknown-fields");
}

/* --- completeness: what a junction restricts is specified outside of it --- */

static void check_specified(struct field_errors *e, const schema *v, const struct path *vat, const schema *s,
                            const struct path *sat);

static void check_all_specified(struct field_errors *e, const struct json_schema_props_vec *list,
                                const struct path *vat, const schema *s, const struct path *sat)
{
    for (size_t i = 0; i < list->n; i++)
        check_specified(e, &list->at[i], PATH_AT(vat, i), s, sat);
}

static void check_junctions_specified(struct field_errors *e, const schema *v, const struct path *vat,
                                      const schema *s, const struct path *sat)
{
    if (v->not_)
        check_specified(e, v->not_, PATH(vat, "not"), s, sat);
    check_all_specified(e, &v->all_of, PATH(vat, "allOf"), s, sat);
    check_all_specified(e, &v->any_of, PATH(vat, "anyOf"), s, sat);
    check_all_specified(e, &v->one_of, PATH(vat, "oneOf"), s, sat);
}

static void check_specified(struct field_errors *e, const schema *v, const struct path *vat, const schema *s,
                            const struct path *sat)
{
    if (!s) {
        struct str where = path_text(&e->arena, vat);
        field_required(e, sat, "because it is defined in " STR_FMT, STR_ARG(where));
        return;
    }
    check_junctions_specified(e, v, vat, s, sat);
    if (items_of(v))
        check_specified(e, items_of(v), PATH(vat, "items"), items_of(s), PATH(sat, "items"));
    for (size_t i = 0; i < v->properties.n; i++) {
        struct str name = v->properties.at[i].key;
        check_specified(e, &v->properties.at[i].value, PATH_OF(PATH(vat, "properties"), name), find(s, name),
                        PATH_OF(PATH(sat, "properties"), name));
    }
}

static void check_complete(struct field_errors *e, const struct path *at, const schema *s)
{
    if (!s)
        return;
    check_junctions_specified(e, s, at, s, at);
    check_complete(e, PATH(at, "items"), items_of(s));
    for (size_t i = 0; i < s->properties.n; i++)
        check_complete(e, PATH_OF(PATH(at, "properties"), s->properties.at[i].key),
                       &s->properties.at[i].value);
    if (s->additional_properties)
        check_complete(e, PATH(at, "additionalProperties"), s->additional_properties->schema);
}

static int by_text(const void *x, const void *y)
{
    const struct field_error *a = x, *b = y;
    int order = str_cmp(a->field, b->field);
    return order ? order : str_cmp(a->body, b->body);
}

void valid_structural(struct field_errors *e, const struct path *at, const schema *s)
{
    size_t before = e->n;
    check_invariants(e, at, s, ROOT);
    check_complete(e, at, s);
    if (e->n > before)
        qsort(e->at + before, e->n - before, sizeof *e->at, by_text);
}
