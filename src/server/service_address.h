/* Where a service of the cluster leads, for the server's own calls: to webhooks and aggregated API servers
 * (upstream: kube-aggregator's endpoint and cluster IP resolvers). */
#pragma once
#include "store/store.h"

/* An address that serves port `port` of a service now, "10.0.0.7:8443": a ready endpoint, or the service's
 * own address where no endpoint slice speaks of it; the name that an ExternalName stands for. In `a`. -1:
 * ERR_NOT_FOUND or ERR_UNAVAILABLE, in upstream's words. */
int service_address(struct store *s, struct arena *a, struct str ns, struct str name, int32_t port,
                    struct str *address, struct err *err);

/* The same for a port that is named or numbered in text (empty: the one without a name), and only by ready
 * endpoints: also which node the endpoint is on, empty when it is not said. */
struct service_endpoint {
    struct str address, node;
};
int service_endpoint(struct store *s, struct arena *a, struct str ns, struct str name, struct str port,
                     struct service_endpoint *out, struct err *err);
