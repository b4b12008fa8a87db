/* What a job says about how pods may fail (podFailurePolicy, backoffLimitPerIndex: KEPs 3329 and 3850) and
 * when it has succeeded early (successPolicy: KEP-3998). */
#include "controllers/job/run.h"

/* --- how a pod failed --- */

static bool code_listed(const struct pod_failure_policy_on_exit_codes_requirement *r, int32_t code)
{
    bool in = false;
    for (size_t i = 0; i < r->values.n; i++)
        in |= r->values.at[i] == code;
    return str_is(r->operator, "In") ? in : !in;
}

/* The container whose exit code the rule is about, or NULL. */
static const struct container_status *
exit_matches(const struct pod_failure_policy_on_exit_codes_requirement *r, const struct pod *p)
{
    const struct container_status_vec *const lists[] = {&p->status.container_statuses,
                                                        &p->status.init_container_statuses};
    for (size_t l = 0; r && l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++) {
            const struct container_status *s = &lists[l]->at[i];
            const struct container_state_terminated *t = s->state.terminated;
            if (t && t->exit_code && (!r->container_name || str_eq(*r->container_name, s->name)) &&
                code_listed(r, t->exit_code))
                return s;
        }
    return NULL;
}

static const struct pod_condition *condition_matches(const struct pod_failure_policy_rule *rule,
                                                     const struct pod *p)
{
    for (size_t i = 0; i < rule->on_pod_conditions.n; i++) {
        const struct pod_failure_policy_on_pod_conditions_pattern *wanted = &rule->on_pod_conditions.at[i];
        const struct pod_condition *c = pod_condition_get(p, wanted->type);
        if (c && str_eq(c->status, wanted->status.n ? wanted->status : CONDITION_STATUS_TRUE))
            return c;
    }
    return NULL;
}

static enum failure_action action_of(struct str name)
{
    return str_is(name, "FailJob")     ? FAILURE_ENDS_JOB
           : str_is(name, "FailIndex") ? FAILURE_ENDS_INDEX
           : str_is(name, "Ignore")    ? FAILURE_IGNORED
                                       : FAILURE_COUNTS;
}

enum failure_action failure_of(const struct run *r, const struct pod *p, struct str *why)
{
    const struct pod_failure_policy *policy = r->job->spec.pod_failure_policy;
    for (size_t i = 0; policy && i < policy->rules.n; i++) {
        const struct pod_failure_policy_rule *rule = &policy->rules.at[i];
        const struct container_status *s = exit_matches(rule->on_exit_codes, p);
        const struct pod_condition *c = s ? NULL : condition_matches(rule, p);
        if (s && why)
            *why = arena_printf(r->w->a,
                                "Container " STR_FMT " for pod " STR_FMT "/" STR_FMT
                                " failed with exit code %d matching " STR_FMT " rule at index %zu",
                                STR_ARG(s->name), STR_ARG(p->metadata.namespace), STR_ARG(p->metadata.name),
                                s->state.terminated->exit_code, STR_ARG(rule->action), i);
        if (c && why)
            *why = arena_printf(r->w->a,
                                "Pod " STR_FMT "/" STR_FMT " has condition " STR_FMT " matching " STR_FMT
                                " rule at index %zu",
                                STR_ARG(p->metadata.namespace), STR_ARG(p->metadata.name), STR_ARG(c->type),
                                STR_ARG(rule->action), i);
        if (s || c)
            return action_of(rule->action);
    }
    return FAILURE_COUNTS;
}

/* --- failures by index --- */

static int32_t number_of(const struct pod *p, struct str annotation)
{
    int64_t n;
    return str_to_i64(labels_get(&p->metadata.annotations, annotation), &n) && n >= 0 && n < INT32_MAX
               ? (int32_t)n
               : 0;
}

bool index_is_over(const struct run *r, const struct pod *p)
{
    const int32_t *limit = r->job->spec.backoff_limit_per_index;
    enum failure_action action = failure_of(r, p, NULL);
    return action == FAILURE_ENDS_INDEX ||
           (action == FAILURE_COUNTS && limit && number_of(p, INDEX_FAILURES) >= *limit);
}

/* The pod of the index that failed last, and so knows how many did before it; NULL: none has. */
static const struct pod *last_failed(const struct run *r, int32_t index)
{
    const struct pod *last = NULL;
    int32_t most = -1;
    for (size_t i = 0; i < r->pods.n; i++) {
        const struct pod *p = pod_of(r->pods.at[i]);
        int32_t before = number_of(p, INDEX_FAILURES) + number_of(p, INDEX_IGNORED);
        if (run_index_of(r, &p->metadata) == index && run_pod_failed(r, p) && before > most) {
            last = p;
            most = before;
        }
    }
    return last;
}

int32_t index_failures(const struct run *r, int32_t index, int32_t *ignored, struct time *at)
{
    const struct pod *p = last_failed(r, index);
    *ignored = 0;
    *at = (struct time){0};
    if (!p)
        return 0;
    bool counts = failure_of(r, p, NULL) != FAILURE_IGNORED;
    *ignored = number_of(p, INDEX_IGNORED) + !counts;
    *at = run_finished_at(p);
    return number_of(p, INDEX_FAILURES) + counts;
}

/* --- success --- */

static bool rule_met(const struct run *r, const struct success_policy_rule *rule)
{
    bool *named = arena_new_n(r->w->a, bool, (size_t)r->n + 1);
    int32_t done = 0, all = 0;
    if (rule->succeeded_indexes)
        run_indexes_read(*rule->succeeded_indexes, named, r->n);
    for (int32_t i = 0; i < r->n; i++) {
        bool in = !rule->succeeded_indexes || named[i];
        all += in;
        done += in && r->done[i];
    }
    return done >= (rule->succeeded_count ? *rule->succeeded_count : all);
}

bool success_met(const struct run *r, const char **message)
{
    const struct success_policy *policy = r->job->spec.success_policy;
    for (size_t i = 0; r->indexed && policy && i < policy->rules.n; i++)
        if (rule_met(r, &policy->rules.at[i])) {
            *message = arena_printf(r->w->a, "Matched rules at index %zu", i).p;
            return true;
        }
    return false;
}
