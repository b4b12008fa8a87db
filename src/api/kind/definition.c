/* CustomResourceDefinition: names, versions, conversion (apiextensions-apiserver's strategy and validation).
 */
#include "api/kind/definition.h"

#include "api/definitions.h"
#include "api/kind/kinds.h"
#include "api/valid_webhook.h"
#include "base/map.h"
#include "schema/copy.h"
#include "schema/custom/custom.h"
#include "schema/json.h"

typedef struct custom_resource_definition definition;
typedef struct custom_resource_definition_spec spec;
typedef struct custom_resource_definition_version version;

enum { SELECTABLE_MAX = 8, WARNING_MAX = 256 };

static struct str lower(struct arena *a, struct str s)
{
    char *p = arena_c(a, s);
    for (size_t i = 0; i < s.n; i++)
        p[i] |= p[i] >= 'A' && p[i] <= 'Z' ? 0x20 : 0;
    return str_slice(p, s.n);
}

static void set_defaults(void *o, struct arena *a)
{
    struct custom_resource_definition_names *n = &((definition *)o)->spec.names;
    if (!n->singular.n)
        n->singular = lower(a, n->kind);
    if (!n->list_kind.n && n->kind.n)
        n->list_kind = arena_concat(a, n->kind, STR("List"));
}

/* Objects may be stored in the version that is marked for it, from now on. */
static void note_stored_version(definition *d, struct arena *a)
{
    each (d->spec.versions, i)
        if (d->spec.versions.at[i].storage) {
            if (!str_vec_has(&d->status.stored_versions, d->spec.versions.at[i].name))
                str_vec_add(&d->status.stored_versions, a, d->spec.versions.at[i].name);
            return;
        }
}

static void prepare_create(void *o, const struct strategy_context *c)
{
    definition *d = o;
    d->status = (struct custom_resource_definition_status){0};
    note_stored_version(d, c->arena);
}

static void prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    definition *d = o;
    (void)old;
    struct str_vec *stored = &d->status.stored_versions;
    stored->at = arena_dup(c->arena, stored->at, stored->n * sizeof *stored->at);
    note_stored_version(d, c->arena);
}

/* --- names --- */

/* All that is wrong with a text in one complaint, as upstream has it here. */
static void check_text(struct field_errors *e, const struct path *at, enum format f, struct str checked,
                       struct str shown, const char *prefix)
{
    struct str why[FORMAT_MESSAGES];
    _cleanup_buf_ struct buf all = {0};
    size_t n = format_check(f, checked, why);
    for (size_t i = 0; i < n; i++)
        buf_addf(&all, "%s" STR_FMT, i ? "," : "", STR_ARG(why[i]));
    if (n)
        field_invalid(e, at, shown, "%s" STR_FMT, prefix, STR_ARG(buf_str(&all)));
}

static void check_label(struct field_errors *e, const struct path *at, struct str s)
{
    if (s.n)
        check_text(e, at, FORMAT_DNS1035_LABEL, s, s, "");
}

static void check_kind(struct field_errors *e, const struct path *at, struct str s)
{
    if (s.n)
        check_text(e, at, FORMAT_DNS1035_LABEL, lower(&e->arena, s), s,
                   "may have mixed case, but should otherwise match: ");
}

static void check_names(struct field_errors *e, const struct path *at,
                        const struct custom_resource_definition_names *n)
{
    check_label(e, PATH(at, "plural"), n->plural);
    check_label(e, PATH(at, "singular"), n->singular);
    check_kind(e, PATH(at, "kind"), n->kind);
    check_kind(e, PATH(at, "listKind"), n->list_kind);
    each (n->short_names, i)
        check_text(e, PATH_AT(PATH(at, "shortNames"), i), FORMAT_DNS1035_LABEL, n->short_names.at[i],
                   n->short_names.at[i], "");
    if (n->kind.n && str_eq(n->kind, n->list_kind))
        field_invalid(e, PATH(at, "listKind"), n->list_kind, "kind and listKind may not be the same");
    each (n->categories, i)
        check_text(e, PATH_AT(PATH(at, "categories"), i), FORMAT_DNS1035_LABEL, n->categories.at[i],
                   n->categories.at[i], "");
}

