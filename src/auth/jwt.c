#include "auth/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "auth/claims.h"
#include "auth/crypto.h"
#include "base/encode.h"
#include "base/file.h"

enum { TOKEN_MOST = 32 * 1024, RSA_BITS_LEAST = 2048, RSA_BITS_MOST = 8192, P256_BYTES = 32 };

struct jwt_key {
    EVP_PKEY *key;
    bool rsa, private;
    struct buf id;
};

static const char *algorithm(const struct jwt_key *k)
{
    return k->rsa ? "RS256" : "ES256";
}

/* --- keys --- */

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

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

int jwt_key_parse(struct str pem, struct jwt_key **out, struct err *err)
{
    struct jwt_key *k = mem_zalloc(sizeof *k);
    int rc = -1;
    k->key = read_key(pem, &k->private);
    if (!k->key) {
        crypto_error(err, "token key");
        goto done;
    }
    k->rsa = EVP_PKEY_is_a(k->key, "RSA");
    int bits = EVP_PKEY_get_bits(k->key);
    if (k->rsa ? bits < RSA_BITS_LEAST || bits > RSA_BITS_MOST : !is_p256(k->key)) {
        err_set(err, ERR_INTERNAL, "token key: neither RSA of 2048 to 8192 bits nor P-256");
        goto done;
    }
    unsigned char *der = NULL, hash[32];
    int n = i2d_PUBKEY(k->key, &der);
    if (n <= 0) {
        crypto_error(err, "token key");
        goto done;
    }
    crypto_sha256(der, (size_t)n, hash);
    OPENSSL_free(der);
    encode_base64url(&k->id, str_slice((const char *)hash, sizeof hash));
    *out = k;
    k = NULL;
    rc = 0;
done:
    jwt_key_free(k);
    return rc;
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

/* --- signing: ECDSA signatures are the two numbers side by side (RFC 7518, 3.4), not DER as OpenSSL has them
 * --- */

static int raw_of_der(struct str der, unsigned char raw[static 2 * P256_BYTES])
{
    const unsigned char *at = (const unsigned char *)der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.n);
    int ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, P256_BYTES) == P256_BYTES &&
             BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + P256_BYTES, P256_BYTES) == P256_BYTES;
    ECDSA_SIG_free(sig);
    return ok ? 0 : -1;
}

static int der_of_raw(struct str raw, struct buf *der)
{
    if (raw.n != 2 * P256_BYTES)
        return -1;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    const unsigned char *p = (const unsigned char *)raw.p;
    BIGNUM *r = BN_bin2bn(p, P256_BYTES, NULL), *s = BN_bin2bn(p + P256_BYTES, P256_BYTES, NULL);
    ensure(sig && r && s && ECDSA_SIG_set0(sig, r, s));
    unsigned char *out = NULL;
    int n = i2d_ECDSA_SIG(sig, &out);
    if (n > 0)
        buf_add(der, out, (size_t)n);
    OPENSSL_free(out);
    ECDSA_SIG_free(sig);
    return n > 0 ? 0 : -1;
}

int jwt_sign(const struct jwt_key *k, struct str payload, struct buf *out, struct err *err)
{
    ensure(k->private);
    size_t start = out->n;
    _cleanup_buf_ struct buf header = {0};
    buf_addf(&header, "{\"alg\":\"%s\",\"kid\":\"" STR_FMT "\"}", algorithm(k), STR_ARG(buf_str(&k->id)));
    encode_base64url(out, buf_str(&header));
    buf_add_c(out, '.');
    encode_base64url(out, payload);
    unsigned char sig[RSA_BITS_MOST / 8], raw[2 * P256_BYTES];
    size_t n = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->key) == 1 &&
             EVP_DigestSign(ctx, sig, &n, (const unsigned char *)out->p + start, out->n - start) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok || (!k->rsa && raw_of_der(str_slice((char *)sig, n), raw) < 0))
        return crypto_error(err, "sign token");
    buf_add_c(out, '.');
    encode_base64url(out, k->rsa ? str_slice((char *)sig, n) : str_slice((char *)raw, sizeof raw));
    return 0;
}

