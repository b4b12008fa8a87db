/* Watches: what they are told, from when, in which order, and what becomes of slow ones. */
#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "thing.h"

/* Wakes are counted and waited for. */
struct alarm {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int rung;
};

static void ring(void *arg)
{
    struct alarm *a = arg;
    _lock_(&a->mutex);
    a->rung++;
    pthread_cond_signal(&a->cond);
}

static void alarm_init(struct alarm *a)
{
    *a = (struct alarm){.rung = 0};
    pthread_mutex_init(&a->mutex, NULL);
    thread_cond_init(&a->cond);
}

/* The next event, waited for as a real watcher does. */
static void next_event(struct watch *w, struct alarm *a, struct watch_event *ev)
{
    for (int before = a->rung; !watch_next(w, ev); before = a->rung) {
        _lock_(&a->mutex);
        while (a->rung == before)
            if (!thread_cond_wait(&a->cond, &a->mutex, clock_mono() + 5 * CLOCK_S))
                fail_msg("no event came");
    }
}

static void expect(struct watch *w, struct alarm *a, enum watch_event_type type, const char *name,
                   const char *value)
{
    struct watch_event ev;
    next_event(w, a, &ev);
    assert_int_equal(ev.type, type);
    assert_str(object_name(ev.object), name);
    assert_str(thing_value(ev.object), value);
    assert_int_equal(object_revision(ev.object), ev.revision);
    watch_event_clear(&ev);
}

static void expect_nothing(struct watch *w)
{
    struct watch_event ev;
    if (watch_next(w, &ev))
        fail_msg("an event about " STR_FMT, STR_ARG(object_name(ev.object)));
}

struct fixture {
    struct store *store;
    struct alarm alarm;
};

static struct fixture open_store(size_t history)
{
    struct fixture f;
    struct err err = {0};
    assert_ok(store_open(&(struct store_options){.history = history}, &f.store, &err), err);
    return f;
}

static struct watch *open_watch(struct fixture *f, struct watch_selector sel, int64_t revision)
{
    struct err err = {0};
    struct watch *w;
    if (!sel.table)
        sel.table = store_table(f->store, things);
    assert_ok(store_watch(f->store, &sel, revision, ring, &f->alarm, &w, &err), err);
    return w;
}

static void test_a_watch_sees_every_change_in_order(void **state)
{
    (void)state;
    struct fixture f = open_store(0);
    alarm_init(&f.alarm);
    struct watch *w = open_watch(&f, (struct watch_selector){0}, store_revision(f.store));
    int64_t last;
    thing_create(f.store, things, "ns", "a", "1", NULL);
    thing_update(f.store, things, "ns", "a", "2", 0, NULL);
    thing_create(f.store, things, "ns", "b", "1", NULL);
    thing_delete(f.store, things, "ns", "a", 0, &last);
    expect(w, &f.alarm, WATCH_ADDED, "a", "1");
    expect(w, &f.alarm, WATCH_MODIFIED, "a", "2");
    expect(w, &f.alarm, WATCH_ADDED, "b", "1");
    struct watch_event ev;
    next_event(w, &f.alarm, &ev);
    assert_int_equal(ev.type, WATCH_DELETED);
    assert_int_equal(ev.revision, last);
    assert_int_equal(object_revision(ev.object), last); /* the last state, at the revision of the delete */
    assert_str(thing_value(ev.object), "2");
    assert_int_equal(object_revision(ev.before), last - 2);
    watch_event_clear(&ev);
    expect_nothing(w);
    watch_close(w);
    store_close(f.store);
}

static void test_a_watch_resumes_behind_a_revision(void **state)
{
    (void)state;
    struct fixture f = open_store(0);
    alarm_init(&f.alarm);
    int64_t first, second;
    thing_create(f.store, things, "ns", "a", "1", &first);
    thing_update(f.store, things, "ns", "a", "2", 0, &second);
    thing_create(f.store, wide_things, "", "other", "", NULL); /* another table's events are not its own */
    thing_update(f.store, things, "ns", "a", "3", 0, NULL);
    struct watch *w = open_watch(&f, (struct watch_selector){0}, first);
    expect(w, &f.alarm, WATCH_MODIFIED, "a", "2");
    expect(w, &f.alarm, WATCH_MODIFIED, "a", "3");
    expect_nothing(w);
    watch_close(w);
    w = open_watch(&f, (struct watch_selector){0},
                   store_revision(f.store) + 1); /* from one that is yet to come */
    thing_update(f.store, things, "ns", "a", "4", 0, NULL);
    thing_update(f.store, things, "ns", "a", "5", 0, NULL);
    expect(w, &f.alarm, WATCH_MODIFIED, "a", "5");
    watch_close(w);
    store_close(f.store);
}

