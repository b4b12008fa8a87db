/* Sealing: NaCl's own vector, ways there and back, and what must not open. */
#include "auth/seal.h"

#include "auth/salsa.h"
#include "base/encode.h"
#include "test.h"

static struct str unhex(struct arena *a, const char *text)
{
    _cleanup_buf_ struct buf b = {0};
    assert_int_equal(decode_hex(&b, str_from(text)), 0);
    return arena_str(a, buf_str(&b));
}

/* tests/secretbox.c of NaCl 20110221 */
static void secretbox_is_nacls(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str key = unhex(&a, "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"),
               nonce = unhex(&a, "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"),
               plain = unhex(
                   &a, "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a"
                       "1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057"
                       "e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040"
                       "e082f937763848645e0705"),
               box = unhex(&a,
                           "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4"
                           "476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738"
                           "b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de"
                           "56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5");
    _cleanup_buf_ struct buf sealed = {0}, opened = {0};
    secretbox_add((const unsigned char *)key.p, (const unsigned char *)nonce.p, plain, &sealed);
    assert_true(str_eq(buf_str(&sealed), box));
    assert_true(secretbox_open((const unsigned char *)key.p, (const unsigned char *)nonce.p, box, &opened));
    assert_true(str_eq(buf_str(&opened), plain));
}

/* Made by Python's cryptography: HKDFExpand (SHA-256) of seed and info, then AESGCM. */
static void a_seed_makes_keys_as_hkdf_does(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf opened = {0};
    _cleanup_err_ struct err err = {0};
    struct str seed = unhex(&a, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
               sealed = unhex(&a, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fc8c9cacb"
                                  "cccdcecfd0d1d2d37f8d51261c7f016906a0ff624fb0d4f3f8ebc06a84d7034cd044426b"
                                  "38a244b4c833169aae81");
    assert_ok(seal_open(SEAL_SEED, seed, STR("/registry/secrets/a/b"), sealed, &opened, &err), err);
    assert_str(buf_str(&opened), "a boat on the mountain");
    assert_false(seal_key_fits(SEAL_SEED, 31));
}

static void what_was_sealed_opens_again(void **state)
{
    (void)state;
    static const char key[] = "0123456789abcdef0123456789abcdef";
    static const size_t sizes[] = {16, 24, 32}, lengths[] = {0, 1, 15, 16, 31, 32, 33, 64, 100, 5000};
    static const char text[5000] = "a text, and then zeros";
    for (int s = 0; s < SEALS; s++)
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
            struct str with = str_slice(key, sizes[k]);
            if (!seal_key_fits((enum seal)s, with.n))
                continue;
            for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
                _cleanup_buf_ struct buf sealed = {0}, again = {0}, opened = {0};
                _cleanup_err_ struct err err = {0};
                struct str plain = str_slice(text, lengths[l]), place = STR("/registry/secrets/a/b");
                seal_add((enum seal)s, with, place, plain, &sealed);
                seal_add((enum seal)s, with, place, plain, &again);
                assert_false(str_eq(buf_str(&sealed), buf_str(&again))); /* a nonce of its own */
                assert_ok(seal_open((enum seal)s, with, place, buf_str(&sealed), &opened, &err), err);
                assert_true(str_eq(buf_str(&opened), plain));
            }
        }
    assert_false(seal_key_fits(SEAL_SECRETBOX, 16));
    assert_false(seal_key_fits(SEAL_AESGCM, 31));
}

static void nothing_else_opens(void **state)
{
    (void)state;
    struct str key = STR("0123456789abcdef0123456789abcdef"), other = STR("0123456789abcdef0123456789abcdeF"),
               plain = STR("a secret that is long enough"), place = STR("/registry/secrets/a/b");
    for (int s = 0; s < SEALS; s++) {
        _cleanup_buf_ struct buf sealed = {0}, opened = {0};
        _cleanup_err_ struct err err = {0};
        seal_add((enum seal)s, key, place, plain, &sealed);
        for (size_t n = 0; n < sealed.n; n++)
            if (s != SEAL_AESCBC || n % 16) /* whole blocks of CBC may open to something */
                assert_int_equal(seal_open((enum seal)s, key, place, str_slice(sealed.p, n), &opened, &err),
                                 -1);
        opened.n = 0;
        if (s == SEAL_AESCBC)
            continue; /* it is not authenticated, as upstream warns */
        assert_int_equal(seal_open((enum seal)s, other, place, buf_str(&sealed), &opened, &err), -1);
        if (s == SEAL_AESGCM || s == SEAL_SEED) /* an attacker with the disk cannot move values about */
            assert_int_equal(
                seal_open((enum seal)s, key, STR("/registry/secrets/a/c"), buf_str(&sealed), &opened, &err),
                -1);
        for (size_t i = 0; i < sealed.n; i++) {
            sealed.p[i] ^= 1;
            assert_int_equal(seal_open((enum seal)s, key, place, buf_str(&sealed), &opened, &err), -1);
            sealed.p[i] ^= 1;
        }
        assert_int_equal(opened.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secretbox_is_nacls),
        cmocka_unit_test(a_seed_makes_keys_as_hkdf_does),
        cmocka_unit_test(what_was_sealed_opens_again),
        cmocka_unit_test(nothing_else_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
