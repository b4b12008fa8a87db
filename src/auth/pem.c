#include "auth/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "auth/crypto.h"

enum { PEM_BLOCKS_MAX = 100 };

/* One block as it stands in the text; free name, header and data. */
struct block {
    char *name, *header;
    unsigned char *data;
    long n;
};

static void block_free(struct block *b)
{
    OPENSSL_free(b->name);
    OPENSSL_free(b->header);
    OPENSSL_free(b->data);
    *b = (struct block){0};
}

static bool block_read(BIO *bio, struct block *b)
{
    bool there = PEM_read_bio(bio, &b->name, &b->header, &b->data, &b->n) == 1;
    ERR_clear_error();
    return there;
}

int pem_check_request(struct str pem, struct err *err)
{
    _cleanup_bio_ BIO *bio = crypto_bio(pem);
    _cleanup_(block_free) struct block b = {0};
    if (!block_read(bio, &b) || strcmp(b.name, PEM_STRING_X509_REQ) != 0)
        return err_set(err, ERR_INVALID, "PEM block type must be CERTIFICATE REQUEST");
    const unsigned char *p = b.data;
    X509_REQ *request = d2i_X509_REQ(NULL, &p, b.n);
    bool whole = request && p == b.data + b.n;
    X509_REQ_free(request);
    ERR_clear_error();
    return whole ? 0 : err_set(err, ERR_INVALID, "asn1: structure error: malformed certificate request");
}

static int check_certificate(const struct block *b, struct err *err)
{
    if (strcmp(b->name, PEM_STRING_X509) != 0)
        return err_set(err, ERR_INVALID, "only CERTIFICATE PEM blocks are allowed, found \"%.64s\"", b->name);
    if (b->header[0])
        return err_set(err, ERR_INVALID, "no PEM block headers are permitted");
    const unsigned char *p = b->data;
    _cleanup_x509_ X509 *c = d2i_X509(NULL, &p, b->n);
    ERR_clear_error();
    return c ? 0 : err_set(err, ERR_INVALID, "x509: malformed certificate");
}

int pem_check_certificates(struct str pem, struct err *err)
{
    _cleanup_bio_ BIO *bio = crypto_bio(pem);
    for (int n = 0; n < PEM_BLOCKS_MAX; n++) {
        _cleanup_(block_free) struct block b = {0};
        if (!block_read(bio, &b))
            return n ? 0 : err_set(err, ERR_INVALID, "must contain at least one CERTIFICATE PEM block");
        if (check_certificate(&b, err) < 0)
            return -1;
    }
    return err_set(err, ERR_INVALID, "must contain at most %d CERTIFICATE PEM blocks", PEM_BLOCKS_MAX);
}
