/* Pods and pod templates: what other kinds need of their rules. */
#pragma once
#include "api/strategy.h"

/* What is not declared of a spec's defaults, for pods and templates. */
void pod_spec_defaults(struct pod_spec *s, struct arena *a);
/* `meta` is the pod's; NULL: the spec is a template's. */
void valid_pod_spec(struct field_errors *e, const struct path *at, const struct pod_spec *s,
                    const struct object_meta *meta);
void valid_pod_template(struct field_errors *e, const struct path *at, const struct pod_template_spec *t);
/* All that holds for a pod whenever it is written. */
void valid_pod(struct field_errors *e, const struct pod *pod);
/* What an update may and may not change: kind/pod_update.c. */
void valid_pod_update(const void *o, const void *old, struct field_errors *e);
void valid_pod_ephemeral_update(const struct pod *pod, const struct pod *old, struct field_errors *e);
/* The status: kind/pod_status.c. */
void pod_prepare_status(void *o, const void *old, const struct strategy_context *c);
void valid_pod_status(const void *o, const void *old, struct field_errors *e);
/* Resizing: kind/pod_resize.c. Takes over of `from` what the subresource may change. */
void pod_take_resize(struct pod *to, const struct pod *from, struct arena *a);
void valid_pod_resize(const struct pod *pod, const struct pod *old, struct field_errors *e);
/* Resources of the pod as a whole, and its device claims: kind/pod_resources.c. */
void pod_resources_defaults(struct pod_spec *s, struct arena *a);
void valid_pod_resources(struct field_errors *e, const struct path *spec, const struct pod_spec *s);
void valid_pod_claims(struct field_errors *e, const struct path *at, const struct pod_spec *s,
                      const struct object_meta *meta);
/* Annotations with a meaning: kind/pod_annotations.c. */
bool pod_is_mirror(const struct object_meta *m);
void valid_pod_annotations(struct field_errors *e, const struct path *at, const struct str_map *annotations,
                           const struct pod_spec *s);
void valid_annotations_update(struct field_errors *e, const struct path *at, const struct str_map *now,
                              const struct str_map *old);
/* Of a new pod or a template: what fields say too must be the same. */
void valid_annotations_match(struct field_errors *e, const struct path *spec, const struct object_meta *m,
                             const struct pod_spec *pod);
void pod_sync_app_armor(struct pod *pod, const struct strategy_context *c);
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