/* --- one version --- */

static void check_warning(struct field_errors *e, const struct path *at, const version *v)
{
    const struct str *w = v->deprecation_warning;
    if (!w)
        return;
    if (!v->deprecated) {
        field_invalid(e, at, *w, "can only be set for deprecated versions");
        return;
    }
    if (w->n > WARNING_MAX)
        field_invalid(e, at, *w, "must be <= 256 characters long");
    if (!w->n)
        field_invalid(e, at, *w, "must not be an empty string");
    for (size_t i = 0; i < w->n; i++)
        if ((unsigned char)w->p[i] < 0x20 || w->p[i] == 0x7f) {
            field_invalid(e, at, *w,
                          "must only contain printable UTF-8 characters; non-printable character found at "
                          "index %zu",
                          i);
            break;
        }
}

static bool check_path(struct field_errors *e, const struct path *at, struct str path)
{
    if (path.p[0] != '.')
        field_invalid(e, at, path, "must be a simple json path starting with .");
    return path.p[0] == '.';
}

static void check_scale_path(struct field_errors *e, const struct path *at, struct str path,
                             const char *below)
{
    if (!path.n)
        field_required(e, at, "%s", "");
    else if (check_path(e, at, path) && (!str_starts(path, str_from(below)) || path.n == strlen(below)))
        field_invalid(e, at, path, "should be a json path under %.*s", (int)strlen(below) - 1, below);
}

static void check_subresources(struct field_errors *e, const struct path *at,
                               const struct custom_resource_subresources *s)
{
    if (!s || !s->scale)
        return;
    const struct custom_resource_subresource_scale *scale = s->scale;
    check_scale_path(e, PATH(at, "scale.specReplicasPath"), scale->spec_replicas_path, ".spec.");
    check_scale_path(e, PATH(at, "scale.statusReplicasPath"), scale->status_replicas_path, ".status.");
    const struct path *selector = PATH(at, "scale.labelSelectorPath");
    struct str path = scale->label_selector_path ? *scale->label_selector_path : STR("");
    if (path.n && check_path(e, selector, path) && !str_starts(path, STR(".spec.")) &&
        !str_starts(path, STR(".status.")))
        field_invalid(e, selector, path, "should be a json path under either .spec or .status");
}

static bool is_one_of(struct str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(s, words[i]))
            return true;
    return false;
}

static void check_column(struct field_errors *e, const struct path *at,
                         const struct custom_resource_column_definition *c)
{
    static const char *const types[] = {"boolean", "date", "integer", "number", "string"},
                             *const formats[] = {"byte",  "date",  "date-time", "double",
                                                 "float", "int32", "int64",     "password"};
    static const char type_list[] = "must be one of boolean,date,integer,number,string",
                      format_list[] = "must be one of byte,date,date-time,double,float,int32,int64,password";
    valid_required(e, PATH(at, "name"), c->name);
    if (!c->type.n)
        field_required(e, PATH(at, "type"), "%s", type_list);
    else if (!is_one_of(c->type, types, ARRAY_LEN(types)))
        field_invalid(e, PATH(at, "type"), c->type, "%s", type_list);
    if (c->format.n && !is_one_of(c->format, formats, ARRAY_LEN(formats)))
        field_invalid(e, PATH(at, "format"), c->format, "%s", format_list);
    if (!c->json_path.n)
        field_required(e, PATH(at, "JSONPath"), "%s", "");
    else
        check_path(e, PATH(at, "JSONPath"), c->json_path);
}

/* The schema of what a path of names leads to, NULL when that is nowhere. */
static const struct json_schema_props *schema_at(const struct json_schema_props *s, struct str path)
{
    struct str step;
    if (!str_starts(path, STR(".")))
        return NULL;
    path = str_from_at(path, 1);
    while (s && str_cut(&path, '.', &step)) {
        const struct json_schema_props *next = NULL;
        for (size_t i = 0; i < s->properties.n && !next; i++)
            if (str_eq(s->properties.at[i].key, step))
                next = &s->properties.at[i].value;
        s = next;
    }
    return s;
}

