/* Where a pod's node is, and the agent on it. (A file of its own, as the API's HTTPHeader and HTTP's own
 * headers share a name.) */
#pragma once
#include "store/store.h"

struct node_location {
    struct str host;
    int port; /* of the agent */
};
int node_location(struct snapshot *snap, struct store *s, struct arena *a, struct str name,
                  struct node_location *out, struct err *err);
struct str node_location_url(const struct node_location *l, struct arena *a); /* "https://HOST:PORT" */

struct pod_location {
    struct str node_url; /* empty when the pod has no node yet */
    struct str container;
};
/* `container` (NULL: none is meant) is the one asked for, or empty for the only one. Errors as upstream's. */
int pod_location(struct store *s, struct arena *a, struct str ns, struct str name,
                 const struct str *container, struct pod_location *out, struct err *err);

/* Where a proxy request for a pod, a service or a node goes: NAME, NAME:PORT or SCHEME:NAME:PORT. */
struct proxy_location {
    struct str scheme;   /* "http", "https" */
    struct str address;  /* "10.244.1.7:80" */
    struct str node_url; /* of the agent through which that is reached; empty: from here */
    bool agent;          /* it is the agent itself */
};
int proxy_location(struct store *s, struct arena *a, struct str resource, struct str ns, struct str name,
                   struct proxy_location *out, struct err *err);
