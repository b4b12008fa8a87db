/* Service account tokens, bound to what they are bound to. */
#include "test.h"

#include "auth/service_account.h"
#include "base/clock.h"

static struct jwt_key *key, *other_key;
static const struct str issuer = STR_INIT("https://kubernetes.default.svc.cluster.local");
static struct service_account_verifier verifier;

static struct jwt_key *make(void)
{
    _cleanup_buf_ struct buf pem = {0};
    _cleanup_err_ struct err err = {0};
    struct jwt_key *k;
    assert_ok(jwt_key_make(false, &pem, &err), err);
    assert_ok(jwt_key_parse(buf_str(&pem), &k, &err), err);
    return k;
}

static int make_keys(void **state)
{
    (void)state;
    key = make();
    other_key = make();
    verifier = (struct service_account_verifier){.keys = &key,
                                                 .n_keys = 1,
                                                 .issuers = &issuer,
                                                 .n_issuers = 1,
                                                 .audiences = &issuer,
                                                 .n_audiences = 1};
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    jwt_key_free(key);
    jwt_key_free(other_key);
    return 0;
}

/* The claims of a pod's token, as they are now. */
static struct service_account_claims claims(void)
{
    int64_t now = clock_wall() / CLOCK_S;
    return (struct service_account_claims){.issuer = issuer,
                                           .audiences = &issuer,
                                           .n_audiences = 1,
                                           .issued_at = now,
                                           .not_before = now,
                                           .expires = now + 3600,
                                           .warn_after = now + 1800,
                                           .ns = STR("web"),
                                           .account = {STR("builder"), STR("uid-sa")},
                                           .pod = {STR("web-0"), STR("uid-pod")},
                                           .node = {STR("n1"), STR("uid-node")}};
}

static struct str issue(struct arena *a, const struct jwt_key *k, const struct service_account_claims *c)
{
    _cleanup_buf_ struct buf b = {0};
    _cleanup_err_ struct err err = {0};
    assert_ok(service_account_issue(k, c, &b, &err), err);
    return arena_str(a, buf_str(&b));
}

static void expect_refused(const struct service_account_claims *c, const struct jwt_key *k,
                           const char *message)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct service_account_claims got;
    assert_int_equal(service_account_verify(&verifier, &a, issue(&a, k, c), &got, &err), -1);
    assert_int_equal(err.reason, ERR_UNAUTHORIZED);
    assert_str(err.message, message);
}

static void an_issued_token_verifies_and_tells_who_it_is(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct service_account_claims c = claims(), got;
    struct str token = issue(&a, key, &c);
    assert_true(service_account_is_token(&verifier, token));
    assert_ok(service_account_verify(&verifier, &a, token, &got, &err), err);
    assert_str(got.ns, "web");
    assert_str(got.account.uid, "uid-sa");
    assert_str(got.pod.name, "web-0");
    assert_str(got.secret.name, "");
    assert_int_equal(got.expires, c.expires);
    assert_int_equal(got.warn_after, c.warn_after);
    assert_int_equal(got.id.n, 36);

    struct identity who;
    service_account_identity(&a, &got, &who);
    assert_str(who.name, "system:serviceaccount:web:builder");
    assert_str(who.uid, "uid-sa");
    assert_int_equal(who.n_groups, 2);
    assert_str(who.groups[0], "system:serviceaccounts");
    assert_str(who.groups[1], "system:serviceaccounts:web");
    assert_int_equal(who.n_extra, 5);
    assert_str(who.extra[0].key, "authentication.kubernetes.io/credential-id");
    assert_true(str_starts(who.extra[0].values[0], STR("JTI=")));
    assert_str(who.extra[1].key, "authentication.kubernetes.io/pod-name");
    assert_str(who.extra[4].values[0], "uid-node");
}

static void claims_read_as_upstream_writes_them(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct service_account_claims c = {.issuer = STR("iss"),
                                       .audiences = &issuer,
                                       .n_audiences = 1,
                                       .id = STR("id"),
                                       .issued_at = 1,
                                       .not_before = 1,
                                       .expires = 2,
                                       .ns = STR("ns"),
                                       .account = {STR("sa"), STR("u")},
                                       .secret = {STR("s"), STR("v")}};
    struct str payload;
    assert_int_equal(jwt_verify(&key, 1, issue(&a, key, &c), &a, &payload, NULL), 0);
    assert_str(
        payload,
        "{\"aud\":[\"https://kubernetes.default.svc.cluster.local\"],\"exp\":2,\"iat\":1,\"iss\":\"iss\","
        "\"jti\":\"id\",\"kubernetes.io\":{\"namespace\":\"ns\",\"secret\":{\"name\":\"s\",\"uid\":\"v\"},"
        "\"serviceaccount\":{\"name\":\"sa\",\"uid\":\"u\"}},\"nbf\":1,"
        "\"sub\":\"system:serviceaccount:ns:sa\"}");
}

static void time_counts_with_a_minute_of_leeway(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int64_t now = clock_wall() / CLOCK_S;
    struct service_account_claims c = claims(), got;
    c.expires = now - 90;
    expect_refused(&c, key, "service account token has expired");
    c.expires = now - 30;
    assert_int_equal(service_account_verify(&verifier, &a, issue(&a, key, &c), &got, NULL), 0);
    c = claims();
    c.not_before = now + 90;
    expect_refused(&c, key, "service account token is not valid yet");
    c.not_before = now + 30;
    assert_int_equal(service_account_verify(&verifier, &a, issue(&a, key, &c), &got, NULL), 0);
    c.issued_at = now + 3600;
    expect_refused(&c, key, "service account token claims could not be validated");
    c = claims();
    c.expires = 0; /* for ever */
    expect_refused(&c, key, "service account token claims could not be validated");
}

