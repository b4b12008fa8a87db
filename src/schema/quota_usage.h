/* What objects use of the quotas of their namespace, and which quotas that concerns: for admission, which
 * refuses what is too much, and for the controller that shows usage (upstream: pkg/quota/v1/evaluator/core).
 */
#pragma once
#include "schema/desc.h"

struct resource_quota; /* kinds/core_v1.h */
struct container;
struct pod_spec;

struct quota_usage {
    struct str_map at; /* resource, as quotas name it ("requests.cpu"), to quantity; sorted */
    struct arena *arena;
};

/* Adds what one object uses: "pods", "cpu", "limits.memory", "count/deployments.apps" ... */
void quota_usage_add(struct quota_usage *u, const struct resource *r, const void *typed);
/* What is used of that; NULL: nothing was counted. */
const struct str *quota_usage_get(const struct quota_usage *u, struct str name);
/* What a container declares, under the same names. */
void quota_usage_add_container(struct quota_usage *u, const struct container *c);

/* What a pod's containers ask for together: requests, or limits. In `a`. */
struct str_map pod_container_amounts(struct arena *a, const struct pod_spec *s, bool limits);
/* What a pod asks for as a whole. */
struct str_map pod_amounts(struct arena *a, const struct pod_spec *s, bool limits);

/* Do the quota's scopes take the object? */
bool quota_takes(const struct resource_quota *q, const struct resource *r, const void *typed);
