/* Bearer tokens that a webhook knows (upstream: --authentication-token-webhook-config-file). Any thread. */
#pragma once
#include "api/api.h"
#include "server/waiter.h"

struct webhook_authn;

int webhook_authn_new(const char *kubeconfig, struct webhook_authn **out, struct err *err);
void webhook_authn_free(struct webhook_authn *h); /* waiters are woken; NULL is fine */

/* 0: `out` is whose the token is, in `a`, without the group system:authenticated; *matched gets the audiences
 * that it is for. 1: `w` is woken when it can be told. -1: nobody's, or the webhook does not say. */
int webhook_authn_user(struct webhook_authn *h, struct str token, const struct str_vec *audiences,
                       struct arena *a, struct user *out, struct str_vec *matched, struct waiter *w,
                       struct err *err);
