/* The Node authorizer: what the agent of a node (user system:node:NAME in system:nodes) may do. It reads only
 * the secrets, config maps and claims of pods bound to its node, and writes only its own node, lease and
 * pods. */
#pragma once
#include "server/access/rbac.h"

/* True: allowed. False: the Node authorizer has no opinion; `reason` says why where the request is of a kind
 * it judges. */
bool node_authz_allows(struct store *s, const struct attributes *a, struct buf *reason);
/* The node's name when the user is a node's agent, else empty. */
struct str node_authz_name(const struct user *u);
