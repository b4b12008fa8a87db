#define LOG_PART "store"
#include "store/commit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    COMMIT_MOST = 4096,       /* changes in a batch: bounds how long the first waits for the last */
    COMMIT_LATER_MOST = 4096, /* unwritten changes of RESOURCE_SYNC_LATER kinds */
    COMMIT_RESERVE =
        10000, /* revisions reserved ahead, so that unwritten changes never share one with later ones */
    COMMIT_GIVE_UP = 16, /* failures in a row after which the rest of a batch is not tried one by one */
};
static const int64_t COMMIT_LET_GO_NS = CLOCK_S; /* how often, at most, the disk's memory is given back */
static const int64_t COMMIT_LATER_NS = 250 * CLOCK_MS; /* how long such a change may stay unwritten */

/* A batch under way. Its objects get their revisions when it is certain: until then a revision of 0 says "of
 * this batch", which no precondition can name. */
struct batch {
    struct committer *c;
    struct tree_edit edit;
    struct garbage dead;
    int64_t revision;    /* the newest so far */
    struct disk_op *ops; /* borrows from the changes */
    size_t n_ops, cap_ops;
    struct hub_event *events;
    size_t n_events, cap_events;
    struct table **touched;
    size_t n_touched, cap_touched;
    struct tree_node **before; /* roots of touched tables as they were */
    size_t cap_before;
    bool durable;      /* has a change that must be written before it is answered */
    bool only_deletes; /* which may go beyond the limit of size */
};

/* --- submitting: what can be done ahead is done on the caller's thread --- */

/* The last state of a deleted object is an object of its own, at the revision of the delete. */
static struct object *commit_final_state(struct object *o)
{
    return object_new(object_resource(o), object_typed(o));
}

static void commit_prepare(struct committer *c, struct change *change)
{
    if (change->op != CHANGE_DELETE) {
        object_ref(change->object);
        if (c->disk) {
            buf_room(&change->stored, DISK_HEADER);
            memset(change->stored.p, 0, DISK_HEADER);
            change->stored.n = DISK_HEADER;
            object_stored(change->object, &change->stored);
            change->refused = disk_seal(c->disk, change->object, &change->stored, &change->err) < 0;
        }
        return;
    }
    _cleanup_snapshot_ struct snapshot *snap = snapshots_newest(c->snapshots);
    struct object *now = snapshot_get(snap, change->table, change->ns, change->name);
    if (now && (!change->expect || object_revision(now) == change->expect)) {
        change->final = commit_final_state(now);
        change->final_of = object_revision(now);
    }
}

void committer_submit(struct committer *c, struct change *change)
{
    change->next = NULL;
    change->result = CHANGE_DONE;
    change->revision = 0;
    change->current = change->final = NULL;
    change->err = (struct err){0};
    change->stored = (struct buf){0};
    change->refused = change->table->broken;
    if (change->refused)
        err_set(&change->err, ERR_INTERNAL, "Internal error occurred: %s", change->table->broken);
    commit_prepare(c, change);
    pthread_mutex_lock(&c->mutex);
    bool first = !c->first;
    *c->last = change;
    c->last = &change->next;
    pthread_mutex_unlock(&c->mutex);
    if (first)
        pthread_cond_signal(&c->cond);
}

/* --- applying --- */

static void batch_touch(struct batch *b, struct table *t)
{
    if (t->touched)
        return;
    t->touched = true;
    mem_grow((void **)&b->touched, &b->cap_touched, b->n_touched + 1, sizeof *b->touched);
    mem_grow((void **)&b->before, &b->cap_before, b->n_touched + 1, sizeof *b->before);
    b->before[b->n_touched] = t->root;
    b->touched[b->n_touched++] = t;
}

