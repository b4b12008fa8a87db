/* Tokens: what is signed verifies, and nothing else does. */
#include "test.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/jwt.h"
#include "base/encode.h"
#include "base/file.h"

static struct jwt_key *rsa, *ec, *other;
static struct buf rsa_pem;

static struct jwt_key *make(bool is_rsa, struct buf *pem)
{
    _cleanup_err_ struct err err = {0};
    struct jwt_key *k;
    assert_ok(jwt_key_make(is_rsa, pem, &err), err);
    assert_ok(jwt_key_parse(buf_str(pem), &k, &err), err);
    return k;
}

static int make_keys(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf a = {0}, b = {0};
    rsa = make(true, &rsa_pem);
    ec = make(false, &a);
    other = make(true, &b);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    jwt_key_free(rsa);
    jwt_key_free(ec);
    jwt_key_free(other);
    buf_free(&rsa_pem);
    return 0;
}

static int verify(struct str token, struct jwt_key *const *keys, size_t n, struct arena *a,
                  struct str *payload)
{
    return jwt_verify(keys, n, token, a, payload, NULL);
}

static struct str sign(struct arena *a, const struct jwt_key *k, const char *payload)
{
    _cleanup_buf_ struct buf b = {0};
    _cleanup_err_ struct err err = {0};
    assert_ok(jwt_sign(k, str_from(payload), &b, &err), err);
    return arena_str(a, buf_str(&b));
}

static void what_is_signed_verifies(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct jwt_key *keys[] = {other, rsa, ec};
    struct str payload;
    for (int i = 0; i < 20; i++) { /* ECDSA's numbers are sometimes short */
        assert_int_equal(verify(sign(&a, i % 2 ? ec : rsa, "{\"sub\":\"x\"}"), keys, 3, &a, &payload), 0);
        assert_str(payload, "{\"sub\":\"x\"}");
    }
}

static void a_wrong_key_does_not_verify(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str payload;
    assert_int_equal(jwt_verify(&other, 1, sign(&a, rsa, "{}"), &a, &payload, &err), -1);
    assert_int_equal(err.reason, ERR_UNAUTHORIZED);
    assert_str(err.message, "invalid signature, no keys found");
    assert_int_equal(verify(sign(&a, rsa, "{}"), NULL, 0, &a, &payload), -1);
}

static struct str join(struct arena *a, const char *header, struct str body, struct str signature)
{
    _cleanup_buf_ struct buf b = {0};
    encode_base64url(&b, str_from(header));
    buf_add_c(&b, '.');
    encode_base64url(&b, body);
    buf_add_c(&b, '.');
    encode_base64url(&b, signature);
    return arena_str(a, buf_str(&b));
}

static void forged_tokens_are_refused(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct jwt_key *keys[] = {rsa, ec};
    struct str payload, good = sign(&a, rsa, "{\"sub\":\"x\"}"), body = STR("{\"sub\":\"root\"}");
    /* no signature at all */
    assert_int_equal(verify(join(&a, "{\"alg\":\"none\"}", body, STR("")), keys, 2, &a, &payload), -1);
    assert_int_equal(verify(join(&a, "{\"alg\":\"none\"}", body, STR("x")), keys, 2, &a, &payload), -1);
    assert_int_equal(verify(join(&a, "{\"alg\":\"NONE\"}", body, STR("x")), keys, 2, &a, &payload), -1);
    /* an HMAC keyed with what everybody knows: the public key */
    unsigned char mac[32];
    unsigned n = sizeof mac;
    struct str unsigned_token = join(&a, "{\"alg\":\"HS256\"}", body, STR(""));
    HMAC(EVP_sha256(), rsa_pem.p, (int)rsa_pem.n, (const unsigned char *)unsigned_token.p,
         unsigned_token.n - 1, mac, &n);
    assert_int_equal(
        verify(join(&a, "{\"alg\":\"HS256\"}", body, str_slice((char *)mac, n)), keys, 2, &a, &payload), -1);
    /* another payload under a good signature, and a good payload under another algorithm's name */
    struct str rest = good, header, old_body, signature;
    str_cut(&rest, '.', &header);
    str_cut(&rest, '.', &old_body);
    str_cut(&rest, '.', &signature);
    _cleanup_buf_ struct buf swapped = {0};
    buf_addf(&swapped, STR_FMT ".", STR_ARG(header));
    encode_base64url(&swapped, body);
    buf_addf(&swapped, "." STR_FMT, STR_ARG(signature));
    assert_int_equal(verify(buf_str(&swapped), keys, 2, &a, &payload), -1);
    /* ECDSA with both numbers zero (CVE-2022-21449's trick) */
    assert_int_equal(
        verify(join(&a, "{\"alg\":\"ES256\"}", body, str_slice((char[64]){0}, 64)), keys, 2, &a, &payload),
        -1);
    /* critical extensions that nobody understands */
    assert_int_equal(verify(join(&a, "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", body, STR("x")),
                            keys, 2, &a, &payload),
                     -1);
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str payload, good = sign(&a, ec, "{\"sub\":\"x\"}");
    char *bad = arena_c(&a, good);
    for (size_t i = 0; i < good.n; i++) {
        bad[i] ^= 1;
        if (verify(str_slice(bad, good.n), &ec, 1, &a, &payload) == 0)
            fail_msg("byte %zu may be anything", i);
        bad[i] ^= 1;
    }
    assert_int_equal(verify(str_slice(bad, good.n), &ec, 1, &a, &payload), 0);
}

