#include "auth/pki.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "auth/crypto.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

enum { BACKDATE_S = 300 }; /* clocks differ */

void pki_pair_free(struct pki_pair *p)
{
    if (p->key_pem.p)
        OPENSSL_cleanse(p->key_pem.p, p->key_pem.n);
    buf_free(&p->key_pem);
    buf_free(&p->cert_pem);
}

/* --- what a certificate is made of --- */

static int set_serial(X509 *x)
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always as long */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    int ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

/* As UTF8String without the 64 characters' limit of X.520, which node names may exceed and Go does not know.
 */
static int add_name(X509_NAME *name, const char *field, struct str value)
{
    return value.n <= INT32_MAX &&
           X509_NAME_add_entry_by_txt(name, field, V_ASN1_UTF8STRING, (const unsigned char *)value.p,
                                      (int)value.n, -1, 0);
}

static int add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    int ok = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

/* An IP address where it is one, else a DNS name. */
static GENERAL_NAME *general_name(struct str name)
{
    _cleanup_arena_ struct arena a = {0};
    const char *text = arena_c(&a, name);
    GENERAL_NAME *g = GENERAL_NAME_new();
    ensure(g);
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(text);
    if (ip) {
        GENERAL_NAME_set0_value(g, GEN_IPADD, ip);
        return g;
    }
    ASN1_IA5STRING *dns = ASN1_IA5STRING_new();
    ensure(dns && ASN1_STRING_set(dns, name.p, (int)name.n));
    GENERAL_NAME_set0_value(g, GEN_DNS, dns);
    return g;
}

static GENERAL_NAMES *general_names(const struct str *names, size_t n)
{
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    ensure(all);
    for (size_t i = 0; i < n; i++)
        if (names[i].n && names[i].n < 256)
            sk_GENERAL_NAME_push(all, general_name(names[i]));
    return all;
}

static int add_alternative_names(X509 *x, const struct str *names, size_t n)
{
    GENERAL_NAMES *all = general_names(names, n);
    int ok = X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(all);
    return ok == 1;
}

static int add_subject(X509_NAME *name, const struct pki_request *q)
{
    int ok = 1;
    for (size_t i = 0; ok && i < q->n_organizations; i++)
        ok = add_name(name, "O", q->organizations[i]);
    return ok && q->common_name.n ? add_name(name, "CN", q->common_name) : ok;
}

/* An unsigned certificate of `key`. */
static X509 *draft(EVP_PKEY *key, const struct pki_request *q, int64_t until)
{
    int64_t now = clock_wall() / CLOCK_S;
    X509 *x = X509_new();
    ensure(x);
    int64_t end = now + q->lifetime_s < until ? now + q->lifetime_s : until;
    int ok = X509_set_version(x, X509_VERSION_3) && set_serial(x) && X509_set_pubkey(x, key) &&
             ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now - BACKDATE_S)) &&
             ASN1_TIME_set(X509_getm_notAfter(x), (time_t)end) && add_subject(X509_get_subject_name(x), q);
    if (ok)
        return x;
    X509_free(x);
    return NULL;
}

static int finish(X509 *x, EVP_PKEY *signer, struct buf *cert_pem, struct err *err)
{
    _cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
    if (!X509_sign(x, signer, EVP_sha256()) || PEM_write_bio_X509(bio, x) != 1)
        return crypto_error(err, "sign certificate");
    crypto_drain(bio, cert_pem);
    return 0;
}

