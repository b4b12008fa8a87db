/* Configurations of admission webhooks (pkg/apis/admissionregistration/validation), and APIServices
 * (kube-aggregator's apis/apiregistration/validation). */
#include "api/conditions.h"
#include "api/kind/kinds.h"
#include "api/kind/match.h"
#include "api/valid_webhook.h"
#include "base/map.h"
#include "kinds/admissionregistration_v1.h"
#include "kinds/apiregistration_v1.h"
#include "schema/timestamp.h"

enum { MATCH_CONDITIONS_MAX = 64, NAME_SEGMENTS = 3 };

/* --- rules --- */

/* Not empty; "*" stands alone. */
static void valid_names(struct field_errors *e, const struct path *at, const struct str_vec *v,
                        const char *what)
{
    if (!v->n)
        field_required(e, at, "%s", "");
    if (v->n > 1 && str_vec_has(v, STR("*")))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, v),
                    "if '*' is present, must not specify other %s", what);
}

/* "x/\*" and "*\/x" before an entry that they cover already. */
static void valid_subresource(struct field_errors *e, const struct path *at, const struct str_vec *v,
                              size_t i)
{
    struct str sub = v->at[i], res;
    str_cut(&sub, '/', &res);
    for (size_t k = 0; k < i; k++) {
        struct str s = v->at[k], r;
        if (str_index(s, '/') < 0)
            continue;
        str_cut(&s, '/', &r);
        if (str_is(s, "*") && str_eq(r, res))
            field_invalid(e, PATH_AT(at, i), v->at[i],
                          "if '" STR_FMT "/*' is present, must not specify " STR_FMT, STR_ARG(res),
                          STR_ARG(v->at[i]));
        if (str_is(r, "*") && str_eq(s, sub))
            field_invalid(e, PATH_AT(at, i), v->at[i],
                          "if '*/" STR_FMT "' is present, must not specify " STR_FMT, STR_ARG(sub),
                          STR_ARG(v->at[i]));
    }
}

static void valid_resources(struct field_errors *e, const struct path *at, const struct str_vec *v)
{
    bool plain = false;
    if (!v->n)
        field_required(e, at, "%s", "");
    each (*v, i) {
        struct str s = v->at[i];
        if (!s.n)
            field_required(e, PATH_AT(at, i), "%s", "");
        else if (str_index(s, '/') >= 0)
            valid_subresource(e, at, v, i);
        else if (!str_is(s, "*"))
            plain = true;
    }
    if (v->n > 1 && str_vec_has(v, STR("*/*")))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, v),
                    "if '*/*' is present, must not specify other resources");
    if (plain && str_vec_has(v, STR("*")))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, v),
                    "if '*' is present, must not specify other resources without subresources");
}

void valid_admission_rule(struct field_errors *e, const struct path *at, const struct rule_with_operations *r)
{
    const struct path *operations = PATH(at, "operations"), *versions = PATH(at, "apiVersions");
    if (!r->operations.n)
        field_required(e, operations, "%s", "");
    if (r->operations.n > 1 && str_vec_has(&r->operations, STR("*")))
        field_error(e, FIELD_ERROR_INVALID, operations, valid_bad_list(e, &r->operations),
                    "if '*' is present, must not specify other operations");
    each (r->operations, i)
        VALID_ONE_OF(e, PATH_AT(operations, i), r->operations.at[i], true, STR("*"), STR("CONNECT"),
                     STR("CREATE"), STR("DELETE"), STR("UPDATE"));
    valid_names(e, PATH(at, "apiGroups"), &r->api_groups, "API groups");
    valid_names(e, versions, &r->api_versions, "API versions");
    each (r->api_versions, i)
        if (!r->api_versions.at[i].n)
            field_required(e, PATH_AT(versions, i), "%s", "");
    valid_resources(e, PATH(at, "resources"), &r->resources);
    if (r->scope)
        VALID_ONE_OF(e, PATH(at, "scope"), *r->scope, true, STR("*"), STR("Cluster"), STR("Namespaced"));
}

/* --- what both sorts of webhooks have --- */

static void valid_hook_name(struct field_errors *e, const struct path *at, struct str name)
{
    struct str messages[FORMAT_MESSAGES];
    size_t n = format_check(FORMAT_DNS1123_SUBDOMAIN, name, messages), segments = 1;
    for (size_t i = 0; i < name.n; i++)
        segments += name.p[i] == '.';
    _cleanup_buf_ struct buf all = {0};
    for (size_t i = 0; i < n; i++)
        buf_addf(&all, "%s" STR_FMT, i ? "," : "", STR_ARG(messages[i]));
    if (!name.n)
        field_required(e, at, "%s", "");
    else if (n)
        field_invalid(e, at, name, STR_FMT, STR_ARG(buf_str(&all)));
    else if (segments < NAME_SEGMENTS)
        field_invalid(e, at, name, "should be a domain with at least three segments separated by dots");
}

