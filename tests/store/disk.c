/* What is on disk: restarts, durability classes, a full disk, two processes. */
#include "test.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "thing.h"

static struct store *open_at(const char *path, size_t map_size)
{
    struct err err = {0};
    struct store *s;
    assert_ok(store_open(&(struct store_options){.path = path, .map_size = map_size}, &s, &err), err);
    return s;
}

static void assert_value(struct store *s, const struct resource *r, const char *ns, const char *name,
                         const char *value)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, r), str_from(ns), str_from(name));
    assert_str(o ? thing_value(o) : STR("(absent)"), value);
}

static void test_a_restart_finds_everything_at_its_revision(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    struct store *s = open_at(path, 0);
    int64_t a, deleted;
    thing_create(s, things, "ns", "a", "1", &a);
    thing_create(s, things, "ns", "b", "1", NULL);
    thing_create(s, wide_things, "", "node", "10.0.0.0/24", NULL);
    thing_create(s, late_things, "ns", "lease", "me", NULL);
    thing_delete(s, things, "ns", "b", 0, &deleted);
    store_close(s);

    s = open_at(path, 0);
    assert_int_equal(store_revision(s), deleted); /* an orderly end reserves nothing */
    assert_value(s, things, "ns", "a", "1");
    assert_value(s, things, "ns", "b", "(absent)");
    assert_value(s, wide_things, "", "node", "10.0.0.0/24");
    assert_value(s, late_things, "ns", "lease", "me");
    struct snapshot *snap = store_snapshot(s);
    assert_int_equal(object_revision(snapshot_get(snap, store_table(s, things), STR("ns"), STR("a"))), a);
    snapshot_unref(snap);
    int64_t next;
    assert_int_equal(thing_update(s, things, "ns", "a", "2", a, &next), CHANGE_DONE);
    assert_int_equal(next, deleted + 1);

    /* What happened before this start, no watch can be told. */
    struct err err = {0};
    struct watch *w;
    struct watch_selector sel = {.table = store_table(s, things)};
    assert_int_equal(store_watch(s, &sel, deleted - 1, NULL, NULL, &w, &err), -1);
    assert_int_equal(err.reason, ERR_EXPIRED);
    assert_ok(store_watch(s, &sel, deleted, NULL, NULL, &w, &err), err);
    watch_close(w);
    err_clear(&err);
    store_close(s);
    thing_dir_remove(path);
}