static void test_what_history_forgot_is_expired(void **state)
{
    (void)state;
    struct fixture f = open_store(8);
    alarm_init(&f.alarm);
    struct table *t = store_table(f.store, things);
    int64_t first, at;
    thing_create(f.store, things, "ns", "a", "", &first);
    for (int i = 0; i < 8; i++)
        thing_update(f.store, things, "ns", "a", "", 0, &at);
    struct err err = {0};
    struct watch *w;
    assert_int_equal(
        store_watch(f.store, &(struct watch_selector){.table = t}, first - 1, ring, &f.alarm, &w, &err), -1);
    assert_int_equal(err.reason, ERR_EXPIRED);
    err_clear(&err);
    w = open_watch(&f, (struct watch_selector){0}, first); /* the eight after it are all there */
    for (int i = 0; i < 8; i++)
        expect(w, &f.alarm, WATCH_MODIFIED, "a", "");
    watch_close(w);
    /* A busy table does not make a quiet one forget. */
    thing_create(f.store, wide_things, "", "quiet", "", &first);
    for (int i = 0; i < 20; i++)
        thing_update(f.store, things, "ns", "a", "", 0, NULL);
    w = open_watch(&f, (struct watch_selector){.table = store_table(f.store, wide_things)}, first - 1);
    expect(w, &f.alarm, WATCH_ADDED, "quiet", "");
    watch_close(w);
    store_close(f.store);
}