static void check_selectables(struct field_errors *e, const struct path *at, const version *v)
{
    const struct json_schema_props *s = v->schema ? v->schema->open_apiv_3_schema : NULL;
    _cleanup_map_ struct map seen = {0};
    each (v->selectable_fields, i) {
        struct str path = v->selectable_fields.at[i].json_path;
        const struct path *p = PATH(PATH_AT(at, i), "jsonPath");
        const struct json_schema_props *found = s ? schema_at(s, path) : NULL;
        if (!path.n) {
            field_required(e, p, "%s", "");
            continue;
        }
        if (!found) {
            field_invalid(e, p, path, "is an invalid path: does not refer to a valid field");
            continue;
        }
        if (str_starts(path, STR(".metadata")))
            field_invalid(e, p, path, "must not point to fields in metadata");
        if (!str_is(found->type, "string") && !str_is(found->type, "boolean") &&
            !str_is(found->type, "integer"))
            field_invalid(e, p, path,
                          "must point to a field of type string, boolean or integer. Enum string fields and "
                          "strings with formats are allowed.");
        if (map_put(&seen, path, (void *)v))
            field_duplicate(e, p, path);
    }
    if (seen.n > SELECTABLE_MAX)
        field_too_many(e, at, seen.n, SELECTABLE_MAX);
}

/* --- all versions ---
 *
 * What all versions say alike upstream keeps, and names in its errors, at the top: spec.validation,
 * spec.subresources, spec.additionalPrinterColumns, spec.selectableFields. */

struct alike {
    bool schema, subresources, columns, selectables;
};

static bool both(const struct type *t, const void *x, const void *y)
{
    return x && y ? struct_eq(t, x, y) : x == y;
}

static struct alike what_is_alike(const spec *s)
{
    const struct type *t = &custom_resource_definition_version_type;
    uint32_t base;
    const struct field *columns = type_field(t, STR("additionalPrinterColumns"), &base),
                       *selectables = type_field(t, STR("selectableFields"), &base);
    struct alike a = {true, true, true, true};
    for (size_t i = 1; i < s->versions.n; i++) {
        const version *x = &s->versions.at[0], *y = &s->versions.at[i];
        a.schema &= both(&custom_resource_validation_type, x->schema, y->schema);
        a.subresources &= both(&custom_resource_subresources_type, x->subresources, y->subresources);
        a.columns &= field_eq(columns, field_at(columns, x), field_at(columns, y));
        a.selectables &= field_eq(selectables, field_at(selectables, x), field_at(selectables, y));
    }
    return a;
}

static void check_version(struct field_errors *e, const struct path *top, const struct path *at,
                          const version *v, bool first, struct alike alike)
{
    bool status = v->subresources && v->subresources->status;
    check_text(e, PATH(at, "name"), FORMAT_DNS1035_LABEL, v->name, v->name, "");
    check_warning(e, PATH(at, "deprecationWarning"), v);
    if (v->schema && v->schema->open_apiv_3_schema && (first || !alike.schema))
        valid_definition_schema(
            e, PATH(alike.schema ? PATH(top, "validation") : PATH(at, "schema"), "openAPIV3Schema"),
            v->schema->open_apiv_3_schema, status);
    if (first || !alike.subresources)
        check_subresources(e, PATH(alike.subresources ? top : at, "subresources"), v->subresources);
    for (size_t i = 0; (first || !alike.columns) && i < v->additional_printer_columns.n; i++)
        check_column(e, PATH_AT(PATH(alike.columns ? top : at, "additionalPrinterColumns"), i),
                     &v->additional_printer_columns.at[i]);
    if (first || !alike.selectables)
        check_selectables(e, PATH(alike.selectables ? top : at, "selectableFields"), v);
}