/* Ends a child at once, as kill -9 would, after `work` has returned. */
static void in_a_process_that_dies(const char *path, void (*work)(struct store *s))
{
    pid_t child = fork();
    if (child == 0) {
        work(open_at(path, 0));
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static char *limited_path;

/* Addresses for 8 GiB more than there are by now, and no further. */
static void limit_addresses(struct store *s)
{
    store_close(s);
    struct rlimit limit;
    long pages;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_true(f && fscanf(f, "%ld", &pages) == 1);
    fclose(f);
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)8 << 30);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

static void one_change_in_few_addresses(struct store *s)
{
    limit_addresses(s);
    s = open_at(limited_path, 0);
    thing_create(s, things, "ns", "a", "1", NULL);
}

static void test_where_addresses_are_short_the_map_is_smaller(void **state)
{
    (void)state;
    limited_path = thing_dir_make();
    in_a_process_that_dies(limited_path, one_change_in_few_addresses);
    struct store *s = open_at(limited_path, 0);
    assert_value(s, things, "ns", "a", "1");
    store_close(s);
    thing_dir_remove(limited_path);
}

static void many_late_changes(struct store *s)
{
    thing_create(s, things, "ns", "durable", "", NULL);
    for (int i = 0; i < 20; i++)
        thing_update(s, late_things, "ns", "lease", "x", 0, NULL);
    thing_create(s, late_things, "ns", "lease", "x", NULL);
    for (int i = 0; i < 20; i++)
        thing_update(s, late_things, "ns", "lease", "x", 0, NULL);
}

static void test_no_revision_is_given_twice_over_a_crash(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    in_a_process_that_dies(path, many_late_changes);
    struct store *s = open_at(path, 0);
    int64_t given = 1 + 1 + 1 + 20; /* the start, the durable one, the lease made and updated */
    assert_true(store_revision(s) >= given);
    assert_value(s, things, "ns", "durable", "");
    store_close(s);
    thing_dir_remove(path);
}

static void a_late_change_and_a_pause(struct store *s)
{
    thing_create(s, late_things, "ns", "lease", "late", NULL);
    clock_sleep(CLOCK_S);
}

static void late_changes_and_a_durable_one(struct store *s)
{
    thing_update(s, late_things, "ns", "lease", "later", 0, NULL);
    thing_create(s, late_things, "ns", "brief", "", NULL);
    thing_delete(s, late_things, "ns", "brief", 0, NULL);
    thing_create(s, things, "ns", "a", "", NULL);
}

static void test_late_changes_are_written_soon_or_with_the_next_batch(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    in_a_process_that_dies(path, a_late_change_and_a_pause);
    struct store *s = open_at(path, 0);
    assert_value(s, late_things, "ns", "lease", "late");
    store_close(s);
    in_a_process_that_dies(path, late_changes_and_a_durable_one);
    s = open_at(path, 0);
    assert_value(s, late_things, "ns", "lease", "later");
    assert_value(s, late_things, "ns", "brief", "(absent)");
    store_close(s);
    thing_dir_remove(path);
}

static void test_keys_on_disk_are_upstreams(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    struct store *s = open_at(path, 0);
    thing_create(s, things, "ns", "a", "v", NULL);
    thing_create(s, wide_things, "", "n", "v", NULL);
    store_close(s);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_RDONLY, 0), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    static const char *const keys[] = {"/registry/pods/ns/a", "/registry/minions/n"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        MDB_val key = {strlen(keys[i]), (void *)keys[i]}, value;
        assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
    }
    mdb_txn_abort(txn);
    mdb_env_close(env);
    thing_dir_remove(path);
}

static void test_a_full_disk_fails_what_does_not_fit_and_nothing_else(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    struct store *s = open_at(path, 256 * 1024);
    char big[4001], name[16];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    int made = 0;
    int64_t before = 0;
    for (;; made++) {
        snprintf(name, sizeof name, "n%03d", made);
        before = store_revision(s);
        if (thing_create(s, things, "ns", name, big, NULL) != CHANGE_DONE)
            break;
        assert_true(made < 100);
    }
    assert_true(made > 10);
    assert_non_null(strstr(thing_failure, "has reached its limit"));
    assert_int_equal(store_revision(s), before); /* nothing of it happened */
    assert_value(s, things, "ns", name, "(absent)");
    /* It goes on: deletes make room, and then there is room. */
    for (int i = 0; i < made; i++) {
        snprintf(name, sizeof name, "n%03d", i);
        assert_int_equal(thing_delete(s, things, "ns", name, 0, NULL), CHANGE_DONE);
    }
    assert_int_equal(thing_create(s, things, "ns", "again", "small", NULL), CHANGE_DONE);
    store_close(s);
    s = open_at(path, 256 * 1024);
    assert_value(s, things, "ns", "again", "small");
    assert_value(s, things, "ns", "n000", "(absent)");
    store_close(s);
    thing_dir_remove(path);
}

static void answered(struct change *c)
{
    latch_set(&container_of(c, struct waited, change)->done);
}

static void test_one_change_too_large_does_not_fail_its_batch(void **state)
{
    (void)state;
    enum { CHANGES = 40, LARGE = 17 };
    char *path = thing_dir_make();
    struct store *s = open_at(path, 256 * 1024);
    char *huge = mem_zalloc(1024 * 1024 + 1), name[CHANGES][16];
    memset(huge, 'x', 1024 * 1024);
    static struct waited w[CHANGES];
    struct table *t = store_table(s, things);
    for (int i = 0; i < CHANGES; i++) {
        snprintf(name[i], sizeof name[i], "n%d", i);
        latch_init(&w[i].done);
        w[i].change = (struct change){
            .op = CHANGE_CREATE,
            .table = t,
            .object = thing_new(things, "ns", name[i], i == LARGE ? huge : "small"),
            .ns = STR("ns"),
            .name = str_from(name[i]),
            .done = answered,
        };
    }
    for (int i = 0; i < CHANGES; i++)
        store_submit(s, &w[i].change);
    for (int i = 0; i < CHANGES; i++) {
        latch_wait(&w[i].done, INT64_MAX);
        latch_destroy(&w[i].done);
        assert_int_equal(w[i].change.result, i == LARGE ? CHANGE_FAILED : CHANGE_DONE);
        object_unref(w[i].change.object);
        err_clear(&w[i].change.err);
    }
    store_close(s);
    free(huge);
    thing_dir_remove(path);
}

