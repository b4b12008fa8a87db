/* What upstream's API server makes for itself at start: default roles and bindings, and how extension servers
 * find the authorities to trust. Everything goes the road that all changes go, many at a time, so that they
 * share commits. */
#pragma once
#include "api/api.h"

/* What extension servers find in kube-system: whose client certificates count, and by which certificate and
 * which headers front proxies (we are one) say who asks. */
struct published_trust {
    struct str client_ca_pem;      /* empty: nothing is published */
    struct str front_proxy_ca_pem; /* empty: there are no front proxies */
    struct str_vec allowed_names, username_headers, group_headers, uid_headers, extra_prefixes;
};

struct bootstrap_options {
    struct published_trust trust;
    struct str volumes_dir; /* where nodes keep local volumes: for the class "local"; empty: no such class */
};

/* Idempotent; blocks. The namespaces must be there (api_bootstrap). */
int bootstrap_run(struct api *api, const struct bootstrap_options *o, struct err *err);
/* The trust alone, where it is not as it should be any more. */
int bootstrap_publish(struct api *api, const struct published_trust *t, struct err *err);
