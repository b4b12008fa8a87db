#include "auth/jwt_key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "auth/crypto.h"
#include "base/encode.h"
#include "base/file.h"

const struct algorithm jwt_algorithms[N_JWT_ALGORITHMS] = {
    {"ES256", "P-256", "prime256v1", EVP_sha256, 32, false},
    {"ES384", "P-384", "secp384r1", EVP_sha384, 48, false},
    {"ES512", "P-521", "secp521r1", EVP_sha512, 66, false},
    {"RS256", NULL, NULL, EVP_sha256, 0, false},
    {"RS384", NULL, NULL, EVP_sha384, 0, false},
    {"RS512", NULL, NULL, EVP_sha512, 0, false},
    {"PS256", NULL, NULL, EVP_sha256, 0, true},
    {"PS384", NULL, NULL, EVP_sha384, 0, true},
    {"PS512", NULL, NULL, EVP_sha512, 0, true},
};

int jwt_key_make(bool rsa, struct buf *pem, struct err *err)
{
    _cleanup_pkey_ EVP_PKEY *key = rsa ? EVP_RSA_gen(RSA_BITS_LEAST) : EVP_EC_gen("P-256");
    if (!key)
        return crypto_error(err, "make a key");
    return crypto_put_private_key(key, pem, err);
}

int jwt_key_ensure(const char *path, struct jwt_key **out, struct err *err)
{
    _cleanup_buf_ struct buf pem = {0};
    if (file_exists(path)) {
        if (file_read(path, 64 * 1024, &pem, err) < 0)
            return -1;
    } else if (jwt_key_make(false, &pem, err) < 0 || file_write(path, buf_str(&pem), 0600, err) < 0) {
        return -1;
    }
    int rc = jwt_key_parse(buf_str(&pem), out, err);
    if (rc < 0)
        err_wrap(err, "%s", path);
    OPENSSL_cleanse(pem.p, pem.n);
    return rc;
}

/* Whichever of the three forms it is. */
static EVP_PKEY *read_key(struct str pem, bool *private)
{
    _cleanup_bio_ BIO *first = crypto_bio(pem), *second = crypto_bio(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(first, NULL, crypto_no_password, NULL);
    *private = key;
    if (!key)
        key = PEM_read_bio_PUBKEY(second, NULL, crypto_no_password, NULL);
    if (!key) {
        _cleanup_x509_ X509 *x = crypto_certificate(pem, NULL);
        key = x ? X509_get_pubkey(x) : NULL;
    }
    return key;
}

/* NULL: of no kind that tokens are signed with. */
static const struct algorithm *algorithm_of(EVP_PKEY *key)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(key);
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    if (rsa ? bits < RSA_BITS_LEAST || bits > RSA_BITS_MOST
            : !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < N_JWT_ALGORITHMS; i++)
        if (rsa ? !jwt_algorithms[i].group
                : jwt_algorithms[i].group && strcmp(jwt_algorithms[i].group, group) == 0)
            return &jwt_algorithms[i];
    return NULL;
}

int jwt_key_new(EVP_PKEY *key, struct jwt_key **out, struct err *err)
{
    const struct algorithm *own = algorithm_of(key);
    if (!own) {
        EVP_PKEY_free(key);
        return err_set(err, ERR_INTERNAL,
                       "token key: neither RSA of 2048 to 8192 bits nor P-256, P-384 or P-521");
    }
    struct jwt_key *k = *out = mem_zalloc(sizeof *k);
    k->key = key;
    k->own = own;
    return 0;
}

static int put_id(struct jwt_key *k, struct err *err)
{
    unsigned char *der = NULL, hash[32];
    int n = i2d_PUBKEY(k->key, &der);
    if (n <= 0)
        return crypto_error(err, "token key");
    crypto_sha256(der, (size_t)n, hash);
    OPENSSL_free(der);
    encode_base64url(&k->id, str_slice((const char *)hash, sizeof hash));
    return 0;
}

int jwt_key_parse(struct str pem, struct jwt_key **out, struct err *err)
{
    bool private;
    EVP_PKEY *key = read_key(pem, &private);
    if (!key)
        return crypto_error(err, "token key");
    struct jwt_key *k;
    if (jwt_key_new(key, &k, err) < 0)
        return -1;
    k->private = private;
    if (put_id(k, err) < 0) {
        jwt_key_free(k);
        return -1;
    }
    *out = k;
    return 0;
}

void jwt_key_free(struct jwt_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->key);
    buf_free(&k->id);
    free(k);
}

struct str jwt_key_id(const struct jwt_key *k)
{
    return buf_str(&k->id);
}
