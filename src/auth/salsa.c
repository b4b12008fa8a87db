#include "auth/salsa.h"

#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { WORDS = 16, BLOCK = 64, MAC_KEY = 32 };

static uint32_t word_at(const unsigned char *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return le32toh(w);
}

static void word_to(unsigned char *p, uint32_t w)
{
    w = htole32(w);
    memcpy(p, &w, sizeof w);
}

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void quarter(uint32_t x[WORDS], int a, int b, int c, int d)
{
    x[b] ^= rotate(x[a] + x[d], 7);
    x[c] ^= rotate(x[b] + x[a], 9);
    x[d] ^= rotate(x[c] + x[b], 13);
    x[a] ^= rotate(x[d] + x[c], 18);
}

/* Twenty rounds: columns and rows in turn. */
static void rounds(uint32_t x[WORDS])
{
    for (int i = 0; i < 10; i++) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 5, 9, 13, 1);
        quarter(x, 10, 14, 2, 6);
        quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3);
        quarter(x, 5, 6, 7, 4);
        quarter(x, 10, 11, 8, 9);
        quarter(x, 15, 12, 13, 14);
    }
}

/* "expand 32-byte k" on the diagonal, the key on both sides of sixteen bytes of input. */
static void fill(uint32_t x[WORDS], const unsigned char key[static 32], const unsigned char in[static 16])
{
    static const unsigned char sigma[] = "expand 32-byte k";
    for (int i = 0; i < 4; i++) {
        x[5 * i] = word_at(sigma + 4 * i);
        x[1 + i] = word_at(key + 4 * i);
        x[6 + i] = word_at(in + 4 * i);
        x[11 + i] = word_at(key + 16 + 4 * i);
    }
}

/* HSalsa20: a key of a key and the first sixteen bytes of a nonce. */
static void subkey_of(const unsigned char key[static 32], const unsigned char nonce[static 16],
                      unsigned char out[static 32])
{
    static const int taken[] = {0, 5, 10, 15, 6, 7, 8, 9};
    uint32_t x[WORDS];
    fill(x, key, nonce);
    rounds(x);
    for (int i = 0; i < 8; i++)
        word_to(out + 4 * i, x[taken[i]]);
}

static void block_of(const unsigned char key[static 32], const unsigned char nonce[static 8], uint64_t number,
                     unsigned char out[static BLOCK])
{
    unsigned char in[16];
    uint32_t x[WORDS], y[WORDS];
    memcpy(in, nonce, 8);
    word_to(in + 8, (uint32_t)number);
    word_to(in + 12, (uint32_t)(number >> 32));
    fill(x, key, in);
    memcpy(y, x, sizeof y);
    rounds(y);
    for (int i = 0; i < WORDS; i++)
        word_to(out + 4 * i, x[i] + y[i]);
}

/* The message goes behind the first 32 bytes of the stream, which are the key of its tag. */
static void stream_xor(const unsigned char key[static 32], const unsigned char nonce[static 8], struct str in,
                       unsigned char *out, unsigned char mac_key[static MAC_KEY])
{
    unsigned char block[BLOCK];
    size_t at = 0;
    for (uint64_t number = 0; number == 0 || at < in.n; number++) {
        block_of(key, nonce, number, block);
        size_t from = number ? 0 : MAC_KEY;
        if (!number)
            memcpy(mac_key, block, MAC_KEY);
        for (size_t i = from; i < BLOCK && at < in.n; i++, at++)
            out[at] = (unsigned char)in.p[at] ^ block[i];
    }
    OPENSSL_cleanse(block, sizeof block);
}

static void tag_of(const unsigned char key[static MAC_KEY], struct str text,
                   unsigned char out[static SECRETBOX_TAG])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
    EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;
    size_t n;
    ensure(c && EVP_MAC_init(c, key, MAC_KEY, NULL) == 1 &&
           EVP_MAC_update(c, (const unsigned char *)text.p, text.n) == 1 &&
           EVP_MAC_final(c, out, &n, SECRETBOX_TAG) == 1 && n == SECRETBOX_TAG);
    EVP_MAC_CTX_free(c);
    EVP_MAC_free(mac);
}

void secretbox_add(const unsigned char key[static SECRETBOX_KEY],
                   const unsigned char nonce[static SECRETBOX_NONCE], struct str plain, struct buf *out)
{
    unsigned char subkey[32], mac_key[MAC_KEY];
    unsigned char *to = (unsigned char *)buf_room(out, SECRETBOX_TAG + plain.n);
    subkey_of(key, nonce, subkey);
    stream_xor(subkey, nonce + 16, plain, to + SECRETBOX_TAG, mac_key);
    tag_of(mac_key, str_slice((char *)to + SECRETBOX_TAG, plain.n), to);
    out->n += SECRETBOX_TAG + plain.n;
    OPENSSL_cleanse(subkey, sizeof subkey);
    OPENSSL_cleanse(mac_key, sizeof mac_key);
}

bool secretbox_open(const unsigned char key[static SECRETBOX_KEY],
                    const unsigned char nonce[static SECRETBOX_NONCE], struct str box, struct buf *out)
{
    unsigned char subkey[32], mac_key[MAC_KEY], tag[SECRETBOX_TAG];
    if (box.n < SECRETBOX_TAG)
        return false;
    struct str text = str_from_at(box, SECRETBOX_TAG);
    unsigned char *to = (unsigned char *)buf_room(out, text.n + 1);
    subkey_of(key, nonce, subkey);
    stream_xor(subkey, nonce + 16, text, to, mac_key);
    tag_of(mac_key, text, tag);
    bool good = CRYPTO_memcmp(tag, box.p, sizeof tag) == 0;
    out->n += good ? text.n : 0;
    OPENSSL_cleanse(subkey, sizeof subkey);
    OPENSSL_cleanse(mac_key, sizeof mac_key);
    return good;
}
