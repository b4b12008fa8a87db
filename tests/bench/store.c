/* The store alone: commits a second with one, sixteen and sixty-four writers, reads, and what a watcher
 * costs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "kinds/core_v1.h"
#include "store/store.h"

enum { OBJECTS = 5000 };

struct writer {
    struct store *store;
    struct table *table;
    pthread_t thread;
    int number, n;
};

struct waited {
    struct change change;
    struct latch done;
};

static void answered(struct change *c)
{
    latch_set(&container_of(c, struct waited, change)->done);
}

static struct object *pod_new(const char *name)
{
    static struct container container = {.name = STR_INIT("web"), .image = STR_INIT("example.com/web:1")};
    struct pod pod = {.metadata = {.name = str_from(name), .namespace = STR("default")},
                      .spec = {.containers = {&container, 1}, .node_name = STR("node-1")}};
    return object_new(&pod_resource, &pod);
}

static void write_one(struct writer *w, const char *name)
{
    struct waited one = {.change = {.op = CHANGE_CREATE,
                                    .table = w->table,
                                    .object = pod_new(name),
                                    .ns = STR("default"),
                                    .name = str_from(name),
                                    .done = answered}};
    latch_init(&one.done);
    store_submit(w->store, &one.change);
    latch_wait(&one.done, INT64_MAX);
    latch_destroy(&one.done);
    ensure(one.change.result == CHANGE_DONE);
    object_unref(one.change.object);
}

static void write_all(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < w->n; i++) {
        char name[32];
        snprintf(name, sizeof name, "pod-%d-%d", w->number, i);
        write_one(w, name);
    }
}

static struct store *open_at(const char *path)
{
    struct store *s;
    struct err err = {0};
    if (store_open(&(struct store_options){.path = path}, &s, &err) < 0) {
        fprintf(stderr, STR_FMT "\n", STR_ARG(err.message));
        exit(1);
    }
    return s;
}

static void bench_commits(const char *path, int writers, int each)
{
    file_remove_tree(path, NULL);
    struct store *s = open_at(path);
    struct writer *w = mem_zalloc((size_t)writers * sizeof *w);
    int64_t start = clock_mono();
    for (int i = 0; i < writers; i++) {
        w[i] = (struct writer){s, store_table(s, &pod_resource), .number = i, .n = each};
        w[i].thread = thread_start("writer", write_all, &w[i]);
    }
    for (int i = 0; i < writers; i++)
        thread_join(w[i].thread);
    double ns = (double)(clock_mono() - start);
    printf("commits, %2d writers: %.0f/s, %.0f us each\n", writers, writers * each * 1e9 / ns,
           ns / each / 1e3);
    free(w);
    store_close(s);
}

/* Writers that do not wait for each answer, as a server with many requests in flight. */
static void bench_in_flight(const char *path)
{
    enum { IN_FLIGHT = 1000, ROUNDS = 20 };
    file_remove_tree(path, NULL);
    struct store *s = open_at(path);
    struct table *t = store_table(s, &pod_resource);
    static struct waited all[IN_FLIGHT];
    static char names[IN_FLIGHT][32];
    int64_t start = clock_mono();
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < IN_FLIGHT; i++) {
            snprintf(names[i], sizeof names[i], "pod-%d-%d", i * 7919 % IN_FLIGHT, r);
            all[i] = (struct waited){.change = {.op = CHANGE_CREATE,
                                                .table = t,
                                                .object = pod_new(names[i]),
                                                .ns = STR("default"),
                                                .name = str_from(names[i]),
                                                .done = answered}};
            latch_init(&all[i].done);
            store_submit(s, &all[i].change);
        }
        for (int i = 0; i < IN_FLIGHT; i++) {
            latch_wait(&all[i].done, INT64_MAX);
            latch_destroy(&all[i].done);
            object_unref(all[i].change.object);
        }
    }
    double ns = (double)(clock_mono() - start);
    printf("commits, %d in flight: %.0f/s\n", IN_FLIGHT, IN_FLIGHT * ROUNDS * 1e9 / ns);
    store_close(s);
}

static void bench_reads(struct store *s)
{
    enum { READS = 2000000 };
    struct table *t = store_table(s, &pod_resource);
    int64_t start = clock_mono();
    for (int i = 0; i < READS; i++) {
        char name[32];
        int n = snprintf(name, sizeof name, "pod-0-%d", i % OBJECTS);
        struct snapshot *snap = store_snapshot(s);
        ensure(snapshot_get(snap, t, STR("default"), str_slice(name, (size_t)n)));
        snapshot_unref(snap);
    }
    printf("snapshot and get, %d objects: %.0f ns\n", OBJECTS, (double)(clock_mono() - start) / READS);
    start = clock_mono();
    struct snapshot *snap = store_snapshot(s);
    size_t n = 0;
    for (int i = 0; i < 100; i++) {
        struct cursor c;
        cursor_open(&c, snap, t, STR(""), STR(""), STR(""));
        while (cursor_next(&c))
            n++;
    }
    snapshot_unref(snap);
    printf("walking: %.1f ns an object\n", (double)(clock_mono() - start) / (double)n);
}

static void ignore(void *arg)
{
    (void)arg;
}

/* What a change costs with so many watchers of its kind, and with so many of other nodes' pods. */
static void bench_watchers(int all, int others)
{
    enum { CHANGES = 300 };
    struct store *s = open_at(NULL);
    struct table *t = store_table(s, &pod_resource);
    struct watch **w = mem_alloc((size_t)(all + others + 1) * sizeof *w);
    for (int i = 0; i < all + others; i++) {
        char node[32];
        snprintf(node, sizeof node, "node-%d", i + 100);
        struct watch_selector sel = {.table = t};
        if (i >= all) {
            sel.field = STR("spec.nodeName");
            sel.value = str_from(node);
        }
        ensure(store_watch(s, &sel, store_revision(s), ignore, NULL, &w[i], NULL) == 0);
        struct watch_event ev;
        watch_next(w[i], &ev);
    }
    struct writer one = {s, t, .number = 0, .n = CHANGES};
    int64_t start = clock_mono();
    write_all(&one);
    printf("a change, %4d watchers of all, %4d of other nodes: %.1f us\n", all, others,
           (double)(clock_mono() - start) / CHANGES / 1e3);
    for (int i = 0; i < all + others; i++)
        watch_close(w[i]);
    free(w);
    store_close(s);
}

int main(void)
{
    char path[] = "/tmp/sagong-bench-XXXXXX";
    ensure(mkdtemp(path));
    bench_commits(path, 1, 2000);
    bench_commits(path, 16, 1000);
    bench_commits(path, 64, 500);
    bench_in_flight(path);
    bench_commits(path, 1, OBJECTS);
    int64_t start = clock_mono();
    struct store *s = open_at(path);
    store_table(s, &pod_resource);
    printf("open and load %d pods: %.1f ms\n", OBJECTS, (double)(clock_mono() - start) / 1e6);
    bench_reads(s);
    store_close(s);
    bench_watchers(0, 0);
    bench_watchers(0, 1000);
    bench_watchers(1000, 0);
    file_remove_tree(path, NULL);
}