static void check_versions(struct field_errors *e, const struct path *top, const spec *s)
{
    const struct path *at = PATH(top, "versions");
    _cleanup_map_ struct map seen = {0};
    _cleanup_buf_ struct buf json = {0};
    size_t stored = 0, names = 0;
    struct alike alike = what_is_alike(s);
    each (s->versions, i) {
        const version *v = &s->versions.at[i];
        if (!v->schema || !v->schema->open_apiv_3_schema)
            field_required(e, PATH(PATH(PATH_AT(at, i), "schema"), "openAPIV3Schema"),
                           "schemas are required");
    }
    each (s->versions, i) {
        const version *v = &s->versions.at[i];
        stored += v->storage;
        names += !map_put(&seen, v->name, (void *)v);
        check_version(e, top, PATH_AT(at, i), v, i == 0, alike);
        buf_add_c(&json, i ? ',' : '[');
        json_encode(&json, &custom_resource_definition_version_type, v);
    }
    buf_add_str(&json, s->versions.n ? STR("]") : STR("null"));
    if (names != s->versions.n)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(arena_str(&e->arena, buf_str(&json))),
                    "must contain unique version names");
    if (stored != 1)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(arena_str(&e->arena, buf_str(&json))),
                    "must have exactly one version marked as storage version");
}

/* --- conversion --- */

static void check_review_versions(struct field_errors *e, const struct path *at, const struct str_vec *v)
{
    bool understood = false;
    _cleanup_map_ struct map seen = {0};
    if (!v->n) {
        field_required(e, at, "%s", "");
        return;
    }
    each (*v, i) {
        if (map_put(&seen, v->at[i], (void *)v))
            field_invalid(e, PATH_AT(at, i), v->at[i], "duplicate version");
        else
            format_validate(e, PATH_AT(at, i), FORMAT_DNS1035_LABEL, v->at[i]);
        understood |= str_is(v->at[i], "v1") || str_is(v->at[i], "v1beta1");
    }
    _cleanup_buf_ struct buf json = {0};
    each (*v, i) {
        buf_add_c(&json, i ? ',' : '[');
        json_encode_string(&json, v->at[i]);
    }
    buf_add_c(&json, ']');
    if (!understood)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(arena_str(&e->arena, buf_str(&json))),
                    "must include at least one of v1, v1beta1");
}

static void check_client_config(struct field_errors *e, const struct path *at,
                                const struct apiextensions_webhook_client_config *c)
{
    valid_webhook_one_of(e, at, c->url, c->service);
    if (c->url && !c->service)
        valid_webhook_url(e, PATH(at, "url"), *c->url);
    if (c->service && !c->url)
        valid_webhook_service(e, PATH(at, "service"), c->service->namespace, c->service->name,
                              c->service->path, c->service->port);
}

static void check_conversion(struct field_errors *e, const struct path *at,
                             const struct custom_resource_conversion *c)
{
    if (!c)
        return;
    const struct path *config = PATH(at, "webhookClientConfig"),
                      *reviews = PATH(at, "conversionReviewVersions");
    VALID_ONE_OF(e, PATH(at, "strategy"), c->strategy, true, STR("None"), STR("Webhook"));
    if (!str_is(c->strategy, "Webhook")) {
        if (c->webhook && c->webhook->client_config)
            field_forbidden(e, config, "should not be set when strategy is not set to Webhook");
        if (c->webhook && c->webhook->conversion_review_versions.n)
            field_forbidden(e, reviews, "should not be set when strategy is not set to Webhook");
        return;
    }
    static const struct str_vec none;
    if (!c->webhook || !c->webhook->client_config)
        field_required(e, config, "required when strategy is set to Webhook");
    else
        check_client_config(e, config, c->webhook->client_config);
    check_review_versions(e, reviews, c->webhook ? &c->webhook->conversion_review_versions : &none);
}

/* --- the whole --- */

static void check_approval(struct field_errors *e, const definition *d)
{
    struct str why;
    const struct path *at = PATH_OF(PATH(PATH(NULL, "metadata"), "annotations"), APPROVAL_ANNOTATION);
    if (!definition_is_protected(d->spec.group))
        return;
    switch (definition_approval(d, &e->arena, &why)) {
    case APPROVAL_MISSING:
        field_required(e, at, STR_FMT, STR_ARG(why));
        break;
    case APPROVAL_INVALID:
        field_invalid(e, at, *str_map_get(&d->metadata.annotations, APPROVAL_ANNOTATION), STR_FMT,
                      STR_ARG(why));
        break;
    case APPROVAL_BYPASSED:
    case APPROVED:
        break;
    }
}

