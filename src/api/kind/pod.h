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
/* Warnings about what is deprecated, without effect or surely meant otherwise; `at` is where the spec's and
 * the metadata's parent stands, NULL for a pod. kind/warnings.c */
void pod_warnings(const struct pod_spec *s, const struct object_meta *m, const struct path *at,
                  const struct strategy_context *c);
/* The same for a workload's spec.template, where it is new; TEMPLATE_WARN makes the strategy's function. */
void template_warnings(const struct pod_template_spec *t, const struct pod_template_spec *old,
                       const struct strategy_context *c);
/* Says so when pods are named after an object whose name is no label. */
void pods_name_warning(const struct object_meta *m, const struct strategy_context *c);
#define TEMPLATE_WARN(function, kind)                                                                        \
    static void function(const void *o, const void *old, const struct strategy_context *c)                   \
    {                                                                                                        \
        template_warnings(&((const struct kind *)o)->spec.template,                                          \
                          old ? &((const struct kind *)old)->spec.template : NULL, c);                       \
    }
/* The same where the pods are named after the object. */
#define NAMED_TEMPLATE_WARN(function, kind)                                                                  \
    static void function(const void *o, const void *old, const struct strategy_context *c)                   \
    {                                                                                                        \
        if (!old)                                                                                            \
            pods_name_warning(&((const struct kind *)o)->metadata, c);                                       \
        template_warnings(&((const struct kind *)o)->spec.template,                                          \
                          old ? &((const struct kind *)old)->spec.template : NULL, c);                       \
    }
/* Guaranteed, Burstable or BestEffort, by requests and limits. */
struct str pod_spec_qos(const struct pod_spec *s);

extern const struct strategy pod_strategy, pod_template_strategy;
