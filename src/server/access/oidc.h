/* Users of other issuers: JSON Web Tokens as OpenID Connect has them, and what their claims mean here
 * (upstream: structured authentication configuration, KEP-3331). Any thread. */
#pragma once
#include "api/api.h"
#include "kinds/apiserver_v1.h"
#include "server/waiter.h"

struct oidc;

/* Begins to fetch the issuers' keys. The configuration is checked; it must outlive this. `own`: an issuer
 * that cannot be one of these, being the server itself. */
int oidc_new(const struct jwt_authenticator_vec *issuers, struct str own, struct oidc **out, struct err *err);
/* Waiters are woken. NULL is fine. */
void oidc_free(struct oidc *o);

/* True when the token claims to be of one of the issuers; nothing else is checked. NULL: there are none. */
bool oidc_is_token(const struct oidc *o, struct str token);
/* 0: `out` is who has such a token, in `a`, without the group system:authenticated. 1: `w` is woken when it
 * can be told. -1: ERR_UNAUTHORIZED; its message is for the log. */
int oidc_user(struct oidc *o, struct str token, struct arena *a, struct user *out, struct waiter *w,
              struct err *err);
