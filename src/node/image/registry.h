/* Pulls images from registries (OCI distribution specification, Docker registry API v2): token and basic
 * authentication, plain HTTP only with registries that are configured so, every digest verified. */
#pragma once
#include "node/image/store.h"

struct registry; /* a client of all registries; any thread */

/* `insecure`: "HOST[:PORT]" of those that are spoken to by plain HTTP; copied. */
struct registry *registry_new(const struct str_vec *insecure);
void registry_free(struct registry *r);
/* `reference` as the user wrote it. `auths` (may be NULL) as in docker's config.json: by registry. */
int registry_pull(struct registry *r, struct image_store *s, struct str reference,
                  const struct docker_auth_map *auths, struct err *err);
