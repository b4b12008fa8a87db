#include <stdlib.h>

#include "base/clock.h"
#include "store/commit.h"

struct store {
    struct tables tables;
    struct snapshots snapshots;
    struct hub hub;
    struct disk *disk; /* NULL: in memory only */
    struct committer committer;
    int64_t opened_at; /* revision */
};

static const struct store_options store_defaults = {
    .map_size = (size_t)64 << 30,
    .history = 16384,
    .snapshot_ns = 300 * CLOCK_S,
};
enum { STORE_HISTORY_BYTES = 16 << 20 };

int store_open(const struct store_options *o, struct store **out, struct err *err)
{
    struct store *s = mem_zalloc(sizeof *s);
    size_t history = o->history ? o->history : store_defaults.history;
    int64_t keep_ns = o->snapshot_ns ? o->snapshot_ns : store_defaults.snapshot_ns;
    ensure((history & (history - 1)) == 0);
    if (o->path &&
        disk_open(o->path, o->map_size ? o->map_size : store_defaults.map_size, &s->disk, err) < 0) {
        free(s);
        return -1;
    }
    if (s->disk)
        disk_set_encryption(s->disk, o->encryption);
    /* 0 means "any" and "not yet" to clients, so a new store begins at 1, as etcd does. */
    s->opened_at = s->disk && disk_reserved(s->disk) ? disk_reserved(s->disk) : 1;
    tables_init(&s->tables);
    snapshots_init(&s->snapshots, s->opened_at, keep_ns);
    hub_init(&s->hub, s->opened_at, &(struct history_limits){history, STORE_HISTORY_BYTES, keep_ns});
    s->committer =
        (struct committer){.tables = &s->tables, .snapshots = &s->snapshots, .hub = &s->hub, .disk = s->disk};
    committer_start(&s->committer, s->opened_at);
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    committer_stop(&s->committer);
    hub_close(&s->hub);
    snapshots_close(&s->snapshots);
    tables_close(&s->tables);
    if (s->disk)
        disk_close(s->disk);
    free(s);
}

struct table *store_table(struct store *s, const struct resource *r)
{
    return tables_get(&s->tables, r, s->disk, s->opened_at);
}

int store_table_check(struct store *s, const struct table *t, struct err *err)
{
    (void)s;
    return t->broken ? err_set(err, ERR_INTERNAL, "Internal error occurred: %s", t->broken) : 0;
}

int store_load(struct store *s, struct err *err)
{
    for (size_t i = 0; i < n_builtin_resources; i++) {
        if (builtin_resources[i]->flags & RESOURCE_VIRTUAL)
            continue;
        const struct table *t = store_table(s, builtin_resources[i]);
        if (t->broken)
            return err_set(err, t->may_pass ? ERR_UNAVAILABLE : ERR_INTERNAL, "%s", t->broken);
    }
    return 0;
}

struct encryption *store_encryption(struct store *s)
{
    return s->disk ? disk_encryption(s->disk) : NULL;
}

bool store_is_stale(struct store *s, const struct object *o)
{
    struct encryption *e = store_encryption(s);
    uint64_t now = e ? encryption_seal_id(e, object_resource(o)) : 0;
    return object_seal(o) != object_seal_of(now);
}

int64_t store_revision(struct store *s)
{
    _cleanup_snapshot_ struct snapshot *snap = snapshots_newest(&s->snapshots);
    return snapshot_revision(snap);
}

struct snapshot *store_snapshot(struct store *s)
{
    return snapshots_newest(&s->snapshots);
}

int store_snapshot_at(struct store *s, int64_t revision, struct snapshot **out, struct err *err)
{
    return snapshots_at(&s->snapshots, revision, out, err);
}

void store_submit(struct store *s, struct change *c)
{
    committer_submit(&s->committer, c);
}

int store_watch(struct store *s, const struct watch_selector *sel, int64_t revision, void (*wake)(void *arg),
                void *arg, struct watch **out, struct err *err)
{
    return store_table_check(s, sel->table, err) < 0 ? -1
                                                     : hub_watch(&s->hub, sel, revision, wake, arg, out, err);
}
