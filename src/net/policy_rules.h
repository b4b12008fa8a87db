/* What a NetworkPolicy asks of the node's rules, and a pod that policies select: pure data in, items out. For
 * each policy there is a chain a direction, which accepts what the policy allows; for each pod on this node
 * that a policy of the direction selects, one that asks its policies and drops the rest. Both ends of a
 * connection are judged apart: one hook each. */
#pragma once
#include "net/ruleset.h"
#include "schema/desc.h"

#include "kinds/core_v1.h"
#include "kinds/networking_v1.h"

/* A pod as policies see it. */
struct policy_pod {
    const struct pod *pod;
    const struct str_map *namespace_labels;
    uint32_t ip;
};

struct policy_pods {
    struct policy_pod *at;
    size_t n;
};

/* The table's hooks and maps. */
extern const char policy_base[];

bool policy_pod_has_address(const struct pod *p);
/* Whether policies are for such a pod, and its address: not for those on the host's network or those that
 * have ended. Where its status has none, `*ip` stays, and must not be 0. */
bool policy_pod_read(const struct pod *p, uint32_t *ip);
/* Whether the policy selects the pod, which is of its namespace. */
bool policy_selects(const struct network_policy *np, const struct pod *p);
/* Whether the policy selects the pod or names it as a peer: whether it must be looked at when the pod
 * changes. */
bool policy_names(const struct network_policy *np, const struct policy_pod *p);
/* Whether what it asks for depends on the labels of namespaces. */
bool policy_names_namespaces(const struct network_policy *np);

/* Chains and sets of a policy; `all` are the cluster's pods. Sorted; strings in `a`. */
void policy_rules(const struct network_policy *np, const struct policy_pods *all, struct arena *a,
                  struct items *out);
/* Chains of a pod on this node, which these policies of its namespace select. */
void policy_pod_rules(uint32_t ip, const struct network_policy *const *policies, size_t n, struct arena *a,
                      struct items *out);
