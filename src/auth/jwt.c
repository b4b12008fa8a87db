#include "auth/jwt.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "auth/claims.h"
#include "auth/crypto.h"
#include "auth/jwt_key.h"
#include "base/encode.h"

enum { TOKEN_MOST = 32 * 1024 };

/* ECDSA signatures are the two numbers side by side (RFC 7518, 3.4), not DER as OpenSSL has them. */
static int raw_of_der(struct str der, int bytes, unsigned char raw[static 2 * EC_BYTES_MOST])
{
    const unsigned char *at = (const unsigned char *)der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.n);
    int ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, bytes) == bytes &&
             BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + bytes, bytes) == bytes;
    ECDSA_SIG_free(sig);
    return ok ? 0 : -1;
}

static int der_of_raw(struct str raw, int bytes, struct buf *der)
{
    if (raw.n != 2 * (size_t)bytes)
        return -1;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    const unsigned char *p = (const unsigned char *)raw.p;
    BIGNUM *r = BN_bin2bn(p, bytes, NULL), *s = BN_bin2bn(p + bytes, bytes, NULL);
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
    const struct algorithm *alg = k->own;
    size_t start = out->n;
    _cleanup_buf_ struct buf header = {0};
    buf_addf(&header, "{\"alg\":\"%s\",\"kid\":\"" STR_FMT "\"}", alg->name, STR_ARG(buf_str(&k->id)));
    encode_base64url(out, buf_str(&header));
    buf_add_c(out, '.');
    encode_base64url(out, payload);
    unsigned char sig[RSA_BITS_MOST / 8], raw[2 * EC_BYTES_MOST];
    size_t n = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestSignInit(ctx, NULL, alg->hash(), NULL, k->key) == 1 &&
             EVP_DigestSign(ctx, sig, &n, (const unsigned char *)out->p + start, out->n - start) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok || (!jwt_key_is_rsa(k) && raw_of_der(str_slice((char *)sig, n), alg->bytes, raw) < 0))
        return crypto_error(err, "sign token");
    buf_add_c(out, '.');
    encode_base64url(out, jwt_key_is_rsa(k) ? str_slice((char *)sig, n)
                                            : str_slice((char *)raw, 2 * (size_t)alg->bytes));
    return 0;
}

/* The key says which algorithms may be used with it; the token may only choose among them. */
static const struct algorithm *algorithm_named(const struct jwt_key *k, struct str name)
{
    for (size_t i = 0; i < N_JWT_ALGORITHMS; i++)
        if (str_is(name, jwt_algorithms[i].name))
            return jwt_key_is_rsa(k)              ? jwt_algorithms[i].curve ? NULL : &jwt_algorithms[i]
                                : &jwt_algorithms[i] == k->own ? k->own
                                                  : NULL;
    return NULL;
}

static bool signature_is_good(const struct jwt_key *k, const struct algorithm *alg, struct str text,
                              struct str sig)
{
    _cleanup_buf_ struct buf der = {0};
    if (alg->curve) {
        if (der_of_raw(sig, alg->bytes, &der) < 0)
            return false;
        sig = buf_str(&der);
    }
    EVP_PKEY_CTX *how;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestVerifyInit(ctx, &how, alg->hash(), NULL, k->key) == 1 &&
             (!alg->pss || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
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
        const struct algorithm *how = algorithm_named(keys[i], alg);
        if (how && signature_is_good(keys[i], how, text, sig)) {
            *payload = body;
            return 0;
        }
    }
    return err_set(err, ERR_UNAUTHORIZED, tried ? "invalid signature" : "invalid signature, no keys found");
}
