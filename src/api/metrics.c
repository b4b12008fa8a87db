#include "api/metrics.h"

#include <stdio.h>

#include "base/clock.h"

/* --- declared --- */

static metric_bounds plugin_bounds = {0.005, 0.025, 0.1, 0.5, 1, 2.5},
                     webhook_bounds = {0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25},
                     check_bounds = {0.0000005, 0.001, 0.01, 0.1, 1};

static struct metric admission_step = {"apiserver_admission_step_admission_duration_seconds",
                                       "How long all of admission took, by operation and half.",
                                       METRIC_HISTOGRAM,
                                       {"operation", "rejected", "type"},
                                       plugin_bounds};
static struct metric admission_controller = {"apiserver_admission_controller_admission_duration_seconds",
                                             "How long a built-in admission plugin took.",
                                             METRIC_HISTOGRAM,
                                             {"name", "operation", "rejected", "type"},
                                             plugin_bounds};
static struct metric webhook_duration = {"apiserver_admission_webhook_admission_duration_seconds",
                                         "How long an admission webhook took to answer.",
                                         METRIC_HISTOGRAM,
                                         {"name", "operation", "rejected", "type"},
                                         webhook_bounds};
static struct metric webhook_requests = {"apiserver_admission_webhook_request_total",
                                         "Questions to admission webhooks, by what became of them.",
                                         METRIC_COUNTER,
                                         {"code", "name", "operation", "rejected", "type"}};
static struct metric webhook_rejections = {"apiserver_admission_webhook_rejection_count",
                                           "Changes that admission webhooks refused, or failed to judge.",
                                           METRIC_COUNTER,
                                           {"error_type", "name", "operation", "rejection_code", "type"}};
static struct metric webhook_fail_open = {"apiserver_admission_webhook_fail_open_count",
                                          "Failures of admission webhooks that were ignored.",
                                          METRIC_COUNTER,
                                          {"name", "type"}};
static struct metric policy_checks = {"apiserver_validating_admission_policy_check_total",
                                      "Checks of policies that were violated or failed.",
                                      METRIC_COUNTER,
                                      {"enforcement_action", "error_type", "policy", "policy_binding"}};
static struct metric policy_duration = {"apiserver_validating_admission_policy_check_duration_seconds",
                                        "How long these checks took.",
                                        METRIC_HISTOGRAM,
                                        {"enforcement_action", "error_type", "policy", "policy_binding"},
                                        check_bounds};
static struct metric cel_compilation = {"apiserver_cel_compilation_duration_seconds",
                                        "How long compiling an expression of a policy took.",
                                        METRIC_HISTOGRAM,
                                        {NULL},
                                        check_bounds};
static struct metric cel_evaluation = {"apiserver_cel_evaluation_duration_seconds",
                                       "How long evaluating an expression of a policy took.",
                                       METRIC_HISTOGRAM,
                                       {NULL},
                                       check_bounds};
static struct metric pod_security = {
    "pod_security_evaluations_total",
    "What the Pod Security Standards said of pods.",
    METRIC_COUNTER,
    {"decision", "mode", "policy_level", "policy_version", "request_operation", "resource", "subresource"}};

struct metric *const api_metrics[] = {
    &admission_controller, &admission_step,   &webhook_duration, &webhook_fail_open,
    &webhook_rejections,   &webhook_requests, &cel_compilation,  &cel_evaluation,
    &policy_duration,      &policy_checks,    &pod_security,
};
const size_t n_api_metrics = ARRAY_LEN(api_metrics);

/* --- counted --- */

struct str api_operation_name(enum api_operation op)
{
    static const struct str names[] = {
        [API_OP_CREATE] = STR_INIT("CREATE"),
        [API_OP_UPDATE] = STR_INIT("UPDATE"),
        [API_OP_DELETE] = STR_INIT("DELETE"),
        [API_OP_CONNECT] = STR_INIT("CONNECT"),
    };
    return names[op];
}

static double seconds(int64_t ns)
{
    return (double)ns / (double)CLOCK_S;
}

static struct str yes_or_no(bool b)
{
    return b ? STR("true") : STR("false");
}

static struct str half(bool mutate)
{
    return mutate ? STR("admit") : STR("validate");
}

void metrics_admission(const char *plugin, enum api_operation op, bool mutate, bool rejected, int64_t ns)
{
    const struct str values[] = {str_from(plugin), api_operation_name(op), yes_or_no(rejected), half(mutate)};
    if (plugin)
        metric_seen(&admission_controller, values, seconds(ns));
    else
        metric_seen(&admission_step, values + 1, seconds(ns));
}

void metrics_webhook_answered(const struct metrics_webhook *w, int64_t ns)
{
    char code[16];
    struct str operation = api_operation_name(w->operation), type = half(w->mutates);
    struct str rejected = yes_or_no(w->rejected);
    snprintf(code, sizeof code, "%d", w->code > 600 ? 600 : w->code);
    metric_seen(&webhook_duration, (struct str[]){w->name, operation, rejected, type}, seconds(ns));
    metric_count(&webhook_requests, (struct str[]){str_from(code), w->name, operation, rejected, type});
    if (w->rejected)
        metric_count(&webhook_rejections,
                     (struct str[]){str_from(w->error), w->name, operation, str_from(code), type});
}

void metrics_webhook_ignored(struct str name, bool mutates)
{
    metric_count(&webhook_fail_open, (struct str[]){name, half(mutates)});
}

void metrics_policy_checked(struct str policy, struct str binding, const char *action, const char *error,
                            int64_t ns)
{
    const struct str values[] = {str_from(action), str_from(error), policy, binding};
    metric_count(&policy_checks, values);
    metric_seen(&policy_duration, values, seconds(ns));
}

void metrics_cel(bool compiled, int64_t ns)
{
    metric_seen(compiled ? &cel_compilation : &cel_evaluation, NULL, seconds(ns));
}

void metrics_pod_security(bool allowed, const char *mode, struct str standard,
                          const struct api_attributes *at)
{
    struct str version = standard, level;
    str_cut(&version, ':', &level);
    metric_count(&pod_security,
                 (struct str[]){allowed ? STR("allow") : STR("deny"), str_from(mode), level, version,
                                at->operation == API_OP_CREATE ? STR("create") : STR("update"),
                                str_is(at->resource->plural, "pods") ? STR("pod") : STR("controller"),
                                at->request->subresource});
}