static void check_spec(struct field_errors *e, const struct path *at, const spec *s)
{
    const struct path *group = PATH(at, "group"), *names = PATH(at, "names");
    if (!s->group.n)
        field_required(e, group, "%s", "");
    else if (!format_ok(FORMAT_DNS1123_SUBDOMAIN, s->group))
        check_text(e, group, FORMAT_DNS1123_SUBDOMAIN, s->group, s->group, "");
    else if (str_index(s->group, '.') < 0)
        field_invalid(e, group, s->group, "should be a domain with at least one dot");
    VALID_ONE_OF(e, PATH(at, "scope"), s->scope, true, STR("Cluster"), STR("Namespaced"));
    check_versions(e, at, s);
    valid_required(e, PATH(names, "plural"), s->names.plural);
    valid_required(e, PATH(names, "singular"), s->names.singular);
    valid_required(e, PATH(names, "kind"), s->names.kind);
    valid_required(e, PATH(names, "listKind"), s->names.list_kind);
    check_names(e, names, &s->names);
    check_conversion(e, PATH(at, "conversion"), s->conversion);
}

static void check_stored_versions(struct field_errors *e, const definition *d)
{
    const struct path *at = PATH(PATH(NULL, "status"), "storedVersions");
    each (d->status.stored_versions, i) {
        struct str v = d->status.stored_versions.at[i];
        bool there = false;
        each (d->spec.versions, k)
            there |= str_eq(d->spec.versions.at[k].name, v);
        if (!there)
            field_invalid(e, PATH_AT(at, i), v,
                          "missing from spec.versions; " STR_FMT
                          " was previously a storage version, and must remain in spec.versions until a "
                          "storage migration ensures no data remains persisted in " STR_FMT
                          " and removes " STR_FMT " from status.storedVersions",
                          STR_ARG(v), STR_ARG(v), STR_ARG(v));
    }
}

static void validate(const void *o, struct field_errors *e)
{
    const definition *d = o;
    struct str name =
        arena_printf(&e->arena, STR_FMT "." STR_FMT, STR_ARG(d->spec.names.plural), STR_ARG(d->spec.group));
    if (!str_eq(d->metadata.name, name))
        field_invalid(e, PATH(PATH(NULL, "metadata"), "name"), d->metadata.name,
                      "must be spec.names.plural+\".\"+spec.group");
    check_spec(e, PATH(NULL, "spec"), &d->spec);
    check_names(e, PATH(PATH(NULL, "status"), "acceptedNames"), &d->status.accepted_names);
    check_stored_versions(e, d);
    check_approval(e, d);
    if (d->spec.preserve_unknown_fields)
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(NULL, "spec"), "preserveUnknownFields"),
                    BAD_RAW(STR("true")), "must be false");
}

static void validate_update(const void *o, const void *before, struct field_errors *e)
{
    const definition *d = o, *old = before;
    const struct path *at = PATH(NULL, "spec"), *names = PATH(at, "names");
    if (custom_condition_is(old, "Established", "True")) {
        valid_immutable_str(e, PATH(at, "scope"), d->spec.scope, old->spec.scope);
        valid_immutable_str(e, PATH(names, "kind"), d->spec.names.kind, old->spec.names.kind);
    }
    valid_immutable_str(e, PATH(at, "group"), d->spec.group, old->spec.group);
    valid_immutable_str(e, PATH(names, "plural"), d->spec.names.plural, old->spec.names.plural);
}

static void validate_status(const void *o, const void *before, struct field_errors *e)
{
    (void)before;
    check_names(e, PATH(PATH(NULL, "status"), "acceptedNames"),
                &((const definition *)o)->status.accepted_names);
}

const struct strategy custom_resource_definition_strategy = {
    .resource = &custom_resource_definition_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .defaults = set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_status = validate_status,
};
