/* Reviews of access: questions that are answered and not kept (pkg/apis/authorization/validation). */
#include "api/kind/kinds.h"
#include "kinds/authorization_v1.h"
#include "schema/copy.h"
#include "schema/json.h"

/* A review is nobody's object: it has no metadata, but for the namespace of those that are in one. */
static void valid_no_metadata(struct field_errors *e, const struct object_meta *m, bool namespaced)
{
    static const struct object_meta empty;
    static const struct str spared[] = {STR_INIT("managedFields"), STR_INIT("namespace")};
    struct path at = path_child(NULL, STR("metadata"));
    if (!struct_eq_but(&object_meta_type, m, &empty, spared, namespaced ? 2 : 1))
        field_error(e, FIELD_ERROR_INVALID, &at, valid_bad(e, &object_meta_type, m),
                    namespaced ? "must be empty except for namespace" : "must be empty");
}

/* --- what is asked --- */

/* Operators that are not known come from newer clients, and may only narrow the question. */
static void valid_requirement(struct field_errors *e, const struct path *at, struct str key,
                              struct str operator, const struct str_vec * values)
{
    if (!key.n)
        field_required(e, PATH(at, "key"), "must be specified");
    if ((str_is(operator, "In") || str_is(operator, "NotIn")) && !values->n)
        field_required(e, PATH(at, "values"), "must be specified when `operator` is 'In' or 'NotIn'");
    if ((str_is(operator, "Exists") || str_is(operator, "DoesNotExist")) && values->n)
        field_forbidden(e, PATH(at, "values"),
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
}

static void valid_forms(struct field_errors *e, const struct path *at, struct str raw, size_t requirements)
{
    if (raw.n && requirements)
        field_invalid(e, PATH(at, "rawSelector"), raw, "may not specified at the same time as requirements");
    if (!raw.n && !requirements)
        field_required(e, PATH(at, "requirements"),
                       "when " STR_FMT " is specified, requirements or rawSelector is required",
                       STR_ARG(path_text(&e->arena, at)));
}

static void valid_resource(struct field_errors *e, const struct path *at, const struct resource_attributes *r)
{
    const struct field_selector_attributes *fields = r->field_selector;
    const struct label_selector_attributes *labels = r->label_selector;
    struct path of_fields = path_child(at, STR("fieldSelector")),
                of_labels = path_child(at, STR("labelSelector"));
    if (fields) {
        valid_forms(e, &of_fields, fields->raw_selector, fields->requirements.n);
        each (fields->requirements, i) {
            const struct field_selector_requirement *q = &fields->requirements.at[i];
            valid_requirement(e, PATH_AT(PATH(&of_fields, "requirements"), i), q->key,
                              q->operator, & q->values);
        }
    }
    if (labels) {
        valid_forms(e, &of_labels, labels->raw_selector, labels->requirements.n);
        each (labels->requirements, i) {
            const struct label_selector_requirement *q = &labels->requirements.at[i];
            struct path one = path_index(PATH(&of_labels, "requirements"), i);
            valid_requirement(e, &one, q->key, q->operator, & q->values);
            if (q->key.n)
                valid_qualified(e, PATH(&one, "key"), q->key);
        }
    }
}

/* Something to do with a resource, or with a path. */
static void valid_what(struct field_errors *e, const struct path *spec, const struct resource_attributes *r,
                       const struct non_resource_attributes *n)
{
    struct path of_resource = path_child(spec, STR("resourceAttributes")),
                of_path = path_child(spec, STR("nonResourceAttributes"));
    if (r && n)
        field_error(e, FIELD_ERROR_INVALID, &of_path, valid_bad(e, &non_resource_attributes_type, n),
                    "cannot be specified in combination with resourceAttributes");
    if (!r && !n)
        field_error(e, FIELD_ERROR_INVALID, &of_resource, BAD_RAW(STR("null")),
                    "exactly one of nonResourceAttributes or resourceAttributes must be specified");
    if (r)
        valid_resource(e, &of_resource, r);
}

static void valid_spec(struct field_errors *e, const struct subject_access_review_spec *s)
{
    struct path spec = path_child(NULL, STR("spec"));
    valid_what(e, &spec, s->resource_attributes, s->non_resource_attributes);
    if (!s->user.n && !s->groups.n)
        field_invalid(e, PATH(&spec, "user"), s->user, "at least one of user or group must be specified");
}

/* --- the kinds --- */

static void subject_validate(const void *o, struct field_errors *e)
{
    const struct subject_access_review *r = o;
    valid_spec(e, &r->spec);
    valid_no_metadata(e, &r->metadata, false);
}

static void self_validate(const void *o, struct field_errors *e)
{
    const struct self_subject_access_review *r = o;
    struct path spec = path_child(NULL, STR("spec"));
    valid_what(e, &spec, r->spec.resource_attributes, r->spec.non_resource_attributes);
    valid_no_metadata(e, &r->metadata, false);
}

static void local_validate(const void *o, struct field_errors *e)
{
    const struct local_subject_access_review *r = o;
    const struct resource_attributes *what = r->spec.resource_attributes;
    struct path spec = path_child(NULL, STR("spec"));
    valid_spec(e, &r->spec);
    valid_no_metadata(e, &r->metadata, true);
    if (what && !str_eq(what->namespace, r->metadata.namespace))
        field_invalid(e, PATH(PATH(&spec, "resourceAttributes"), "namespace"), what->namespace,
                      "must match metadata.namespace");
    if (r->spec.non_resource_attributes)
        field_error(e, FIELD_ERROR_INVALID, PATH(&spec, "nonResourceAttributes"),
                    valid_bad(e, &non_resource_attributes_type, r->spec.non_resource_attributes),
                    "disallowed on this kind of request");
}

const struct strategy subject_access_review_strategy = {.resource = &subject_access_review_resource,
                                                        .validate = subject_validate};
const struct strategy self_subject_access_review_strategy = {.resource = &self_subject_access_review_resource,
                                                             .validate = self_validate};
const struct strategy local_subject_access_review_strategy = {
    .resource = &local_subject_access_review_resource, .validate = local_validate};
