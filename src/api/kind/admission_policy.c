/* Admission policies and their bindings (pkg/apis/admissionregistration/validation). */
#include "api/kind/kinds.h"
#include "api/kind/match.h"
#include "api/policy/policy.h"

enum { ANNOTATIONS_MAX = 20, ANNOTATION_EXPRESSION_MAX = 5 * 1024 };

/* --- expressions --- */

/* An expression that does not compile is Invalid, with the compiler's words. */
static void valid_compiled(struct field_errors *e, const struct path *at, const struct policy_expression *x)
{
    if (x->text.n && !x->program)
        field_invalid(e, at, x->text, STR_FMT, STR_ARG(x->error));
}

static bool is_identifier(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], lower = (char)(c | 32);
        if (!((lower >= 'a' && lower <= 'z') || c == '_' || (i && c >= '0' && c <= '9')))
            return false;
    }
    return s.n && !cel_is_reserved(s);
}

static void valid_variables(struct field_errors *e, const struct path *list, const struct variable_vec *v,
                            const struct policy *p)
{
    each (*v, i) {
        const struct path *at = PATH_AT(list, i);
        if (!str_trim(v->at[i].name).n)
            field_required(e, PATH(at, "name"), "name is not specified");
        else if (!is_identifier(v->at[i].name))
            field_invalid(e, PATH(at, "name"), v->at[i].name, "name is not a valid CEL identifier");
        if (!str_trim(v->at[i].expression).n)
            field_required(e, PATH(at, "expression"), "expression is not specified");
        else
            valid_compiled(e, PATH(at, "expression"), &p->variables[i].expression);
    }
}

static bool has_line_break(struct str s)
{
    return str_index(s, '\n') >= 0 || str_index(s, '\r') >= 0;
}

static void valid_validation(struct field_errors *e, const struct path *at, const struct validation *v,
                             const struct policy *p, size_t i)
{
    if (!str_trim(v->expression).n)
        field_required(e, PATH(at, "expression"), "expression is not specified");
    else
        valid_compiled(e, PATH(at, "expression"), &p->rules[i]);
    if (v->message_expression.n && !str_trim(v->message_expression).n)
        field_invalid(e, PATH(at, "messageExpression"), v->message_expression,
                      "must be non-empty if specified");
    else
        valid_compiled(e, PATH(at, "messageExpression"), &p->messages[i]);
    if (v->message.n && !str_trim(v->message).n)
        field_invalid(e, PATH(at, "message"), v->message, "message must be non-empty if specified");
    else if (has_line_break(str_trim(v->message)))
        field_invalid(e, PATH(at, "message"), v->message, "message must not contain line breaks");
    if (v->reason)
        VALID_ONE_OF(e, PATH(at, "reason"), *v->reason, false, STR("Forbidden"), STR("Invalid"),
                     STR("RequestEntityTooLarge"), STR("Unauthorized"));
}

static void valid_annotation(struct field_errors *e, const struct path *at, struct str policy,
                             const struct audit_annotation *a, const struct policy_expression *x)
{
    const struct path *expression = PATH(at, "valueExpression");
    if (policy.n)
        format_validate(e, PATH(at, "key"), FORMAT_LABEL_KEY,
                        arena_printf(&e->arena, STR_FMT "/" STR_FMT, STR_ARG(policy), STR_ARG(a->key)));
    else
        field_invalid(e, PATH(at, "key"), a->key, "requires metadata.name be non-empty");
    struct str text = str_trim(a->value_expression);
    if (!text.n)
        field_required(e, expression, "valueExpression is not specified");
    else if (text.n > ANNOTATION_EXPRESSION_MAX)
        field_required(e, expression, "must not exceed %d bytes in length", ANNOTATION_EXPRESSION_MAX);
    else
        valid_compiled(e, expression, x);
}

/* --- what both sorts have --- */

