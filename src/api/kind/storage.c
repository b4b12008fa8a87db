/* Storage classes (pkg/apis/storage/validation). */
#include "api/kind/kinds.h"
#include "api/kind/warn.h"
#include "kinds/storage_v1.h"

static void storage_class_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct storage_class *now = o, *old = before;
    if (!str_map_same(&now->parameters, &old->parameters))
        field_forbidden(e, PATH(NULL, "parameters"), "updates to parameters are forbidden.");
    if (!str_eq(now->provisioner, old->provisioner))
        field_forbidden(e, PATH(NULL, "provisioner"), "updates to provisioner are forbidden.");
    if (now->reclaim_policy && old->reclaim_policy && !str_eq(*now->reclaim_policy, *old->reclaim_policy))
        field_forbidden(e, PATH(NULL, "reclaimPolicy"), "updates to reclaimPolicy are forbidden.");
}

enum { PARAMETERS_MAX = 512 };

static void valid_parameters(struct field_errors *e, const struct path *at, const struct str_map *m)
{
    size_t bytes = 0;
    if (m->n > PARAMETERS_MAX)
        field_too_long(e, at, PARAMETERS_MAX);
    each (*m, i) {
        if (!m->at[i].key.n)
            field_invalid(e, at, STR(""), "field can not be empty.");
        bytes += m->at[i].key.n + m->at[i].value.n;
    }
    if (bytes > VALID_ANNOTATIONS_MAX)
        field_too_long(e, at, VALID_ANNOTATIONS_MAX);
}

static void valid_topology(struct field_errors *e, const struct path *at,
                           const struct topology_selector_term *t)
{
    each (t->match_label_expressions, i) {
        const struct topology_selector_label_requirement *r = &t->match_label_expressions.at[i];
        const struct path *item = PATH_AT(PATH(at, "matchLabelExpressions"), i),
                          *values = PATH(item, "values");
        if (!r->values.n)
            field_required(e, values, "%s", "");
        each (r->values, k) {
            struct str_vec before = {r->values.at, k};
            if (str_vec_has(&before, r->values.at[k]))
                field_duplicate(e, PATH_AT(values, k), r->values.at[k]);
        }
        valid_qualified(e, PATH(item, "key"), r->key);
        for (size_t k = 0; k < i; k++)
            if (str_eq(t->match_label_expressions.at[k].key, r->key)) {
                field_duplicate(e, PATH(item, "key"), r->key);
                break;
            }
    }
}

static void storage_class_validate(const void *o, struct field_errors *e)
{
    const struct storage_class *s = o;
    const struct topology_selector_term_vec *where = &s->allowed_topologies;
    valid_required(e, PATH(NULL, "provisioner"), s->provisioner);
    if (s->provisioner.n)
        format_validate(e, PATH(NULL, "provisioner"), FORMAT_ANNOTATION_KEY, s->provisioner);
    valid_parameters(e, PATH(NULL, "parameters"), &s->parameters);
    if (s->reclaim_policy)
        VALID_ONE_OF(e, PATH(NULL, "reclaimPolicy"), *s->reclaim_policy, false, STR("Delete"), STR("Retain"));
    if (s->volume_binding_mode)
        VALID_ONE_OF(e, PATH(NULL, "volumeBindingMode"), *s->volume_binding_mode, true, STR("Immediate"),
                     STR("WaitForFirstConsumer"));
    each (*where, i) {
        const struct path *at = PATH_AT(PATH(NULL, "allowedTopologies"), i);
        valid_topology(e, at, &where->at[i]);
        for (size_t k = 0; k < i; k++)
            if (same(&topology_selector_term_type, &where->at[k], &where->at[i])) {
                field_error(e, FIELD_ERROR_DUPLICATE, PATH(at, "matchLabelExpressions"), BAD(STR("")), "%s",
                            "");
                break;
            }
    }
}

static void storage_class_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct topology_selector_term_vec *where = &((const struct storage_class *)o)->allowed_topologies;
    (void)old;
    each (*where, i)
        each (where->at[i].match_label_expressions, k)
            warn_node_label(
                PATH(PATH_AT(PATH(PATH_AT(PATH(NULL, "allowedTopologies"), i), "matchLabelExpressions"), k),
                     "key"),
                where->at[i].match_label_expressions.at[k].key, true, c);
}

const struct strategy storage_class_strategy = {
    .resource = &storage_class_resource,
    .warn = storage_class_warn,
    .validate = storage_class_validate,
    .validate_update = storage_class_validate_update,
};