static void batch_add_op(struct batch *b, struct change *change, struct object *o)
{
    mem_grow((void **)&b->ops, &b->cap_ops, b->n_ops + 1, sizeof *b->ops);
    b->ops[b->n_ops++] = (struct disk_op){str_from(change->table->prefix), o, b->revision,
                                          change->op == CHANGE_DELETE ? NULL : &change->stored};
}

static void batch_add_event(struct batch *b, struct table *t, enum watch_event_type type, struct object *o,
                            struct object *before)
{
    mem_grow((void **)&b->events, &b->cap_events, b->n_events + 1, sizeof *b->events);
    b->events[b->n_events++] = (struct hub_event){t, event_record_new(type, o, before, b->revision)};
}

static enum change_result commit_check(const struct change *c, const struct object *now)
{
    if (c->op == CHANGE_CREATE)
        return now ? CHANGE_EXISTS : CHANGE_DONE;
    if (!now)
        return CHANGE_ABSENT;
    return c->expect && c->expect != object_revision(now) ? CHANGE_CONFLICT : CHANGE_DONE;
}

static bool commit_key_fits(struct change *c)
{
    char key[DISK_KEY_MOST];
    if (disk_key(key, str_from(c->table->prefix), c->ns, c->name))
        return true;
    err_set(&c->err, ERR_INVALID, "name too long: with prefix and namespace at most %d bytes can be stored",
            DISK_KEY_MOST - 1);
    return false;
}

/* Checks one change against the newest tree, and applies it. */
static void batch_apply(struct batch *b, struct change *change)
{
    struct table *t = change->table;
    struct object *now = tree_get(t->root, change->ns, change->name);
    if (!change->refused)
        err_clear(&change->err);
    object_unref(change->current); /* of a try that the disk refused */
    change->current = NULL;
    change->result = change->refused ? CHANGE_FAILED : commit_check(change, now);
    if (change->result == CHANGE_DONE && b->c->disk && !commit_key_fits(change))
        change->result = CHANGE_FAILED;
    if (change->result != CHANGE_DONE) {
        change->current = change->result != CHANGE_FAILED && now ? object_ref(now) : NULL;
        return;
    }
    batch_touch(b, t);
    change->revision = ++b->revision;
    _cleanup_object_ struct object *before = now ? object_ref(now) : NULL;
    if (change->op == CHANGE_DELETE) {
        if (!change->final || change->final_of != object_revision(now) || !change->final_of) {
            object_unref(change->final);
            change->final = commit_final_state(now);
            change->final_of =
                object_revision(now); /* 0: of this batch, and not to be relied on in another */
        }
        t->root = tree_del(&b->edit, t->root, change->ns, change->name);
        batch_add_event(b, t, WATCH_DELETED, change->final, before);
        change->current = object_ref(change->final);
    } else {
        t->root = tree_put(&b->edit, t->root, change->object);
        batch_add_event(b, t, before ? WATCH_MODIFIED : WATCH_ADDED, change->object, before);
    }
    if (b->c->disk)
        batch_add_op(b, change, change->op == CHANGE_DELETE ? change->final : change->object);
    b->durable |= !(t->resource->flags & RESOURCE_SYNC_LATER);
    b->only_deletes &= change->op == CHANGE_DELETE;
}

/* --- writing --- */

static void commit_drop_later(struct committer *c)
{
    for (size_t i = 0; i < c->n_later; i++) {
        object_unref(c->later[i].op.object);
        buf_free(&c->later[i].value);
    }
    c->n_later = 0;
}

