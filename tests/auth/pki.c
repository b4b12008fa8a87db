/* The certificate authority and what it issues. */
#include "test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/crypto.h"
#include "auth/identity.h"
#include "auth/pki.h"
#include "base/clock.h"
#include "base/file.h"

#define YEAR_S (365 * 86400)

static const struct str server_names[] = {STR_INIT("kubernetes.default.svc"), STR_INIT("10.96.0.1"),
                                          STR_INIT("::1")};
static const struct str admins[] = {STR_INIT("system:masters")};
static const struct pki_request server_request = {.common_name = STR_INIT("kube-apiserver"),
                                                  .names = server_names,
                                                  .n_names = 3,
                                                  .server = true,
                                                  .lifetime_s = YEAR_S};
static const struct pki_request admin_request = {.common_name = STR_INIT("kubernetes-admin"),
                                                 .organizations = admins,
                                                 .n_organizations = 1,
                                                 .client = true,
                                                 .lifetime_s = YEAR_S};

/* Whether the chain holds for this purpose (and host or address) now. */
static bool verifies(const struct pki_pair *ca, const struct pki_pair *pair, int purpose)
{
    X509 *root = crypto_certificate(buf_str(&ca->cert_pem), NULL),
         *x = crypto_certificate(buf_str(&pair->cert_pem), NULL);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_CTX_init(ctx, store, x, NULL);
    X509_STORE_CTX_set_purpose(ctx, purpose);
    bool ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(root);
    X509_free(x);
    return ok;
}

static bool names(const struct pki_pair *pair, const char *name)
{
    X509 *x = crypto_certificate(buf_str(&pair->cert_pem), NULL);
    bool ok = X509_check_host(x, name, strlen(name), 0, NULL) == 1 || X509_check_ip_asc(x, name, 0) == 1;
    X509_free(x);
    return ok;
}

static void a_server_certificate_names_its_hosts_and_addresses(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, server = {0};
    assert_ok(pki_make_ca(STR("kubernetes"), 10 * YEAR_S, &ca, &err), err);
    assert_ok(pki_issue(&ca, &server_request, &server, &err), err);
    assert_true(verifies(&ca, &server, X509_PURPOSE_SSL_SERVER));
    assert_false(verifies(&ca, &server, X509_PURPOSE_SSL_CLIENT));
    assert_true(names(&server, "kubernetes.default.svc"));
    assert_true(names(&server, "10.96.0.1"));
    assert_true(names(&server, "::1"));
    assert_false(names(&server, "10.96.0.2"));
    assert_false(names(&server, "evil.default.svc"));
}

static void another_authoritys_certificate_does_not_verify(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, other = {0}, client = {0};
    assert_ok(pki_make_ca(STR("kubernetes"), YEAR_S, &ca, &err), err);
    assert_ok(pki_make_ca(STR("kubernetes"), YEAR_S, &other, &err), err);
    assert_ok(pki_issue(&other, &admin_request, &client, &err), err);
    assert_false(verifies(&ca, &client, X509_PURPOSE_SSL_CLIENT));
    assert_true(verifies(&other, &client, X509_PURPOSE_SSL_CLIENT));
    assert_false(verifies(&other, &client, X509_PURPOSE_SSL_SERVER));
}

static void a_certificate_does_not_outlive_its_authority(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, client = {0};
    int64_t from, ca_until, until;
    assert_ok(pki_make_ca(STR("kubernetes"), 3600, &ca, &err), err);
    assert_ok(pki_issue(&ca, &admin_request, &client, &err), err);
    assert_ok(pki_validity(buf_str(&ca.cert_pem), &from, &ca_until, &err), err);
    assert_ok(pki_validity(buf_str(&client.cert_pem), &from, &until, &err), err);
    assert_int_equal(until, ca_until);
    assert_true(from <= clock_wall() / CLOCK_S);
}

static void a_name_may_be_longer_than_x520_wants(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, client = {0};
    _cleanup_buf_ struct buf der = {0};
    char name[200];
    memset(name, 'n', sizeof name);
    struct pki_request q = admin_request;
    q.common_name = str_slice(name, sizeof name);
    assert_ok(pki_make_ca(STR("kubernetes"), YEAR_S, &ca, &err), err);
    assert_ok(pki_issue(&ca, &q, &client, &err), err);
    assert_ok(pki_der(buf_str(&client.cert_pem), &der, &err), err);
    struct identity who;
    assert_ok(identity_of_certificate(&a, buf_str(&der), &who, &err), err);
    assert_int_equal(who.name.n, sizeof name);
}

static void a_signing_request_gets_what_the_signer_says(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, out = {0};
    assert_ok(pki_make_ca(STR("kubernetes"), YEAR_S, &ca, &err), err);
    struct str group = STR("system:nodes"), names[] = {STR("n1"), STR("10.0.0.7")};
    struct pki_request ask = {.common_name = STR("system:node:n1"),
                              .organizations = &group,
                              .n_organizations = 1,
                              .names = names,
                              .n_names = 2};
    _cleanup_buf_ struct buf pem = {0}, der = {0};
    assert_ok(pki_make_csr(&ask, &out.key_pem, &pem, &err), err);

    struct identity asked, got;
    struct str *want;
    size_t n;
    assert_ok(identity_of_csr(&a, buf_str(&pem), &asked, &want, &n, &err), err);
    assert_str(asked.name, "system:node:n1");
    assert_int_equal(asked.n_groups, 1);
    assert_str(asked.groups[0], "system:nodes");
    assert_int_equal(n, 2);
    assert_str(want[0], "n1");
    assert_str(want[1], "10.0.0.7");

    struct pki_request q = {.common_name = STR("somebody"), .client = true, .lifetime_s = 3600};
    assert_ok(pki_sign_csr(&ca, buf_str(&pem), &q, &out.cert_pem, &err), err);
    assert_ok(pki_der(buf_str(&out.cert_pem), &der, &err), err);
    assert_ok(identity_of_certificate(&a, buf_str(&der), &got, &err), err);
    assert_str(got.name, "somebody");
    assert_int_equal(got.n_groups, 0);

    pem.p[pem.n / 2] ^= 1; /* a request that was tampered with */
    assert_int_equal(pki_sign_csr(&ca, buf_str(&pem), &q, &out.cert_pem, &err), -1);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
}

