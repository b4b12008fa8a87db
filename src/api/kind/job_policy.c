/* What a job makes of its pods' ends: the failure, success and replacement policies, and the indexes that
 * these and the status name. */
#include "api/kind/job.h"

enum { RULES_MAX = 20, EXIT_CODES_MAX = 255, PATTERNS_MAX = 20, INDEXES_TEXT_MAX = 64 * 1024 };

/* Required, or one of them; upstream names them when nothing is said, too. */
static void valid_named(struct field_errors *e, const struct path *at, struct str v, const struct str *values,
                        size_t n)
{
    if (v.n) {
        valid_one_of(e, at, v, values, n, true);
        return;
    }
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s\"" STR_FMT "\"", i ? " " : "", STR_ARG(values[i]));
    field_required(e, at, "valid values: [" STR_FMT "]", STR_ARG(buf_str(&b)));
}
#define VALID_NAMED(e, at, v, ...)                                                                           \
    valid_named((e), (at), (v), (const struct str[]){__VA_ARGS__},                                           \
                sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

static bool has_container(const struct container_vec *v, struct str name)
{
    each (*v, i)
        if (str_eq(v->at[i].name, name))
            return true;
    return false;
}

static void valid_exit_codes(struct field_errors *e, const struct path *at,
                             const struct pod_failure_policy_on_exit_codes_requirement *r,
                             const struct pod_spec *pods)
{
    VALID_NAMED(e, PATH(at, "operator"), r->operator, STR("In"), STR("NotIn"));
    if (r->container_name && !has_container(&pods->containers, *r->container_name) &&
        !has_container(&pods->init_containers, *r->container_name))
        field_invalid(e, PATH(at, "containerName"), *r->container_name,
                      "must be one of the container or initContainer names in the pod template");
    const struct path *values = PATH(at, "values");
    if (!r->values.n)
        field_error(e, FIELD_ERROR_INVALID, values, BAD_RAW(r->values.at ? STR("[]") : STR("null")),
                    "at least one value is required");
    else if (r->values.n > EXIT_CODES_MAX)
        field_too_many(e, values, r->values.n, EXIT_CODES_MAX);
    bool ordered = true;
    each (r->values, i) {
        int32_t v = r->values.at[i];
        if (v == 0 && str_is(r->operator, "In"))
            field_invalid_int(e, PATH_AT(values, i), v, "must not be 0 for the In operator");
        for (size_t k = 0; k < i && k < EXIT_CODES_MAX; k++)
            if (r->values.at[k] == v) {
                field_error(e, FIELD_ERROR_DUPLICATE, PATH_AT(values, i), BAD_INT(v), "%s", "");
                break;
            }
        ordered &= i == 0 || r->values.at[i - 1] <= v;
    }
    if (ordered)
        return;
    _cleanup_buf_ struct buf b = {0};
    each (r->values, i)
        buf_addf(&b, "%s%d", i ? "," : "[", r->values.at[i]);
    buf_add_c(&b, ']');
    field_error(e, FIELD_ERROR_INVALID, values, BAD_RAW(buf_str(&b)), "must be ordered");
}

static void valid_patterns(struct field_errors *e, const struct path *at,
                           const struct pod_failure_policy_on_pod_conditions_pattern_vec *patterns)
{
    if (patterns->n > PATTERNS_MAX)
        field_too_many(e, at, patterns->n, PATTERNS_MAX);
    each (*patterns, i) {
        valid_qualified(e, PATH(PATH_AT(at, i), "type"), patterns->at[i].type);
        VALID_NAMED(e, PATH(PATH_AT(at, i), "status"), patterns->at[i].status, STR("False"), STR("True"),
                    STR("Unknown"));
    }
}

static void valid_failure_policy(struct field_errors *e, const struct path *at, const struct job_spec *s)
{
    const struct pod_failure_policy_rule_vec *rules = &s->pod_failure_policy->rules;
    const struct path *list = PATH(at, "rules");
    if (rules->n > RULES_MAX)
        field_too_many(e, list, rules->n, RULES_MAX);
    each (*rules, i) {
        const struct pod_failure_policy_rule *r = &rules->at[i];
        const struct path *rule = PATH_AT(list, i);
        if (str_is(r->action, "FailIndex") && !s->backoff_limit_per_index)
            field_invalid(e, PATH(rule, "action"), r->action, "requires the backoffLimitPerIndex to be set");
        VALID_NAMED(e, PATH(rule, "action"), r->action, STR("Count"), STR("FailIndex"), STR("FailJob"),
                    STR("Ignore"));
        if (r->on_exit_codes)
            valid_exit_codes(e, PATH(rule, "onExitCodes"), r->on_exit_codes, &s->template.spec);
        valid_patterns(e, PATH(rule, "onPodConditions"), &r->on_pod_conditions);
        if (r->on_exit_codes && r->on_pod_conditions.n)
            field_error(e, FIELD_ERROR_INVALID, rule, BAD_NONE,
                        "specifying both OnExitCodes and OnPodConditions is not supported");
        if (!r->on_exit_codes && !r->on_pod_conditions.n)
            field_error(e, FIELD_ERROR_INVALID, rule, BAD_NONE,
                        "specifying one of OnExitCodes and OnPodConditions is required");
    }
}

/* --- indexes --- */

static int index_parse(struct field_errors *e, struct str text, int32_t completions, int32_t *out,
                       struct str *wrong)
{
    int64_t v;
    if (!str_to_i64(text, &v))
        *wrong = arena_printf(&e->arena, "cannot convert string to integer for index: \"" STR_FMT "\"",
                              STR_ARG(text));
    else if (v >= completions)
        *wrong = arena_printf(&e->arena, "too large index: \"" STR_FMT "\"", STR_ARG(text));
    else {
        *out = (int32_t)(v < INT32_MIN ? INT32_MIN : v);
        return 0;
    }
    return -1;
}

int job_interval_parse(struct field_errors *e, struct str text, int32_t completions, int32_t *first,
                       int32_t *last, struct str *wrong)
{
    struct str end = text, begin = {0};
    str_cut(&end, '-', &begin);
    if (str_index(end, '-') >= 0) {
        *wrong =
            arena_printf(&e->arena,
                         "the fragment \"" STR_FMT "\" violates the requirement that an index interval can "
                         "have at most two parts separated by '-'",
                         STR_ARG(text));
        return -1;
    }
    if (index_parse(e, begin, completions, first, wrong) < 0)
        return -1;
    *last = *first;
    if (!end.p)
        return 0;
    if (index_parse(e, end, completions, last, wrong) < 0)
        return -1;
    if (*first < *last)
        return 0;
    *wrong = arena_printf(&e->arena, "non-increasing order, previous: %d, current: %d", *first, *last);
    return -1;
}

int64_t job_indexes_count(struct field_errors *e, struct str text, int32_t completions, struct str *wrong)
{
    int64_t total = 0;
    int32_t before = -1;
    if (!text.n)
        return 0;
    for (struct str part, rest = text; str_cut(&rest, ',', &part);) {
        int32_t first, last;
        if (job_interval_parse(e, part, completions, &first, &last, wrong) < 0)
            return -1;
        if (total && before >= first) {
            *wrong =
                arena_printf(&e->arena, "non-increasing order, previous: %d, current: %d", before, first);
            return -1;
        }
        total += last - first + 1;
        before = last;
    }
    return total;
}

/* --- success --- */

static void valid_success_rule(struct field_errors *e, const struct path *at,
                               const struct success_policy_rule *r, int32_t completions)
{
    const struct path *indexes = PATH(at, "succeededIndexes"), *count = PATH(at, "succeededCount");
    int64_t total = 0;
    if (!r->succeeded_count && !r->succeeded_indexes)
        field_required(e, at, "at least one of succeededCount or succeededIndexes must be specified");
    if (r->succeeded_indexes) {
        struct str wrong;
        if (r->succeeded_indexes->n > INDEXES_TEXT_MAX)
            field_too_long(e, indexes, INDEXES_TEXT_MAX);
        total = job_indexes_count(e, *r->succeeded_indexes, completions, &wrong);
        if (total < 0) {
            field_invalid(e, indexes, *r->succeeded_indexes, "error parsing succeededIndexes: " STR_FMT,
                          STR_ARG(wrong));
            total = 0;
        }
    }
    if (!r->succeeded_count)
        return;
    valid_not_negative(e, count, *r->succeeded_count);
    if (*r->succeeded_count > completions)
        field_invalid_int(e, count, *r->succeeded_count,
                          "must be less than or equal to %d (the number of specified completions)",
                          completions);
    if (r->succeeded_indexes && *r->succeeded_count > total)
        field_invalid_int(e, count, *r->succeeded_count,
                          "must be less than or equal to %d (the number of indexes in the specified "
                          "succeededIndexes field)",
                          (int)total);
}

static void valid_success_policy(struct field_errors *e, const struct path *at, const struct job_spec *s)
{
    const struct success_policy_rule_vec *rules = &s->success_policy->rules;
    const struct path *list = PATH(at, "rules");
    if (!job_is_indexed(s)) {
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad(e, &success_policy_type, s->success_policy),
                    "requires indexed completion mode");
        return;
    }
    if (!rules->n)
        field_required(e, list, "at least one rules must be specified when the successPolicy is specified");
    if (rules->n > RULES_MAX)
        field_too_many(e, list, rules->n, RULES_MAX);
    if (s->completions) /* which is asked for elsewhere */
        each (*rules, i)
            valid_success_rule(e, PATH_AT(list, i), &rules->at[i], *s->completions);
}

void valid_job_policies(struct field_errors *e, const struct path *spec, const struct job_spec *s)
{
    static const struct str replacements[] = {STR_INIT("Failed"), STR_INIT("TerminatingOrFailed")};
    if (s->pod_failure_policy)
        valid_failure_policy(e, PATH(spec, "podFailurePolicy"), s);
    if (s->success_policy)
        valid_success_policy(e, PATH(spec, "successPolicy"), s);
    const struct str *policy = s->pod_replacement_policy;
    size_t n = s->pod_failure_policy ? 1 : 2; /* that policy looks at pods that have ended */
    if (policy && !str_eq(*policy, replacements[0]) && (n == 1 || !str_eq(*policy, replacements[1])))
        field_not_supported(e, PATH(spec, "podReplacementPolicy"), *policy, replacements, n);
}
