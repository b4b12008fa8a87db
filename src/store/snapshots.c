#include "store/snapshots.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

void snapshots_init(struct snapshots *all, int64_t revision, int64_t keep_ns)
{
    *all = (struct snapshots){.keep_ns = keep_ns};
    pthread_mutex_init(&all->mutex, NULL);
    all->newest = snapshots_prepare(all, revision, 0);
}

void snapshots_close(struct snapshots *all)
{
    while (all->n_kept)
        snapshot_unref(all->kept[--all->n_kept].snap);
    ensure(all->newest->refs == 1 && !all->newest->older); /* a reader has not given its snapshot back */
    garbage_free(&all->newest->garbage);
    free(all->newest);
    pthread_mutex_destroy(&all->mutex);
}

struct snapshot *snapshots_prepare(struct snapshots *all, int64_t revision, size_t n_tables)
{
    struct snapshot *snap = mem_zalloc(sizeof *snap + n_tables * sizeof(struct tree_node *));
    snap->all = all;
    snap->revision = revision;
    snap->n = n_tables;
    atomic_init(&snap->refs, 1);
    return snap;
}

void snapshots_publish(struct snapshots *all, struct snapshot *fresh, struct garbage *dead)
{
    pthread_mutex_lock(&all->mutex);
    struct snapshot *before = all->newest;
    before->garbage = *dead; /* the newest had none */
    *dead = (struct garbage){0};
    before->newer = fresh;
    fresh->older = before;
    all->newest = fresh;
    pthread_mutex_unlock(&all->mutex);
    snapshot_unref(before);
}

struct snapshot *snapshots_newest(struct snapshots *all)
{
    _lock_(&all->mutex);
    atomic_fetch_add_explicit(&all->newest->refs, 1, memory_order_relaxed);
    return all->newest;
}

int64_t snapshot_revision(const struct snapshot *snap)
{
    return snap->revision;
}

void snapshot_unref(struct snapshot *snap)
{
    if (!snap || atomic_fetch_sub_explicit(&snap->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct garbage gone = {0};
    pthread_mutex_lock(&snap->all->mutex);
    struct snapshot *older = snap->older;
    if (older)
        older->newer = snap->newer;
    snap->newer->older = older; /* the newest is never without reference */
    for (size_t i = 0; i < snap->garbage.n; i++) {
        struct dead d = snap->garbage.at[i];
        garbage_add(older && d.birth <= older->revision ? &older->garbage : &gone, d);
    }
    pthread_mutex_unlock(&snap->all->mutex);
    garbage_free(&gone);
    free(snap->garbage.at);
    free(snap);
}

void snapshot_unrefp(struct snapshot **snap)
{
    snapshot_unref(*snap);
}

/* --- for continue tokens --- */

static struct kept *snapshots_find_kept(struct snapshots *all, int64_t revision)
{
    for (size_t i = all->n_kept; i-- > 0;)
        if (all->kept[i].snap->revision == revision)
            return &all->kept[i];
    return NULL;
}

void snapshot_keep(struct snapshot *snap)
{
    struct snapshots *all = snap->all;
    struct snapshot *pushed_out = NULL;
    int64_t until = clock_mono() + all->keep_ns;
    pthread_mutex_lock(&all->mutex);
    struct kept *k = snapshots_find_kept(all, snap->revision);
    if (!k) {
        if (all->n_kept == SNAPSHOTS_KEPT) { /* the one whose time comes first makes room */
            k = &all->kept[0];
            for (size_t i = 1; i < all->n_kept; i++)
                if (all->kept[i].until < k->until)
                    k = &all->kept[i];
            pushed_out = k->snap;
        } else {
            k = &all->kept[all->n_kept++];
        }
        atomic_fetch_add_explicit(&snap->refs, 1, memory_order_relaxed);
        k->snap = snap;
    }
    k->until = until;
    pthread_mutex_unlock(&all->mutex);
    snapshot_unref(pushed_out);
}

int64_t snapshots_expire(struct snapshots *all, int64_t now)
{
    int64_t next = INT64_MAX;
    struct snapshot *gone[SNAPSHOTS_KEPT];
    size_t n_gone = 0, left = 0;
    pthread_mutex_lock(&all->mutex);
    for (size_t i = 0; i < all->n_kept; i++) {
        struct kept k = all->kept[i];
        if (k.until <= now) {
            gone[n_gone++] = k.snap;
            continue;
        }
        all->kept[left++] = k;
        if (k.until < next)
            next = k.until;
    }
    all->n_kept = left;
    pthread_mutex_unlock(&all->mutex);
    while (n_gone)
        snapshot_unref(gone[--n_gone]);
    return next;
}

int snapshots_at(struct snapshots *all, int64_t revision, struct snapshot **out, struct err *err)
{
    _lock_(&all->mutex);
    struct kept *k = snapshots_find_kept(all, revision);
    struct snapshot *snap = revision == all->newest->revision ? all->newest
                            : k && k->until > clock_mono()    ? k->snap
                                                              : NULL;
    if (!snap && revision > all->newest->revision)
        return err_set(err, ERR_TIMEOUT, "Too large resource version: %ld, current: %ld", revision,
                       all->newest->revision);
    if (!snap)
        return err_set(err, ERR_EXPIRED, "The resourceVersion for the provided list is too old.");
    atomic_fetch_add_explicit(&snap->refs, 1, memory_order_relaxed);
    *out = snap;
    return 0;
}
