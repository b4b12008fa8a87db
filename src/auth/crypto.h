/* What this folder's files share of OpenSSL: PEM in and out, and its complaints as our errors. */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"

#define _cleanup_bio_  _cleanup_(crypto_bio_free)
#define _cleanup_pkey_ _cleanup_(crypto_pkey_free)
#define _cleanup_x509_ _cleanup_(crypto_x509_free)
void crypto_bio_free(BIO **b);
void crypto_pkey_free(EVP_PKEY **k);
void crypto_x509_free(X509 **x);

/* err_set(ERR_INTERNAL) with what OpenSSL last complained about on this thread. Returns -1. */
int crypto_error(struct err *err, const char *fmt, ...) _printf_(2, 3);
/* Reads from `pem`, which must outlive it. */
BIO *crypto_bio(struct str pem);
/* Adds what was written to a memory BIO. */
void crypto_drain(BIO *bio, struct buf *out);
/* Passed to PEM readers: encrypted keys are refused instead of asking at a terminal. */
int crypto_no_password(char *buf, int size, int writing, void *arg);

X509 *crypto_certificate(struct str pem, struct err *err); /* the first one in it */
EVP_PKEY *crypto_private_key(struct str pem, struct err *err);
int crypto_put_private_key(EVP_PKEY *key, struct buf *out, struct err *err); /* PKCS#8, unencrypted */
int64_t crypto_seconds(const ASN1_TIME *t);                                  /* since 1970 */
/* The SHA-256 of n bytes. */
void crypto_sha256(const void *p, size_t n, unsigned char out[static 32]);
