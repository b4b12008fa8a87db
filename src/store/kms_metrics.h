/* What is counted of a key service. Under its owner's lock. */
#pragma once
#include "store/kms.h"

enum { KMS_KEYS_SHOWN = 10, KMS_BUCKETS = 20, KMS_CODES = 18 };
enum kms_method { KMS_STATUS, KMS_ENCRYPT, KMS_DECRYPT, KMS_METHODS };
enum kms_use { KMS_FROM_STORAGE, KMS_TO_STORAGE, KMS_USES };

struct kms_counts {
    struct kms_latency {
        uint64_t count, buckets[KMS_BUCKETS];
        double sum_s;
    } latency[KMS_METHODS][KMS_CODES]; /* the last code: any other */
    struct kms_key {
        char hash[72]; /* "sha256:..."; "": unused */
        uint64_t uses[KMS_USES];
        int64_t used_at[KMS_USES], seen_at; /* clock_wall */
    } keys[KMS_KEYS_SHOWN];                 /* the least recently used gives way */
    uint64_t empty_key_ids, long_key_ids;
};

extern const char *const kms_method_names[KMS_METHODS]; /* "/v2.KeyManagementService/Status" */

void kms_count_call(struct kms_counts *c, enum kms_method method, int64_t code, int64_t ns);
void kms_count_use(struct kms_counts *c, enum kms_use use, struct str key_id);
void kms_count_seen(struct kms_counts *c, struct str key_id);
/* "sha256:HEX" of a key's name, "" of none: names stay out of logs. */
void kms_hash(struct str key_id, char out[72]);
void kms_counts_render(const struct kms_counts *c, enum kms_family f, struct str provider, struct buf *out);
