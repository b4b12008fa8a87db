/* A webhook that says what users may do (upstream: authorizer type Webhook, KEP-3221). Any thread. */
#pragma once
#include "kinds/apiserver_v1.h"
#include "server/access/authz.h"

struct webhook_authz;

/* `c` must outlive this; all but its match conditions is checked by the caller. */
int webhook_authz_new(const struct webhook_configuration *c, struct webhook_authz **out, struct err *err);
void webhook_authz_free(struct webhook_authz *h); /* waiters are woken; NULL is fine */

/* AUTHZ_WAIT: `w` is woken when it can be told; with NULL for `w`, nobody is asked. */
enum authz_decision webhook_authz_decide(struct webhook_authz *h, const struct attributes *at,
                                         struct buf *reason, struct waiter *w);
