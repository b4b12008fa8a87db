/* Encryption at rest: which resources are stored sealed, and with which keys (upstream: apiserver's
 * EncryptionConfiguration and its form on disk, "k8s:enc:aesgcm:v1:KEY-NAME:" and what seal.h makes).
 * Immutable; any thread. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

struct encryption;

/* From YAML or JSON, checked as upstream does. */
int encryption_parse(struct str text, struct encryption **out, struct err *err);
void encryption_free(struct encryption *e); /* NULL is fine */

/* Seals what stands in `value` from byte `from` on, where the first provider of the resource seals. `place`
 * is the key that it is stored by. */
void encryption_seal(const struct encryption *e, const struct resource *r, struct str place,
                     struct buf *value, size_t from);
/* Opens a stored value: *plain is `stored` itself, or in `room`. *stale: the first provider, with its first
 * key, would have sealed it otherwise. -1: no key opens it. `e` may be NULL: then only what is not sealed is
 * fine. */
int encryption_open(const struct encryption *e, const struct resource *r, struct str place, struct str stored,
                    struct buf *room, struct str *plain, bool *stale, struct err *err);
