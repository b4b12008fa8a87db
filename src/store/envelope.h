/* The messages of KMS v2 (KEP-3299): what is asked of a key service, what it answers, and what is stored of
 * an object (upstream: k8s.io/kms/apis/v2, and EncryptedObject of apiserver's kmsv2/v2), in Protobuf. All of
 * them have byte strings, at most one map and at most one number, so one form serves them. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

enum { KMS_FIELDS = 6 };

struct kms_message {
    struct str fields[KMS_FIELDS]; /* by number; [0] is unused */
    struct str_map annotations;    /* sorted by key; values are bytes */
    uint64_t number;
};

/* Which field is the map, or the number; 0: none is. */
struct kms_shape {
    uint8_t annotations, number;
};

/* Slices point into `bytes`. Unknown fields are skipped, the last of a field counts. -1: it is malformed. */
int kms_message_read(struct arena *a, struct kms_shape shape, struct str bytes, struct kms_message *out,
                     struct err *err);
void kms_message_write(struct buf *out, struct kms_shape shape, const struct kms_message *m);

/* The numbers of fields. */
enum { STATUS_VERSION = 1, STATUS_HEALTHZ = 2, STATUS_KEY_ID = 3 };
enum { ENCRYPT_PLAINTEXT = 1, ENCRYPT_UID = 2 };                                               /* asked */
enum { ENCRYPTED_CIPHERTEXT = 1, ENCRYPTED_KEY_ID = 2, ENCRYPTED_ANNOTATIONS = 3 };            /* answered */
enum { DECRYPT_CIPHERTEXT = 1, DECRYPT_UID = 2, DECRYPT_KEY_ID = 3, DECRYPT_ANNOTATIONS = 4 }; /* asked */
enum { DECRYPTED_PLAINTEXT = 1 };                                                              /* answered */

/* What is stored: the sealed value, and the key that sealed it, itself encrypted by the key service. */
struct envelope {
    struct str data, key_id, source;
    struct str_map annotations;
    uint64_t source_type;
};
enum envelope_source { ENVELOPE_KEY = 0 /* SEAL_AESGCM */, ENVELOPE_SEED = 1 /* SEAL_SEED */ };

/* Slices point into `bytes`. -1, in upstream's words: it is malformed, empty or too large. */
int envelope_read(struct arena *a, struct str bytes, struct envelope *out, struct err *err);
void envelope_write(struct buf *out, const struct envelope *e);
/* What upstream asks of all but the data. */
int envelope_check(const struct envelope *e, struct err *err);
int envelope_check_key_id(struct str key_id, struct err *err);