int pki_make_ca(struct str common_name, int64_t lifetime_s, struct pki_pair *out, struct err *err)
{
    _cleanup_pkey_ EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        return crypto_error(err, "make a key");
    struct pki_request q = {.common_name = common_name, .lifetime_s = lifetime_s};
    _cleanup_x509_ X509 *x = draft(key, &q, INT64_MAX);
    if (!x)
        return crypto_error(err, "certificate authority");
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    if (!X509_set_issuer_name(x, X509_get_subject_name(x)) ||
        !add_extension(x, &ctx, NID_basic_constraints, "critical,CA:TRUE") ||
        !add_extension(x, &ctx, NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign") ||
        !add_extension(x, &ctx, NID_subject_key_identifier, "hash"))
        return crypto_error(err, "certificate authority");
    if (finish(x, key, &out->cert_pem, err) < 0)
        return -1;
    return crypto_put_private_key(key, &out->key_pem, err);
}

static int issue(const struct pki_pair *ca, const struct pki_request *q, EVP_PKEY *key, struct buf *cert_pem,
                 struct err *err)
{
    _cleanup_x509_ X509 *issuer = crypto_certificate(buf_str(&ca->cert_pem), err);
    if (!issuer)
        return -1;
    _cleanup_pkey_ EVP_PKEY *signer = crypto_private_key(buf_str(&ca->key_pem), err);
    if (!signer)
        return -1;
    _cleanup_x509_ X509 *x = draft(key, q, crypto_seconds(X509_get0_notAfter(issuer)));
    if (!x)
        return crypto_error(err, "certificate for " STR_FMT, STR_ARG(q->common_name));
    const char *usage = q->server && q->client ? "serverAuth,clientAuth"
                        : q->server            ? "serverAuth"
                                               : "clientAuth";
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    if (!X509_set_issuer_name(x, X509_get_subject_name(issuer)) ||
        !add_extension(x, &ctx, NID_key_usage, "critical,digitalSignature") ||
        ((q->server || q->client) && !add_extension(x, &ctx, NID_ext_key_usage, usage)) ||
        !add_extension(x, &ctx, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(x, &ctx, NID_authority_key_identifier, "keyid") ||
        (q->n_names && !add_alternative_names(x, q->names, q->n_names)))
        return crypto_error(err, "certificate for " STR_FMT, STR_ARG(q->common_name));
    return finish(x, signer, cert_pem, err);
}

int pki_issue(const struct pki_pair *ca, const struct pki_request *q, struct pki_pair *out, struct err *err)
{
    _cleanup_pkey_ EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        return crypto_error(err, "make a key");
    if (issue(ca, q, key, &out->cert_pem, err) < 0)
        return -1;
    return crypto_put_private_key(key, &out->key_pem, err);
}

int pki_sign_csr(const struct pki_pair *ca, struct str csr_pem, const struct pki_request *q,
                 struct buf *cert_pem, struct err *err)
{
    _cleanup_bio_ BIO *bio = crypto_bio(csr_pem);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, crypto_no_password, NULL);
    EVP_PKEY *key = request ? X509_REQ_get0_pubkey(request) : NULL;
    int rc;
    if (!key || X509_REQ_verify(request, key) != 1) {
        rc = crypto_error(err, "certificate signing request");
        if (err)
            err->reason = ERR_BAD_REQUEST, err->code = err_reason_code(ERR_BAD_REQUEST);
    } else {
        rc = issue(ca, q, key, cert_pem, err);
    }
    X509_REQ_free(request);
    return rc;
}

/* The extension that asks for subject alternative names. */
static int request_names(X509_REQ *request, const struct str *names, size_t n)
{
    if (!n)
        return 1;
    GENERAL_NAMES *all = general_names(names, n);
    X509_EXTENSIONS *extensions = NULL;
    int ok = X509V3_add1_i2d(&extensions, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1 &&
             X509_REQ_add_extensions(request, extensions);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    GENERAL_NAMES_free(all);
    return ok;
}

int pki_make_csr(const struct pki_request *q, struct buf *key_pem, struct buf *csr_pem, struct err *err)
{
    _cleanup_pkey_ EVP_PKEY *key = EVP_EC_gen("P-256");
    _cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
    X509_REQ *request = X509_REQ_new();
    ensure(request && bio);
    int ok = key && X509_REQ_set_version(request, X509_REQ_VERSION_1) && X509_REQ_set_pubkey(request, key) &&
             add_subject(X509_REQ_get_subject_name(request), q) &&
             request_names(request, q->names, q->n_names) && X509_REQ_sign(request, key, EVP_sha256()) &&
             PEM_write_bio_X509_REQ(bio, request) == 1;
    X509_REQ_free(request);
    if (!ok)
        return crypto_error(err, "certificate signing request");
    crypto_drain(bio, csr_pem);
    return crypto_put_private_key(key, key_pem, err);
}

/* --- what a certificate says --- */

int pki_validity(struct str cert_pem, int64_t *not_before, int64_t *not_after, struct err *err)
{
    _cleanup_x509_ X509 *x = crypto_certificate(cert_pem, err);
    if (!x)
        return -1;
    *not_before = crypto_seconds(X509_get0_notBefore(x));
    *not_after = crypto_seconds(X509_get0_notAfter(x));
    return 0;
}

int64_t pki_renew_at(struct str cert_pem)
{
    int64_t from, until;
    if (pki_validity(cert_pem, &from, &until, NULL) < 0)
        return 0;
    return (from + (until - from) / 3 * 2) * CLOCK_S;
}

int pki_der(struct str cert_pem, struct buf *der, struct err *err)
{
    _cleanup_x509_ X509 *x = crypto_certificate(cert_pem, err);
    if (!x)
        return -1;
    int n = i2d_X509(x, NULL);
    if (n <= 0)
        return crypto_error(err, "certificate");
    unsigned char *to = (unsigned char *)buf_room(der, (size_t)n);
    i2d_X509(x, &to);
    der->n += (size_t)n;
    return 0;
}

int pki_public_key_hash(struct str cert_pem, struct buf *out, struct err *err)
{
    _cleanup_x509_ X509 *x = crypto_certificate(cert_pem, err);
    if (!x)
        return -1;
    unsigned char *der = NULL, hash[32];
    int n = i2d_PUBKEY(X509_get0_pubkey(x), &der);
    if (n <= 0)
        return crypto_error(err, "public key");
    crypto_sha256(der, (size_t)n, hash);
    OPENSSL_free(der);
    buf_add_lit(out, "sha256:");
    encode_hex(out, str_slice((const char *)hash, sizeof hash));
    return 0;
}
