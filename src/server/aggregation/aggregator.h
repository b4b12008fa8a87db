/* Aggregated API servers: groups and versions that an APIService says another server has (upstream:
 * kube-aggregator). Whether each can be reached is looked at all the time and stands in its status; requests
 * for it are passed on, signed by our own certificate, with the user's identity in X-Remote-* headers. */
#pragma once
#include "server/request.h"

struct aggregator;

/* All strings are copied. Without a certificate extension servers believe nothing of what we say. */
struct aggregator_options {
    struct api *api;
    struct str cert_pem, key_pem;
    /* Called on the thread when the config map that extension servers read may not be as it was. */
    void (*publish)(void *arg);
    void *arg;
};

/* Starts a thread of its own, which also registers what this server serves. */
int aggregator_start(const struct aggregator_options *o, struct aggregator **out, struct err *err);
/* Ends the thread. Requests passed on go on. */
void aggregator_stop(struct aggregator *g);
void aggregator_free(struct aggregator *g);

/* Passes the request on where another server has its group and version; false: it is ours. Authenticated and
 * authorized already. */
bool aggregator_handle(struct aggregator *g, struct request *q);

/* --- what others serve, for discovery --- */

struct remote_version {
    struct str group, version;
    int32_t group_priority, version_priority;
    bool available;
    struct str resources; /* its APIResourceList as JSON, as it was last told; empty: never */
    struct str openapi;   /* its OpenAPI v2 document, likewise */
    struct str
        openapi_v3_url; /* of its document of version 3: with a hash, where it gives one; empty: none */
};
/* A state of them all: counted, changed never. */
struct remote_set {
    _Atomic uint32_t refs;
    uint64_t generation; /* grows with each change */
    const struct remote_version *at;
    size_t n;
    struct arena arena;
};
/* A reference; NULL where there are none. */
struct remote_set *aggregator_remotes(struct aggregator *g);
void remote_set_unref(struct remote_set *set); /* NULL is fine */
