/* Service account tokens: what they claim, issuing and verifying them. Those of today are bound to what uses
 * them and expire (KEP-1205, KEP-4193). Those of before live in Secrets of type
 * kubernetes.io/service-account-token for as long as the Secret does, and claim another issuer. Whether
 * account, pod, secret and node still exist is the caller's to check. */
#pragma once
#include "auth/identity.h"
#include "auth/jwt.h"

struct object_ref {
    struct str name, uid;
};

struct service_account_claims {
    struct str issuer;
    const struct str *audiences;
    size_t n_audiences;
    struct str id;                          /* jti; a random UUID when empty at issue */
    int64_t issued_at, not_before, expires; /* seconds since 1970 */
    int64_t warn_after; /* 0: not said. Past it the token still serves, but its user should have renewed it */
    struct str ns;
    struct object_ref account;
    struct object_ref pod, secret, node; /* empty names: not bound to one */
    bool legacy; /* in a Secret: no audience, no times, no uid of the secret; it must hold this very token */
};

/* Adds the token. `issuer` here is the first of the verifier's. */
int service_account_issue(const struct jwt_key *k, const struct service_account_claims *c, struct buf *out,
                          struct err *err);
/* The same for a Secret: of the claims, only ns, account and the secret's name count. */
int service_account_issue_legacy(const struct jwt_key *k, const struct service_account_claims *c,
                                 struct buf *out, struct err *err);

struct service_account_verifier {
    struct jwt_key *const *keys;
    size_t n_keys;
    const struct str *issuers;
    size_t n_issuers;
    const struct str *audiences; /* a token must be meant for one of these */
    size_t n_audiences;
};

/* True when the token claims one of the issuers, or is a legacy one: others are for other authenticators.
 * Nothing else is checked. */
bool service_account_is_token(const struct service_account_verifier *v, struct str token);
/* Everything lives in `a`. Time is clock_wall with upstream's minute of leeway. ERR_UNAUTHORIZED says what is
 * wrong. */
int service_account_verify(const struct service_account_verifier *v, struct arena *a, struct str token,
                           struct service_account_claims *out, struct err *err);
/* system:serviceaccount:NS:NAME with its groups, and extras for pod, node and credential id. */
void service_account_identity(struct arena *a, const struct service_account_claims *c, struct identity *out);
/* Splits a user name "system:serviceaccount:NS:NAME"; false when it is none. */
bool service_account_split(struct str user, struct str *ns, struct str *name);
