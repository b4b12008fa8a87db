/* ValidatingAdmissionPolicy (upstream: admission/plugin/policy/validating): every policy that a change
 * concerns judges it; what a binding makes of a violation is said by its validationActions. */
#include "api/admission.h"
#include "api/metrics.h"
#include "api/policy/choose.h"
#include "api/valid.h"
#include "base/clock.h"
#include "schema/json.h"

enum { MESSAGE_MAX = 5 * 1024, ANNOTATION_MAX = 10 * 1024 };

struct judging {
    struct api *api;
    const struct api_attributes *at;
    struct api_request *request;
    struct arena *arena;
    bool waits;    /* for the authorizer: all of it is void */
    int64_t began; /* clock_mono: the check that is under way */
    /* The first violation that denies, which is the one that is told. */
    bool denied;
    struct str message, reason;
};

static void deny(struct judging *j, const struct policy_call *call, struct str why, struct str reason)
{
    if (j->denied)
        return;
    j->denied = true;
    j->reason = reason.n ? reason : STR("Invalid");
    if (call->binding.name.n)
        j->message = arena_printf(j->arena,
                                  "ValidatingAdmissionPolicy '" STR_FMT "' with binding '" STR_FMT
                                  "' denied request: " STR_FMT,
                                  STR_ARG(call->view.name), STR_ARG(call->binding.name), STR_ARG(why));
    else
        j->message =
            arena_printf(j->arena, "ValidatingAdmissionPolicy '" STR_FMT "' denied request: " STR_FMT,
                         STR_ARG(call->view.name), STR_ARG(why));
}

/* --- what a violation means --- */

static void audit(struct judging *j, const struct policy_call *call, size_t rule, struct str why)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_lit(&b, "[{\"message\":");
    json_encode_string(&b, why);
    buf_add_lit(&b, ",\"policy\":");
    json_encode_string(&b, call->binding.policy);
    buf_add_lit(&b, ",\"binding\":");
    json_encode_string(&b, call->binding.name);
    buf_addf(&b, ",\"expressionIndex\":%zu,\"validationActions\":[", rule);
    for (size_t i = 0; i < call->binding.actions->n; i++) {
        if (i)
            buf_add_c(&b, ',');
        json_encode_string(&b, call->binding.actions->at[i]);
    }
    buf_add_lit(&b, "]}]");
    api_annotate(j->request, STR("validation.policy.admission.k8s.io/validation_failure"), buf_str(&b));
}

/* `error`: as metrics have it, where the rule could not be evaluated; NULL: it was. */
static void measure(struct judging *j, const struct policy_call *call, const char *action, const char *error)
{
    metrics_policy_checked(call->view.name, call->binding.name, action, error ? error : "no_error",
                           clock_mono() - j->began);
}

static void violated(struct judging *j, const struct policy_call *call, size_t rule, struct str why,
                     struct str reason, const char *error)
{
    const struct str_vec *actions = call->binding.actions;
    for (size_t i = 0; i < actions->n; i++)
        measure(j, call,
                str_eq(actions->at[i], VALIDATION_ACTION_DENY)    ? "deny"
                : str_eq(actions->at[i], VALIDATION_ACTION_AUDIT) ? "audit"
                                                                  : "warn",
                error);
    for (size_t i = 0; i < actions->n; i++)
        if (str_eq(actions->at[i], VALIDATION_ACTION_DENY))
            deny(j, call, why, reason);
        else if (str_eq(actions->at[i], VALIDATION_ACTION_AUDIT))
            audit(j, call, rule, why);
        else if (str_eq(actions->at[i], VALIDATION_ACTION_WARN))
            api_warn(j->request,
                     arena_printf(j->arena,
                                  "Validation failed for ValidatingAdmissionPolicy '" STR_FMT
                                  "' with binding '" STR_FMT "': " STR_FMT,
                                  STR_ARG(call->view.name), STR_ARG(call->binding.name), STR_ARG(why)));
}

/* What could not be evaluated counts as violated, or as nothing, by the policy's failurePolicy. */
static void failed(struct judging *j, const struct policy_call *call, size_t rule, struct str why,
                   const char *error)
{
    if (!call->view.ignores_failure)
        violated(j, call, rule, why, STR(""), error);
    else
        measure(j, call, "allow", error);
}

/* --- one policy --- */

/* What to say: the messageExpression where it yields a good one, else the message, else the expression. */
static struct str message_of(struct policy_facts *f, const struct policy_call *call, size_t i,
                             uint64_t *budget, bool *spent)
{
    const struct validation *v = &call->view.validating->spec.validations.at[i];
    struct cel_value said;
    struct str why;
    if (call->policy->messages[i].text.n) {
        enum policy_eval rc = policy_eval(f, &call->policy->messages[i], budget, &said, &why);
        *spent = rc == POLICY_OUT_OF_BUDGET;
        if (*spent)
            return arena_printf(f->arena, "failed messageExpression: " STR_FMT, STR_ARG(why));
        struct str text = rc == POLICY_VALUE && said.kind == CEL_STRING ? str_trim(said.s) : STR("");
        if (text.n && text.n <= MESSAGE_MAX && str_index(text, '\n') < 0)
            return text;
    }
    if (str_trim(v->message).n)
        return str_trim(v->message);
    return arena_printf(f->arena, "failed expression: " STR_FMT, STR_ARG(str_trim(v->expression)));
}

