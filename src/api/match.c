#include "api/match.h"

#include "api/metrics.h"
#include "api/valid.h"
#include "schema/custom/custom.h"
#include "schema/selector.h"

bool match_exempt(const struct resource *r)
{
    static const struct {
        const char *group, *plural;
    } exempt[] = {
        {"admissionregistration.k8s.io", "validatingwebhookconfigurations"},
        {"admissionregistration.k8s.io", "mutatingwebhookconfigurations"},
        {"admissionregistration.k8s.io", "validatingadmissionpolicies"},
        {"admissionregistration.k8s.io", "validatingadmissionpolicybindings"},
        {"admissionregistration.k8s.io", "mutatingadmissionpolicies"},
        {"admissionregistration.k8s.io", "mutatingadmissionpolicybindings"},
    };
    for (size_t i = 0; i < ARRAY_LEN(exempt); i++)
        if (str_is(r->group, exempt[i].group) && str_is(r->plural, exempt[i].plural))
            return true;
    return false;
}

/* --- rules --- */

static bool is_namespaces(const struct resource *r)
{
    return str_empty(r->group) && str_is(r->plural, "namespaces");
}

static bool names(const struct str_vec *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_is(list->at[i], "*") || str_eq(list->at[i], name))
            return true;
    return false;
}

/* "pods", "pods/status", "pods/\*", "*", "*\/scale" */
static bool names_resource(const struct str_vec *list, struct str plural, struct str subresource)
{
    for (size_t i = 0; i < list->n; i++) {
        struct str sub = list->at[i], res;
        str_cut(&sub, '/', &res);
        if ((str_is(res, "*") || str_eq(res, plural)) && (str_is(sub, "*") || str_eq(sub, subresource)))
            return true;
    }
    return false;
}

static bool scope_takes(const struct str *scope, const struct api_attributes *at, const struct resource *as)
{
    if (!scope || str_eq(*scope, SCOPE_TYPE_ALL))
        return true;
    bool namespaced = !is_namespaces(as) && !str_empty(at->request->ns);
    return str_eq(*scope, SCOPE_TYPE_NAMESPACED) ? namespaced : !namespaced;
}

bool match_rule(const struct rule_with_operations *rule, const struct api_attributes *at,
                const struct resource *as)
{
    return scope_takes(rule->scope, at, as) && names(&rule->operations, api_operation_name(at->operation)) &&
           names(&rule->api_groups, as->group) && names(&rule->api_versions, as->version) &&
           names_resource(&rule->resources, as->plural, at->request->subresource);
}

const struct resource *match_resource(const struct api_attributes *at, bool equivalent,
                                      bool (*takes)(const void *rules, const struct api_attributes *at,
                                                    const struct resource *as),
                                      const void *rules)
{
    const struct resource *own = at->request->resource;
    if (takes(rules, at, own))
        return own;
    if (!equivalent || own->flags & RESOURCE_VIRTUAL)
        return NULL;
    for (size_t i = 0; own->custom && i < own->custom->n; i++) {
        const struct custom_version *v = &own->custom->versions[i];
        if (v->declared->served && &v->resource != own && takes(rules, at, &v->resource))
            return &v->resource;
    }
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        if (r != own && str_eq(r->storage_prefix, own->storage_prefix) && takes(rules, at, r))
            return r;
    }
    return NULL;
}

/* --- selectors --- */

static bool selects_all(const struct label_selector *s)
{
    return s && !s->match_labels.n && !s->match_expressions.n;
}

static int selector_matches_labels(const struct label_selector *from, const struct str_map *labels,
                                   struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct selector s;
    if (selector_from(&a, from, &s, err) < 0)
        return -1;
    return selector_matches(&s, labels);
}

/* Namespaces are taken at their word: a new one by the labels that it shall have. */
int match_namespace(struct store *s, const struct api_attributes *at, const struct label_selector *sel,
                    struct err *err)
{
    const struct api_request *r = at->request;
    if (selects_all(sel))
        return 1;
    bool namespaces = is_namespaces(r->resource);
    if (namespaces && str_empty(r->subresource) &&
        (at->operation == API_OP_CREATE || at->operation == API_OP_UPDATE))
        return selector_matches_labels(sel, &resource_meta(at->resource, at->object)->labels, err);
    struct str name = namespaces ? r->name : r->ns;
    if (str_empty(name))
        return 1; /* what stands in no namespace is never spared */
    const struct resource *kind = resource_find(STR(""), STR("v1"), STR("namespaces"));
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, kind), STR(""), name);
    if (!o) {
        err_set(err, ERR_NOT_FOUND, "namespaces \"" STR_FMT "\" not found", STR_ARG(name));
        return err_about(err, STR(""), STR("namespaces"), name);
    }
    return selector_matches_labels(sel, &object_meta(o)->labels, err);
}

/* By the labels that the object has, or had. */
int match_object(const struct api_attributes *at, const struct label_selector *sel, struct err *err)
{
    if (selects_all(sel))
        return 1;
    const void *states[] = {at->object, at->old};
    for (size_t i = 0; i < ARRAY_LEN(states) && at->resource->has_metadata; i++) {
        int rc = states[i]
                     ? selector_matches_labels(sel, &resource_meta(at->resource, states[i])->labels, err)
                     : 0;
        if (rc)
            return rc;
    }
    return 0;
}
