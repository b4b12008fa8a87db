/* A key service that speaks KMS v2 (KEP-3299): it encrypts one seed of ours, which seals any number of
 * values, and decrypts the seeds of others as they are met. A thread of its own asks the service every minute
 * how it is, or every ten seconds while something is wrong, and takes a new seed when the service has changed
 * its key. What was sealed stays readable without the service as long as its seed is remembered (a day); new
 * values are sealed for three minutes after the service was last well. Any thread. */
#pragma once
#include "base/err.h"

struct kms;

/* 0: upstream's. */
struct kms_timing {
    int64_t poll_ns, retry_ns; /* 1 min, 10 s */
    int64_t expire_ns;         /* 3 min */
    int64_t good_ns, bad_ns;   /* how old what kms_check says may be: 20 s, 3 s */
};

/* The socket as fetch.h has it. Asks the service once, and waits for that; if it does not answer that is told
 * by kms_check. */
struct kms *kms_new(struct str name, struct str socket, int64_t timeout_ns, const struct kms_timing *timing);
void kms_free(struct kms *k);

/* Adds the sealed value (an envelope); *id is that of the key. -1: there is no seed, or the service has not
 * been well for too long; ERR_INTERNAL, in upstream's words. */
int kms_seal(struct kms *k, struct str place, struct str plain, struct buf *out, uint64_t *id,
             struct err *err);
/* Adds the plain value; *id is that of the key that the seed is encrypted with. Asks the service when it does
 * not know the seed, at most for the timeout: ERR_UNAVAILABLE when it does not help, ERR_INTERNAL when the
 * value is damaged. */
int kms_open(struct kms *k, struct str place, struct str sealed, struct buf *out, uint64_t *id,
             struct err *err);
/* The key that values are sealed with now; 0: none yet. */
uint64_t kms_id(struct kms *k);

/* 0: the service was well when last asked; -1: what was wrong. When that is old it is asked anew, for the
 * next time. */
int kms_check(struct kms *k, struct err *err);
/* The same, and asks first. */
int kms_check_now(struct kms *k, struct err *err);
int64_t kms_timeout(const struct kms *k);

/* Upstream's series of this service, behind the headers that kms_metrics_head adds once for each family. */
enum kms_family {
    KMS_LATENCY,
    KMS_KEY_USES,
    KMS_KEY_USED_AT,
    KMS_KEY_SEEN_AT,
    KMS_KEY_INVALID,
    KMS_FAMILIES
};
void kms_metrics_head(enum kms_family f, struct buf *out);
void kms_metrics(struct kms *k, enum kms_family f, struct buf *out);
