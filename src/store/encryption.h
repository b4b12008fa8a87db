/* Encryption at rest: which resources are stored sealed, and with which keys (upstream: apiserver's
 * EncryptionConfiguration and its form on disk, "k8s:enc:aesgcm:v1:KEY-NAME:" and what seal.h makes, or
 * "k8s:enc:kms:v2:NAME:" and what kms.h makes). The configuration may be replaced at any time. Any thread. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"
#include "store/kms.h"

struct encryption;

/* From YAML or JSON, checked as upstream does. Asks each key service once, and waits for that, but does not
 * ask that it answers. `timing`: of key services; NULL: upstream's. */
int encryption_parse(struct str text, const struct kms_timing *timing, struct encryption **out,
                     struct err *err);
void encryption_free(struct encryption *e); /* NULL is fine */
/* From now on another configuration, once its key services are well; -1 when they are not within ten seconds
 * (or twice their timeouts), or it is wrong: then nothing changes. Waits for that. One at a time. */
int encryption_reload(struct encryption *e, struct str text, struct err *err);
/* How a reload ended that failed before it came to that: counted with the others. */
void encryption_reload_failed(struct encryption *e);

/* What a resource's objects are sealed with now: equal numbers, equal keys; 0: nothing. */
uint64_t encryption_seal_id(struct encryption *e, const struct resource *r);
/* Seals what stands in `value` from byte `from` on, where the first provider of the resource seals. `place`
 * is the key that it is stored by. *id: as encryption_seal_id. -1: a key service has been away too long. */
int encryption_seal(struct encryption *e, const struct resource *r, struct str place, struct buf *value,
                    size_t from, uint64_t *id, struct err *err);
/* Opens a stored value: *plain is `stored` itself, or in `room`. *id: what it is sealed with. -1: no key
 * opens it (ERR_INTERNAL), or the key service does not help (ERR_UNAVAILABLE). `e` may be NULL: then only
 * what is not sealed is fine. */
int encryption_open(struct encryption *e, const struct resource *r, struct str place, struct str stored,
                    struct buf *room, struct str *plain, uint64_t *id, struct err *err);

/* Whether there are key services, and -1 with what is wrong with them. */
bool encryption_has_services(struct encryption *e);
int encryption_check(struct encryption *e, struct err *err);
/* Prometheus text: of key services, and of reloads. */
void encryption_metrics(struct encryption *e, struct buf *out);