/* --- in files --- */

static int make_dir(void **state)
{
    char template[] = "/tmp/sagong-pki-XXXXXX";
    *state = strdup(mkdtemp(template));
    return 0;
}

static int drop_dir(void **state)
{
    file_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

static void files_are_made_once_and_only_the_owner_reads_keys(void **state)
{
    const char *dir = *state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, again = {0}, first = {0}, second = {0};
    assert_ok(pki_ensure_ca(dir, "ca", STR("kubernetes"), 10 * YEAR_S, &ca, &err), err);
    assert_ok(pki_ensure_ca(dir, "ca", STR("kubernetes"), 10 * YEAR_S, &again, &err), err);
    assert_true(str_eq(buf_str(&ca.cert_pem), buf_str(&again.cert_pem)));
    assert_ok(pki_ensure(dir, "server", &ca, &server_request, &first, &err), err);
    assert_ok(pki_ensure(dir, "server", &ca, &server_request, &second, &err), err);
    assert_true(str_eq(buf_str(&first.cert_pem), buf_str(&second.cert_pem)));
    struct stat st;
    char path[200];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s.key", dir, i ? "server" : "ca");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void a_certificate_is_renewed_when_it_no_longer_fits(void **state)
{
    const char *dir = *state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, other = {0}, a = {0}, b = {0}, c = {0}, d = {0};
    assert_ok(pki_make_ca(STR("kubernetes"), 10 * YEAR_S, &ca, &err), err);
    assert_ok(pki_make_ca(STR("kubernetes"), 10 * YEAR_S, &other, &err), err);
    assert_ok(pki_ensure(dir, "server", &ca, &server_request, &a, &err), err);

    static const struct str more[] = {STR_INIT("kubernetes.default.svc"), STR_INIT("10.96.0.1"),
                                      STR_INIT("sagong.example")};
    struct pki_request q = server_request;
    q.names = more;
    assert_ok(pki_ensure(dir, "server", &ca, &q, &b, &err), err);
    assert_false(str_eq(buf_str(&a.cert_pem), buf_str(&b.cert_pem)));
    assert_true(names(&b, "sagong.example"));

    assert_ok(pki_ensure(dir, "server", &other, &q, &c, &err), err); /* another authority */
    assert_true(verifies(&other, &c, X509_PURPOSE_SSL_SERVER));

    q.lifetime_s = 60; /* of which the five minutes in the past are by far the most */
    assert_ok(pki_ensure(dir, "short", &other, &q, &d, &err), err);
    _cleanup_pki_pair_ struct pki_pair e = {0};
    assert_ok(pki_ensure(dir, "short", &other, &q, &e, &err), err);
    assert_false(str_eq(buf_str(&d.cert_pem), buf_str(&e.cert_pem)));
    assert_true(pki_renew_at(buf_str(&e.cert_pem)) < clock_wall());
    assert_true(pki_renew_at(STR("no certificate")) == 0);
}

static void a_broken_authority_is_an_error_and_stays(void **state)
{
    const char *dir = *state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair ca = {0}, other = {0}, got = {0};
    assert_ok(pki_make_ca(STR("kubernetes"), YEAR_S, &ca, &err), err);
    assert_ok(pki_make_ca(STR("kubernetes"), YEAR_S, &other, &err), err);
    assert_ok(pki_save(dir, "ca", &ca, &err), err);
    char path[200];
    snprintf(path, sizeof path, "%s/ca.key", dir);
    assert_ok(file_write(path, buf_str(&other.key_pem), 0600, &err), err);
    assert_int_equal(pki_ensure_ca(dir, "ca", STR("kubernetes"), YEAR_S, &got, &err), -1);
    assert_ok(file_write(path, STR("no key"), 0600, &err), err);
    assert_int_equal(pki_ensure_ca(dir, "ca", STR("kubernetes"), YEAR_S, &got, &err), -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pki_ensure_ca(dir, "ca", STR("kubernetes"), YEAR_S, &got, &err), -1);
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_certificate_names_its_hosts_and_addresses),
        cmocka_unit_test(another_authoritys_certificate_does_not_verify),
        cmocka_unit_test(a_certificate_does_not_outlive_its_authority),
        cmocka_unit_test(a_name_may_be_longer_than_x520_wants),
        cmocka_unit_test(a_signing_request_gets_what_the_signer_says),
        cmocka_unit_test_setup_teardown(files_are_made_once_and_only_the_owner_reads_keys, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(a_certificate_is_renewed_when_it_no_longer_fits, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_broken_authority_is_an_error_and_stays, make_dir, drop_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