static void malformed_tokens_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "...",
                                      "a.b",
                                      "a.b.c",
                                      "a.b.c.d",
                                      "!.!.!",
                                      "e30.e30.e30",
                                      "e30=.e30.e30",
                                      "{\"payload\":\"e30\",\"signature\":\"\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str payload;
        assert_int_equal(verify(str_from(bad[i]), &rsa, 1, &a, &payload), -1);
    }
    _cleanup_arena_ struct arena a = {0};
    char *huge = arena_alloc(&a, 100000);
    memset(huge, 'A', 99999);
    struct str payload;
    assert_int_equal(verify(str_from(huge), &rsa, 1, &a, &payload), -1);
}

static void weak_or_foreign_keys_are_refused(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    struct jwt_key *k = NULL;
    assert_int_equal(jwt_key_parse(STR("no key"), &k, &err), -1);
    /* RSA of 1024 bits */
    static const char weak[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDHXPMBnEBkWxtBkcqx/yvpObZv\n"
                               "OEzwTMtTfF1bXEh5NXGEO4jGYuM0SWQFAdPP5hOzKvDjvhiXmSB8zBVYVTJQCvVo\n"
                               "oO2KqvrmDzcIyhVHBMIGMTGYgRCPBHJdQSG4cqkS4VkKaTDWyv7Bz/Yz+jvKIvHm\n"
                               "8Fv4dAPb3Y9p8QIDAQAB\n-----END PUBLIC KEY-----\n";
    assert_int_equal(jwt_key_parse(STR(weak), &k, &err), -1);
    assert_null(k);
}

/* A key as another issuer may have: PEM, for OpenSSL's own use too. */
static struct jwt_key *curve(const char *group)
{
    _cleanup_buf_ struct buf pem = {0};
    _cleanup_err_ struct err err = {0};
    EVP_PKEY *raw = EVP_EC_gen(group);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    assert_int_equal(PEM_write_bio_PrivateKey(bio, raw, NULL, NULL, 0, NULL, NULL), 1);
    long n = BIO_get_mem_data(bio, &text);
    struct jwt_key *k;
    assert_ok(jwt_key_parse(str_slice(text, (size_t)n), &k, &err), err);
    BIO_free(bio);
    EVP_PKEY_free(raw);
    return k;
}

static void a_published_set_verifies_what_its_keys_signed(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf json = {0};
    struct jwt_key *keys[] = {rsa, ec, curve("P-384"), curve("P-521")};
    const char *algs[] = {"RS256", "ES256", "ES384", "ES512"};
    struct jwt_keys read;
    struct str payload;
    jwt_keys_json(keys, ARRAY_LEN(keys), &json);
    assert_ok(jwt_keys_parse(buf_str(&json), &read, &err), err);
    assert_int_equal(read.n, ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_true(str_find(buf_str(&json), str_from(algs[i])) > 0);
        assert_true(str_eq(jwt_key_id(read.at[i]), jwt_key_id(keys[i])));
        struct str token = sign(&a, keys[i], "{\"sub\":\"x\"}");
        assert_int_equal(verify(token, read.at, read.n, &a, &payload), 0);
        assert_str(payload, "{\"sub\":\"x\"}");
        assert_int_equal(verify(token, &read.at[(i + 1) % read.n], 1, &a, &payload), -1);
    }
    jwt_keys_free(&read);
    jwt_key_free(keys[2]);
    jwt_key_free(keys[3]);
}

static void a_set_is_read_for_what_can_be_used(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    struct jwt_keys read;
    assert_ok(jwt_keys_parse(STR("{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"},"
                                 "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
                                 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"},7]}"),
                             &read, &err),
              err);
    assert_int_equal(read.n, 0);
    jwt_keys_free(&read);
    static const char *const malformed[] = {"", "[]", "{\"keys\":{}}", "{\"keys\":[{\"kty\":\"EC\",]}"};
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
        assert_int_equal(jwt_keys_parse(str_from(malformed[i]), &read, NULL), -1);
}

