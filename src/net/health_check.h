/* Health checks of load balancers: where a Service says spec.healthCheckNodePort, this node answers there by
 * HTTP whether it has endpoints of that service (200), or the balancer should go elsewhere (503); as
 * upstream's proxy does. */
#pragma once
#include "net/service_view.h"

struct health_checks;

/* `view` and `node` must outlive it. */
struct health_checks *health_checks_new(struct service_view *view, struct str node);
/* The service has changed. Under the view's lock. */
void health_checks_look(struct health_checks *h, const struct service_entry *e);
/* Closes all ports. Without the lock. */
void health_checks_free(struct health_checks *h);
