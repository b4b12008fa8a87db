/* Key sets (RFC 7517): ours, published; others', read. */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "auth/claims.h"
#include "auth/jwt_key.h"
#include "base/encode.h"

enum { KEYS_MOST = 100 };

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
                 jwt_key_is_rsa(k) ? "RSA" : "EC", STR_ARG(buf_str(&k->id)));
        if (!jwt_key_is_rsa(k))
            buf_addf(out, ",\"crv\":\"%s\"", k->own->curve);
        buf_addf(out, ",\"alg\":\"%s\"", k->own->name);
        if (jwt_key_is_rsa(k)) {
            put_number(out, "n", k->key, OSSL_PKEY_PARAM_RSA_N, 1);
            put_number(out, "e", k->key, OSSL_PKEY_PARAM_RSA_E, 1);
        } else {
            put_number(out, "x", k->key, OSSL_PKEY_PARAM_EC_PUB_X, k->own->bytes);
            put_number(out, "y", k->key, OSSL_PKEY_PARAM_EC_PUB_Y, k->own->bytes);
        }
        buf_add_c(out, '}');
    }
    buf_add_lit(out, "]}");
}

void jwt_discovery_json(struct str issuer, struct str jwks_uri, struct jwt_key *const *keys, size_t n_keys,
                        struct buf *out)
{
    buf_add_lit(out, "{\"issuer\":");
    claims_put_string(out, issuer);
    buf_add_lit(out, ",\"jwks_uri\":");
    claims_put_string(out, jwks_uri);
    buf_add_lit(out, ",\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
                     "\"id_token_signing_alg_values_supported\":[");
    size_t said = 0;
    for (size_t i = 0; i < N_JWT_ALGORITHMS; i++)
        for (size_t k = 0; k < n_keys; k++)
            if (keys[k]->own == &jwt_algorithms[i]) {
                buf_addf(out, "%s\"%s\"", said++ ? "," : "", jwt_algorithms[i].name);
                break;
            }
    buf_add_lit(out, "]}");
}

/* The bytes of a member in unpadded URL-safe base64. */
static bool member_bytes(struct arena *a, struct str object, const char *name, struct str *out)
{
    struct str value, text;
    _cleanup_buf_ struct buf b = {0};
    if (!claims_find(a, object, str_from(name), &value) || !claims_string(a, value, &text) || !text.n ||
        decode_base64url(&b, text) < 0)
        return false;
    *out = arena_str(a, buf_str(&b));
    return true;
}

static bool member_is(struct arena *a, struct str object, const char *name, const char *wanted)
{
    struct str value, text;
    return claims_find(a, object, str_from(name), &value) && claims_string(a, value, &text) &&
           str_is(text, wanted);
}

static EVP_PKEY *key_from(const char *kind, OSSL_PARAM_BLD *parts)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_from(struct arena *a, struct str jwk)
{
    struct str n, e;
    if (!member_bytes(a, jwk, "n", &n) || !member_bytes(a, jwk, "e", &e) || n.n > RSA_BITS_MOST / 8 ||
        e.n > 8)
        return NULL;
    BIGNUM *bn = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
    BIGNUM *be = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    ensure(bn && be && parts && OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
           OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, be) == 1);
    EVP_PKEY *key = key_from("RSA", parts);
    OSSL_PARAM_BLD_free(parts);
    BN_free(bn);
    BN_free(be);
    return key;
}

static EVP_PKEY *ec_from(struct arena *a, struct str jwk)
{
    for (size_t i = 0; i < N_JWT_ALGORITHMS && jwt_algorithms[i].curve; i++) {
        const struct algorithm *alg = &jwt_algorithms[i];
        size_t bytes = (size_t)alg->bytes;
        struct str x, y;
        if (!member_is(a, jwk, "crv", alg->curve))
            continue;
        if (!member_bytes(a, jwk, "x", &x) || !member_bytes(a, jwk, "y", &y) || x.n != bytes || y.n != bytes)
            return NULL;
        unsigned char point[1 + 2 * EC_BYTES_MOST] = {4}; /* uncompressed (SEC 1, 2.3.3) */
        memcpy(point + 1, x.p, bytes);
        memcpy(point + 1 + bytes, y.p, bytes);
        OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
        ensure(parts &&
               OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, alg->group, 0) == 1 &&
               OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * bytes) == 1);
        EVP_PKEY *key = key_from("EC", parts);
        OSSL_PARAM_BLD_free(parts);
        return key;
    }
    return NULL;
}

int jwt_keys_parse(struct str json, struct jwt_keys *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct str list, none, jwk, value, kid;
    struct claims each;
    *out = (struct jwt_keys){0};
    if (!claims_find(&a, json, STR("keys"), &list) || !claims_open(&each, &a, list) || !each.array)
        return err_set(err, ERR_UNAVAILABLE, "the key set is malformed");
    out->at = mem_zalloc(KEYS_MOST * sizeof *out->at);
    while (claims_next(&each, &none, &jwk) && out->n < KEYS_MOST) {
        if (claims_find(&a, jwk, STR("use"), &value) && !member_is(&a, jwk, "use", "sig"))
            continue;
        EVP_PKEY *key = member_is(&a, jwk, "kty", "RSA")  ? rsa_from(&a, jwk)
                        : member_is(&a, jwk, "kty", "EC") ? ec_from(&a, jwk)
                                                          : NULL;
        if (!key || jwt_key_new(key, &out->at[out->n], NULL) < 0)
            continue;
        if (claims_find(&a, jwk, STR("kid"), &value) && claims_string(&a, value, &kid))
            buf_add_str(&out->at[out->n]->id, kid);
        out->n++;
    }
    if (!each.bad)
        return 0;
    jwt_keys_free(out);
    return err_set(err, ERR_UNAVAILABLE, "the key set is malformed");
}

void jwt_keys_free(struct jwt_keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        jwt_key_free(k->at[i]);
    free(k->at);
    *k = (struct jwt_keys){0};
}
