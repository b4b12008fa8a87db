/* The environment of admission: what match conditions of webhooks and the expressions of policies may name
 * (upstream: admission/plugin/cel). Each variable has a place of its own in the bindings, whichever of them
 * an expression may use. */
#pragma once
#include "cel/cel.h"

enum admission_var {
    ADMISSION_OBJECT,
    ADMISSION_OLD_OBJECT,
    ADMISSION_REQUEST,          /* the AdmissionRequest without its objects */
    ADMISSION_NAMESPACE_OBJECT, /* null for what is in no namespace */
    ADMISSION_PARAMS,
    ADMISSION_AUTHORIZER,
    ADMISSION_REQUEST_RESOURCE, /* authorizer.requestResource */
    ADMISSION_VARIABLES,
    ADMISSION_VARS
};

struct admission_env {
    struct cel_var vars[ADMISSION_VARS];
    struct cel_env env; /* its vars are these: the struct stays where it is */
};

struct admission_env_options {
    bool params, authorizer, mutations;
    const struct cel_type *object_type; /* NULL: dyn, as in requests; a described type to check by */
    const struct cel_type *params_type; /* NULL: dyn */
    const struct cel_type *variables;   /* NULL: there are none */
    const struct cel_type *const *results;
    size_t n_results;
};

/* Fills *out, which programs compiled in it need as long as they live. */
void admission_env_init(struct admission_env *out, const struct admission_env_options *o);

/* What a variable is known to be whose expression yields `t`: of objects nothing is (upstream's
 * convertCelTypeToDeclType). NULL: it does not compile. */
const struct cel_type *admission_variable_cel_type(struct arena *a, const struct cel_type *t);

/* The types of `request` and `namespaceObject`, for bindings: objects of these. */
const struct cel_type *admission_request_cel_type(void);
const struct cel_type *admission_namespace_cel_type(void);
