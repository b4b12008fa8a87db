/* What a NetworkPolicy asks of the node's rules for a family of addresses, and a pod that policies select:
 * pure data in, items out. For each policy there is a chain a direction, which accepts what the policy
 * allows; for each pod on this node that a policy of the direction selects, one that asks its policies and
 * drops the rest. Both ends of a connection are judged apart: one hook each. */
#pragma once
#include "net/ruleset.h"
#include "schema/desc.h"

#include "kinds/core_v1.h"
#include "kinds/networking_v1.h"

/* A pod's addresses, at most one of each family; the first names its link (net/pod_network.h). */
struct policy_ips {
    struct ip at[2];
    size_t n;
};

/* A pod as policies see it. */
struct policy_pod {
    const struct pod *pod;
    const struct str_map *namespace_labels;
    const struct policy_ips *ips;
};

struct policy_pods {
    struct policy_pod *at;
    size_t n;
};

/* The table's hooks and maps: the same for both families. */
extern const char policy_base[];

/* What these texts say; those that are no addresses are passed over. */
void policy_ips_add(struct policy_ips *ips, struct str text);
bool policy_ips_same(const struct policy_ips *a, const struct policy_ips *b);
/* Whether policies are for such a pod, and its addresses: not for those on the host's network or those that
 * have ended. Where its status has none, `*ips` stays, and must not be empty. */
bool policy_pod_read(const struct pod *p, struct policy_ips *ips);
/* Whether the policy selects the pod, which is of its namespace. */
bool policy_selects(const struct network_policy *np, const struct pod *p);
/* Whether the policy selects the pod or names it as a peer: whether it must be looked at when the pod
 * changes. */
bool policy_names(const struct network_policy *np, const struct policy_pod *p);
/* Whether what it asks for depends on the labels of namespaces. */
bool policy_names_namespaces(const struct network_policy *np);

/* Chains and sets of a policy; `all` are the cluster's pods. Sorted; strings in `a`. */
void policy_rules(const struct network_policy *np, const struct policy_pods *all, enum ip_family family,
                  struct arena *a, struct items *out);
/* Chains of a pod on this node, which these policies of its namespace select; none where the pod has no
 * address of this family. */
void policy_pod_rules(const struct policy_ips *ips, const struct network_policy *const *policies, size_t n,
                      enum ip_family family, struct arena *a, struct items *out);
