/* What the claims of an issuer's tokens mean: the rules they must meet, and the user they make (KEP-3331).
 * Compiled once, immutable; any thread. */
#pragma once
#include "api/api.h"
#include "kinds/apiserver_v1.h"
#include "schema/errors.h"
#include "schema/value.h"

struct oidc_claims;

/* `at`: where the issuer stands, for what is wrong with its rules and mappings, which is added to `e`. The
 * configuration must outlive this. */
struct oidc_claims *oidc_claims_new(const struct jwt_authenticator *j, const struct path *at,
                                    struct field_errors *e);
void oidc_claims_free(struct oidc_claims *c); /* NULL is fine */

/* The user, in `a`, of claims whose signature, issuer, audience and time are good. -1: ERR_UNAUTHORIZED; its
 * message is for the log. */
int oidc_claims_user(const struct oidc_claims *c, const struct value *claims, struct arena *a,
                     struct user *out, struct err *err);
