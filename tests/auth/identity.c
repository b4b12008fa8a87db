/* Who a client certificate says that its bearer is. */
#include "test.h"

#include <openssl/x509v3.h>

#include "auth/crypto.h"
#include "auth/identity.h"
#include "auth/pki.h"

static void common_name_is_the_user_and_organizations_are_groups(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, client = {0};
    _cleanup_buf_ struct buf der = {0};
    static const struct str groups[] = {STR_INIT("dev"), STR_INIT("ops")};
    struct pki_request q = {.common_name = STR("jane"),
                            .organizations = groups,
                            .n_organizations = 2,
                            .client = true,
                            .lifetime_s = 60};
    assert_ok(pki_make_ca(STR("ca"), 3600, &ca, &err), err);
    assert_ok(pki_issue(&ca, &q, &client, &err), err);
    assert_ok(pki_der(buf_str(&client.cert_pem), &der, &err), err);
    struct identity who;
    assert_ok(identity_of_certificate(&a, buf_str(&der), &who, &err), err);
    assert_str(who.name, "jane");
    assert_str(who.uid, "");
    assert_int_equal(who.n_groups, 2);
    assert_str(who.groups[0], "dev");
    assert_str(who.groups[1], "ops");
    assert_int_equal(who.n_extra, 1);
    assert_str(who.extra[0].key, "authentication.kubernetes.io/credential-id");
    assert_true(str_starts(who.extra[0].values[0], STR("X509SHA256=")));
    assert_int_equal(who.extra[0].values[0].n, strlen("X509SHA256=") + 64);
}

/* A self-signed certificate with this subject: pairs of field and value. */
static struct str certificate(struct arena *a, const char *const *subject)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    X509_set_pubkey(x, key);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 60);
    for (; subject[0]; subject += 2) {
        ASN1_OBJECT *what = OBJ_txt2obj(subject[0], 0);
        X509_NAME_add_entry_by_OBJ(X509_get_subject_name(x), what, V_ASN1_UTF8STRING,
                                   (unsigned char *)subject[1],
                                   subject[1][0] == '\n' ? 3 : (int)strlen(subject[1]), -1, 0);
        ASN1_OBJECT_free(what);
    }
    X509_sign(x, key, EVP_sha256());
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    struct str out = arena_str(a, str_slice((char *)der, (size_t)n));
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
    return out;
}

static void a_uid_attribute_is_the_uid(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    struct identity who;
    const char *one[] = {"CN", "jane", "1.3.6.1.4.1.57683.2", "42-uid", NULL};
    assert_ok(identity_of_certificate(&a, certificate(&a, one), &who, &err), err);
    assert_str(who.uid, "42-uid");
    const char *two[] = {"CN", "jane", "1.3.6.1.4.1.57683.2", "1", "1.3.6.1.4.1.57683.2", "2", NULL};
    assert_int_equal(identity_of_certificate(&a, certificate(&a, two), &who, &err), -1);
    const char *empty[] = {"CN", "jane", "1.3.6.1.4.1.57683.2", "", NULL};
    assert_int_equal(identity_of_certificate(&a, certificate(&a, empty), &who, &err), -1);
}

static void nobody_is_refused(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    struct identity who;
    const char *nameless[] = {"O", "system:masters", NULL};
    const char *nul[] = {"CN", "\n\0x", NULL}; /* three bytes, a NUL among them */
    assert_int_equal(identity_of_certificate(&a, certificate(&a, nameless), &who, &err), -1);
    assert_int_equal(err.reason, ERR_UNAUTHORIZED);
    assert_int_equal(identity_of_certificate(&a, certificate(&a, nul), &who, &err), -1);
    const char *good[] = {"CN", "jane", NULL};
    struct str der = certificate(&a, good);
    assert_int_equal(identity_of_certificate(&a, str_slice(der.p, der.n - 1), &who, &err), -1);
    assert_int_equal(identity_of_certificate(&a, arena_concat(&a, der, STR("x")), &who, &err), -1);
    assert_int_equal(identity_of_certificate(&a, STR(""), &who, &err), -1);
    assert_int_equal(identity_of_certificate(&a, STR("not a certificate"), &who, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_name_is_the_user_and_organizations_are_groups),
        cmocka_unit_test(a_uid_attribute_is_the_uid),
        cmocka_unit_test(nobody_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
