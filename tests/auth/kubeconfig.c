/* Kubeconfig files: written for kubectl, read for agents and the CLI. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "auth/kubeconfig.h"
#include "base/file.h"

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    char dir[] = "/tmp/sagong-kubeconfig-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/admin.kubeconfig", dir);
    struct kubeconfig k = {.server = STR("https://127.0.0.1:6443"),
                           .ca_pem = STR("CA\n"),
                           .cert_pem = STR("CERT\n"),
                           .key_pem = STR("KEY\n"),
                           .token = STR("a\"b\\c"),
                           .server_name = STR("kubernetes"),
                           .ns = STR("web")};
    assert_ok(kubeconfig_write(path, &k, &err), err);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    _cleanup_kubeconfig_ struct kubeconfig got = {0};
    assert_ok(kubeconfig_read(path, STR(""), &got, &err), err);
    assert_str(got.server, "https://127.0.0.1:6443");
    assert_str(got.ca_pem, "CA\n");
    assert_str(got.cert_pem, "CERT\n");
    assert_str(got.key_pem, "KEY\n");
    assert_str(got.token, "a\"b\\c");
    assert_str(got.server_name, "kubernetes");
    assert_str(got.ns, "web");
    assert_str(got.context, "admin@sagong");
    assert_false(got.insecure);
    file_remove_tree(dir, NULL);
}

static const char two_contexts[] =
    "apiVersion: v1\n"
    "kind: Config\n"
    "current-context: b\n"
    "clusters:\n"
    "- {name: one, cluster: {server: 'https://one:6443', certificate-authority: ca.pem}}\n"
    "- {name: two, cluster: {server: 'https://two:6443', insecure-skip-tls-verify: true}}\n"
    "users:\n"
    "- {name: u, user: {tokenFile: token}}\n"
    "- {name: plugin, user: {exec: {command: get-token}}}\n"
    "contexts:\n"
    "- {name: a, context: {cluster: one, user: u}}\n"
    "- {name: b, context: {cluster: two, user: nobody}}\n"
    "- {name: c, context: {cluster: three, user: u}}\n"
    "- {name: d, context: {cluster: two, user: plugin}}\n";

static void contexts_choose_and_files_are_read_beside_it(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    char dir[] = "/tmp/sagong-kubeconfig-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ca.pem", dir);
    assert_ok(file_write(path, STR("CA"), 0644, &err), err);
    snprintf(path, sizeof path, "%s/token", dir);
    assert_ok(file_write(path, STR("secret\n"), 0600, &err), err);
    _cleanup_kubeconfig_ struct kubeconfig a = {0}, b = {0}, none = {0};
    assert_ok(kubeconfig_parse(STR(two_contexts), dir, STR("a"), &a, &err), err);
    assert_str(a.server, "https://one:6443");
    assert_str(a.ca_pem, "CA");
    assert_str(a.token, "secret");
    assert_ok(kubeconfig_parse(STR(two_contexts), dir, STR(""), &b, &err), err);
    assert_str(b.server, "https://two:6443");
    assert_true(b.insecure);
    assert_int_equal(kubeconfig_parse(STR(two_contexts), dir, STR("c"), &none, &err), -1);
    assert_str(err.message, "kubeconfig: cluster \"three\" does not exist");
    assert_int_equal(kubeconfig_parse(STR(two_contexts), dir, STR("d"), &none, &err), -1);
    assert_int_equal(kubeconfig_parse(STR(two_contexts), dir, STR("x"), &none, &err), -1);
    assert_str(err.message, "kubeconfig: context \"x\" does not exist");
    file_remove_tree(dir, NULL);
}

static void json_is_fine_and_garbage_is_not(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_kubeconfig_ struct kubeconfig k = {0};
    assert_ok(kubeconfig_parse(
                  STR("{\"current-context\":\"x\",\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
                      "\"https://h\"}}],\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\"}}]}"),
                  ".", STR(""), &k, &err),
              err);
    assert_str(k.server, "https://h");
    static const char *const bad[] = {"", "a: [", "- 1", "\t", "current-context: {a: b}", "contexts: 7"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kubeconfig none;
        assert_int_equal(kubeconfig_parse(str_from(bad[i]), ".", STR(""), &none, &err), -1);
        assert_int_equal(err.reason, ERR_BAD_REQUEST);
    }
    struct kubeconfig none;
    assert_int_equal(kubeconfig_read("/nonexistent/kubeconfig", STR(""), &none, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(contexts_choose_and_files_are_read_beside_it),
        cmocka_unit_test(json_is_fine_and_garbage_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
