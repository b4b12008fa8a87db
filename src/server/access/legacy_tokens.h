/* Notes which tokens in Secrets are still used: a label with the day on the Secret, and since when that has
 * been noted in a config map of kube-system (KEP-2799), so that those which nobody uses can be found and
 * taken out of service. On a thread of its own; any thread may tell it. */
#pragma once
#include "api/api.h"

struct legacy_tokens;

#define LEGACY_LAST_USED "kubernetes.io/legacy-token-last-used"
#define LEGACY_INVALID   "kubernetes.io/legacy-token-invalid-since"

struct legacy_tokens *legacy_tokens_new(struct api *api);
/* Once the API may be asked. */
void legacy_tokens_start(struct legacy_tokens *t);
void legacy_tokens_stop(struct legacy_tokens *t); /* NULL is fine */
/* The token of this Secret has been used; does not block. */
void legacy_tokens_used(struct legacy_tokens *t, struct object *secret);