static void tokens_for_others_are_refused(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct str vault[] = {STR_INIT("vault"), STR_INIT("store")};
    struct service_account_claims c = claims();
    c.audiences = vault;
    c.n_audiences = 2;
    expect_refused(&c, key,
                   "token audiences [\"vault\" \"store\"] is invalid for the target audiences "
                   "[\"https://kubernetes.default.svc.cluster.local\"]");
    c.n_audiences = 0;
    expect_refused(&c, key,
                   "token audiences [] is invalid for the target audiences "
                   "[\"https://kubernetes.default.svc.cluster.local\"]");
    c = claims();
    c.issuer = STR("https://somewhere.else");
    expect_refused(&c, key, "token issuer \"https://somewhere.else\" is invalid");
    assert_false(service_account_is_token(&verifier, issue(&a, key, &c)));
    assert_false(service_account_is_token(&verifier, STR("abcdef.0123456789abcdef")));
    assert_false(service_account_is_token(&verifier, STR("")));
    c = claims();
    expect_refused(&c, other_key, "invalid signature, no keys found");
}

static void odd_payloads_under_a_good_signature_are_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}",
        "[]",
        "null",
        "{\"iss\":1}",
        "{\"iss\":\"https://"
        "kubernetes.default.svc.cluster.local\",\"aud\":7,\"exp\":9999999999,\"sub\":\"root\"}",
        /* the subject is not the account */
        "{\"iss\":\"https://kubernetes.default.svc.cluster.local\",\"aud\":\"https://"
        "kubernetes.default.svc.cluster.local\","
        "\"exp\":9999999999,\"sub\":\"system:serviceaccount:kube-system:admin\","
        "\"kubernetes.io\":{\"namespace\":\"web\",\"serviceaccount\":{\"name\":\"builder\",\"uid\":\"u\"}}}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_buf_ struct buf b = {0};
        _cleanup_err_ struct err err = {0};
        struct service_account_claims got;
        assert_ok(jwt_sign(key, str_from(odd[i]), &b, &err), err);
        assert_int_equal(service_account_verify(&verifier, &a, buf_str(&b), &got, &err), -1);
    }
}

static void a_secrets_token_names_its_secret_and_never_expires(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf token = {0};
    _cleanup_err_ struct err err = {0};
    struct service_account_claims c = {.ns = STR("web"),
                                       .account = {STR("builder"), STR("uid-sa")},
                                       .secret = {.name = STR("builder-token-x7k2p")}},
                                  got;
    assert_ok(service_account_issue_legacy(key, &c, &token, &err), err);
    struct str payload;
    assert_int_equal(jwt_verify(&key, 1, buf_str(&token), &a, &payload, NULL), 0);
    assert_str(payload, "{\"iss\":\"kubernetes/serviceaccount\","
                        "\"kubernetes.io/serviceaccount/namespace\":\"web\","
                        "\"kubernetes.io/serviceaccount/secret.name\":\"builder-token-x7k2p\","
                        "\"kubernetes.io/serviceaccount/service-account.name\":\"builder\","
                        "\"kubernetes.io/serviceaccount/service-account.uid\":\"uid-sa\","
                        "\"sub\":\"system:serviceaccount:web:builder\"}");
    assert_true(service_account_is_token(&verifier, buf_str(&token)));
    assert_ok(service_account_verify(&verifier, &a, buf_str(&token), &got, &err), err);
    assert_true(got.legacy);
    assert_str(got.ns, "web");
    assert_str(got.account.uid, "uid-sa");
    assert_str(got.secret.name, "builder-token-x7k2p");
    struct service_account_verifier other = verifier;
    other.keys = &other_key;
    assert_int_equal(service_account_verify(&other, &a, buf_str(&token), &got, NULL), -1);
}

static void a_secrets_token_must_say_all_of_it(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct service_account_claims all = {
        .ns = STR("web"), .account = {STR("builder"), STR("uid-sa")}, .secret = {.name = STR("s")}};
    struct service_account_claims lacking[] = {all, all, all, all};
    lacking[0].ns = lacking[1].account.name = lacking[2].account.uid = lacking[3].secret.name =
        (struct str){0};
    for (size_t i = 0; i < ARRAY_LEN(lacking); i++) {
        _cleanup_buf_ struct buf token = {0};
        _cleanup_err_ struct err err = {0};
        struct service_account_claims got;
        assert_int_equal(service_account_issue_legacy(key, &lacking[i], &token, NULL), 0);
        assert_int_equal(service_account_verify(&verifier, &a, buf_str(&token), &got, &err), -1);
        assert_str(err.message, "service account token claims could not be validated");
    }
}

static void user_names_split(void **state)
{
    (void)state;
    struct str ns, name;
    assert_true(service_account_split(STR("system:serviceaccount:web:builder"), &ns, &name));
    assert_str(ns, "web");
    assert_str(name, "builder");
    assert_false(service_account_split(STR("system:serviceaccount:web"), &ns, &name));
    assert_false(service_account_split(STR("system:serviceaccount::x"), &ns, &name));
    assert_false(service_account_split(STR("system:serviceaccount:a:b:c"), &ns, &name));
    assert_false(service_account_split(STR("jane"), &ns, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issued_token_verifies_and_tells_who_it_is),
        cmocka_unit_test(claims_read_as_upstream_writes_them),
        cmocka_unit_test(time_counts_with_a_minute_of_leeway),
        cmocka_unit_test(tokens_for_others_are_refused),
        cmocka_unit_test(odd_payloads_under_a_good_signature_are_refused),
        cmocka_unit_test(a_secrets_token_names_its_secret_and_never_expires),
        cmocka_unit_test(a_secrets_token_must_say_all_of_it),
        cmocka_unit_test(user_names_split),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
