/* The bindings of expressions: one change, as one policy with one parameter sees it (upstream:
 * admission/plugin/cel's activation). Also for the match conditions of webhooks. */
#pragma once
#include "api/api.h"
#include "cel/admission.h"

struct policy;
struct policy_expression;

struct policy_facts {
    struct api *api;
    const struct api_attributes *at;
    struct arena *arena;
    struct cel_value vars[ADMISSION_VARS];
    /* The policy's variables, each made once, when first asked for. */
    const struct policy *policy;
    struct cel_lazy lazy;
    struct policy_fact {
        bool made;
        struct cel_value value;
        struct str error;
    } * variables;
    uint64_t variables_cost; /* since it was last taken into account */
    /* The authorizer does not know yet, and will wake the request: all that came out is void. */
    bool waits;
    struct str error; /* the object cannot be shown as the rules name it: so nothing can be evaluated */
    struct cel_authz_check own;
};

/* `as` is the resource that the rules name. `params` may be NULL, `ns` (a Namespace) too; both outlive the
 * facts. `policy` may be NULL: then there are no variables. */
void policy_facts_init(struct policy_facts *f, struct api *api, const struct api_attributes *at,
                       const struct resource *as, struct object *params, struct object *ns,
                       const struct policy *policy);
/* The object has changed since. */
void policy_facts_renew(struct policy_facts *f, const struct resource *as);

enum policy_eval { POLICY_VALUE, POLICY_ERROR, POLICY_OUT_OF_BUDGET };

/* Evaluates, and takes the cost off the budget. POLICY_ERROR: *why is what upstream says, "expression '...'
 * resulted in error: ...". */
enum policy_eval policy_eval(struct policy_facts *f, const struct policy_expression *e, uint64_t *budget,
                             struct cel_value *out, struct str *why);

/* Do all conditions hold? 1, 0, or -1 with *why: none is false, but not all could be evaluated. Void where
 * f->waits is set. */
int policy_conditions_hold(struct policy_facts *f, const struct policy_expression *at, size_t n,
                           struct str *why);
