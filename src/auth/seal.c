#include "auth/seal.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/salsa.h"
#include "base/random.h"

enum { GCM_NONCE = 12, TAG = 16, BLOCK = 16, SEED_INFO = 32, SEED_KEY = 32 };

bool seal_key_fits(enum seal s, size_t bytes)
{
    return bytes == 32 || (s == SEAL_SEED ? bytes > 32 : s != SEAL_SECRETBOX && (bytes == 16 || bytes == 24));
}

static const EVP_CIPHER *cipher_of(enum seal s, size_t key)
{
    if (s == SEAL_AESGCM)
        return key == 16 ? EVP_aes_128_gcm() : key == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
    return key == 16 ? EVP_aes_128_cbc() : key == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
}

static void free_context(EVP_CIPHER_CTX **c)
{
    EVP_CIPHER_CTX_free(*c);
}
#define _cleanup_context_ _cleanup_(free_context)

static const unsigned char *bytes(struct str s)
{
    return (const unsigned char *)s.p;
}

/* AES, both modes: nonce and ciphertext, then GCM's tag. */
static void aes_add(enum seal s, struct str key, struct str context, struct str plain, struct buf *out)
{
    size_t nonce = s == SEAL_AESGCM ? GCM_NONCE : BLOCK;
    unsigned char *to = (unsigned char *)buf_room(out, nonce + plain.n + BLOCK + TAG);
    int n = 0, last = 0;
    random_bytes(to, nonce);
    _cleanup_context_ EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    ensure(c && plain.n < INT_MAX - 64);
    ensure(EVP_EncryptInit_ex(c, cipher_of(s, key.n), NULL, bytes(key), to) == 1);
    if (s == SEAL_AESGCM && context.n)
        ensure(EVP_EncryptUpdate(c, NULL, &n, bytes(context), (int)context.n) == 1);
    ensure(EVP_EncryptUpdate(c, to + nonce, &n, bytes(plain), (int)plain.n) == 1 &&
           EVP_EncryptFinal_ex(c, to + nonce + n, &last) == 1);
    size_t all = nonce + (size_t)n + (size_t)last;
    if (s == SEAL_AESGCM) {
        ensure(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, to + all) == 1);
        all += TAG;
    }
    out->n += all;
}

static bool aes_open(enum seal s, struct str key, struct str context, struct str sealed, struct buf *out)
{
    size_t nonce = s == SEAL_AESGCM ? GCM_NONCE : BLOCK, tag = s == SEAL_AESGCM ? TAG : 0;
    if (sealed.n < nonce + tag || sealed.n > INT_MAX || (s == SEAL_AESCBC && sealed.n % BLOCK))
        return false;
    struct str text = str_slice(sealed.p + nonce, sealed.n - nonce - tag);
    unsigned char *to = (unsigned char *)buf_room(out, text.n + BLOCK);
    int n = 0, last = 0;
    _cleanup_context_ EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    ensure(c);
    ensure(EVP_DecryptInit_ex(c, cipher_of(s, key.n), NULL, bytes(key), bytes(sealed)) == 1);
    if (tag)
        ensure(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(sealed.p + sealed.n - TAG)) == 1);
    if (tag && context.n)
        ensure(EVP_DecryptUpdate(c, NULL, &n, bytes(context), (int)context.n) == 1);
    if (EVP_DecryptUpdate(c, to, &n, bytes(text), (int)text.n) != 1 ||
        EVP_DecryptFinal_ex(c, to + n, &last) != 1)
        return false;
    out->n += (size_t)n + (size_t)last;
    return true;
}

/* HKDF-Expand with SHA-256 (RFC 5869, 2.3), whose first block is all that a key takes. */
static void seed_key(struct str seed, const unsigned char info[static SEED_INFO],
                     unsigned char key[static SEED_KEY])
{
    unsigned char block[SEED_INFO + 1];
    memcpy(block, info, SEED_INFO);
    block[SEED_INFO] = 1;
    ensure(seed.n <= INT_MAX && HMAC(EVP_sha256(), seed.p, (int)seed.n, block, sizeof block, key, NULL));
}

static void seed_add(struct str seed, struct str context, struct str plain, struct buf *out)
{
    unsigned char info[SEED_INFO], key[SEED_KEY];
    random_bytes(info, sizeof info);
    seed_key(seed, info, key);
    buf_add(out, info, sizeof info);
    aes_add(SEAL_AESGCM, str_slice((char *)key, sizeof key), context, plain, out);
    OPENSSL_cleanse(key, sizeof key);
}

static bool seed_open(struct str seed, struct str context, struct str sealed, struct buf *out)
{
    unsigned char key[SEED_KEY];
    if (sealed.n < SEED_INFO)
        return false;
    seed_key(seed, bytes(sealed), key);
    bool good = aes_open(SEAL_AESGCM, str_slice((char *)key, sizeof key), context,
                         str_from_at(sealed, SEED_INFO), out);
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

void seal_add(enum seal s, struct str key, struct str context, struct str plain, struct buf *out)
{
    if (s == SEAL_SECRETBOX) {
        unsigned char nonce[SECRETBOX_NONCE];
        random_bytes(nonce, sizeof nonce);
        buf_add(out, nonce, sizeof nonce);
        secretbox_add(bytes(key), nonce, plain, out);
    } else if (s == SEAL_SEED)
        seed_add(key, context, plain, out);
    else
        aes_add(s, key, context, plain, out);
}

int seal_open(enum seal s, struct str key, struct str context, struct str sealed, struct buf *out,
              struct err *err)
{
    bool good;
    if (s == SEAL_SECRETBOX)
        good = sealed.n >= SECRETBOX_NONCE &&
               secretbox_open(bytes(key), bytes(sealed), str_from_at(sealed, SECRETBOX_NONCE), out);
    else if (s == SEAL_SEED)
        good = seed_open(key, context, sealed, out);
    else
        good = aes_open(s, key, context, sealed, out);
    return good ? 0
                : err_set(err, ERR_INTERNAL,
                          "it is damaged, or was sealed with another key or for another place");
}
