/* Sealing of stored values with a secret key, in the forms that kube-apiserver's encryption at rest has: what
 * is sealed with one can be opened by the other (upstream: apiserver/pkg/storage/value/encrypt). */
#pragma once
#include "base/err.h"

enum seal {
    SEAL_AESGCM,    /* nonce, ciphertext, tag; bound to its context */
    SEAL_AESCBC,    /* initialization vector, ciphertext with PKCS #7 padding */
    SEAL_SECRETBOX, /* nonce, tag, ciphertext (NaCl's crypto_secretbox: XSalsa20, Poly1305) */
    SEAL_SEED,      /* 32 random bytes, then as SEAL_AESGCM with the key that HKDF makes of seed and these */
    SEALS
};

/* Whether a key may have that many bytes: 16, 24 or 32 for AES, 32 for secretbox, 32 or more for
 * a seed. */
bool seal_key_fits(enum seal s, size_t bytes);
/* Adds the sealed value; never fails. The context (where the value is stored) is part of what AES-GCM seals.
 */
void seal_add(enum seal s, struct str key, struct str context, struct str plain, struct buf *out);
/* Adds the plain value. -1: it is damaged, or was sealed with another key, or for another context. */
int seal_open(enum seal s, struct str key, struct str context, struct str sealed, struct buf *out,
              struct err *err);
