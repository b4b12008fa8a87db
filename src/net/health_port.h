/* A port where one service's health check is answered (net/health_check.h). */
#pragma once
#include "base/err.h"
#include "base/loop.h"

struct health_port;

/* Opens the port on all of the node's addresses; strings are copied. */
int health_port_open(struct loop *l, struct str ns, struct str name, int port, struct health_port **out,
                     struct err *err);
/* How many endpoints there are here. Any thread. */
void health_port_set(struct health_port *p, int local);
/* Not on the loop's thread. NULL is fine. */
void health_port_close(struct health_port *p);
