/* kill -9 at any moment loses no acknowledged write. A child writes and says what was acknowledged, through
 * memory that outlives it; it is killed after a few milliseconds, and the next round looks for all of it. */
#include "test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "thing.h"

enum { ROUNDS = 200, WRITERS = 4, NAMES = 16 };

/* What is known of each name: the value acknowledged last (0: none, it was deleted or never made), and, while
 * a change is on its way, the value that it may have got. Values are never used twice. */
struct ledger {
    struct entry {
        _Atomic int64_t acked, tried, revision;
        atomic_bool pending;
    } at[WRITERS][NAMES];
    _Atomic int64_t values, changes;
};

struct writer {
    struct store *store;
    struct ledger *ledger;
    int number;
};

static void write_until_killed(void *arg)
{
    struct writer *w = arg;
    for (;;) {
        size_t i = random_below(NAMES);
        struct entry *e = &w->ledger->at[w->number][i];
        char ns[8], name[16], value[24];
        snprintf(ns, sizeof ns, "w%d", w->number);
        snprintf(name, sizeof name, "n%zu", i);
        int64_t next = e->acked && random_below(4) == 0 ? 0 : atomic_fetch_add(&w->ledger->values, 1) + 1,
                revision;
        snprintf(value, sizeof value, "%ld", next);
        e->tried = next;
        e->pending = true;
        enum change_result result = next == 0  ? thing_delete(w->store, things, ns, name, 0, &revision)
                                    : e->acked ? thing_update(w->store, things, ns, name, value, 0, &revision)
                                               : thing_create(w->store, things, ns, name, value, &revision);
        ensure(result == CHANGE_DONE);
        e->acked = next;
        e->revision = revision;
        e->pending = false;
        atomic_fetch_add(&w->ledger->changes, 1);
    }
}

static void check(struct store *s, struct ledger *l)
{
    struct snapshot *snap = store_snapshot(s);
    struct table *t = store_table(s, things);
    for (int k = 0; k < WRITERS; k++)
        for (int i = 0; i < NAMES; i++) {
            struct entry *e = &l->at[k][i];
            char ns[8], name[16];
            snprintf(ns, sizeof ns, "w%d", k);
            snprintf(name, sizeof name, "n%d", i);
            struct object *o = snapshot_get(snap, t, str_from(ns), str_from(name));
            int64_t found = 0;
            if (o && !str_to_i64(thing_value(o), &found))
                fail_msg("%s/%s holds \"" STR_FMT "\"", ns, name, STR_ARG(thing_value(o)));
            if (found != e->acked && !(e->pending && found == e->tried))
                fail_msg("%s/%s: %ld was acknowledged, %ld is there", ns, name, e->acked, found);
            assert_true(store_revision(s) >= e->revision);
            if (o && found == e->acked && !e->pending)
                assert_int_equal(object_revision(o), e->revision);
            e->acked = found;
            e->revision = o ? object_revision(o) : e->revision;
            e->pending = false;
        }
    snapshot_unref(snap);
}

static void write_for_ever(const char *path, struct ledger *l, int started)
{
    struct store *s;
    ensure(store_open(&(struct store_options){.path = path}, &s, NULL) == 0);
    static struct writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){s, l, i};
        thread_start("writer", write_until_killed, &writers[i]);
    }
    ensure(write(started, "", 1) == 1);
    for (;;)
        pause();
}

static void test_every_acknowledged_write_is_found_again(void **state)
{
    (void)state;
    char *path = thing_dir_make();
    struct ledger *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(l != MAP_FAILED);
    for (int round = 0; round < ROUNDS; round++) {
        int started[2];
        char byte;
        assert_int_equal(pipe(started), 0);
        pid_t child = fork();
        if (child == 0)
            write_for_ever(path, l, started[1]);
        assert_int_equal(read(started[0], &byte, 1), 1);
        clock_sleep((int64_t)random_below(20) * CLOCK_MS);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(started[0]);
        close(started[1]);
        struct store *s;
        struct err err = {0};
        assert_ok(store_open(&(struct store_options){.path = path}, &s, &err), err);
        check(s, l);
        store_close(s);
    }
    assert_true(l->changes > ROUNDS / 4); /* a disk may be slow */
    print_message("%ld changes acknowledged in %d lives\n", l->changes, ROUNDS);
    munmap(l, sizeof *l);
    thing_dir_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_acknowledged_write_is_found_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
