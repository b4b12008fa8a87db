#define LOG_PART "store"
#include "store/table.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/disk.h"

static const int64_t TABLE_RETRY = 5 * CLOCK_S;

void tables_init(struct tables *all)
{
    *all = (struct tables){0};
    pthread_mutex_init(&all->mutex, NULL);
}

static void table_free(struct table *t)
{
    tree_free(t->root);
    history_free(&t->history);
    watchers_free(&t->watchers);
    free(t->fields);
    resource_unref(t->resource);
    free(t->prefix);
    free(t->broken);
    free(t);
}

void tables_close(struct tables *all)
{
    map_each (&all->by_prefix, slot)
        table_free(slot->value);
    for (size_t i = 0; i < all->n_gone; i++)
        table_free(all->gone[i]);
    free(all->at);
    free(all->gone);
    map_free(&all->by_prefix);
    pthread_mutex_destroy(&all->mutex);
}

/* What a load gathers: objects in the order of their keys. */
struct table_load {
    struct table *table;
    struct disk *disk;
    struct buf room; /* what was sealed, opened */
    struct err *err; /* the first that cannot be */
    bool failed;
    struct object **at;
    size_t n, cap;
};

static void table_load_one(void *arg, struct str key, struct str stored, int64_t revision)
{
    struct table_load *load = arg;
    const struct resource *r = load->table->resource;
    struct str ns = {0}, name = key;
    if (r->flags & RESOURCE_NAMESPACED && !str_cut(&name, '/', &ns))
        name = (struct str){0};
    if (name.n == 0 || str_index(name, '/') >= 0) {
        log_warn("the key %s/" STR_FMT " is not of this kind, and is left alone", load->table->prefix,
                 STR_ARG(key));
        return;
    }
    struct str plain;
    uint64_t seal;
    if (load->failed ||
        disk_open_value(load->disk, r, key, stored, &load->room, &plain, &seal, load->err) < 0) {
        load->failed = true;
        return;
    }
    mem_grow((void **)&load->at, &load->cap, load->n + 1, sizeof *load->at);
    object_set_seal(load->at[load->n++] = object_load(r, ns, name, plain, revision), seal);
}

static void table_load(struct table *t, struct disk *disk)
{
    _cleanup_err_ struct err err = {0};
    struct table_load load = {.table = t, .disk = disk, .err = &err};
    if (disk && (disk_each(disk, str_from(t->prefix), table_load_one, &load, &err) < 0 || load.failed)) {
        log_error("reading %s: " STR_FMT, t->prefix, STR_ARG(err.message));
        t->broken = str_dup_c(err.message);
        t->may_pass = err.reason == ERR_UNAVAILABLE;
        t->look = clock_mono() + TABLE_RETRY;
        for (size_t i = 0; i < load.n; i++)
            object_unref(load.at[i]);
    } else {
        t->loaded = t->root = tree_load(load.at, load.n);
    }
    free(load.at);
    if (load.room.n)
        explicit_bzero(load.room.p, load.room.n);
    buf_free(&load.room);
}

static struct table *table_new(const struct resource *r, struct disk *disk, size_t index)
{
    struct table *t = mem_zalloc(sizeof *t);
    t->resource = r->stored_as ? r->stored_as : r;
    resource_ref(t->resource);
    t->prefix = str_dup_c(r->storage_prefix);
    t->index = index;
    t->n_fields = t->resource->flags & RESOURCE_CUSTOM ? 0 : t->resource->n_selectables;
    t->fields = mem_zalloc((size_t)t->n_fields * sizeof *t->fields);
    for (int i = 0; i < t->n_fields; i++)
        field_path_find(&t->fields[i], t->resource->type,
                        t->resource->selectables[i].path); /* else: not indexed */
    table_load(t, disk);
    return t;
}

struct table *tables_get(struct tables *all, const struct resource *r, struct disk *disk, int64_t opened_at)
{
    _lock_(&all->mutex);
    struct table *t = map_get(&all->by_prefix, r->storage_prefix), *old = t;
    if (t && (!t->broken || clock_mono() < t->look))
        return t;
    t = table_new(r, disk, all->n);
    t->history.floor = opened_at;
    if (t->broken && old) {
        old->look = t->look;
        table_free(t);
        return old;
    }
    if (t->broken) {
        t->index = SIZE_MAX;
    } else {
        mem_grow((void **)&all->at, &all->cap, all->n + 1, sizeof *all->at);
        all->at[all->n++] = t;
    }
    if (old) {
        mem_grow((void **)&all->gone, &all->cap_gone, all->n_gone + 1, sizeof *all->gone);
        all->gone[all->n_gone++] = old;
    }
    map_put(&all->by_prefix, str_from(t->prefix), t);
    return t;
}