/* Writes what was left for later and then `ops`, in one transaction. */
static int commit_write(struct committer *c, const struct disk_op *ops, size_t n_ops, int64_t reserved,
                        bool room, struct err *err)
{
    size_t n = c->n_later + n_ops;
    struct disk_op *all = mem_alloc((n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        if (i < c->n_later) {
            all[i] = c->later[i].op;
            all[i].value = all[i].value ? &c->later[i].value : NULL;
        } else {
            all[i] = ops[i - c->n_later];
        }
    }
    int rc = disk_write(c->disk, all, n, reserved, room, err);
    free(all);
    if (rc == 0)
        commit_drop_later(c);
    return rc;
}

/* Leaves the batch's writes for a later one. */
static void batch_write_later(struct batch *b)
{
    struct committer *c = b->c;
    if (!c->n_later)
        c->later_since = clock_mono();
    mem_grow((void **)&c->later, &c->cap_later, c->n_later + b->n_ops, sizeof *c->later);
    for (size_t i = 0; i < b->n_ops; i++) {
        struct later *l = &c->later[c->n_later++];
        *l = (struct later){.op = b->ops[i]};
        object_ref(l->op.object);
        if (l->op.value) {
            l->value = *l->op.value;
            *l->op.value = (struct buf){0};
        }
    }
}

static int batch_make_durable(struct batch *b, struct err *err)
{
    struct committer *c = b->c;
    if (!c->disk || !b->n_ops)
        return 0;
    if (b->durable || c->n_later + b->n_ops > COMMIT_LATER_MOST || b->revision > disk_reserved(c->disk))
        return commit_write(c, b->ops, b->n_ops, b->revision + COMMIT_RESERVE, b->only_deletes, err);
    batch_write_later(b);
    return 0;
}

/* --- publishing --- */

static void batch_publish(struct batch *b)
{
    struct committer *c = b->c;
    if (!b->n_events)
        return;
    c->revision = b->revision;
    for (size_t i = 0; i < b->n_events; i++)
        object_commit(b->events[i].record->object, b->events[i].record->revision);
    pthread_mutex_lock(&c->tables->mutex);
    struct snapshot *fresh = snapshots_prepare(c->snapshots, b->revision, c->tables->n);
    for (size_t i = 0; i < c->tables->n; i++)
        fresh->roots[i] = c->tables->at[i]->root;
    pthread_mutex_unlock(&c->tables->mutex);
    snapshots_publish(c->snapshots, fresh, &b->dead);
    hub_publish(c->hub, b->events, b->n_events, b->revision);
}

/* Makes everything as it was before the batch. */
static void batch_undo(struct batch *b)
{
    for (size_t i = 0; i < b->n_touched; i++) {
        tree_undo(&b->edit, b->touched[i]->root);
        b->touched[i]->root = b->before[i];
    }
    b->dead.n = 0; /* it lives on */
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n_touched; i++)
        b->touched[i]->touched = false;
    for (size_t i = 0; i < b->n_events; i++)
        event_record_unref(b->events[i].record);
    garbage_free(&b->dead);
    free(b->ops);
    free(b->events);
    free(b->touched);
    free(b->before);
}

/* `why` is set when the disk refused. */
static void commit_answer(struct change *change, const struct err *why)
{
    if (why) {
        object_unref(change->current);
        change->current = NULL;
        change->result = CHANGE_FAILED;
        change->revision = 0;
        err_set(&change->err, why->reason, STR_FMT, STR_ARG(why->message));
    }
    if (change->op != CHANGE_DELETE)
        object_unref(change->object);
    object_unref(change->final);
    buf_free(&change->stored);
    change->done(change);
}

/* Commits a list of changes as one batch, and answers them. Where the disk refuses, -1 and nothing of it has
 * happened; then they are answered only if `answer_failure`. */
static int commit_batch(struct committer *c, struct change *list, bool answer_failure)
{
    struct batch b = {.c = c, .revision = c->revision, .only_deletes = true};
    struct err err = {0};
    b.edit = (struct tree_edit){c->revision + 1, &b.dead};
    for (struct change *change = list; change; change = change->next)
        batch_apply(&b, change);
    int rc = batch_make_durable(&b, &err);
    if (rc == 0)
        batch_publish(&b);
    else
        batch_undo(&b);
    bool answer = rc == 0 || answer_failure;
    for (struct change *change = list, *next; change && answer; change = next) {
        next = change->next; /* `done` may free it */
        commit_answer(change, rc < 0 ? &err : NULL);
    }
    hub_wake(c->hub);
    batch_free(&b);
    err_clear(&err);
    return rc;
}

