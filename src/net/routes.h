/* Routes to the pods of other nodes, and the way out of the cluster: each other node's ranges are reached
 * through that node's address of their family, and what leaves for anywhere else seems to come from this
 * node. Follows the Node objects. */
#pragma once
#include "client/client.h"
#include "schema/desc.h"

struct routes;

struct routes_options {
    struct str node_name;
    struct str_vec cluster_cidrs; /* of all pods, one of each family */
};

int routes_start(struct client *c, const struct routes_options *o, struct routes **out, struct err *err);
void routes_stop(struct routes *r); /* leaves the routes as they are */
/* Takes routes and rules back. */
int routes_remove(struct err *err);
