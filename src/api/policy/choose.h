/* Which policies a change concerns, by which bindings, with which parameters (upstream:
 * admission/plugin/policy/ generic and matching). */
#pragma once
#include "api/policy/facts.h"
#include "api/policy/policy.h"

/* One policy to be asked, or what is wrong with its configuration. */
struct policy_call {
    struct policy *policy; /* a reference; NULL when `error` says something */
    struct policy_view view;
    struct binding_view binding; /* no name: the error is the policy's own */
    const struct resource *as;
    struct object *params; /* borrowed from the snapshot; NULL: none */
    struct str error;
};

struct policy_calls {
    struct snapshot *snap; /* what everything belongs to */
    struct object *ns;     /* of the change, or NULL */
    struct policy_call *at;
    size_t n, cap;
};

/* All of one sort, in the order of their names. -1: the change's namespace is not there. */
int policy_choose(struct api *api, const struct api_attributes *at, bool mutating, struct policy_calls *out,
                  struct err *err);
void policy_calls_free(struct policy_calls *c);
#define _cleanup_policy_calls_ _cleanup_(policy_calls_free)

/* Configurations, and what asks for permissions: no policy judges these. */
bool policy_exempt(const struct resource *r);
