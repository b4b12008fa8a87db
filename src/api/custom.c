#include "api/custom.h"

#include "api/rules/rules.h"
#include "schema/custom/custom.h"
#include "schema/custom/custom_valid.h"
#include "schema/json.h"

bool custom_tree(struct arena *a, const struct resource *r, const void *typed, struct value *out)
{
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, r->type, typed);
    return value_parse(a, arena_str(a, buf_str(&json)), out, NULL) == 0;
}

/* --- objects within the object --- */

static const struct json_schema_props *below(const struct json_schema_props *s, struct str name)
{
    for (size_t i = 0; i < s->properties.n; i++)
        if (str_eq(s->properties.at[i].key, name))
            return &s->properties.at[i].value;
    return NULL;
}

static void check_kind(struct field_errors *e, const struct path *at, const struct value *kind)
{
    _cleanup_arena_ struct arena a = {0};
    struct str why[FORMAT_MESSAGES];
    if (!kind || (kind->kind == JSON_STRING && !kind->s.n)) {
        field_required(e, at, "%s", "");
        return;
    }
    if (kind->kind != JSON_STRING) {
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(value_json(&a, kind)), "must be a string");
        return;
    }
    char *lower = arena_c(&a, kind->s);
    for (size_t i = 0; i < kind->s.n; i++)
        lower[i] |= lower[i] >= 'A' && lower[i] <= 'Z' ? 0x20 : 0;
    if (format_check(FORMAT_DNS1035_LABEL, str_slice(lower, kind->s.n), why))
        field_invalid(e, at, kind->s, "may have mixed case, but should otherwise match: " STR_FMT,
                      STR_ARG(why[0]));
}

static void check_api_version(struct field_errors *e, const struct path *at, const struct value *version)
{
    _cleanup_arena_ struct arena a = {0};
    if (!version || (version->kind == JSON_STRING && !version->s.n)) {
        field_required(e, at, "%s", "");
        return;
    }
    if (version->kind != JSON_STRING) {
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(value_json(&a, version)), "must be a string");
        return;
    }
    ptrdiff_t slash = str_index(version->s, '/');
    if (slash >= 0 && str_index(str_from_at(version->s, (size_t)slash + 1), '/') >= 0)
        field_invalid(e, at, version->s, "unexpected GroupVersion string: " STR_FMT, STR_ARG(version->s));
}

static void check_resource(struct field_errors *e, const struct path *at, const struct value *v)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err why = {0};
    check_api_version(e, PATH(at, "apiVersion"), value_get(v, STR("apiVersion")));
    check_kind(e, PATH(at, "kind"), value_get(v, STR("kind")));
    const struct value *metadata = value_get(v, STR("metadata"));
    struct object_meta m = {0};
    if (!metadata)
        return;
    struct str json = value_json(&a, metadata);
    const struct path *meta = PATH(at, "metadata");
    if (json_decode(&a, &object_meta_type, json, JSON_BORROW, &m, NULL, &why) < 0) {
        field_error(e, FIELD_ERROR_INVALID, meta, BAD_RAW(json), STR_FMT, STR_ARG(why.message));
        return;
    }
    if (!m.name.n)
        m.name = STR("fakename"); /* it need not have one */
    valid_meta(e, meta, &m, m.namespace.n > 0, FORMAT_PATH_SEGMENT);
}

void custom_check_embedded(struct field_errors *e, const struct path *at, const struct json_schema_props *s,
                           const struct value *v)
{
    if (v->kind == JSON_ARRAY && s->items && s->items->schema)
        for (size_t i = 0; i < v->list.n; i++)
            custom_check_embedded(e, PATH_AT(at, i), s->items->schema, &v->list.at[i]);
    if (v->kind != JSON_OBJECT)
        return;
    if (s->x_kubernetes_embedded_resource)
        check_resource(e, at, v);
    for (size_t i = 0; i < v->members.n; i++) {
        const struct value_member *m = &v->members.at[i];
        const struct json_schema_props *p = below(s, m->key);
        struct path child = path_child(at, m->key);
        if (!p && s->additional_properties) {
            p = s->additional_properties->schema;
            child = path_key(at, m->key);
        }
        if (p)
            custom_check_embedded(e, &child, p, &m->value);
    }
}

/* --- numbers that autoscalers set --- */

struct value *custom_at(struct value *v, struct str path)
{
    struct str step;
    if (str_starts(path, STR(".")))
        path = str_from_at(path, 1);
    while (v && str_cut(&path, '.', &step))
        v = value_get(v, step);
    return v;
}

static void check_replicas(struct field_errors *e, struct str path, struct value *v)
{
    const struct value *n = custom_at(v, path);
    struct path at = path_child(NULL, path);
    if (!n || n->kind != JSON_INT)
        return;
    if (n->i < 0)
        field_invalid_int(e, &at, n->i, "should be a non-negative integer");
    else if (n->i > INT32_MAX)
        field_invalid_int(e, &at, n->i, "should be less than or equal to 2147483647");
}

/* --- all of it --- */

/* Whether the present object broke the rule already, which then does not count. */
static bool lists_were_wrong(const struct custom_version *c, const struct value *old)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    if (old)
        custom_validate_lists(&e, NULL, c->schema, old);
    return e.n;
}

/* Rules may take for granted what the schema asks of types and sizes. */
static bool blocks_rules(const struct field_errors *e, size_t from)
{
    for (size_t i = from; i < e->n; i++)
        switch (e->at[i].type) {
        case FIELD_ERROR_REQUIRED:
        case FIELD_ERROR_TOO_LONG:
        case FIELD_ERROR_TOO_MANY:
        case FIELD_ERROR_TYPE_INVALID:
            return true;
        default:
            break;
        }
    return false;
}

void custom_warn(const struct road *d)
{
    const struct str_vec *now = &resource_meta(d->resource, d->object)->finalizers;
    const struct str_vec *old = d->old ? &resource_meta(d->resource, d->old)->finalizers : NULL;
    each (*now, i)
        if (!finalizer_is_standard(now->at[i]) && !(old && str_vec_has(old, now->at[i])))
            strategy_warn(&d->context,
                          "metadata.finalizers: \"" STR_FMT
                          "\": prefer a domain-qualified finalizer name including a path (/) to avoid "
                          "accidental conflicts with other finalizer writers",
                          STR_ARG(now->at[i]));
}

void custom_check(struct road *d, struct field_errors *e)
{
    const struct resource *r = d->resource;
    const struct custom_version *c = custom_version_of(r);
    struct arena *a = d->r->arena;
    struct value v, before, *old = d->old ? &before : NULL;
    if (!c->schema)
        return;
    if (!custom_tree(a, r, d->object, &v) || (old && !custom_tree(a, r, d->old, old))) {
        field_error(e, FIELD_ERROR_INTERNAL, NULL, BAD_NONE, "the object nests too deep");
        return;
    }
    size_t before_these = e->n;
    custom_validate(e, NULL, c->schema, c->patterns, &v, old);
    if (r->flags & RESOURCE_SCALE) {
        check_replicas(e, r->scale_replicas_path, &v);
        check_replicas(e, r->scale_status_path, &v);
    }
    custom_check_embedded(e, NULL, c->schema, &v);
    if (!lists_were_wrong(c, old))
        custom_validate_lists(e, NULL, c->schema, &v);
    if (rules_exist(c) && blocks_rules(e, before_these))
        field_invalid(e, NULL, STR("null"),
                      "some validation rules were not checked because the object was invalid; correct the "
                      "existing errors to complete validation");
    else
        rules_run(e, c, &v, old);
}
