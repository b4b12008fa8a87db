/* What the workload kinds (apps and batch) share. */
#pragma once
#include "api/kind/pod.h"

/* A selector that must be there, not be empty, and take the template's labels. */
void valid_workload_selector(struct field_errors *e, const struct path *spec,
                             const struct label_selector *selector, const struct pod_template_spec *t);
/* The template, of which restartPolicy must be Always. */
void valid_long_running_template(struct field_errors *e, const struct path *spec,
                                 const struct pod_template_spec *t);
/* Labels of a template that stands without selector and labels (defaults of old kinds). */
void workload_warn_template(const struct pod_template_spec *t, const struct pod_template_spec *old,
                            const struct strategy_context *c);

extern const struct strategy deployment_strategy, replica_set_strategy, daemon_set_strategy,
    stateful_set_strategy, replication_controller_strategy, job_strategy, cron_job_strategy;
