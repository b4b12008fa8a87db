/* Host ports: ports of this node that lead to its pods (containers' ports with a hostPort). A part of the
 * service proxy's table, under the lock of its keeper. Follows the pods of this node: a pod has its ports
 * from when its address is known until it has ended. */
#pragma once
#include "client/informer.h"
#include "net/rule_keeper.h"

enum { HOST_PORTS_OWNER = 1 }; /* rule_owner.kind */

struct host_ports {
    struct informer *pods; /* of this node */
    struct map entries;    /* uid -> struct host_ports_pod */
    struct rule_keeper *keeper;
};

void host_ports_start(struct host_ports *h, struct client *c, struct str node, struct rule_keeper *k);
void host_ports_stop(struct host_ports *h); /* ends the calls */
void host_ports_free(struct host_ports *h);

/* What a keeper asks of its owners, where they are pods; false: that owner is none. Under the lock. */
void host_ports_mark_all(struct host_ports *h);
bool host_ports_render(struct rule_owner *o, enum ip_family family, struct arena *a, struct items *out);
bool host_ports_settled(struct host_ports *h, struct rule_owner *o);
