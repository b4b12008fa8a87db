/* What an APIService says of another server. (A file of its own, as the API's HTTPHeader and HTTP's own
 * headers share a name.) */
#pragma once
#include "store/store.h"

struct remote_api {
    struct str name, group, version;
    struct str service_namespace, service_name;
    int32_t port, group_priority, version_priority;
    struct str server_name; /* whom its certificate names: "NAME.NAMESPACE.svc" */
    struct str ca_bundle;
    bool insecure;
};

const struct resource *remote_api_resource(void);
bool remote_api_is(struct object *o); /* or does this server itself have it? */
/* Copied into `a`; false: it is our own. */
bool remote_api_of(struct arena *a, struct object *o, struct remote_api *out);
bool remote_api_same(const struct remote_api *x, const struct remote_api *y);

/* What is wrong with its service itself, in upstream's words; false: nothing. */
bool remote_api_fault(struct store *s, struct arena *a, const struct remote_api *api, const char **reason,
                      struct str *message);
/* What the service calls the port. */
struct str remote_api_port_name(struct store *s, struct arena *a, const struct remote_api *api);