static void valid_param_kind(struct field_errors *e, const struct path *at, const struct param_kind *k)
{
    struct str messages[FORMAT_MESSAGES], version = k->api_version, group = {0};
    if (str_index(version, '/') >= 0)
        str_cut(&version, '/', &group);
    if (!k->api_version.n) {
        field_required(e, PATH(at, "apiVersion"), "%s", "");
    } else if (str_index(version, '/') >= 0) {
        field_invalid(e, PATH(at, "apiVersion"), k->api_version, "unexpected GroupVersion string: " STR_FMT,
                      STR_ARG(k->api_version));
    } else {
        if (group.n)
            format_validate(e, PATH(at, "apiVersion"), FORMAT_DNS1123_SUBDOMAIN, group);
        if (!version.n)
            field_invalid(e, PATH(at, "apiVersion"), k->api_version, "version must be specified");
        else
            format_validate(e, PATH(at, "apiVersion"), FORMAT_DNS1035_LABEL, version);
    }
    if (!k->kind.n) {
        field_required(e, PATH(at, "kind"), "%s", "");
        return;
    }
    char *lower = arena_c(&e->arena, k->kind);
    for (size_t i = 0; i < k->kind.n; i++)
        lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] + 32 : lower[i]);
    if (format_check(FORMAT_DNS1035_LABEL, str_slice(lower, k->kind.n), messages))
        field_invalid(e, PATH(at, "kind"), k->kind,
                      "may have mixed case, but should otherwise match: " STR_FMT, STR_ARG(messages[0]));
}

static void valid_named_rules(struct field_errors *e, const struct path *list,
                              const struct named_rule_with_operations_vec *v)
{
    each (*v, i) {
        const struct named_rule_with_operations *rule = &v->at[i];
        const struct path *names = PATH(PATH_AT(list, i), "resourceNames");
        each (rule->resource_names, k) {
            struct str_vec before = {rule->resource_names.at, k};
            format_validate(e, PATH_AT(names, k), FORMAT_PATH_SEGMENT, rule->resource_names.at[k]);
            if (str_vec_has(&before, rule->resource_names.at[k]))
                field_duplicate(e, PATH_AT(names, k), rule->resource_names.at[k]);
        }
        valid_admission_rule(e, PATH_AT(list, i), (const void *)&rule->operations);
    }
}

static void valid_match_resources(struct field_errors *e, const struct path *at,
                                  const struct match_resources *m)
{
    if (!m->match_policy)
        field_required(e, PATH(at, "matchPolicy"), "%s", "");
    else
        VALID_ONE_OF(e, PATH(at, "matchPolicy"), *m->match_policy, true, STR("Equivalent"), STR("Exact"));
    if (!m->namespace_selector)
        field_required(e, PATH(at, "namespaceSelector"), "%s", "");
    else
        valid_selector(e, PATH(at, "namespaceSelector"), m->namespace_selector);
    if (!m->object_selector)
        field_required(e, PATH(at, "objectSelector"), "%s", "");
    else
        valid_selector(e, PATH(at, "objectSelector"), m->object_selector);
    valid_named_rules(e, PATH(at, "resourceRules"), &m->resource_rules);
    valid_named_rules(e, PATH(at, "excludeResourceRules"), &m->exclude_resource_rules);
}

static void valid_common(struct field_errors *e, const struct path *spec, const struct policy_view *view,
                         const struct str *failure_policy, const struct policy *p)
{
    if (!failure_policy)
        field_required(e, PATH(spec, "failurePolicy"), "%s", "");
    else
        VALID_ONE_OF(e, PATH(spec, "failurePolicy"), *failure_policy, true, STR("Fail"), STR("Ignore"));
    if (view->param_kind)
        valid_param_kind(e, PATH(spec, "paramKind"), view->param_kind);
    const struct path *constraints = PATH(spec, "matchConstraints"),
                      *conditions = PATH(spec, "matchConditions");
    if (!view->constraints)
        field_required(e, constraints, "%s", "");
    else
        valid_match_resources(e, constraints, view->constraints);
    if (view->constraints && !view->constraints->resource_rules.n)
        field_required(e, PATH(constraints, "resourceRules"), "%s", "");
    valid_match_conditions(e, conditions, &view->conditions);
    for (size_t i = 0; i < p->n_conditions; i++)
        valid_compiled(e, PATH(PATH_AT(conditions, i), "expression"), &p->conditions[i]);
    valid_variables(e, PATH(spec, "variables"), &view->variables, p);
}

