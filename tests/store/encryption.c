/* Encryption at rest: nothing readable on disk, keys that change, and configurations that make no sense. */
#include "store/encryption.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "test.h"
#include "thing.h"

#define KEY_A "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define KEY_B "QUJDREVGR0hJSktMTU5PUEFCQ0RFRkdISUpLTE1OT1A="
#define CONFIG(providers)                                                                                    \
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n"                                \
    "resources:\n- resources: [pods, leases.coordination.k8s.io]\n  providers:\n" providers
#define ONE(resources)                                                                                       \
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n"                                \
    "resources:\n- {resources: [" resources "], providers: [{identity: {}}]}\n"
#define A(kind) "  - " kind ": {keys: [{name: a, secret: " KEY_A "}]}\n"

static struct encryption *parsed(const char *text)
{
    struct encryption *e = NULL;
    struct err err = {0};
    if (text)
        assert_ok(encryption_parse(str_from(text), NULL, &e, &err), err);
    return e;
}

/* Runs `use` on the store with this configuration. */
static void with(const char *path, const char *config, void (*use)(struct store *s))
{
    struct encryption *e = parsed(config);
    struct store *s;
    struct err err = {0};
    assert_ok(store_open(&(struct store_options){.path = path, .encryption = e}, &s, &err), err);
    use(s);
    store_close(s);
    encryption_free(e);
}

static bool on_disk(const char *path, const char *text)
{
    char file[256];
    _cleanup_buf_ struct buf data = {0};
    struct err err = {0};
    snprintf(file, sizeof file, "%s/data.mdb", path);
    assert_ok(file_read(file, 64 << 20, &data, &err), err);
    return str_find(buf_str(&data), str_from(text)) >= 0;
}

static void put(struct store *s)
{
    assert_int_equal(thing_create(s, things, "ns", "a", "thevalue-of-a", NULL), CHANGE_DONE);
    assert_int_equal(thing_create(s, wide_things, "", "w", "plainly-here", NULL), CHANGE_DONE);
}

static struct object *thing_a(struct store *s, struct snapshot *snap)
{
    struct object *o = snapshot_get(snap, store_table(s, things), STR("ns"), STR("a"));
    assert_non_null(o);
    assert_str(thing_value(o), "thevalue-of-a");
    return o;
}

static void find_fresh(struct store *s)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    assert_false(store_is_stale(s, thing_a(s, snap)));
}

static void find_stale_and_write(struct store *s)
{
    {
        _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
        assert_true(store_is_stale(s, thing_a(s, snap)));
    }
    assert_int_equal(thing_update(s, things, "ns", "a", "thevalue-of-a", 0, NULL), CHANGE_DONE);
    find_fresh(s);
}

static void what_is_sealed_cannot_be_read_from_the_disk(void **state)
{
    (void)state;
    static const char *const configs[] = {CONFIG(A("aesgcm")), CONFIG(A("aescbc")), CONFIG(A("secretbox"))};
    static const char *const prefixes[] = {
        "k8s:enc:aesgcm:v1:a:", "k8s:enc:aescbc:v1:a:", "k8s:enc:secretbox:v1:a:"};
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        char *path = thing_dir_make();
        with(path, configs[i], put);
        assert_true(on_disk(path, prefixes[i]));
        assert_false(on_disk(path, "thevalue-of-a"));
        assert_true(on_disk(path, "plainly-here")); /* of a kind that is not named */
        with(path, configs[i], find_fresh);
        thing_dir_remove(path);
    }
}

static void keys_change_with_the_writes(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    with(path, NULL, put);
    assert_true(on_disk(path, "thevalue-of-a"));
    with(path, CONFIG(A("aesgcm") "  - identity: {}\n"), find_stale_and_write);
    with(path, CONFIG("  - secretbox: {keys: [{name: b, secret: " KEY_B "}]}\n" A("aesgcm")),
         find_stale_and_write);
    with(path, CONFIG("  - secretbox: {keys: [{name: b, secret: " KEY_B "}]}\n"), find_fresh);
    with(path, CONFIG("  - identity: {}\n  - secretbox: {keys: [{name: b, secret: " KEY_B "}]}\n"),
         find_stale_and_write);
    with(path, NULL, find_fresh);
    thing_dir_remove(path);
}

