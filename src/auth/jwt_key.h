/* Keys of tokens, as the files that know what is inside share them. */
#pragma once
#include <openssl/evp.h>

#include "auth/jwt.h"

enum { RSA_BITS_LEAST = 2048, RSA_BITS_MOST = 8192, EC_BYTES_MOST = 66, N_JWT_ALGORITHMS = 9 };

/* RFC 7518, 3.1. The first that a key fits is the one that we sign with. */
struct algorithm {
    const char *name;
    const char *curve, *group; /* in key sets, and in OpenSSL; NULL: RSA */
    const EVP_MD *(*hash)(void);
    int bytes; /* of each of the two numbers of an elliptic signature */
    bool pss;
};
extern const struct algorithm jwt_algorithms[N_JWT_ALGORITHMS];

struct jwt_key {
    EVP_PKEY *key;
    const struct algorithm *own; /* what it signs with */
    bool private;
    struct buf id;
};

static inline bool jwt_key_is_rsa(const struct jwt_key *k)
{
    return !k->own->curve;
}

/* Takes the key over, whether it can be used or not; it has no id yet. */
int jwt_key_new(EVP_PKEY *key, struct jwt_key **out, struct err *err);
