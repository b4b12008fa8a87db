/* What upstream's API server makes for itself at start: default roles and bindings, and how extension servers
 * find the authorities to trust. Everything goes the road that all changes go, many at a time, so that they
 * share commits. */
#pragma once
#include "api/api.h"

struct bootstrap_options {
    struct str client_ca_pem; /* who signs client certificates */
    struct str
        front_proxy_ca_pem; /* who signs ours, by which aggregated API servers know us; empty: no one */
    struct str volumes_dir; /* where nodes keep local volumes: for the class "local"; empty: no such class */
};

/* Idempotent; blocks. The namespaces must be there (api_bootstrap). */
int bootstrap_run(struct api *api, const struct bootstrap_options *o, struct err *err);
