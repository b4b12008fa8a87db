/* Many threads that write, read and watch at once: nothing is lost, nothing is seen twice, nothing goes back.
 * Built with -Db_sanitize=thread it also shows that nothing races. */
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "thing.h"

enum { WRITERS = 6, READERS = 3, WATCHERS = 3, CHANGES = 300, NAMES = 50 };

struct race {
    struct store *store;
    atomic_int done_writing;
    _Atomic int64_t changes_done, last_revision;
};

static void write_some(void *arg)
{
    struct race *r = arg;
    for (int i = 0; i < CHANGES; i++) {
        char name[16];
        int64_t revision = 0;
        snprintf(name, sizeof name, "n%d", (int)random_below(NAMES));
        enum change_result result;
        switch (random_below(3)) {
        case 0:
            result = thing_create(r->store, things, "ns", name, "n1", &revision);
            break;
        case 1:
            result = thing_update(r->store, things, "ns", name, random_below(2) ? "n1" : "n2", 0, &revision);
            break;
        default:
            result = thing_delete(r->store, things, "ns", name, 0, &revision);
        }
        if (result == CHANGE_DONE) {
            atomic_fetch_add(&r->changes_done, 1);
            int64_t last = r->last_revision;
            while (last < revision && !atomic_compare_exchange_weak(&r->last_revision, &last, revision))
                ;
            ensure(store_revision(r->store) >= revision); /* what is answered is published */
        }
    }
    atomic_fetch_add(&r->done_writing, 1);
}

/* Each snapshot is whole: walking it twice gives the same, in order, and revisions never go back. */
static void read_all(void *arg)
{
    struct race *r = arg;
    int64_t newest = 0;
    while (r->done_writing < WRITERS) {
        struct snapshot *snap = store_snapshot(r->store);
        struct table *t = store_table(r->store, things);
        ensure(snapshot_revision(snap) >= newest);
        newest = snapshot_revision(snap);
        if (random_below(4) == 0)
            snapshot_keep(snap);
        int64_t sum[2] = {0};
        for (int turn = 0; turn < 2; turn++) {
            struct cursor c;
            cursor_open(&c, snap, t, STR("ns"), STR(""), STR(""));
            struct str before = STR("");
            size_t n = 0;
            for (struct object *o; (o = cursor_next(&c)); n++) {
                ensure(str_cmp(before, object_name(o)) < 0);
                ensure(object_revision(o) <= newest);
                before = object_name(o);
                sum[turn] += object_revision(o) + (int64_t)thing_value(o).n;
            }
            ensure(n == snapshot_count(snap, t, STR("ns")));
        }
        ensure(sum[0] == sum[1]);
        snapshot_unref(snap);
    }
}

static void ring(void *arg)
{
    latch_set(arg);
}

/* A watch from the start must see every change exactly once, in order; its picture must end as the store's.
 */
static void watch_all(void *arg)
{
    struct race *r = arg;
    struct latch rung;
    latch_init(&rung);
    struct watch *w;
    ensure(store_watch(r->store, &(struct watch_selector){.table = store_table(r->store, things)}, 1, ring,
                       &rung, &w, NULL) == 0);
    int64_t seen = 0, last = 1;
    while (r->done_writing < WRITERS || last < r->last_revision) {
        struct watch_event ev;
        while (watch_next(w, &ev)) {
            ensure(ev.type != WATCH_GONE);
            ensure(ev.revision == last + 1);
            last = ev.revision;
            seen++;
            watch_event_clear(&ev);
        }
        latch_wait(&rung, clock_mono() + 10 * CLOCK_MS);
        latch_reset(&rung);
    }
    ensure(seen == r->changes_done);
    watch_close(w);
    latch_destroy(&rung);
}

/* Watches that come and go while events fly. */
static void come_and_go(void *arg)
{
    struct race *r = arg;
    while (r->done_writing < WRITERS) {
        struct latch rung;
        latch_init(&rung);
        struct watch *w;
        struct watch_selector sel = {
            .table = store_table(r->store, things), .field = STR("spec.nodeName"), .value = STR("n2")};
        ensure(store_watch(r->store, &sel, store_revision(r->store), ring, &rung, &w, NULL) == 0);
        struct watch_event ev;
        for (int i = 0; i < 5; i++) {
            if (watch_next(w, &ev))
                watch_event_clear(&ev);
            else
                latch_wait(&rung, clock_mono() + CLOCK_MS);
        }
        watch_close(w);
        latch_destroy(&rung);
    }
}

static void run_race(const char *path)
{
    struct err err = {0};
    struct race r = {0};
    assert_ok(store_open(&(struct store_options){.path = path, .snapshot_ns = 20 * CLOCK_MS * 1000}, &r.store,
                         &err),
              err);
    pthread_t threads[WRITERS + READERS + 2 * WATCHERS];
    size_t n = 0;
    for (int i = 0; i < WATCHERS; i++) {
        threads[n++] = thread_start("watch", watch_all, &r);
        threads[n++] = thread_start("come", come_and_go, &r);
    }
    for (int i = 0; i < READERS; i++)
        threads[n++] = thread_start("read", read_all, &r);
    for (int i = 0; i < WRITERS; i++)
        threads[n++] = thread_start("write", write_some, &r);
    while (n)
        thread_join(threads[--n]);
    assert_int_equal(store_revision(r.store), 1 + r.changes_done);
    store_close(r.store);
}

static void test_in_memory(void **state)
{
    (void)state;
    run_race(NULL);
}

static void test_on_disk(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    run_race(path);
    thing_dir_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