static void test_history_grows_old(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    assert_ok(store_open(&(struct store_options){.snapshot_ns = 5 * CLOCK_MS}, &f.store, &err), err);
    int64_t first;
    thing_create(f.store, things, "ns", "a", "", &first);
    struct watch *w;
    int rc = 0;
    for (int i = 0; i < 500 && rc == 0; i++) { /* the commit thread looks about once a second */
        clock_sleep(10 * CLOCK_MS);
        rc = store_watch(f.store, &(struct watch_selector){.table = store_table(f.store, things)}, first - 1,
                         ring, &f.alarm, &w, &err);
        if (rc == 0)
            watch_close(w);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(err.reason, ERR_EXPIRED);
    err_clear(&err);
    store_close(f.store);
}

static void test_a_slow_watch_is_cut_off(void **state)
{
    (void)state;
    struct fixture f = open_store(8);
    alarm_init(&f.alarm);
    int64_t start = store_revision(f.store);
    struct watch *slow = open_watch(&f, (struct watch_selector){0}, start);
    thing_create(f.store, things, "ns", "a", "", NULL);
    for (int i = 0; i < 8; i++)
        thing_update(f.store, things, "ns", "a", "", 0, NULL);
    struct watch_event ev;
    assert_true(watch_next(slow, &ev));
    assert_int_equal(ev.type, WATCH_GONE);
    thing_update(f.store, things, "ns", "a", "", 0, NULL);
    assert_false(watch_next(slow, &ev)); /* and nothing after */
    assert_int_equal(watch_revision(slow), start);
    watch_close(slow);
    store_close(f.store);
}

/* Each selector with what it must see of: pods "x/a" (value "n1"), "x/b" ("n2"), "y/a" ("n1"), then "x/b" to
 * "n1". */
static void test_selectors_see_their_own_only(void **state)
{
    (void)state;
    static const struct {
        struct watch_selector sel;
        const char *want;
    } cases[] = {
        {{0}, "x/a x/b y/a x/b "},
        {{.ns = STR_INIT("x")}, "x/a x/b x/b "},
        {{.ns = STR_INIT("y")}, "y/a "},
        {{.ns = STR_INIT("x"), .name = STR_INIT("a")}, "x/a "},
        {{.name = STR_INIT("a")}, "x/a y/a "},
        {{.ns = STR_INIT("z"), .name = STR_INIT("a")}, ""},
        {{.field = STR_INIT("spec.nodeName"), .value = STR_INIT("n1")}, "x/a y/a x/b "},
        {{.field = STR_INIT("spec.nodeName"), .value = STR_INIT("n2")},
         "x/b x/b "}, /* it leaves: `before` matches */
        {{.field = STR_INIT("spec.nodeName"), .value = STR_INIT("")}, ""},
        {{.ns = STR_INIT("x"), .field = STR_INIT("spec.nodeName"), .value = STR_INIT("n1")}, "x/a x/b "},
        {{.name = STR_INIT("b"), .field = STR_INIT("spec.nodeName"), .value = STR_INIT("n1")}, "x/b "},
    };
    struct fixture f = open_store(0);
    alarm_init(&f.alarm);
    int64_t start = store_revision(f.store);
    struct watch *live[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        live[i] = open_watch(&f, cases[i].sel, start);
    thing_create(f.store, things, "x", "a", "n1", NULL);
    thing_create(f.store, things, "x", "b", "n2", NULL);
    thing_create(f.store, things, "y", "a", "n1", NULL);
    thing_update(f.store, things, "x", "b", "n1", 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct watch *both[] = {live[i],
                                open_watch(&f, cases[i].sel, start)}; /* as it happens, and from history */
        for (int k = 0; k < 2; k++) {
            char seen[64] = "";
            struct watch_event ev;
            while (watch_next(both[k], &ev)) {
                size_t n = strlen(seen);
                snprintf(seen + n, sizeof seen - n, STR_FMT "/" STR_FMT " ",
                         STR_ARG(object_namespace(ev.object)), STR_ARG(object_name(ev.object)));
                watch_event_clear(&ev);
            }
            assert_string_equal(seen, cases[i].want);
            watch_close(both[k]);
        }
    }
    struct err err = {0};
    struct watch *w;
    assert_int_equal(store_watch(f.store,
                                 &(struct watch_selector){.table = store_table(f.store, things),
                                                          .field = STR("spec.color"),
                                                          .value = STR("red")},
                                 start, ring, &f.alarm, &w, &err),
                     -1);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
    err_clear(&err);
    store_close(f.store);
}

static void test_wakes_come_once_until_all_is_read(void **state)
{
    (void)state;
    struct fixture f = open_store(0);
    alarm_init(&f.alarm);
    struct watch *w = open_watch(&f, (struct watch_selector){0}, store_revision(f.store));
    thing_create(f.store, things, "ns", "a", "", NULL);
    assert_int_equal(f.alarm.rung, 0); /* it never found nothing */
    expect(w, &f.alarm, WATCH_ADDED, "a", "");
    expect_nothing(w);
    for (int i = 0; i < 10; i++)
        thing_update(f.store, things, "ns", "a", "", 0, NULL);
    for (int i = 0; i < 10; i++)
        expect(w, &f.alarm, WATCH_MODIFIED, "a", "");
    assert_int_equal(f.alarm.rung, 1);
    watch_close(w);
    store_close(f.store);
}

static void test_bookmarks_move_with_the_store(void **state)
{
    (void)state;
    struct fixture f = open_store(0);
    alarm_init(&f.alarm);
    int64_t start = store_revision(f.store), other, mine;
    struct watch *w = open_watch(&f, (struct watch_selector){.ns = STR("ns")}, start);
    assert_int_equal(watch_revision(w), start);
    thing_create(f.store, things, "elsewhere", "a", "", &other);
    assert_int_equal(watch_revision(w), other); /* nothing for it up to here */
    thing_create(f.store, things, "ns", "a", "", &mine);
    assert_int_equal(watch_revision(w), start); /* an event waits: no more is promised than was told */
    expect(w, &f.alarm, WATCH_ADDED, "a", "");
    assert_int_equal(watch_revision(w), mine);
    watch_close(w);
    store_close(f.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_sees_every_change_in_order),
        cmocka_unit_test(test_a_watch_resumes_behind_a_revision),
        cmocka_unit_test(test_what_history_forgot_is_expired),
        cmocka_unit_test(test_history_grows_old),
        cmocka_unit_test(test_a_slow_watch_is_cut_off),
        cmocka_unit_test(test_selectors_see_their_own_only),
        cmocka_unit_test(test_wakes_come_once_until_all_is_read),
        cmocka_unit_test(test_bookmarks_move_with_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