/* One batch for all; if the disk refuses that, one for each, so that one change too many does not fail the
 * others. */
static void commit_list(struct committer *c, struct change *list)
{
    bool alone = !list->next; /* asked now: what is answered is the caller's again */
    if (commit_batch(c, list, alone) == 0 || alone)
        return;
    for (int failed = 0; list;) {
        struct change *one = list;
        list = list->next;
        if (failed >= COMMIT_GIVE_UP) {
            one->next = list;
            commit_batch(c, one, true);
            return;
        }
        one->next = NULL;
        failed = commit_batch(c, one, true) < 0 ? failed + 1 : 0;
    }
}

/* --- the thread --- */

/* Takes what was submitted, at most a batch full. Waits for it until `deadline`; NULL: the time has come, or
 * the end. */
static struct change *committer_take(struct committer *c, int64_t deadline, bool *stop)
{
    _lock_(&c->mutex);
    while (!c->first && !c->stopping && thread_cond_wait(&c->cond, &c->mutex, deadline))
        ;
    struct change *list = c->first, **end = &c->first;
    for (int n = 0; *end && n < COMMIT_MOST; n++)
        end = &(*end)->next;
    c->first = *end;
    *end = NULL;
    if (!c->first)
        c->last = &c->first;
    *stop = !list && c->stopping;
    return list;
}

/* Writes what was left for later; -1 when it stays left. */
static int committer_flush(struct committer *c, int64_t reserved)
{
    struct err err = {0};
    int rc = commit_write(c, NULL, 0, reserved, true, &err);
    if (rc < 0)
        log_error("%zu changes stay unwritten: " STR_FMT, c->n_later, STR_ARG(err.message));
    err_clear(&err);
    c->later_since = clock_mono();
    return rc;
}

static void committer_main(void *arg)
{
    struct committer *c = arg;
    int64_t expire = INT64_MAX; /* when history or kept snapshots may have grown too old */
    int64_t let_go = c->disk ? clock_mono() + COMMIT_LET_GO_NS : INT64_MAX; /* when to give memory back */
    for (bool stop = false; !stop;) {
        int64_t write = c->n_later ? c->later_since + COMMIT_LATER_NS : INT64_MAX;
        int64_t next = write < expire ? write : expire;
        struct change *list = committer_take(c, next < let_go ? next : let_go, &stop);
        if (list)
            commit_list(c, list);
        int64_t now = clock_mono();
        if (c->n_later && now >= c->later_since + COMMIT_LATER_NS)
            committer_flush(c, c->revision + COMMIT_RESERVE);
        if (now >= let_go) {
            disk_let_go(c->disk);
            let_go = INT64_MAX;
        } else if (list && c->disk && let_go == INT64_MAX) {
            let_go = now + COMMIT_LET_GO_NS;
        }
        if (list && expire == INT64_MAX)
            expire = now;
        if (now >= expire) {
            int64_t kept = snapshots_expire(c->snapshots, now), past = hub_expire(c->hub, c->tables, now);
            expire = kept < past ? kept : past;
            if (expire < now + CLOCK_S)
                expire = now + CLOCK_S;
        }
    }
    if (c->disk && (c->n_later || disk_reserved(c->disk) > c->revision))
        committer_flush(c, c->revision);
}

void committer_start(struct committer *c, int64_t revision)
{
    c->revision = revision;
    c->last = &c->first;
    pthread_mutex_init(&c->mutex, NULL);
    thread_cond_init(&c->cond);
    c->thread = thread_start("store", committer_main, c);
}

void committer_stop(struct committer *c)
{
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_mutex_unlock(&c->mutex);
    pthread_cond_signal(&c->cond);
    thread_join(c->thread);
    commit_drop_later(c);
    free(c->later);
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->mutex);
}
