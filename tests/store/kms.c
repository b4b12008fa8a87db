/* Key services: values sealed with seeds that a service encrypts, a service that goes and comes back, that
 * changes its key, and that says what makes no sense. */
#include "store/kms.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "kms_plugin.h"
#include "store/encryption.h"
#include "store/envelope.h"
#include "test.h"
#include "thing.h"

static const struct kms_timing quick = {.poll_ns = 50 * CLOCK_MS,
                                        .retry_ns = 20 * CLOCK_MS,
                                        .expire_ns = 600 * CLOCK_MS,
                                        .good_ns = CLOCK_MS,
                                        .bad_ns = CLOCK_MS};
static char *dir;
static char socket_path[96];

static int setup(void **state)
{
    (void)state;
    dir = thing_dir_make();
    snprintf(socket_path, sizeof socket_path, "%s.sock", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    thing_dir_remove(dir);
    return 0;
}

static struct kms *service(void)
{
    return kms_new(STR("vault"), str_from(socket_path), CLOCK_S, &quick);
}

#define PLACE STR("/registry/secrets/a/b")

/* Waits until kms_check says that (NULL: that all is well). */
static void wait_for(struct kms *k, const char *problem)
{
    int64_t until = clock_mono() + 10 * CLOCK_S;
    for (;;) {
        _cleanup_err_ struct err err = {0};
        bool well = kms_check(k, &err) == 0;
        if (problem ? str_find(err.message, str_from(problem)) >= 0 : well)
            return;
        if (clock_mono() > until)
            fail_msg("no \"%s\" but \"" STR_FMT "\"", problem ? problem : "ok", STR_ARG(err.message));
        clock_sleep(5 * CLOCK_MS);
    }
}

static void assert_opens(struct kms *k, struct str sealed, const char *plain)
{
    _cleanup_buf_ struct buf out = {0};
    _cleanup_err_ struct err err = {0};
    uint64_t id;
    assert_ok(kms_open(k, PLACE, sealed, &out, &id, &err), err);
    assert_str(buf_str(&out), plain);
}

/* What kube-apiserver has written (as its own code lays it out): seed 00..1f, encrypted by this plug-in. */
static void what_others_have_sealed_opens(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct kms *k = service();
    static const char data[] = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fc8c9cacbcccdc"
                               "ecfd0d1d2d37f8d51261c7f01"
                               "6906a0ff624fb0d4f3f8ebc06a84d7034cd044426b38a244b4c833169aae81";
    _cleanup_buf_ struct buf sealed = {0};
    buf_add_lit(&sealed, "\x0a\x52");
    assert_int_equal(decode_hex(&sealed, str_from(data)), 0);
    buf_add_lit(&sealed, "\x12\x05other\x1a\x20");
    for (int i = 0; i < 32; i++)
        buf_add_c(&sealed, (char)(i + 7));
    buf_add_lit(&sealed, "\x22\x0e\x0a\x05"
                         "a.com\x12\x05noted\x28\x01");
    for (int i = 0; i < 3; i++)
        assert_opens(k, buf_str(&sealed), "a boat on the mountain");
    assert_int_equal(kms_plugin_counts(p)->decrypts, 1); /* then its seed is known */
    kms_free(k);
    kms_plugin_stop(p);
}

static void one_seed_seals_many_values(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    kms_plugin_set(p, &(struct kms_plugin_manner){.annotation = "kms.example.com"});
    struct kms *k = service();
    _cleanup_buf_ struct buf one = {0}, two = {0};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct envelope e, f;
    uint64_t id;
    assert_ok(kms_seal(k, PLACE, STR("text"), &one, &id, &err), err);
    assert_ok(kms_seal(k, PLACE, STR("text"), &two, &id, &err), err);
    assert_true(id && id == kms_id(k));
    assert_ok(envelope_read(&a, buf_str(&one), &e, &err), err);
    assert_ok(envelope_read(&a, buf_str(&two), &f, &err), err);
    assert_true(str_eq(e.source, f.source));
    assert_false(str_eq(str_slice(e.data.p, 32), str_slice(f.data.p, 32))); /* but a key of its own */
    assert_str(e.key_id, "key-1");
    assert_int_equal(e.source_type, ENVELOPE_SEED);
    assert_str(e.annotations.at[0].key, "kms.example.com");
    assert_opens(k, buf_str(&one), "text");
    assert_int_equal(kms_plugin_counts(p)->encrypts, 1);
    assert_int_equal(kms_plugin_counts(p)->decrypts, 0);
    kms_free(k);
    k = service(); /* another server, which does not know the seed */
    assert_opens(k, buf_str(&two), "text");
    assert_int_equal(kms_plugin_counts(p)->decrypts, 1);
    kms_free(k);
    kms_plugin_stop(p);
}

static void a_changed_key_is_followed(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct kms *k = service();
    _cleanup_buf_ struct buf before = {0}, after = {0};
    _cleanup_err_ struct err err = {0};
    uint64_t old, new;
    assert_ok(kms_seal(k, PLACE, STR("text"), &before, &old, &err), err);
    kms_plugin_set(p, &(struct kms_plugin_manner){.key_id = "key-2"});
    for (int64_t until = clock_mono() + 10 * CLOCK_S; kms_id(k) == old && clock_mono() < until;)
        clock_sleep(5 * CLOCK_MS);
    assert_ok(kms_seal(k, PLACE, STR("text"), &after, &new, &err), err);
    assert_true(new != old);
    assert_true(str_find(buf_str(&after), STR("key-2")) >= 0);
    assert_opens(k, buf_str(&before), "text");
    kms_free(k);
    kms_plugin_stop(p);
}

static void without_the_service_values_can_be_sealed_for_a_while(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct kms *k = service();
    _cleanup_buf_ struct buf sealed = {0}, more = {0};
    _cleanup_err_ struct err err = {0};
    uint64_t id;
    assert_ok(kms_seal(k, PLACE, STR("text"), &sealed, &id, &err), err);
    kms_plugin_stop(p);
    wait_for(
        k, "failed to perform status section of the healthz check for KMS Provider vault, error: rpc error: "
           "code = Unavailable desc = ");
    for (int64_t until = clock_mono() + 10 * CLOCK_S;
         kms_seal(k, PLACE, STR("text"), &more, &id, &err) == 0 && clock_mono() < until;)
        clock_sleep(5 * CLOCK_MS);
    assert_int_equal(err.reason, ERR_INTERNAL);
    assert_true(str_starts(err.message,
                           STR("Internal error occurred: encryptedDEKSource with keyID hash \"sha256:")));
    assert_true(str_find(err.message, STR(" expired at ")) >= 0);
    assert_opens(k, buf_str(&sealed), "text"); /* its seed is still known */
    p = kms_plugin_start(socket_path);
    wait_for(k, NULL);
    assert_ok(kms_seal(k, PLACE, STR("text"), &more, &id, &err), err);
    assert_int_equal(kms_plugin_counts(p)->encrypts, 0); /* the seed serves on */
    kms_free(k);
    kms_plugin_stop(p);
}

static void a_service_that_comes_late_is_found(void **state)
{
    (void)state;
    struct kms *k = service();
    _cleanup_buf_ struct buf out = {0};
    _cleanup_err_ struct err err = {0};
    uint64_t id;
    assert_int_equal(kms_id(k), 0);
    assert_int_equal(kms_seal(k, PLACE, STR("text"), &out, &id, &err), -1);
    assert_str(err.message, "Internal error occurred: got unexpected nil transformer");
    struct kms_plugin *p = kms_plugin_start(socket_path);
    wait_for(k, NULL);
    assert_ok(kms_seal(k, PLACE, STR("text"), &out, &id, &err), err);
    kms_free(k);
    kms_plugin_stop(p);
}

static void what_makes_no_sense_is_said(void **state)
{
    (void)state;
    static char long_id[2000];
    memset(long_id, 'k', sizeof long_id - 1);
    static const struct {
        struct kms_plugin_manner manner;
        const char *says;
    } cases[] = {
        {{.healthz = "sealed"},
         "kmsv2 Provider vault is not healthy, error: got unexpected healthz status: sealed"},
        {{.version = "v3"}, "expected KMSv2 API version v2, got v3"},
        {{.version = "v2beta1"},
         "KMSv2 API version should not change after the initial status response version v2, got v2beta1"},
        {{.key_id = ""}, "got invalid KMSv2 KeyID hash \"\": keyID is empty"},
        {{.key_id = long_id}, "keyID is 1999 bytes, which exceeds the max size of 1024"},
        {{.key_id = "key-9", .encrypts_as = "key-8"}, "failed to rotate DEK"},
        {{.key_id = "key-9", .annotation = "nodots"}, "failed to validate annotations"},
        {{.key_id = "key-9", .ciphertext_bytes = 1025},
         "failed to validate encrypted DEK source: encrypted DEK source is 1025 bytes"},
        {{.key_id = "key-9", .ciphertext_bytes = 300000}, "code = ResourceExhausted"},
        {{.silent_ms = 1500}, "rpc error: code = DeadlineExceeded desc = context deadline exceeded"},
    };
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct kms *k = service();
    uint64_t id = kms_id(k);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        kms_plugin_set(p, &cases[i].manner);
        wait_for(k, cases[i].says);
        assert_true(kms_id(k) == id);
        kms_plugin_set(p, &(struct kms_plugin_manner){0});
        wait_for(k, NULL);
    }
    kms_free(k);
    kms_plugin_stop(p);
}