static void valid_review_versions(struct field_errors *e, const struct path *at, const struct str_vec *v)
{
    bool known = false;
    if (!v->n) {
        field_required(e, at, "must specify one of v1, v1beta1");
        return;
    }
    each (*v, i) {
        struct str_vec before = {v->at, i};
        if (str_vec_has(&before, v->at[i])) {
            field_invalid(e, PATH_AT(at, i), v->at[i], "duplicate version");
            continue;
        }
        format_validate(e, PATH_AT(at, i), FORMAT_DNS1035_LABEL, v->at[i]);
        known |= str_is(v->at[i], "v1") || str_is(v->at[i], "v1beta1");
    }
    if (!known)
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, v),
                    "must include at least one of v1, v1beta1");
}

void valid_match_conditions(struct field_errors *e, const struct path *at,
                            const struct match_condition_vec *v)
{
    if (v->n > MATCH_CONDITIONS_MAX)
        field_too_many(e, at, v->n, MATCH_CONDITIONS_MAX);
    each (*v, i) {
        const struct match_condition *c = &v->at[i];
        if (!str_trim(c->expression).n)
            field_required(e, PATH(PATH_AT(at, i), "expression"), "%s", "");
        if (!c->name.n)
            field_required(e, PATH(PATH_AT(at, i), "name"), "%s", "");
        else
            format_validate(e, PATH(PATH_AT(at, i), "name"), FORMAT_LABEL_KEY, c->name);
        for (size_t k = 0; k < i; k++)
            if (c->name.n && str_eq(v->at[k].name, c->name)) {
                field_duplicate(e, PATH(PATH_AT(at, i), "name"), c->name);
                break;
            }
    }
}

static void valid_expressions(struct field_errors *e, const struct path *at,
                              const struct match_condition_vec *v)
{
    struct conditions *compiled = v->n ? conditions_compile(v) : NULL;
    each (*v, i) {
        struct str why = conditions_error(compiled, i);
        if (why.n)
            field_invalid(e, PATH(PATH_AT(at, i), "expression"), str_trim(v->at[i].expression), STR_FMT,
                          STR_ARG(why));
    }
    conditions_unref(compiled);
}

static void valid_client(struct field_errors *e, const struct path *at,
                         const struct admissionregistration_webhook_client_config *c)
{
    valid_webhook_one_of(e, at, c->url, c->service);
    if (c->url && !c->service)
        valid_webhook_url(e, PATH(at, "url"), *c->url);
    if (c->service && !c->url)
        valid_webhook_service(e, PATH(at, "service"), c->service->namespace, c->service->name,
                              c->service->path, c->service->port);
}

/* A validating webhook is a mutating one without reinvocation. */
static void valid_webhook(struct field_errors *e, const struct path *at, const struct mutating_webhook *w)
{
    valid_hook_name(e, PATH(at, "name"), w->name);
    each (w->rules, i)
        valid_admission_rule(e, PATH_AT(PATH(at, "rules"), i), &w->rules.at[i]);
    if (w->failure_policy)
        VALID_ONE_OF(e, PATH(at, "failurePolicy"), *w->failure_policy, true, STR("Fail"), STR("Ignore"));
    if (w->match_policy)
        VALID_ONE_OF(e, PATH(at, "matchPolicy"), *w->match_policy, true, STR("Equivalent"), STR("Exact"));
    if (!w->side_effects)
        field_required(e, PATH(at, "sideEffects"), "must specify one of None, NoneOnDryRun");
    else
        VALID_ONE_OF(e, PATH(at, "sideEffects"), *w->side_effects, true, STR("None"), STR("NoneOnDryRun"));
    if (w->timeout_seconds && (*w->timeout_seconds > 30 || *w->timeout_seconds < 1))
        field_invalid_int(e, PATH(at, "timeoutSeconds"), *w->timeout_seconds,
                          "the timeout value must be between 1 and 30 seconds");
    if (w->namespace_selector)
        valid_selector(e, PATH(at, "namespaceSelector"), w->namespace_selector);
    if (w->object_selector)
        valid_selector(e, PATH(at, "objectSelector"), w->object_selector);
    valid_client(e, PATH(at, "clientConfig"), &w->client_config);
    valid_match_conditions(e, PATH(at, "matchConditions"), &w->match_conditions);
    valid_expressions(e, PATH(at, "matchConditions"), &w->match_conditions);
    if (w->reinvocation_policy)
        VALID_ONE_OF(e, PATH(at, "reinvocationPolicy"), *w->reinvocation_policy, true, STR("IfNeeded"),
                     STR("Never"));
    valid_review_versions(e, PATH(at, "admissionReviewVersions"), &w->admission_review_versions);
}

static void valid_unique(struct field_errors *e, const struct path *at, struct map *seen, struct str name)
{
    if (name.n && map_get(seen, name))
        field_duplicate(e, PATH(at, "name"), name);
    else if (name.n)
        map_put(seen, name, seen);
}

