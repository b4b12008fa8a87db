/* Comparing sets of RBAC rules (upstream: component-helpers/auth/rbac/validation and rbac/v1 helpers). */
#pragma once
#include "server/access/rbac.h"

/* What of `wanted` no rule of `held` covers, broken down to one verb on one resource each, in `a`. */
void rules_missing(const struct policy_rule_vec *held, const struct policy_rule_vec *wanted, struct arena *a,
                   struct policy_rule_vec *out);
/* Rules that differ in their verbs alone become one. */
void rules_compact(struct policy_rule_vec *rules, struct arena *a);
/* {APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]} */
void rule_describe(const struct policy_rule *rule, struct buf *out);
bool rules_equal(const struct policy_rule_vec *x, const struct policy_rule_vec *y);