static void test_a_key_too_long_is_refused(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    struct store *s = open_at(path, 0);
    char name[600] = {0};
    memset(name, 'n', sizeof name - 1);
    assert_int_equal(thing_create(s, things, "ns", name, "", NULL), CHANGE_FAILED);
    assert_non_null(strstr(thing_failure, "name too long"));
    name[480] = 0;
    assert_int_equal(thing_create(s, things, "ns", name, "", NULL), CHANGE_DONE);
    store_close(s);
    thing_dir_remove(path);
}

static void test_a_second_process_is_told_who_has_it(void **state)
{
    (void)state;
    char *path = thing_dir_make(), pid[32];
    struct store *s = open_at(path, 0), *second;
    struct err err = {0};
    assert_int_equal(store_open(&(struct store_options){.path = path}, &second, &err), -1);
    snprintf(pid, sizeof pid, "process, id %d", (int)getpid());
    assert_true(str_find(err.message, STR("is in use by another process")) >= 0);
    assert_true(str_find(err.message, str_from(pid)) >= 0);
    err_clear(&err);
    store_close(s);
    store_close(open_at(path, 0));
    thing_dir_remove(path);
}

static void test_a_directory_that_cannot_be_used_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *s;
    assert_int_equal(store_open(&(struct store_options){.path = "/proc/no/such"}, &s, &err), -1);
    assert_true(str_find(err.message, STR("/proc/no")) >= 0);
    err_clear(&err);
}

static void test_thousands_load_at_once(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    char *path = thing_dir_make(), name[16];
    struct store *s = open_at(path, 0);
    static struct waited w[MANY];
    struct table *t = store_table(s, things);
    static char names[MANY][16];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "pod-%d", i);
        latch_init(&w[i].done);
        w[i].change = (struct change){.op = CHANGE_CREATE,
                                      .table = t,
                                      .object = thing_new(things, "ns", names[i], "n"),
                                      .ns = STR("ns"),
                                      .name = str_from(names[i]),
                                      .done = answered};
        store_submit(s, &w[i].change);
    }
    for (int i = 0; i < MANY; i++) {
        latch_wait(&w[i].done, INT64_MAX);
        latch_destroy(&w[i].done);
        assert_int_equal(w[i].change.result, CHANGE_DONE);
        object_unref(w[i].change.object);
    }
    store_close(s);
    s = open_at(path, 0);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    t = store_table(s, things);
    assert_int_equal(snapshot_count(snap, t, STR("ns")), MANY);
    for (int i = 0; i < MANY; i += 97) {
        snprintf(name, sizeof name, "pod-%d", i);
        assert_non_null(snapshot_get(snap, t, STR("ns"), str_from(name)));
    }
    snapshot_unref(snap);
    snap = NULL;
    store_close(s);
    thing_dir_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restart_finds_everything_at_its_revision),
        cmocka_unit_test(test_where_addresses_are_short_the_map_is_smaller),
        cmocka_unit_test(test_no_revision_is_given_twice_over_a_crash),
        cmocka_unit_test(test_late_changes_are_written_soon_or_with_the_next_batch),
        cmocka_unit_test(test_keys_on_disk_are_upstreams),
        cmocka_unit_test(test_a_full_disk_fails_what_does_not_fit_and_nothing_else),
        cmocka_unit_test(test_one_change_too_large_does_not_fail_its_batch),
        cmocka_unit_test(test_a_key_too_long_is_refused),
        cmocka_unit_test(test_a_second_process_is_told_who_has_it),
        cmocka_unit_test(test_a_directory_that_cannot_be_used_is_an_error),
        cmocka_unit_test(test_thousands_load_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