/* false: the budget is used up. */
static bool judge_rules(struct judging *j, struct policy_facts *f, const struct policy_call *call)
{
    const struct validation_vec *validations = &call->view.validating->spec.validations;
    uint64_t budget = CEL_COST_BUDGET;
    for (size_t i = 0; i < call->policy->n_rules; i++) {
        struct cel_value v;
        struct str why;
        j->began = clock_mono();
        switch (policy_eval(f, &call->policy->rules[i], &budget, &v, &why)) {
        case POLICY_OUT_OF_BUDGET:
            failed(j, call, i, why, "out_of_budget");
            return false;
        case POLICY_ERROR:
            failed(j, call, i, why, call->policy->rules[i].program ? "invalid_error" : "compile_error");
            break;
        case POLICY_VALUE:
            if (v.kind == CEL_BOOL && v.b)
                break;
            bool spent = false;
            const struct str *reason = validations->at[i].reason;
            why = message_of(f, call, i, &budget, &spent);
            if (spent)
                failed(j, call, i, why, "out_of_budget");
            else
                violated(j, call, i, why, reason ? *reason : STR("Invalid"), NULL);
            break;
        }
    }
    return true;
}

/* Values of one key, by several bindings, stand side by side. */
static void note(struct judging *j, struct str_map *notes, struct str key, struct str value)
{
    const struct str *have = str_map_get(notes, key);
    value.n = value.n < ANNOTATION_MAX ? value.n : ANNOTATION_MAX;
    if (have && str_eq(*have, value))
        return;
    str_map_put(notes, j->arena, key,
                have ? arena_printf(j->arena, STR_FMT ", " STR_FMT, STR_ARG(*have), STR_ARG(value)) : value);
}

static void annotate(struct judging *j, struct policy_facts *f, const struct policy_call *call,
                     struct str_map *notes)
{
    uint64_t budget = CEL_COST_BUDGET;
    for (size_t i = 0; i < call->policy->n_annotations; i++) {
        const struct audit_annotation *a = &call->view.validating->spec.audit_annotations.at[i];
        struct cel_value v;
        struct str why;
        if (policy_eval(f, &call->policy->annotations[i], &budget, &v, &why) != POLICY_VALUE) {
            if (!call->view.ignores_failure)
                deny(j, call, why, STR(""));
        } else if (v.kind == CEL_STRING && str_trim(v.s).n) {
            note(j, notes,
                 arena_printf(j->arena, STR_FMT "/" STR_FMT, STR_ARG(call->view.name), STR_ARG(a->key)),
                 str_trim(v.s));
        }
    }
}

static void judge(struct judging *j, const struct policy_calls *calls, const struct policy_call *call,
                  struct str_map *notes)
{
    struct policy_facts f;
    struct str why;
    if (!call->policy) {
        if (!call->view.ignores_failure)
            deny(j, call, call->error, STR(""));
        return;
    }
    j->began = clock_mono();
    policy_facts_init(&f, j->api, j->at, call->as, call->params, calls->ns, call->policy);
    int rc = policy_conditions_hold(&f, call->policy->conditions, call->policy->n_conditions, &why);
    if (rc < 0 && !f.waits)
        failed(j, call, 0, why, "invalid_error");
    if (rc > 0 && judge_rules(j, &f, call))
        annotate(j, &f, call, notes);
    j->waits = f.waits;
}

/* Refuses as upstream does: a Forbidden by its words, with the code of the rule's reason. */
static int refuse(const struct judging *j, struct err *err)
{
    admission_forbid(j->at, err, STR_FMT, STR_ARG(j->message));
    enum err_reason reason = err_reason_from(j->reason);
    bool known = reason == ERR_FORBIDDEN || reason == ERR_UNAUTHORIZED || reason == ERR_TOO_LARGE;
    err->reason = known ? reason : ERR_INVALID;
    err->code = err_reason_code(err->reason);
    err_add_cause(err, "", STR(""), STR_FMT, STR_ARG(j->message));
    return -1;
}

static int validate(struct api *api, struct api_attributes *at, struct err *err)
{
    _cleanup_policy_calls_ struct policy_calls calls;
    if (policy_choose(api, at, false, &calls, err) < 0)
        return -1;
    struct judging j = {.api = api, .at = at, .request = at->request, .arena = at->request->arena};
    struct str_map notes = {0};
    size_t n_warnings = at->request->warnings.n;
    for (size_t i = 0; i < calls.n && !j.waits; i++)
        judge(&j, &calls, &calls.at[i], &notes);
    if (j.waits) { /* then all are judged anew */
        at->request->warnings.n = n_warnings;
        return 1;
    }
    for (size_t i = 0; i < notes.n; i++)
        api_annotate(at->request, notes.at[i].key, notes.at[i].value);
    return j.denied ? refuse(&j, err) : 0;
}

const struct admission_plugin validating_policies = {.name = "ValidatingAdmissionPolicy",
                                                     .validate = validate};