static void a_refusal_to_decrypt_is_told(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct kms *k = service();
    _cleanup_buf_ struct buf sealed = {0}, out = {0};
    _cleanup_err_ struct err err = {0};
    uint64_t id;
    assert_ok(kms_seal(k, PLACE, STR("text"), &sealed, &id, &err), err);
    kms_free(k);
    kms_plugin_set(p, &(struct kms_plugin_manner){.refuses_decrypt = "not%20you"});
    k = service();
    assert_int_equal(kms_open(k, PLACE, buf_str(&sealed), &out, &id, &err), -1);
    assert_int_equal(err.reason, ERR_UNAVAILABLE);
    assert_str(err.message,
               "failed to decrypt DEK, error: rpc error: code = PermissionDenied desc = not you");
    kms_plugin_set(p, &(struct kms_plugin_manner){0});
    assert_int_equal(kms_open(k, STR("/registry/secrets/a/c"), buf_str(&sealed), &out, &id, &err), -1);
    assert_int_equal(err.reason, ERR_INTERNAL); /* it was moved */
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_equal(kms_open(k, PLACE, str_slice(sealed.p, n), &out, &id, &err), -1);
    kms_free(k);
    kms_plugin_stop(p);
}

static void it_is_measured(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct kms *k = service();
    _cleanup_buf_ struct buf sealed = {0}, out = {0};
    uint64_t id;
    assert_int_equal(kms_seal(k, PLACE, STR("text"), &sealed, &id, NULL), 0);
    assert_opens(k, buf_str(&sealed), "text");
    kms_plugin_set(p, &(struct kms_plugin_manner){.key_id = ""});
    wait_for(k, "keyID is empty");
    for (int f = 0; f < KMS_FAMILIES; f++) {
        kms_metrics_head((enum kms_family)f, &out);
        kms_metrics(k, (enum kms_family)f, &out);
    }
    static const char *const all[] = {
        "apiserver_envelope_encryption_kms_operations_latency_seconds_count{grpc_status_code=\"OK\",method_"
        "name="
        "\"/v2.KeyManagementService/Encrypt\",provider_name=\"vault\"} 1\n",
        "provider_name=\"vault\",transformation_type=\"to_storage\"} 1\n",
        "provider_name=\"vault\",transformation_type=\"from_storage\"} 1\n",
        "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{key_id_hash=\"sha256:",
        "apiserver_envelope_encryption_invalid_key_id_from_status_total{error=\"empty\",provider_name="
        "\"vault\"} ",
        "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds{key_id_hash=\"sha256:",
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (str_find(buf_str(&out), str_from(all[i])) < 0)
            fail_msg("no %s in " STR_FMT, all[i], STR_ARG(buf_str(&out)));
    assert_true(str_find(buf_str(&out), STR("key-1")) < 0); /* only its hash */
    kms_free(k);
    kms_plugin_stop(p);
}

/* --- in the store --- */

#define CONFIG                                                                                               \
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: "       \
    "[pods]\n"                                                                                               \
    "  providers:\n"
static struct encryption *config(const char *providers)
{
    _cleanup_arena_ struct arena a = {0};
    struct encryption *e;
    struct err err = {0};
    struct str text = arena_printf(&a, CONFIG "%s", providers);
    assert_ok(encryption_parse(text, &quick, &e, &err), err);
    return e;
}

static const char *vault(void)
{
    static char text[256];
    snprintf(text, sizeof text,
             "  - kms: {apiVersion: v2, name: vault, endpoint: 'unix://%s', timeout: 1s}\n", socket_path);
    return text;
}

static struct store *opened(struct encryption *e)
{
    struct store *s;
    struct err err = {0};
    assert_ok(store_open(&(struct store_options){.path = dir, .encryption = e}, &s, &err), err);
    return s;
}

static void the_store_lives_with_it(void **state)
{
    (void)state;
    struct kms_plugin *p = kms_plugin_start(socket_path);
    struct encryption *e = config(vault());
    struct store *s = opened(e);
    assert_int_equal(thing_create(s, things, "ns", "a", "the-value", NULL), CHANGE_DONE);
    {
        _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
        struct object *o = snapshot_get(snap, store_table(s, things), STR("ns"), STR("a"));
        assert_false(store_is_stale(s, o));
        kms_plugin_set(p, &(struct kms_plugin_manner){.key_id = "key-2"});
        for (int64_t until = clock_mono() + 10 * CLOCK_S; !store_is_stale(s, o) && clock_mono() < until;)
            clock_sleep(5 * CLOCK_MS);
        assert_true(store_is_stale(s, o)); /* it is to be written with the new key */
    }
    kms_plugin_stop(p);
    /* Too long without the service: nothing new. */
    for (int64_t until = clock_mono() + 10 * CLOCK_S;
         thing_update(s, things, "ns", "a", "the-value", 0, NULL) == CHANGE_DONE && clock_mono() < until;)
        clock_sleep(5 * CLOCK_MS);
    assert_int_equal(thing_update(s, things, "ns", "a", "the-value", 0, NULL), CHANGE_FAILED);
    assert_non_null(strstr(thing_failure, "Internal error occurred: encryptedDEKSource with keyID hash"));
    assert_int_equal(thing_create(s, wide_things, "", "w", "plain", NULL), CHANGE_DONE);
    store_close(s);
    encryption_free(e);
    /* Nor can it be read by who begins anew. */
    e = config(vault());
    s = opened(e);
    _cleanup_err_ struct err err = {0};
    assert_int_equal(store_load(s, &err), -1);
    assert_int_equal(err.reason, ERR_UNAVAILABLE);
    assert_true(
        str_starts(err.message, STR("/registry/pods/ns/a: failed to decrypt DEK, error: rpc error: ")));
    struct table *t = store_table(s, things);
    assert_int_equal(store_table_check(s, t, &err), -1);
    assert_true(str_starts(err.message, STR("Internal error occurred: /registry/pods/ns/a: ")));
    assert_int_equal(thing_create(s, things, "ns", "b", "v", NULL), CHANGE_FAILED);
    struct watch *w;
    assert_int_equal(
        store_watch(s, &(struct watch_selector){.table = t}, store_revision(s), NULL, NULL, &w, &err), -1);
    /* Until the service is back. */
    p = kms_plugin_start(socket_path);
    for (int64_t until = clock_mono() + 20 * CLOCK_S; store_load(s, NULL) < 0 && clock_mono() < until;)
        clock_sleep(20 * CLOCK_MS);
    {
        _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
        struct object *o = snapshot_get(snap, store_table(s, things), STR("ns"), STR("a"));
        assert_non_null(o);
        assert_str(thing_value(o), "the-value");
    }
    store_close(s);
    encryption_free(e);
    kms_plugin_stop(p);
}

static void another_configuration_takes_over(void **state)
{
    (void)state;
#define KEYS "  - aesgcm: {keys: [{name: a, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}\n"
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct encryption *e = config(KEYS);
    struct store *s = opened(e);
    assert_int_equal(thing_create(s, things, "ns", "a", "the-value", NULL), CHANGE_DONE);
    assert_int_equal(encryption_reload(e, STR("kind: Other"), &err), -1);
    assert_false(encryption_has_services(e));
    struct kms_plugin *p = kms_plugin_start(socket_path);
    assert_ok(encryption_reload(e, arena_printf(&a, CONFIG "%s" KEYS, vault()), &err), err);
    assert_true(encryption_has_services(e));
    {
        _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
        assert_true(store_is_stale(s, snapshot_get(snap, store_table(s, things), STR("ns"), STR("a"))));
    }
    assert_int_equal(thing_update(s, things, "ns", "a", "the-value", 0, NULL), CHANGE_DONE);
    _cleanup_buf_ struct buf metrics = {0};
    encryption_metrics(e, &metrics);
    assert_true(
        str_find(
            buf_str(&metrics),
            STR("apiserver_encryption_config_controller_automatic_reloads_total{status=\"success\"} 1")) >=
        0);
    assert_true(
        str_find(
            buf_str(&metrics),
            STR("apiserver_encryption_config_controller_automatic_reloads_total{status=\"failure\"} 1")) >=
        0);
    store_close(s);
    encryption_free(e);
    e = config(vault()); /* the old key is not needed any more */
    s = opened(e);
    assert_ok(store_load(s, &err), err);
    store_close(s);
    encryption_free(e);
    kms_plugin_stop(p);
}

static void bad_services_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kms, *says;
    } cases[] = {
        {"name: k, endpoint: 'unix:///x'",
         "KMSv1 is deprecated and not supported. Use KMSv2 instead: apiVersion: v2"},
        {"apiVersion: v1, name: k, endpoint: 'unix:///x'", "KMSv1 is deprecated"},
        {"apiVersion: v3, name: k, endpoint: 'unix:///x'", "unsupported apiVersion v3 for KMS provider"},
        {"apiVersion: v2, endpoint: 'unix:///x'",
         "resources[0].providers[0].kms.name: Required value: name is a mandatory field for a provider"},
        {"apiVersion: v2, name: 'a:b', endpoint: 'unix:///x'",
         "invalid KMS provider name a:b, must not contain ':'"},
        {"apiVersion: v2, name: k", "endpoint is a mandatory field for a kms"},
        {"apiVersion: v2, name: k, endpoint: 'tcp://x'", "unsupported scheme \"tcp\" for KMS provider"},
        {"apiVersion: v2, name: k, endpoint: 'unix://x'", "it has no path"},
        {"apiVersion: v2, name: k, endpoint: 'unix:///x', timeout: 0s", "timeout should be a positive value"},
        {"apiVersion: v2, name: k, endpoint: 'unix:///x', timeout: -3s",
         "timeout should be a positive value"},
        {"apiVersion: v2, name: k, endpoint: 'unix:///x', cachesize: 5", "cachesize is not supported in v2"},
        {"apiVersion: v2, name: k, endpoint: 'unix:///x'}\n  - kms: {apiVersion: v2, name: k, endpoint: "
         "'unix:///y'",
         "resources[0].providers[1].kms.name: Invalid value: \"k\": duplicate KMS provider name k"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct encryption *e;
        struct str text = arena_printf(&a, CONFIG "  - kms: {%s}\n", cases[i].kms);
        assert_int_equal(encryption_parse(text, &quick, &e, &err), -1);
        if (str_find(err.message, str_from(cases[i].says)) < 0)
            fail_msg("no %s in " STR_FMT, cases[i].says, STR_ARG(err.message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_others_have_sealed_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(one_seed_seals_many_values, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_key_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(without_the_service_values_can_be_sealed_for_a_while, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_service_that_comes_late_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_to_decrypt_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_measured, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_lives_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(another_configuration_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_services_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
