/* Authorization: may this user do this? Asks membership in system:masters, and then the authorizers in the
 * order that is configured (Node and RBAC unless said otherwise); the first that says yes or no decides. Any
 * thread. */
#pragma once
#include "kinds/apiserver_v1.h"
#include "server/access/rbac.h"
#include "server/waiter.h"

struct authz;

enum authz_decision {
    AUTHZ_NO_OPINION,
    AUTHZ_ALLOW,
    AUTHZ_DENY,
    AUTHZ_WAIT, /* someone is being asked: ask again once woken */
};

struct authz_options {
    struct store *store;
    const struct authorization_configuration *config; /* NULL: Node, RBAC. It outlives this */
    struct str abac_policies;                         /* of the authorizer ABAC; only while starting */
};

int authz_new(const struct authz_options *o, struct authz **out, struct err *err);
void authz_free(struct authz *z); /* waiters are woken; NULL is fine */

/* `reason` (may be NULL) says why, as SubjectAccessReview shows it. Without `w` nobody is asked: AUTHZ_WAIT
 * says only that it is not known yet. */
enum authz_decision authz_decide(struct authz *z, const struct attributes *a, struct buf *reason,
                                 struct waiter *w);
/* 0: allowed. -1: not, with upstream's Forbidden error. 1: `w` is woken when it can be told. */
int authz_check(struct authz *z, const struct attributes *a, struct waiter *w, struct err *err);
struct rbac *authz_rbac(struct authz *z);
/* Why what RBAC has of rules for a user may not be all that they may do: others decide too. Empty: it is. In
 * `a`. */
struct str authz_unlisted(struct authz *z, const struct user *u, struct arena *a);

bool user_in_group(const struct user *u, struct str group);