static void valid_param_ref(struct field_errors *e, const struct path *at, const struct param_ref *ref)
{
    if (!ref)
        return;
    if (ref->name.n)
        format_validate(e, PATH(at, "name"), FORMAT_PATH_SEGMENT, ref->name);
    if (ref->name.n && ref->selector)
        field_forbidden(e, PATH(at, "name"), "name and selector are mutually exclusive");
    if (ref->selector)
        valid_selector(e, PATH(at, "selector"), ref->selector);
    if (ref->name.n && ref->selector)
        field_forbidden(e, PATH(at, "selector"), "name and selector are mutually exclusive");
    if (!ref->name.n && !ref->selector)
        field_required(e, at, "one of name or selector must be specified");
    if (!ref->parameter_not_found_action || !ref->parameter_not_found_action->n)
        field_required(e, PATH(at, "parameterNotFoundAction"), "%s", "");
    else
        VALID_ONE_OF(e, PATH(at, "parameterNotFoundAction"), *ref->parameter_not_found_action, true,
                     STR("Deny"), STR("Allow"));
}

/* --- validating --- */

static void validating_policy_validate(const void *o, struct field_errors *e)
{
    const struct validating_admission_policy *v = o;
    struct policy_view view = {.validating = v,
                               .param_kind = v->spec.param_kind,
                               .constraints = v->spec.match_constraints,
                               .conditions = v->spec.match_conditions,
                               .variables = v->spec.variables};
    struct policy *p = policy_compile(&view);
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *validations = PATH(spec, "validations"),
                      *annotations = PATH(spec, "auditAnnotations");
    valid_common(e, spec, &view, v->spec.failure_policy, p);
    if (!v->spec.validations.n && !v->spec.audit_annotations.n) {
        field_required(e, validations, "validations or auditAnnotations must contain at least one item");
        field_required(e, annotations, "validations or auditAnnotations must contain at least one item");
    }
    each (v->spec.validations, i)
        valid_validation(e, PATH_AT(validations, i), &v->spec.validations.at[i], p, i);
    if (v->spec.audit_annotations.n > ANNOTATIONS_MAX)
        field_error(e, FIELD_ERROR_INVALID, annotations, BAD_NONE,
                    "must not have more than %d auditAnnotations", ANNOTATIONS_MAX);
    each (v->spec.audit_annotations, i) {
        const struct audit_annotation *a = &v->spec.audit_annotations.at[i];
        valid_annotation(e, PATH_AT(annotations, i), v->metadata.name, a, &p->annotations[i]);
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->spec.audit_annotations.at[k].key, a->key)) {
                field_duplicate(e, PATH(PATH_AT(annotations, i), "key"), a->key);
                break;
            }
    }
    policy_unref(p);
}

const struct strategy validating_admission_policy_strategy = {
    .resource = &validating_admission_policy_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = validating_policy_validate,
};

static void valid_policy_name(struct field_errors *e, const struct path *at, struct str name)
{
    if (!name.n)
        field_required(e, at, "%s", "");
    else
        format_validate(e, at, FORMAT_DNS1123_SUBDOMAIN, name);
}

