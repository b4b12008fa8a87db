/* What a write needs beside its own verb, by what it says: who writes roles and bindings must have what they
 * give away, who approves or signs certificates must be let by their signer, who names parameters must be
 * able to read them. */
#pragma once
#include "server/access/ask.h"

/* An api_hooks guard. */
int guard_write(struct authz *z, struct api *api, struct api_request *r, struct object *before,
                const void *typed, struct err *err);

/* --- private to the guards --- */

struct guard {
    struct authz *authz;
    struct api *api;
    struct api_request *request;
};

/* escalation.c */
int guard_cluster_role(const struct guard *g, struct object *before, const void *typed, struct err *err);
int guard_role(const struct guard *g, struct object *before, const void *typed, struct err *err);
int guard_cluster_role_binding(const struct guard *g, struct object *before, const void *typed,
                               struct err *err);
int guard_role_binding(const struct guard *g, struct object *before, const void *typed, struct err *err);
/* signers.c */
int guard_signing_request(const struct guard *g, struct object *before, const void *typed, struct err *err);
/* params.c */
int guard_validating_policy(const struct guard *g, struct object *before, const void *typed, struct err *err);
int guard_mutating_policy(const struct guard *g, struct object *before, const void *typed, struct err *err);
int guard_validating_binding(const struct guard *g, struct object *before, const void *typed,
                             struct err *err);
int guard_mutating_binding(const struct guard *g, struct object *before, const void *typed, struct err *err);
