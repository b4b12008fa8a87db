/* Pods and pod templates: what other kinds need of their rules. */
#pragma once
#include "api/strategy.h"

/* What is not declared of a spec's defaults, for pods and templates. */
void pod_spec_defaults(struct pod_spec *s, struct arena *a);
void valid_pod_spec(struct field_errors *e, const struct path *at, const struct pod_spec *s);
void valid_pod_template(struct field_errors *e, const struct path *at, const struct pod_template_spec *t);
/* What an update may and may not change. */
void valid_pod_update(const void *o, const void *old, struct field_errors *e);
void valid_pod_status(const void *o, const void *old, struct field_errors *e);
void valid_pod_ephemeral_update(const struct pod *pod, const struct pod *old, struct field_errors *e);
void valid_pod_resize(const struct pod *pod, const struct pod *old, struct field_errors *e);
/* Warning headers for deprecated or dangerous fields; `path` of the spec. */
void pod_spec_warn(const struct pod_spec *s, const struct path *at, const struct strategy_context *c);
/* Guaranteed, Burstable or BestEffort, by requests and limits. */
struct str pod_spec_qos(const struct pod_spec *s);

extern const struct strategy pod_strategy, pod_template_strategy;
