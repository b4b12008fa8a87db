/* Authorization: may this user do this? Asks, in order, membership in system:masters, the Node authorizer and
 * RBAC; the first that says yes decides. Any thread. */
#pragma once
#include "server/rbac.h"

struct authz;

int authz_new(struct store *s, struct authz **out, struct err *err);
void authz_free(struct authz *z);

/* 0: allowed. -1: not, with upstream's Forbidden error. */
int authz_check(struct authz *z, const struct attributes *a, struct err *err);
/* The same as a yes or no; `reason` (may be NULL) says why, as SubjectAccessReview shows it. */
bool authz_allows(struct authz *z, const struct attributes *a, struct buf *reason);
struct rbac *authz_rbac(struct authz *z);

/* An api_hooks guard: whether a write of a role or binding gives away only what its writer has (upstream:
 * rbac's policybased storage). */
int authz_guard_escalation(struct authz *z, const struct api_request *r, struct object *before,
                           const void *typed, struct err *err);

bool user_in_group(const struct user *u, struct str group);
