#include "auth/crypto.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <time.h>

void crypto_bio_free(BIO **b)
{
    BIO_free(*b);
}

void crypto_pkey_free(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

void crypto_x509_free(X509 **x)
{
    X509_free(*x);
}

int crypto_error(struct err *err, const char *fmt, ...)
{
    const char *why = NULL;
    unsigned long code = ERR_peek_last_error();
    if (code)
        why = ERR_reason_error_string(code);
    ERR_clear_error();
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str what = arena_vprintf(&a, fmt, args);
    va_end(args);
    return err_set(err, ERR_INTERNAL, STR_FMT ": %s", STR_ARG(what), why ? why : "malformed");
}

BIO *crypto_bio(struct str pem)
{
    ensure(pem.n <= INT32_MAX);
    BIO *bio = BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n);
    ensure(bio);
    return bio;
}

void crypto_drain(BIO *bio, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    if (n > 0)
        buf_add(out, p, (size_t)n);
}

int crypto_no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

X509 *crypto_certificate(struct str pem, struct err *err)
{
    _cleanup_bio_ BIO *bio = crypto_bio(pem);
    X509 *x = PEM_read_bio_X509(bio, NULL, crypto_no_password, NULL);
    if (!x)
        crypto_error(err, "certificate");
    return x;
}

EVP_PKEY *crypto_private_key(struct str pem, struct err *err)
{
    _cleanup_bio_ BIO *bio = crypto_bio(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, crypto_no_password, NULL);
    if (!key)
        crypto_error(err, "private key");
    return key;
}

int crypto_put_private_key(EVP_PKEY *key, struct buf *out, struct err *err)
{
    _cleanup_bio_ BIO *bio = BIO_new(BIO_s_secmem());
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return crypto_error(err, "write private key");
    crypto_drain(bio, out);
    return 0;
}

int64_t crypto_seconds(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void crypto_sha256(const void *p, size_t n, unsigned char out[static 32])
{
    ensure(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) == 1);
}