/* A token whose header names `alg`, signed by the RSA key in that way. */
static struct str sign_as(struct arena *a, const char *alg, const EVP_MD *hash, bool pss)
{
    _cleanup_buf_ struct buf out = {0}, header = {0};
    buf_addf(&header, "{\"alg\":\"%s\"}", alg);
    encode_base64url(&out, buf_str(&header));
    buf_add_c(&out, '.');
    encode_base64url(&out, STR("{}"));
    BIO *bio = BIO_new_mem_buf(rsa_pem.p, (int)rsa_pem.n);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_PKEY_CTX *how;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[512];
    size_t n = sizeof sig;
    assert_int_equal(EVP_DigestSignInit(ctx, &how, hash, NULL, key), 1);
    if (pss) {
        EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
    }
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, (unsigned char *)out.p, out.n), 1);
    buf_add_c(&out, '.');
    encode_base64url(&out, str_slice((char *)sig, n));
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return arena_str(a, buf_str(&out));
}

static void an_rsa_key_takes_all_rsa_algorithms(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str payload;
    assert_int_equal(verify(sign_as(&a, "RS384", EVP_sha384(), false), &rsa, 1, &a, &payload), 0);
    assert_int_equal(verify(sign_as(&a, "RS512", EVP_sha512(), false), &rsa, 1, &a, &payload), 0);
    assert_int_equal(verify(sign_as(&a, "PS256", EVP_sha256(), true), &rsa, 1, &a, &payload), 0);
    assert_int_equal(verify(sign_as(&a, "PS512", EVP_sha512(), true), &rsa, 1, &a, &payload), 0);
    /* but only the one that the token says */
    assert_int_equal(verify(sign_as(&a, "RS256", EVP_sha256(), true), &rsa, 1, &a, &payload), -1);
    assert_int_equal(verify(sign_as(&a, "RS256", EVP_sha512(), false), &rsa, 1, &a, &payload), -1);
    assert_int_equal(verify(sign_as(&a, "ES256", EVP_sha256(), false), &rsa, 1, &a, &payload), -1);
}

static void published_keys_are_public_only(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf json = {0}, discovery = {0};
    struct jwt_key *keys[] = {rsa, ec};
    jwt_keys_json(keys, 2, &json);
    struct str s = buf_str(&json);
    assert_true(str_starts(s, STR("{\"keys\":[{\"use\":\"sig\",\"kty\":\"RSA\",\"kid\":\"")));
    assert_true(str_find(s, STR("\"alg\":\"RS256\",\"n\":\"")) > 0);
    assert_true(str_find(s, STR(",\"e\":\"AQAB\"}")) > 0);
    assert_true(str_find(s, STR("\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"")) > 0);
    assert_true(str_find(s, STR("\"d\"")) < 0);
    assert_int_equal(jwt_key_id(rsa).n, 43);
    jwt_discovery_json(STR("https://kubernetes.default.svc"), STR("https://10.0.0.1:6443/openid/v1/jwks"),
                       keys, 2, &discovery);
    assert_str(buf_str(&discovery),
               "{\"issuer\":\"https://kubernetes.default.svc\",\"jwks_uri\":\"https://10.0.0.1:6443/openid/"
               "v1/jwks\","
               "\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
               "\"id_token_signing_alg_values_supported\":[\"ES256\",\"RS256\"]}");
}

static void a_key_file_is_made_once_for_its_owner(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    char dir[] = "/tmp/sagong-jwt-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sa.key", dir);
    struct jwt_key *first, *second;
    assert_ok(jwt_key_ensure(path, &first, &err), err);
    assert_ok(jwt_key_ensure(path, &second, &err), err);
    assert_true(str_eq(jwt_key_id(first), jwt_key_id(second)));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    jwt_key_free(first);
    jwt_key_free(second);
    assert_ok(file_write(path, STR("garbage"), 0600, &err), err);
    assert_int_equal(jwt_key_ensure(path, &first, &err), -1);
    file_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(a_wrong_key_does_not_verify),
        cmocka_unit_test(forged_tokens_are_refused),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(malformed_tokens_are_refused),
        cmocka_unit_test(weak_or_foreign_keys_are_refused),
        cmocka_unit_test(published_keys_are_public_only),
        cmocka_unit_test(a_published_set_verifies_what_its_keys_signed),
        cmocka_unit_test(a_set_is_read_for_what_can_be_used),
        cmocka_unit_test(an_rsa_key_takes_all_rsa_algorithms),
        cmocka_unit_test(a_key_file_is_made_once_for_its_owner),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
