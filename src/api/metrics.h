/* What the road measures: admission, policies, expressions, pod security. */
#pragma once
#include "api/api.h"
#include "base/metric.h"

/* All of it, for /metrics. */
extern struct metric *const api_metrics[];
extern const size_t n_api_metrics;

/* "CREATE" and so on, as labels and reviews have it. */
struct str api_operation_name(enum api_operation op);

/* A half of the whole chain, or (with a name) of one plugin, is through after `ns`. */
void metrics_admission(const char *plugin, enum api_operation op, bool mutate, bool rejected, int64_t ns);
/* A webhook has answered after `ns`: with an HTTP status of its review, 0 for none. */
struct metrics_webhook {
    struct str name;
    enum api_operation operation;
    bool mutates, rejected;
    const char *error; /* "no_error", "calling_webhook_error", "apiserver_internal_error" */
    int code;
};
void metrics_webhook_answered(const struct metrics_webhook *w, int64_t ns);
/* It failed, and was ignored. */
void metrics_webhook_ignored(struct str name, bool mutates);
/* A validation was violated, or could not be evaluated. `action`: "deny", "audit", "warn", "allow". */
void metrics_policy_checked(struct str policy, struct str binding, const char *action, const char *error,
                            int64_t ns);
void metrics_cel(bool compiled, int64_t ns);
/* What a standard, "baseline:latest", says of a pod or of what makes pods. */
void metrics_pod_security(bool allowed, const char *mode, struct str standard,
                          const struct api_attributes *at);
