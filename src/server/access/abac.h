/* Attribute-based access control: a file of policies, a JSON document a line (upstream:
 * --authorization-policy-file). Immutable; any thread. */
#pragma once
#include "server/access/authz.h"

struct abac;

int abac_new(struct str policies, struct abac **out, struct err *err);
void abac_free(struct abac *b); /* NULL is fine */
/* Never AUTHZ_DENY: what no policy allows is no opinion. */
enum authz_decision abac_decide(const struct abac *b, const struct attributes *at, struct buf *reason);
