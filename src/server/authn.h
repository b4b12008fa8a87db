/* Authentication: who sends a request. Client certificates, service account tokens, the static token file,
 * bootstrap tokens; nobody else is anonymous. Any thread. */
#pragma once
#include "api/api.h"
#include "auth/service_account.h"
#include "auth/token.h"

struct authn;

struct authn_options {
    struct store *store;
    struct service_account_verifier service_accounts; /* what it points at must outlive this */
    struct str token_csv;                             /* the static token file's content; empty: none */
};

int authn_new(const struct authn_options *o, struct authn **out, struct err *err);
void authn_free(struct authn *n);

/* Everything of `out` lives in `a`. system:authenticated is among its groups, or it is system:anonymous. -1:
 * ERR_UNAUTHORIZED with upstream's bare message; why is only logged. */
int authn_certificate(struct authn *n, struct arena *a, struct str der, struct user *out, struct err *err);
int authn_token(struct authn *n, struct arena *a, struct str token, struct user *out, struct err *err);
/* The same for a token that is meant for one of `audiences` (TokenReview); *matched gets those that it is
 * for. The error's message says what is wrong. */
int authn_review(struct authn *n, struct arena *a, struct str token, const struct str_vec *audiences,
                 struct user *out, struct str_vec *matched, struct err *err);
void authn_anonymous(struct user *out);

void user_add_group(struct arena *a, struct user *u, struct str group);
