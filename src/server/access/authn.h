/* Authentication: who sends a request. Client certificates; the static token file, tokens of service
 * accounts, of bootstrapping and of other issuers, and those that a webhook knows. Any thread. */
#pragma once
#include "api/api.h"
#include "auth/service_account.h"
#include "auth/token.h"
#include "kinds/apiserver_v1.h"
#include "server/waiter.h"

struct authn;

struct authn_options {
    struct store *store;
    struct service_account_verifier service_accounts;  /* what it points at must outlive this */
    struct str token_csv;                              /* the static token file's content; empty: none */
    const struct authentication_configuration *config; /* NULL: none. It outlives this */
    const char *token_webhook;                         /* a kubeconfig file; NULL: none */
    struct legacy_tokens *legacy;                      /* is told which are used; NULL: nobody */
};

int authn_new(const struct authn_options *o, struct authn **out, struct err *err);
void authn_free(struct authn *n); /* waiters are woken; NULL is fine */

/* Everything of `out` lives in `a`. system:authenticated is among its groups, or it is system:anonymous. -1:
 * ERR_UNAUTHORIZED with upstream's bare message; why is only logged. 1: `w` is woken when it can be told
 * (without `w`, -1). */
int authn_certificate(struct authn *n, struct arena *a, struct str der, struct user *out, struct err *err);
int authn_token(struct authn *n, struct arena *a, struct str token, struct user *out, struct waiter *w,
                struct err *err);
/* The same for a token that is meant for one of `audiences` (TokenReview); *matched gets those that it is
 * for. The error's message says what is wrong. */
int authn_review(struct authn *n, struct arena *a, struct str token, const struct str_vec *audiences,
                 struct user *out, struct str_vec *matched, struct waiter *w, struct err *err);
/* Who comes without credentials, where that is allowed. */
int authn_anonymous(struct authn *n, struct str path, struct user *out, struct err *err);

void user_add_group(struct arena *a, struct user *u, struct str group);
void user_add_extra(struct arena *a, struct user *u, struct str key, struct str value);
