/* What readers and writers see: preconditions, snapshots, cursors, continue tokens. */
#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "thing.h"

static struct store *open_in_memory(void)
{
    struct err err = {0};
    struct store *s;
    assert_ok(store_open(&(struct store_options){0}, &s, &err), err);
    return s;
}

/* The value that the newest snapshot has, "" when absent. */
static void assert_value(struct store *s, const char *ns, const char *name, const char *value)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, things), str_from(ns), str_from(name));
    assert_str(o ? thing_value(o) : STR("(absent)"), value);
}

static void test_each_change_has_its_own_revision(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    int64_t start = store_revision(s), a, b, c;
    assert_int_equal(thing_create(s, things, "ns", "a", "1", &a), CHANGE_DONE);
    assert_int_equal(thing_create(s, things, "ns", "b", "1", &b), CHANGE_DONE);
    assert_int_equal(thing_delete(s, things, "ns", "a", 0, &c), CHANGE_DONE);
    assert_int_equal(a, start + 1);
    assert_int_equal(b, start + 2);
    assert_int_equal(c, start + 3);
    assert_int_equal(store_revision(s), c);
    store_close(s);
}

static void test_preconditions(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    int64_t made, changed;
    assert_int_equal(thing_update(s, things, "ns", "a", "0", 5, NULL), CHANGE_ABSENT);
    assert_int_equal(thing_delete(s, things, "ns", "a", 5, NULL), CHANGE_ABSENT);
    assert_int_equal(thing_create(s, things, "ns", "a", "1", &made), CHANGE_DONE);
    assert_int_equal(thing_create(s, things, "ns", "a", "2", NULL), CHANGE_EXISTS);
    assert_int_equal(thing_update(s, things, "ns", "a", "3", made, &changed), CHANGE_DONE);
    assert_int_equal(thing_update(s, things, "ns", "a", "4", made, NULL), CHANGE_CONFLICT);
    assert_int_equal(thing_delete(s, things, "ns", "a", made, NULL), CHANGE_CONFLICT);
    assert_value(s, "ns", "a", "3");
    assert_int_equal(thing_delete(s, things, "ns", "a", changed, NULL), CHANGE_DONE);
    assert_value(s, "ns", "a", "(absent)");
    store_close(s);
}

static void note(struct change *c)
{
    latch_set(&container_of(c, struct waited, change)->done);
}

static void test_changes_of_one_batch_see_each_other(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    struct waited w[20] = {0};
    /* Submitted at once: of ten creates and ten deletes in turn, every one must succeed, in order. */
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        latch_init(&w[i].done);
        w[i].change = (struct change){
            .op = i % 2 ? CHANGE_DELETE : CHANGE_CREATE,
            .table = store_table(s, things),
            .object = i % 2 ? NULL : thing_new(things, "ns", "a", "v"),
            .ns = STR("ns"),
            .name = STR("a"),
            .done = note,
        };
        store_submit(s, &w[i].change);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        latch_wait(&w[i].done, INT64_MAX);
        latch_destroy(&w[i].done);
        assert_int_equal(w[i].change.result, CHANGE_DONE);
        if (i)
            assert_int_equal(w[i].change.revision, w[i - 1].change.revision + 1);
        if (i % 2) { /* a delete hands over the last state, at the delete's revision */
            assert_int_equal(object_revision(w[i].change.current), w[i].change.revision);
            assert_str(thing_value(w[i].change.current), "v");
        } else {
            object_unref(w[i].change.object);
        }
        object_unref(w[i].change.current);
    }
    store_close(s);
}

static void test_a_failed_precondition_hands_over_what_is_there(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    int64_t made;
    thing_create(s, things, "ns", "a", "there", &made);
    _cleanup_object_ struct object *o = thing_new(things, "ns", "a", "new");
    struct waited w = {.change = {.op = CHANGE_CREATE,
                                  .table = store_table(s, things),
                                  .object = o,
                                  .ns = STR("ns"),
                                  .name = STR("a"),
                                  .done = note}};
    latch_init(&w.done);
    store_submit(s, &w.change);
    latch_wait(&w.done, INT64_MAX);
    latch_destroy(&w.done);
    assert_int_equal(w.change.result, CHANGE_EXISTS);
    assert_str(thing_value(w.change.current), "there");
    assert_int_equal(object_revision(w.change.current), made);
    object_unref(w.change.current);
    store_close(s);
}

static void test_a_snapshot_stays_as_it_was(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "n%d", i);
        thing_create(s, things, "ns", name, "old", NULL);
    }
    struct table *t = store_table(s, things);
    struct snapshot *snap = store_snapshot(s);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "n%d", i);
        if (i % 2)
            thing_update(s, things, "ns", name, "new", 0, NULL);
        else
            thing_delete(s, things, "ns", name, 0, NULL);
    }
    thing_create(s, wide_things, "", "w", "of a table that the snapshot does not know", NULL);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_str(thing_value(snapshot_get(snap, t, STR("ns"), str_from(name))), "old");
    }
    assert_int_equal(snapshot_count(snap, t, STR("")), 200);
    assert_null(snapshot_get(snap, store_table(s, wide_things), STR(""), STR("w")));
    snapshot_unref(snap);
    assert_value(s, "ns", "n1", "new");
    assert_value(s, "ns", "n2", "(absent)");
    store_close(s);
}

