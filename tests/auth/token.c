/* Static and bootstrap tokens. */
#include "test.h"

#include "auth/token.h"

static void a_token_file_names_users(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    struct token_file *f;
    assert_ok(token_file_parse(STR("t0ken,jane,uid1,\"dev,ops\"\r\n\nother,joe,uid2\nq,\"x \"\"y\"\"\",u\n"),
                               &f, &err),
              err);
    const struct identity *who = token_file_find(f, STR("t0ken"));
    assert_non_null(who);
    assert_str(who->name, "jane");
    assert_str(who->uid, "uid1");
    assert_int_equal(who->n_groups, 2);
    assert_str(who->groups[1], "ops");
    assert_int_equal(token_file_find(f, STR("other"))->n_groups, 0);
    assert_str(token_file_find(f, STR("q"))->name, "x \"y\"");
    assert_null(token_file_find(f, STR("t0ke")));
    assert_null(token_file_find(f, STR("")));
    token_file_free(f);
}

static void a_malformed_token_file_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"token,user\n", ",user,uid\n", "a,\"b,c\n", "a,b\"c,d\n",
                                      "a,\"b\"c,d\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        _cleanup_err_ struct err err = {0};
        struct token_file *f;
        assert_int_equal(token_file_parse(str_from(bad[i]), &f, &err), -1);
        assert_true(str_starts(err.message, STR("token file, line 1: ")));
    }
}

static void bootstrap_tokens_have_two_parts(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str id, secret, token = bootstrap_token_make(&a);
    assert_true(bootstrap_token_split(token, &id, &secret));
    assert_int_equal(id.n, 6);
    assert_int_equal(secret.n, 16);
    assert_false(str_eq(token, bootstrap_token_make(&a)));
    assert_false(bootstrap_token_split(STR("ABCDEF.0123456789abcdef"), &id, &secret));
    assert_false(bootstrap_token_split(STR("abcdef.0123456789abcde"), &id, &secret));
    assert_false(bootstrap_token_split(STR("abcdef-0123456789abcdef"), &id, &secret));
    assert_false(bootstrap_token_split(STR(""), &id, &secret));
}

static void bootstrap_groups_stay_among_bootstrappers(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct identity who;
    assert_true(bootstrap_token_identity(&a, STR("abcdef"),
                                         STR("system:bootstrappers:kubeadm:default-node-token"), &who));
    assert_str(who.name, "system:bootstrap:abcdef");
    assert_int_equal(who.n_groups, 2);
    assert_str(who.groups[0], "system:bootstrappers");
    assert_true(bootstrap_token_identity(&a, STR("abcdef"), STR(""), &who));
    assert_int_equal(who.n_groups, 1);
    assert_false(bootstrap_token_identity(&a, STR("abcdef"), STR("system:masters"), &who));
    assert_false(bootstrap_token_identity(&a, STR("abcdef"), STR("system:bootstrappers:"), &who));
    assert_false(bootstrap_token_identity(&a, STR("abcdef"), STR("system:bootstrappers:x-"), &who));
}

static void random_tokens_differ_and_compare(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str x = token_random(&a, 32), y = token_random(&a, 32);
    assert_int_equal(x.n, 64);
    assert_false(token_equal(x, y));
    assert_true(token_equal(x, arena_str(&a, x)));
    assert_false(token_equal(x, str_slice(x.p, 63)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_file_names_users),
        cmocka_unit_test(a_malformed_token_file_is_refused),
        cmocka_unit_test(bootstrap_tokens_have_two_parts),
        cmocka_unit_test(bootstrap_groups_stay_among_bootstrappers),
        cmocka_unit_test(random_tokens_differ_and_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
