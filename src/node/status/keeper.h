/* Keeps the Node object: registers it, renews its lease (kube-node-lease) every 10 s, writes its status every
 * 5 minutes and when something changed. One thread. */
#pragma once
#include "node/agent.h"

struct node_status_keeper;

/* Registers before it returns, so that the node is Ready at once where its network is. */
int keeper_start(struct node_agent *n, struct node_status_keeper **out, struct err *err);
void keeper_stop(struct node_status_keeper *k);