static void a_wrong_key_opens_nothing(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf value = {0}, room = {0};
    _cleanup_err_ struct err err = {0};
    struct encryption *a = parsed(CONFIG(A("aesgcm"))),
                      *b = parsed(CONFIG("  - aesgcm: {keys: [{name: a, secret: " KEY_B "}]}\n"));
    struct str plain, place = STR("/registry/pods/ns/a");
    uint64_t id, opened;
    buf_add_lit(&value, "HEADERSXthe value");
    assert_ok(encryption_seal(a, things, place, &value, 8, &id, &err), err);
    assert_true(str_starts(buf_str(&value), STR("HEADERSXk8s:enc:aesgcm:v1:a:")));
    struct str stored = str_from_at(buf_str(&value), 8);
    assert_ok(encryption_open(a, things, place, stored, &room, &plain, &opened, &err), err);
    assert_true(id == opened && id == encryption_seal_id(a, things));
    assert_str(plain, "the value");
    assert_int_equal(encryption_open(b, things, place, stored, &room, &plain, &opened, &err), -1);
    assert_int_equal(encryption_open(NULL, things, place, stored, &room, &plain, &opened, &err), -1);
    assert_str(err.message, "/registry/pods/ns/a is encrypted by the provider \"aesgcm:v1:a\", which the "
                            "encryption configuration does not have for pods");
    encryption_free(a);
    encryption_free(b);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: []\n",
         "at least one resource is required"},
        {CONFIG("  - {}\n"), "does not contain any of the expected providers"},
        {CONFIG("  - {identity: {}, aesgcm: {keys: [{name: a, secret: " KEY_A "}]}}\n"),
         "more than one provider specified in a single element"},
        {CONFIG("  - aesgcm: {keys: []}\n"), "at least one key is required"},
        {CONFIG("  - aesgcm: {keys: [{name: a, secret: c2hvcnQ=}]}\n"),
         "resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: REDACTED: secret is not of the "
         "expected "
         "length, got 5, expected one of [16 24 32]"},
        {CONFIG("  - secretbox: {keys: [{name: a, secret: '*'}]}\n"), "secrets must be base64 encoded"},
        {CONFIG("  - secretbox: {keys: [{name: 'a:b', secret: " KEY_A "}]}\n"), "without colons"},
        {ONE("secrets, secrets"), "the same resource cannot be specified multiple times"},
        {ONE("secrets, '*.'"), "using overlapping resources such as 'secrets' and '*.'"},
        {ONE("Secrets"), "resource name should not contain capital letters"},
        {ONE("'*'"), "use '*.' to encrypt all the resources from core API group"},
        {ONE("pods.*"), "encrypting the same resource across groups is not supported"},
        {ONE("events.events.k8s.io"), "Use 'events' instead in the config file"},
        {ONE("a.extensions"), "'extensions' group has been removed"},
        {ONE("serviceipallocations"), "resources which do not have REST API/s cannot be encrypted"},
        {ONE("'*.apps'") "- {resources: [deployments.apps], providers: [{identity: {}}]}\n",
         "resource \"deployments.apps\" is masked by earlier rule \"*.apps\""},
        {"kind: Other\n", "EncryptionConfiguration"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct encryption *e;
        _cleanup_err_ struct err err = {0};
        assert_int_equal(encryption_parse(str_from(cases[i].text), NULL, &e, &err), -1);
        if (str_find(err.message, str_from(cases[i].says)) < 0)
            fail_msg("no %s in " STR_FMT, cases[i].says, STR_ARG(err.message));
        assert_true(str_find(err.message, STR(KEY_A)) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_cannot_be_read_from_the_disk),
        cmocka_unit_test(keys_change_with_the_writes),
        cmocka_unit_test(a_wrong_key_opens_nothing),
        cmocka_unit_test(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
