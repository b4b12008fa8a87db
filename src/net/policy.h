/* Network policies: lets to and from the pods of this node only what the NetworkPolicies that select them
 * allow. Follows NetworkPolicies, and, once there is one, all pods and namespaces. Connections that exist
 * already stay. What a pod and its own node say to each other always passes. */
#pragma once
#include "client/client.h"
#include "schema/desc.h"

struct policies;

int policies_start(struct client *c, struct str node_name, struct policies **out, struct err *err);
/* A pod on this node has got its addresses, and is about to start: comes back when the policies that select
 * it are in force, or an error when that takes too long. At once where there are no policies. `pod` is a v1
 * Pod.
 */
int policies_hold(struct policies *p, struct object *pod, const struct str_vec *ips, struct err *err);
/* Leaves the rules as they are. NULL is fine. */
void policies_stop(struct policies *p);
/* Takes the rules out of the kernel. */
int policies_remove(struct err *err);
