/* The keys of an OpenID Connect issuer: found by its metadata (OpenID Connect Discovery 1.0, 4), fetched by a
 * thread of their own at the start, and again when a token shows that they have changed. */
#pragma once
#include "base/err.h"
#include "server/waiter.h"

struct oidc_keys;

/* `discovery_url` empty: below the issuer's own. `ca_pem` empty: the system's authorities. Copied. */
int oidc_keys_new(struct str issuer, struct str discovery_url, struct str ca_pem, struct oidc_keys **out,
                  struct err *err);
/* Waiters are woken. NULL is fine. */
void oidc_keys_free(struct oidc_keys *k);

/* Checks a token's signature. 0: *payload, in `a`, is what it says. -1: ERR_UNAUTHORIZED. 1: the keys are
 * being fetched; `w` is woken when they are there (or not to be had), to ask again. Keys are fetched again at
 * most every ten seconds, whatever tokens come. Any thread. */
int oidc_keys_verify(struct oidc_keys *k, struct str token, struct arena *a, struct str *payload,
                     struct waiter *w, struct err *err);