static void validating_binding_validate(const void *o, struct field_errors *e)
{
    const struct validating_admission_policy_binding_spec *s =
        &((const struct validating_admission_policy_binding *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *actions = PATH(spec, "validationActions");
    valid_policy_name(e, PATH(spec, "policyName"), s->policy_name);
    valid_param_ref(e, PATH(spec, "paramRef"), s->param_ref);
    if (s->match_resources)
        valid_match_resources(e, PATH(spec, "matchResouces"), s->match_resources); /* spelt so upstream */
    each (s->validation_actions, i) {
        struct str_vec before = {s->validation_actions.at, i};
        VALID_ONE_OF(e, PATH_AT(actions, i), s->validation_actions.at[i], true, STR("Audit"), STR("Deny"),
                     STR("Warn"));
        if (str_vec_has(&before, s->validation_actions.at[i]))
            field_duplicate(e, PATH_AT(actions, i), s->validation_actions.at[i]);
    }
    if (str_vec_has(&s->validation_actions, VALIDATION_ACTION_DENY) &&
        str_vec_has(&s->validation_actions, VALIDATION_ACTION_WARN))
        field_error(
            e, FIELD_ERROR_INVALID, actions, BAD_RAW(STR("[\"Deny\",\"Warn\"]")),
            "must not contain both Deny and Warn (repeating the same validation failure information in the "
            "API response and headers serves no purpose)");
    if (!s->validation_actions.n)
        field_required(e, actions, "at least one validation action is required");
}

const struct strategy validating_admission_policy_binding_strategy = {
    .resource = &validating_admission_policy_binding_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = validating_binding_validate,
};

/* --- mutating --- */

static void valid_mutation(struct field_errors *e, const struct path *at, const struct mutation *m,
                           const struct policy_expression *x)
{
    bool apply = str_is(m->patch_type, "ApplyConfiguration"), patch = str_is(m->patch_type, "JSONPatch");
    struct path part = path_child(at, apply ? STR("applyConfiguration") : STR("jsonPatch"));
    const struct path *where = &part;
    if (!m->patch_type.n)
        field_required(e, PATH(at, "patchType"), "%s", "");
    else if (!apply && !patch)
        VALID_ONE_OF(e, PATH(at, "patchType"), m->patch_type, true, STR("ApplyConfiguration"),
                     STR("JSONPatch"));
    if (apply && !m->apply_configuration)
        field_required(e, where, "must be specified when patchType is ApplyConfiguration");
    if (patch && !m->json_patch)
        field_required(e, where, "must be specified when patchType is JSONPatch");
    if (apply && m->json_patch)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "jsonPatch"), BAD_RAW(STR("{}")),
                    "must not be specified when patchType is ApplyConfiguration");
    if (patch && m->apply_configuration)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "applyConfiguration"), BAD_RAW(STR("{}")),
                    "must not be specified when patchType is JSONPatch");
    if ((!apply || !m->apply_configuration) && (!patch || !m->json_patch))
        return;
    if (!str_trim(x->text).n)
        field_required(e, PATH(where, "expression"), "expression is not specified");
    else
        valid_compiled(e, PATH(where, "expression"), x);
}

static void mutating_policy_validate(const void *o, struct field_errors *e)
{
    const struct mutating_admission_policy *m = o;
    struct policy_view view = {.mutating = m,
                               .param_kind = m->spec.param_kind,
                               .constraints = m->spec.match_constraints,
                               .conditions = m->spec.match_conditions,
                               .variables = m->spec.variables};
    struct policy *p = policy_compile(&view);
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *mutations = PATH(spec, "mutations");
    valid_common(e, spec, &view, m->spec.failure_policy, p);
    if (!m->spec.mutations.n)
        field_required(e, mutations, "mutations must contain at least one item");
    each (m->spec.mutations, i)
        valid_mutation(e, PATH_AT(mutations, i), &m->spec.mutations.at[i], &p->rules[i]);
    VALID_ONE_OF(e, PATH(spec, "reinvocationPolicy"), m->spec.reinvocation_policy, true, STR("IfNeeded"),
                 STR("Never"));
    policy_unref(p);
}

const struct strategy mutating_admission_policy_strategy = {
    .resource = &mutating_admission_policy_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = mutating_policy_validate,
};

static void mutating_binding_validate(const void *o, struct field_errors *e)
{
    const struct mutating_admission_policy_binding_spec *s =
        &((const struct mutating_admission_policy_binding *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_policy_name(e, PATH(spec, "policyName"), s->policy_name);
    valid_param_ref(e, PATH(spec, "paramRef"), s->param_ref);
    if (s->match_resources)
        valid_match_resources(e, PATH(spec, "matchResouces"), s->match_resources);
}

const struct strategy mutating_admission_policy_binding_strategy = {
    .resource = &mutating_admission_policy_binding_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = mutating_binding_validate,
};
