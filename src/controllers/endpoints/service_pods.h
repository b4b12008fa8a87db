/* Services and the pods behind them: what both endpoint controllers need. */
#pragma once
#include "controllers/controller.h"
#include "controllers/pods.h"

static inline bool service_is_headless(const struct service *s)
{
    return str_is(s->spec.cluster_ip, "None");
}
/* Whether there is anything to do for it: it has a selector, and is no mere name. */
bool service_selects(const struct service *s);
/* The pods that its selector matches, with references. */
void service_pods(struct work *w, const struct service *s, struct objects *out);
/* The port of the pod that a port of the service leads to; false when it has none of that name. */
bool service_port_of_pod(const struct service_port *port, const struct pod *p, int32_t *out);
/* The hostname by which DNS knows the pod behind this service, or empty. */
struct str service_hostname_of_pod(const struct service *s, const struct pod *p);
/* The pod's address of a family, or empty. */
struct str pod_address(const struct pod *p, bool ipv6);
struct object_reference pod_reference(const struct pod *p);
/* Labels that the service's endpoints get: its own, and a mark when it is headless. */
struct str_map service_endpoint_labels(struct arena *a, const struct service *s);

/* A watch of pods: the services whose selector matches it or did, when something changed that endpoints show.
 */
void service_on_pod(struct controller *k, struct object *before, struct object *after);