/* Snapshots are given back in any order; what each shows must live exactly as long. */
static void test_snapshots_go_in_any_order(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    struct table *t = store_table(s, things);
    struct snapshot *snaps[24];
    char value[16];
    thing_create(s, things, "ns", "a", "0", NULL);
    for (int i = 0; i < 24; i++) {
        snaps[i] = store_snapshot(s);
        snprintf(value, sizeof value, "%d", i + 1);
        thing_update(s, things, "ns", "a", value, 0, NULL);
    }
    for (int step = 0; step < 24; step++) {
        int i = step * 7 % 24;
        snprintf(value, sizeof value, "%d", i);
        assert_str(thing_value(snapshot_get(snaps[i], t, STR("ns"), STR("a"))), value);
        snapshot_unref(snaps[i]);
    }
    store_close(s);
}

static void test_a_cursor_walks_a_namespace_or_all(void **state)
{
    (void)state;
    struct store *s = open_in_memory();
    struct table *t = store_table(s, things);
    static const char *const keys[][2] = {{"a", "x"}, {"a-b", "x"}, {"a", "y"}, {"b", "x"}, {"b", "z"}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        thing_create(s, things, keys[i][0], keys[i][1], "", NULL);
    struct snapshot *snap = store_snapshot(s);
    struct cursor c;
    cursor_open(&c, snap, t, STR(""), STR(""), STR(""));
    assert_int_equal(c.left, 5);
    assert_str(object_namespace(cursor_next(&c)), "a-b"); /* '-' sorts before '/' */
    assert_str(object_namespace(cursor_next(&c)), "a");
    assert_int_equal(c.left, 3);

    cursor_open(&c, snap, t, STR("a"), STR(""), STR(""));
    assert_str(object_name(cursor_next(&c)), "x");
    assert_str(object_name(cursor_next(&c)), "y");
    assert_null(cursor_next(&c));

    cursor_open(&c, snap, t, STR("b"), STR("b"), STR("x")); /* goes on behind a key */
    assert_int_equal(c.left, 1);
    assert_str(object_name(cursor_next(&c)), "z");
    assert_null(cursor_next(&c));

    cursor_open(&c, snap, t, STR("absent"), STR(""), STR(""));
    assert_null(cursor_next(&c));
    assert_int_equal(snapshot_count(snap, t, STR("a")), 2);
    snapshot_unref(snap);
    store_close(s);
}

static void test_a_kept_revision_is_there_until_its_time(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *s = open_in_memory();
    int64_t then;
    thing_create(s, things, "ns", "a", "old", &then);
    struct snapshot *snap = store_snapshot(s);
    snapshot_keep(snap);
    snapshot_unref(snap);
    thing_update(s, things, "ns", "a", "new", 0, NULL);

    assert_ok(store_snapshot_at(s, then, &snap, &err), err);
    assert_str(thing_value(snapshot_get(snap, store_table(s, things), STR("ns"), STR("a"))), "old");
    snapshot_unref(snap);
    assert_ok(store_snapshot_at(s, store_revision(s), &snap, &err), err);
    snapshot_unref(snap);

    assert_int_equal(store_snapshot_at(s, then - 1, &snap, &err), -1); /* nobody kept it */
    assert_int_equal(err.reason, ERR_EXPIRED);
    assert_int_equal(store_snapshot_at(s, then + 100, &snap, &err), -1); /* it is yet to come */
    assert_int_equal(err.reason, ERR_TIMEOUT);
    err_clear(&err);
    store_close(s);
}

static void test_a_kept_revision_expires(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *s;
    assert_ok(store_open(&(struct store_options){.snapshot_ns = 5 * CLOCK_MS}, &s, &err), err);
    int64_t then;
    thing_create(s, things, "ns", "a", "old", &then);
    struct snapshot *snap = store_snapshot(s);
    snapshot_keep(snap);
    snapshot_unref(snap);
    thing_update(s, things, "ns", "a", "new", 0, NULL);
    clock_sleep(6 * CLOCK_MS);
    assert_int_equal(store_snapshot_at(s, then, &snap, &err), -1);
    assert_int_equal(err.reason, ERR_EXPIRED);
    err_clear(&err);
    store_close(s);
}

static void test_more_kept_revisions_than_there_is_room_for(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *s = open_in_memory();
    struct snapshot *snap;
    int64_t first = 0, last = 0;
    for (int i = 0; i < 1100; i++) {
        thing_update(s, things, "ns", "a", "v", 0, NULL);
        thing_create(s, things, "ns", "a", "v", NULL);
        snap = store_snapshot(s);
        last = snapshot_revision(snap);
        first = first ? first : last;
        snapshot_keep(snap);
        snapshot_unref(snap);
    }
    thing_delete(s, things, "ns", "a", 0, NULL);
    assert_int_equal(store_snapshot_at(s, first, &snap, &err), -1);
    assert_ok(store_snapshot_at(s, last, &snap, &err), err);
    snapshot_unref(snap);
    err_clear(&err);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_change_has_its_own_revision),
        cmocka_unit_test(test_preconditions),
        cmocka_unit_test(test_changes_of_one_batch_see_each_other),
        cmocka_unit_test(test_a_failed_precondition_hands_over_what_is_there),
        cmocka_unit_test(test_a_snapshot_stays_as_it_was),
        cmocka_unit_test(test_snapshots_go_in_any_order),
        cmocka_unit_test(test_a_cursor_walks_a_namespace_or_all),
        cmocka_unit_test(test_a_kept_revision_is_there_until_its_time),
        cmocka_unit_test(test_a_kept_revision_expires),
        cmocka_unit_test(test_more_kept_revisions_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
