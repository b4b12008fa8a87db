/* Admission policies: what they say, compiled (upstream: admission/plugin/policy). Private to src/api. */
#pragma once
#include "api/api.h"
#include "cel/admission.h"
#include "kinds/admissionregistration_v1.h"

/* An expression of a policy; `program` is NULL when it does not compile: `error` says why. */
struct policy_expression {
    struct str text;
    struct cel_program *program;
    struct str error;
};

struct policy_variable {
    struct str name;
    struct policy_expression expression;
};

/* A policy as it was compiled. Immutable; the reference is counted. */
struct policy {
    _Atomic unsigned refs;
    struct str uid;
    int64_t generation;
    struct arena arena;
    struct policy_variable *variables;
    struct policy_expression *conditions;
    struct policy_expression *rules;       /* validations, or mutations */
    struct policy_expression *messages;    /* one for each rule; text is empty when there is none */
    struct policy_expression *annotations; /* for the audit log */
    size_t n_variables, n_conditions, n_rules, n_annotations;
};

/* What policies of both sorts have, and their bindings. Everything belongs to the object. */
struct policy_view {
    struct str name;
    const struct param_kind *param_kind;
    const struct match_resources *constraints;
    struct match_condition_vec conditions;
    struct variable_vec variables;
    bool ignores_failure, reinvokes;
    const struct validating_admission_policy *validating; /* one of these two */
    const struct mutating_admission_policy *mutating;
};
struct policy_view policy_view(struct object *o);

struct binding_view {
    struct str name, policy;
    const struct param_ref *params;
    const struct match_resources *resources;
    const struct str_vec *actions; /* of validating policies */
};
struct binding_view binding_view(struct object *o);

/* Compiles all that a policy has; what does not compile is kept with its error. */
struct policy *policy_compile(const struct policy_view *view);
void policy_unref(struct policy *p);

/* The compiled policies, one for each policy's newest generation. Any thread. */
struct policy_cache;
struct policy_cache *policy_cache_new(void);
void policy_cache_free(struct policy_cache *c);
/* The policy of an object, compiled now when it has not been: a reference. */
struct policy *policy_get(struct policy_cache *c, struct object *o);
