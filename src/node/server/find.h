/* What a request about a container means: which log. (Apart from the endpoint, since the kinds and http both
 * have a `struct http_header`.) */
#pragma once
#include "node/agent.h"

struct found_log {
    const char *path;      /* CONTAINER/ATTEMPT.log */
    const char *exit_path; /* there once the container has ended */
};

/* Errors are the kubelet's: container "c" in pod "p" is waiting to start: ContainerCreating. */
int find_log(struct node_agent *n, struct str ns, struct str pod, struct str container, bool previous,
             struct arena *a, struct found_log *out, struct err *err);
/* A container that runs. Errors are the kubelet's: `pod does not exist` (404), `container not found ("c")`.
 */
struct found_container {
    struct str id, dir;
};
int find_container(struct node_agent *n, struct str ns, struct str pod, struct str uid, struct str container,
                   struct arena *a, struct found_container *out, struct err *err);
/* The pod's network: the file of its namespace, empty for the node's. */
struct found_network {
    struct str path, uid;
};
int find_network(struct node_agent *n, struct str ns, struct str pod, struct str uid, struct arena *a,
                 struct found_network *out, struct err *err);
/* Whether a pod of this node has the address. */
bool find_address(struct node_agent *n, struct str address);
/* Times as log lines have them (UTC, to be compared as text); empty when it is none. */
struct str find_since_text(struct arena *a, struct str rfc3339);
struct str find_since_seconds(struct arena *a, int64_t seconds);
