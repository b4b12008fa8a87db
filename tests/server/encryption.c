/* Secrets that a key service encrypts, as clients of the server see it: what they may still do while it is
 * away, and what the server says of it. */
#include "store/encryption.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cluster.h"
#include "store/kms_plugin.h"
#include "test.h"

static const struct kms_timing quick = {.poll_ns = 50 * CLOCK_MS,
                                        .retry_ns = 20 * CLOCK_MS,
                                        .expire_ns = 500 * CLOCK_MS,
                                        .good_ns = CLOCK_MS,
                                        .bad_ns = CLOCK_MS};
static struct cluster c;
static struct kms_plugin *plugin;
static struct encryption *encryption;
static char dir[64], socket_path[96], state[96];

static void begin(void)
{
    _cleanup_arena_ struct arena a = {0};
    struct err err = {0};
    struct str text =
        arena_printf(&a,
                     "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
                     "- resources: [secrets, boats.example.com]\n  providers:\n"
                     "  - kms: {apiVersion: v2, name: vault, endpoint: 'unix://%s', timeout: 1s}\n",
                     socket_path);
    assert_ok(encryption_parse(text, &quick, &encryption, &err), err);
    cluster_start(&c, &(struct cluster_options){.state = state, .encryption = encryption});
}

static void end(void)
{
    cluster_stop(&c);
    encryption_free(encryption);
}

static int setup(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof dir, "/tmp/sagong-encryption-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(socket_path, sizeof socket_path, "%s/kms.sock", dir);
    snprintf(state, sizeof state, "%s/state", dir);
    plugin = kms_plugin_start(socket_path);
    begin();
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    end();
    if (plugin)
        kms_plugin_stop(plugin);
    plugin = NULL;
    file_remove_tree(dir, NULL);
    return 0;
}

/* Until an answer has this status. */
static struct answer until(const char *method, const char *path, const char *body, int status)
{
    for (int64_t end_at = clock_mono() + 20 * CLOCK_S;;) {
        struct answer a =
            ask(&c, c.as_admin, method, path, body ? "content-type: application/json" : NULL, body);
        if (a.status == status || clock_mono() > end_at) {
            assert_status(a, status);
            return a;
        }
        answer_clear(&a);
        clock_sleep(10 * CLOCK_MS);
    }
}

#define SECRETS "/api/v1/namespaces/default/secrets"
#define SECRET  SECRETS "/s"

static void secrets_stay_readable_while_the_service_is_away(void **unused)
{
    (void)unused;
    _cleanup_answer_ struct answer made =
        create(&c, SECRETS, "{\"metadata\":{\"name\":\"s\"},\"stringData\":{\"k\":\"the-value\"}}");
    _cleanup_answer_ struct answer well = get(&c, "/readyz?verbose");
    assert_true(str_find(well.response.body, STR("[+]kms-providers ok\n")) >= 0);
    kms_plugin_stop(plugin);
    plugin = NULL;
    _cleanup_answer_ struct answer ill = until("GET", "/livez/kms-providers", NULL, 500);
    _cleanup_answer_ struct answer refused =
        until("POST", SECRETS "?dryRun=", "{\"metadata\":{\"generateName\":\"t-\"}}", 500);
    assert_str(at(&refused, "reason"), "InternalError");
    assert_true(str_starts(at(&refused, "message"),
                           STR("Internal error occurred: encryptedDEKSource with keyID hash \"sha256:")));
    _cleanup_answer_ struct answer read = get(&c, SECRET);
    assert_status(read, 200);
    assert_str(at(&read, "data.k"), "dGhlLXZhbHVl");
    _cleanup_answer_ struct answer other =
        create(&c, "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"c\"}}");
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", SECRET, NULL, NULL);
    assert_status(gone, 200);
    plugin = kms_plugin_start(socket_path);
    _cleanup_answer_ struct answer again = until("GET", "/livez/kms-providers", NULL, 200);
    _cleanup_answer_ struct answer anew = until("POST", SECRETS, "{\"metadata\":{\"name\":\"s2\"}}", 201);
}

static void a_write_that_changes_nothing_takes_the_new_key(void **unused)
{
    (void)unused;
    _cleanup_answer_ struct answer made = create(&c, SECRETS, "{\"metadata\":{\"name\":\"s\"}}");
    const char *same = "{\"metadata\":{\"name\":\"s\"}}";
    struct str version = at(&made, "metadata.resourceVersion");
    _cleanup_answer_ struct answer noop = until("PUT", SECRET, same, 200);
    assert_true(str_eq(at(&noop, "metadata.resourceVersion"), version));
    kms_plugin_set(plugin, &(struct kms_plugin_manner){.key_id = "key-2"});
    for (int64_t end_at = clock_mono() + 20 * CLOCK_S;;) {
        _cleanup_answer_ struct answer again = until("PUT", SECRET, same, 200);
        if (!str_eq(at(&again, "metadata.resourceVersion"), version))
            break;
        assert_true(clock_mono() < end_at);
        clock_sleep(10 * CLOCK_MS);
    }
    _cleanup_answer_ struct answer metrics = get(&c, "/metrics");
    assert_true(str_find(metrics.response.body,
                         STR("# TYPE apiserver_envelope_encryption_key_id_hash_total counter\n")) >= 0);
    assert_true(
        str_find(metrics.response.body,
                 STR("apiserver_envelope_encryption_kms_operations_latency_seconds_count{grpc_status_code="
                     "\"OK\",method_name=\"/v2.KeyManagementService/Status\",provider_name=\"vault\"} ")) >=
        0);
}

static const char boats[] =
    "{\"metadata\":{\"name\":\"boats.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
    "\"Cluster\","
    "\"names\":{\"plural\":\"boats\",\"kind\":\"Boat\"},\"versions\":[{\"name\":\"v1\",\"served\":true,"
    "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}";

/* Custom resources are read when they are first asked for; until they can be, that is an error and not an
 * empty list. */
static void what_cannot_be_read_is_an_error(void **unused)
{
    (void)unused;
    _cleanup_answer_ struct answer defined =
        create(&c, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", boats);
    _cleanup_answer_ struct answer made =
        until("POST", "/apis/example.com/v1/boats",
              "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Boat\",\"metadata\":{\"name\":\"b\"}}", 201);
    end();
    kms_plugin_set(plugin, &(struct kms_plugin_manner){.refuses_decrypt = "sealed"});
    begin();
    _cleanup_answer_ struct answer list = get(&c, "/apis/example.com/v1/boats");
    assert_status(list, 500);
    assert_str(
        at(&list, "message"),
        "Internal error occurred: /registry/example.com/boats/b: failed to decrypt DEK, error: rpc error: "
        "code = PermissionDenied desc = sealed");
    _cleanup_answer_ struct answer watch = get(&c, "/apis/example.com/v1/boats?watch=true");
    assert_status(watch, 500);
    _cleanup_answer_ struct answer one = get(&c, "/apis/example.com/v1/boats/b");
    assert_status(one, 500);
    kms_plugin_set(plugin, &(struct kms_plugin_manner){0});
    _cleanup_answer_ struct answer again = until("GET", "/apis/example.com/v1/boats", NULL, 200);
    assert_int_equal(count(&again, "items"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(secrets_stay_readable_while_the_service_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_changes_nothing_takes_the_new_key, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