static void mutating_validate(const void *o, struct field_errors *e)
{
    const struct mutating_webhook_configuration *c = o;
    struct path list = path_child(NULL, STR("webhooks"));
    _cleanup_map_ struct map seen = {0};
    each (c->webhooks, i) {
        valid_webhook(e, PATH_AT(&list, i), &c->webhooks.at[i]);
        valid_unique(e, PATH_AT(&list, i), &seen, c->webhooks.at[i].name);
    }
}

static void validating_validate(const void *o, struct field_errors *e)
{
    const struct validating_webhook_configuration *c = o;
    struct path list = path_child(NULL, STR("webhooks"));
    _cleanup_map_ struct map seen = {0};
    each (c->webhooks, i) {
        const struct validating_webhook *w = &c->webhooks.at[i];
        struct mutating_webhook common = {
            .name = w->name,
            .client_config = w->client_config,
            .rules = w->rules,
            .failure_policy = w->failure_policy,
            .match_policy = w->match_policy,
            .namespace_selector = w->namespace_selector,
            .object_selector = w->object_selector,
            .side_effects = w->side_effects,
            .timeout_seconds = w->timeout_seconds,
            .admission_review_versions = w->admission_review_versions,
            .match_conditions = w->match_conditions,
        };
        valid_webhook(e, PATH_AT(&list, i), &common);
        valid_unique(e, PATH_AT(&list, i), &seen, w->name);
    }
}

const struct strategy mutating_webhook_configuration_strategy = {
    .resource = &mutating_webhook_configuration_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = mutating_validate,
};
const struct strategy validating_webhook_configuration_strategy = {
    .resource = &validating_webhook_configuration_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = validating_validate,
};

/* --- APIService --- */

static void api_service_validate(const void *o, struct field_errors *e)
{
    const struct api_service *a = o;
    const struct api_service_spec *s = &a->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    struct str name = arena_printf(&e->arena, STR_FMT "." STR_FMT, STR_ARG(s->version), STR_ARG(s->group));
    if (!str_eq(a->metadata.name, name))
        field_invalid(e, PATH(PATH(NULL, "metadata"), "name"), a->metadata.name,
                      "must be `spec.version+\".\"+spec.group`: \"" STR_FMT "\"", STR_ARG(name));
    if (s->group.n && !format_ok(FORMAT_DNS1123_SUBDOMAIN, s->group))
        format_validate(e, PATH(spec, "group"), FORMAT_DNS1123_SUBDOMAIN, s->group);
    if (!s->group.n && !str_is(s->version, "v1"))
        field_required(e, PATH(spec, "group"),
                       "only v1 may have an empty group and it better be legacy kube");
    format_validate(e, PATH(spec, "version"), FORMAT_DNS1035_LABEL, s->version);
    if (s->group_priority_minimum <= 0 || s->group_priority_minimum > 20000)
        field_invalid_int(e, PATH(spec, "groupPriorityMinimum"), s->group_priority_minimum,
                          "must be positive and less than 20000");
    if (s->version_priority <= 0 || s->version_priority > 1000)
        field_invalid_int(e, PATH(spec, "versionPriority"), s->version_priority,
                          "must be positive and less than 1000");
    if (!s->service) {
        if (s->ca_bundle.n)
            field_error(e, FIELD_ERROR_INVALID, PATH(spec, "caBundle"),
                        BAD_RAW(arena_printf(&e->arena, "%zu bytes", s->ca_bundle.n)),
                        "local APIServices may not have a caBundle");
        if (s->insecure_skip_tls_verify)
            field_error(e, FIELD_ERROR_INVALID, PATH(spec, "insecureSkipTLSVerify"), BAD_RAW(STR("true")),
                        "local APIServices may not have insecureSkipTLSVerify");
        return;
    }
    if (!s->service->namespace.n)
        field_required(e, PATH(PATH(spec, "service"), "namespace"), "%s", "");
    if (!s->service->name.n)
        field_required(e, PATH(PATH(spec, "service"), "name"), "%s", "");
    if (s->service->port && (*s->service->port < 1 || *s->service->port > 65535))
        field_invalid_int(e, PATH(PATH(spec, "service"), "port"), *s->service->port,
                          "port is not valid: must be between 1 and 65535, inclusive");
    if (s->insecure_skip_tls_verify && s->ca_bundle.n)
        field_error(e, FIELD_ERROR_INVALID, PATH(spec, "insecureSkipTLSVerify"), BAD_RAW(STR("true")),
                    "may not be true if caBundle is present");
}

/* What this server itself has is there. */
static void api_service_prepare(void *o, const struct strategy_context *c)
{
    struct api_service *a = o;
    if (a->spec.service)
        return;
    a->status.conditions.at = arena_new(c->arena, struct api_service_condition);
    a->status.conditions.n = 1;
    a->status.conditions.at[0] =
        (struct api_service_condition){.type = STR("Available"),
                                       .status = STR("True"),
                                       .last_transition_time = time_now(),
                                       .reason = STR("Local"),
                                       .message = STR("Local APIServices are always available")};
}

const struct strategy api_service_strategy = {
    .resource = &api_service_resource,
    .prepare_create = api_service_prepare,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = api_service_validate,
};