static bool signature_is_good(const struct jwt_key *k, struct str text, struct str sig)
{
    _cleanup_buf_ struct buf der = {0};
    if (!k->rsa) {
        if (der_of_raw(sig, &der) < 0)
            return false;
        sig = buf_str(&der);
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->key) == 1 &&
             EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, (const unsigned char *)text.p,
                              text.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static int decode_part(struct arena *a, struct str part, struct str *out)
{
    _cleanup_buf_ struct buf b = {0};
    if (!part.n || decode_base64url(&b, part) < 0)
        return -1;
    *out = arena_str(a, buf_str(&b));
    return 0;
}

int jwt_verify(struct jwt_key *const *keys, size_t n_keys, struct str token, struct arena *a,
               struct str *payload, struct err *err)
{
    struct str rest = token, parts[3] = {0}, header, body, sig, value, alg, kid = {0};
    if (token.n > TOKEN_MOST || !str_cut(&rest, '.', &parts[0]) || !str_cut(&rest, '.', &parts[1]) ||
        !str_cut(&rest, '.', &parts[2]) || rest.p || decode_part(a, parts[0], &header) < 0 ||
        decode_part(a, parts[1], &body) < 0 || decode_part(a, parts[2], &sig) < 0)
        return err_set(err, ERR_UNAUTHORIZED, "malformed token");
    /* "crit" names extensions that must be understood (RFC 7515, 4.1.11): none are. */
    if (!claims_find(a, header, STR("alg"), &value) || !claims_string(a, value, &alg) ||
        claims_find(a, header, STR("crit"), &value))
        return err_set(err, ERR_UNAUTHORIZED, "malformed token header");
    if (claims_find(a, header, STR("kid"), &value) && !claims_string(a, value, &kid))
        return err_set(err, ERR_UNAUTHORIZED, "malformed token header");
    struct str text = str_slice(token.p, parts[0].n + 1 + parts[1].n);
    bool tried = false;
    for (size_t i = 0; i < n_keys; i++) {
        if (kid.n && !str_eq(kid, jwt_key_id(keys[i])))
            continue;
        tried = true;
        /* The key says which algorithm is used with it; the token may only agree. */
        if (str_is(alg, algorithm(keys[i])) && signature_is_good(keys[i], text, sig)) {
            *payload = body;
            return 0;
        }
    }
    return err_set(err, ERR_UNAUTHORIZED, tried ? "invalid signature" : "invalid signature, no keys found");
}

/* --- publication --- */

static void put_number(struct buf *out, const char *member, EVP_PKEY *key, const char *param, int least)
{
    BIGNUM *n = NULL;
    ensure(EVP_PKEY_get_bn_param(key, param, &n) == 1);
    int size = BN_num_bytes(n) < least ? least : BN_num_bytes(n);
    unsigned char bytes[RSA_BITS_MOST / 8];
    ensure(size <= (int)sizeof bytes && BN_bn2binpad(n, bytes, size) == size);
    BN_free(n);
    buf_addf(out, ",\"%s\":\"", member);
    encode_base64url(out, str_slice((char *)bytes, (size_t)size));
    buf_add_c(out, '"');
}

void jwt_keys_json(struct jwt_key *const *keys, size_t n_keys, struct buf *out)
{
    buf_add_lit(out, "{\"keys\":[");
    for (size_t i = 0; i < n_keys; i++) {
        const struct jwt_key *k = keys[i];
        buf_addf(out, "%s{\"use\":\"sig\",\"kty\":\"%s\",\"kid\":\"" STR_FMT "\"", i ? "," : "",
                 k->rsa ? "RSA" : "EC", STR_ARG(buf_str(&k->id)));
        if (!k->rsa)
            buf_add_lit(out, ",\"crv\":\"P-256\"");
        buf_addf(out, ",\"alg\":\"%s\"", algorithm(k));
        if (k->rsa) {
            put_number(out, "n", k->key, OSSL_PKEY_PARAM_RSA_N, 1);
            put_number(out, "e", k->key, OSSL_PKEY_PARAM_RSA_E, 1);
        } else {
            put_number(out, "x", k->key, OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES);
            put_number(out, "y", k->key, OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES);
        }
        buf_add_c(out, '}');
    }
    buf_add_lit(out, "]}");
}

void jwt_discovery_json(struct str issuer, struct str jwks_uri, struct jwt_key *const *keys, size_t n_keys,
                        struct buf *out)
{
    bool rsa = false, ec = false;
    for (size_t i = 0; i < n_keys; i++) {
        rsa = rsa || keys[i]->rsa;
        ec = ec || !keys[i]->rsa;
    }
    buf_add_lit(out, "{\"issuer\":");
    claims_put_string(out, issuer);
    buf_add_lit(out, ",\"jwks_uri\":");
    claims_put_string(out, jwks_uri);
    buf_addf(out,
             ",\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
             "\"id_token_signing_alg_values_supported\":[%s%s%s]}",
             ec ? "\"ES256\"" : "", ec && rsa ? "," : "", rsa ? "\"RS256\"" : "");
}
