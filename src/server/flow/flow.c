#include "server/flow/flow.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"
#include "server/flow/flow_match.h"

#define WAIT_MOST (15 * CLOCK_S) /* a quarter of what a request may take, as upstream */

/* A level goes by its name, over all changes of its configuration. */
struct flow_level_named {
    struct flow_level level; /* guarded by flow->mutex, with all below */
    struct str name;         /* owned */
    struct str uid;          /* in flow->arena */
    bool exempt;
    bool there; /* its object is */
};

struct schema {
    struct object *object; /* referenced */
    const struct flow_schema *schema;
    struct flow_level_named *level;
};

enum source { SCHEMAS, LEVELS, SOURCES };

struct flow {
    struct store *store;
    struct table *tables[SOURCES];
    struct watch *watches[SOURCES];
    _Atomic bool stale;
    uint32_t seats;
    pthread_rwlock_t lock;  /* guards the schemas; taken before the mutex */
    struct schema *schemas; /* by precedence */
    size_t n_schemas;
    struct arena arena; /* what was read of the objects */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct map levels;
    uint32_t taken; /* seats of limited levels, all together */
    bool stopping;
    pthread_t thread; /* refuses who has waited too long */
};

/* --- seats --- */

/* A level takes its own seats, and then what others lend and do not need. */
static bool seat_free(const struct flow *f, const struct flow_level_named *n)
{
    const struct flow_level *l = &n->level;
    if (l->taken < l->seats)
        return true;
    if (l->taken - l->seats >= l->may_borrow || f->taken >= f->seats)
        return false;
    uint32_t lent = 0, borrowed = 0;
    map_each (&f->levels, slot) {
        const struct flow_level_named *other = slot->value;
        const struct flow_level *o = &other->level;
        if (other->exempt)
            continue;
        uint32_t idle = o->taken < o->seats ? o->seats - o->taken : 0;
        lent += idle < o->lends ? idle : o->lends;
        borrowed += o->taken > o->seats ? o->taken - o->seats : 0;
    }
    return borrowed < lent;
}

static void seat_take(struct flow *f, struct flow_ticket *t)
{
    t->state = FLOW_SEATED;
    if (t->level->exempt)
        return;
    t->level->level.taken++;
    f->taken++;
}

/* Locked. Gives free seats to those who wait; returns whom to wake. */
static struct waiter *seat_all(struct flow *f, struct flow_level_named *n, struct waiter *woken)
{
    struct waiters all = {woken};
    struct flow_place *p;
    while ((n->exempt || seat_free(f, n)) && (p = flow_level_next(&n->level))) {
        struct flow_ticket *t = container_of(p, struct flow_ticket, place);
        seat_take(f, t);
        waiters_add(&all, t->waiter);
    }
    return all.first;
}

/* Locked. `f` may have free seats of any level. */
static struct waiter *seat_everywhere(struct flow *f, struct waiter *woken)
{
    map_each (&f->levels, slot)
        woken = seat_all(f, slot->value, woken);
    return woken;
}

/* Locked. */
static struct waiter *refuse(struct flow_place *p, struct waiter *woken)
{
    struct waiters all = {woken};
    struct flow_ticket *t = container_of(p, struct flow_ticket, place);
    t->state = FLOW_REFUSED;
    waiters_add(&all, t->waiter);
    return all.first;
}

static void flow_run(void *arg)
{
    struct flow *f = arg;
    for (bool stop = false; !stop;) {
        struct waiter *woken = NULL;
        pthread_mutex_lock(&f->mutex);
        bool anyone = false;
        map_each (&f->levels, slot)
            anyone = anyone || ((struct flow_level_named *)slot->value)->level.waiting;
        if (!f->stopping)
            thread_cond_wait(&f->cond, &f->mutex, anyone ? clock_mono() + CLOCK_S : INT64_MAX);
        stop = f->stopping;
        int64_t since = stop ? INT64_MAX : clock_mono() - WAIT_MOST;
        map_each (&f->levels, slot) {
            struct flow_level_named *n = slot->value;
            for (struct flow_place *p; (p = flow_level_late(&n->level, since));)
                woken = refuse(p, woken);
        }
        pthread_mutex_unlock(&f->mutex);
        waiters_wake(woken);
    }
}

/* --- the configuration --- */

static struct flow_level_named *level_named(struct flow *f, struct str name)
{
    struct flow_level_named *n = map_get(&f->levels, name);
    if (!n) {
        n = mem_zalloc(sizeof *n);
        n->name = str_slice(mem_dup(name.p, name.n), name.n);
        map_put(&f->levels, n->name, n);
    }
    return n;
}

static uint32_t share(uint32_t seats, int64_t part, int64_t whole)
{
    return whole > 0 ? (uint32_t)((seats * part + whole - 1) / whole) : 0; /* rounded up, as upstream */
}

static int64_t shares_of(const struct priority_level_configuration_spec *s)
{
    const int32_t *n = s->limited  ? s->limited->nominal_concurrency_shares
                       : s->exempt ? s->exempt->nominal_concurrency_shares
                                   : NULL;
    return n ? *n : 0;
}

/* Locked. Queues change only while nobody waits in them: those who do are refused, which is rarer than rare.
 */
static struct waiter *level_configure(struct flow *f, struct flow_level_named *n,
                                      const struct priority_level_configuration *c, int64_t whole,
                                      struct waiter *woken)
{
    const struct priority_level_configuration_spec *s = &c->spec;
    struct flow_level *l = &n->level;
    n->there = true;
    n->uid = arena_str(&f->arena, c->metadata.uid);
    n->exempt = str_is(s->type, "Exempt");
    l->seats = share(f->seats, shares_of(s), whole);
    const int32_t *lends = s->limited  ? s->limited->lendable_percent
                           : s->exempt ? s->exempt->lendable_percent
                                       : NULL;
    l->lends = lends ? (uint32_t)(((int64_t)l->seats * *lends + 50) / 100) : 0;
    const int32_t *borrows = s->limited ? s->limited->borrowing_limit_percent : NULL;
    l->may_borrow = borrows ? (uint32_t)(((int64_t)l->seats * *borrows + 50) / 100) : f->seats;
    const struct queuing_configuration *q = s->limited ? s->limited->limit_response.queuing : NULL;
    uint32_t queues = q ? (uint32_t)q->queues : 0;
    queues = queues > FLOW_QUEUES_MOST ? FLOW_QUEUES_MOST : queues;
    if (queues != l->n_queues)
        for (struct flow_place *p; (p = flow_level_late(l, INT64_MAX));)
            woken = refuse(p, woken);
    flow_level_set_queues(l, queues);
    l->hand = q ? (uint32_t)q->hand_size : 0;
    l->most_in_queue = q ? (uint32_t)q->queue_length_limit : 0;
    return woken;
}

static int schema_order(const void *x, const void *y)
{
    const struct schema *a = x, *b = y;
    int32_t pa = a->schema->spec.matching_precedence, pb = b->schema->spec.matching_precedence;
    return pa != pb ? (pa < pb ? -1 : 1) : str_cmp(object_name(a->object), object_name(b->object));
}

static void schemas_drop(struct flow *f)
{
    for (size_t i = 0; i < f->n_schemas; i++)
        object_unref(f->schemas[i].object);
    free(f->schemas);
    f->schemas = NULL;
    f->n_schemas = 0;
}

static size_t count(struct flow *f, struct snapshot *snap, enum source source, int64_t *shares)
{
    struct cursor c;
    size_t n = 0;
    cursor_open(&c, snap, f->tables[source], (struct str){0}, (struct str){0}, (struct str){0});
    for (struct object *o; (o = cursor_next(&c)); n++)
        if (source == LEVELS)
            *shares += shares_of(&((const struct priority_level_configuration *)object_typed(o))->spec);
    return n;
}

/* Write-locked. Reads everything anew: there is little of it, and it changes seldom. */
static struct waiter *flow_load(struct flow *f)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(f->store);
    struct waiter *woken = NULL;
    struct cursor c;
    int64_t whole = 0;
    _lock_(&f->mutex);
    schemas_drop(f);
    arena_reset(&f->arena);
    count(f, snap, LEVELS, &whole);
    map_each (&f->levels, slot) {
        struct flow_level_named *n = slot->value;
        n->there = false;
        n->uid = (struct str){0};
    }
    cursor_open(&c, snap, f->tables[LEVELS], (struct str){0}, (struct str){0}, (struct str){0});
    for (struct object *o; (o = cursor_next(&c));)
        woken = level_configure(f, level_named(f, object_name(o)), object_typed(o), whole, woken);
    f->schemas = mem_zalloc((count(f, snap, SCHEMAS, NULL) + 1) * sizeof *f->schemas);
    cursor_open(&c, snap, f->tables[SCHEMAS], (struct str){0}, (struct str){0}, (struct str){0});
    for (struct object *o; (o = cursor_next(&c));) {
        const struct flow_schema *s = object_typed(o);
        struct flow_level_named *n = map_get(&f->levels, s->spec.priority_level_configuration.name);
        if (n && n->there) /* one that dangles matches nothing */
            f->schemas[f->n_schemas++] = (struct schema){object_ref(o), s, n};
    }
    qsort(f->schemas, f->n_schemas, sizeof *f->schemas, schema_order);
    return seat_everywhere(f, woken);
}

static void flow_woken(void *arg)
{
    atomic_store(&((struct flow *)arg)->stale, true);
}

static int flow_watch(struct flow *f, struct err *err)
{
    static const struct resource *const of[SOURCES] = {&flow_schema_resource,
                                                       &priority_level_configuration_resource};
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(f->store);
    for (int i = 0; i < SOURCES; i++) {
        if (f->watches[i])
            watch_close(f->watches[i]);
        f->watches[i] = NULL;
        f->tables[i] = store_table(f->store, of[i]);
        struct watch_selector sel = {.table = f->tables[i]};
        if (store_watch(f->store, &sel, snapshot_revision(snap), flow_woken, f, &f->watches[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Takes in what has changed. */
static void flow_refresh(struct flow *f)
{
    pthread_rwlock_wrlock(&f->lock);
    struct waiter *woken = NULL;
    if (atomic_exchange(&f->stale, false)) {
        bool cut_off = false;
        for (int i = 0; i < SOURCES; i++)
            for (struct watch_event ev; f->watches[i] && watch_next(f->watches[i], &ev);
                 watch_event_clear(&ev))
                cut_off = cut_off || ev.type == WATCH_GONE;
        if (cut_off)
            flow_watch(f, NULL);
        woken = flow_load(f);
    }
    pthread_rwlock_unlock(&f->lock);
    waiters_wake(woken);
}

int flow_new(struct store *s, uint32_t seats, struct flow **out, struct err *err)
{
    struct flow *f = mem_zalloc(sizeof *f);
    f->store = s;
    f->seats = seats;
    pthread_rwlock_init(&f->lock, NULL);
    pthread_mutex_init(&f->mutex, NULL);
    thread_cond_init(&f->cond);
    f->thread = thread_start("flow", flow_run, f);
    if (flow_watch(f, err) < 0) {
        flow_free(f);
        return -1;
    }
    atomic_store(&f->stale, true);
    *out = f;
    return 0;
}

void flow_free(struct flow *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->mutex);
    f->stopping = true;
    pthread_cond_broadcast(&f->cond);
    pthread_mutex_unlock(&f->mutex);
    thread_join(f->thread);
    for (int i = 0; i < SOURCES; i++)
        if (f->watches[i])
            watch_close(f->watches[i]);
    schemas_drop(f);
    map_each (&f->levels, slot) {
        struct flow_level_named *n = slot->value;
        flow_level_free(&n->level);
        free((char *)n->name.p);
        free(n);
    }
    map_free(&f->levels);
    arena_free(&f->arena);
    pthread_cond_destroy(&f->cond);
    pthread_mutex_destroy(&f->mutex);
    pthread_rwlock_destroy(&f->lock);
    free(f);
}

static const struct schema *schema_of(const struct flow *f, const struct attributes *at)
{
    for (size_t i = 0; i < f->n_schemas; i++)
        if (flow_schema_takes(f->schemas[i].schema, at))
            return &f->schemas[i];
    return NULL;
}

/* --- the way through --- */

static int too_many(struct err *err)
{
    err_set(err, ERR_TOO_MANY_REQUESTS, "Too many requests, please try again later.");
    err->details.retry_after_s = 1;
    return -1;
}

/* Read-locked. */
static int enter(struct flow *f, struct flow_ticket *t, const struct attributes *at, struct arena *a,
                 struct waiter *w, struct err *err)
{
    const struct schema *s = schema_of(f, at);
    if (!s)
        return too_many(err); /* who is in no group at all; upstream's catch-all has the same end */
    t->level = s->level;
    t->schema_uid = arena_str(a, s->schema->metadata.uid);
    t->measured =
        (struct measured_flow){arena_str(a, s->schema->metadata.name), arena_str(a, s->level->name)};
    if (s->level->exempt) {
        t->level_uid = arena_str(a, s->level->uid);
        t->state = FLOW_SEATED;
        return 0;
    }
    _lock_(&f->mutex);
    t->level_uid = arena_str(a, s->level->uid);
    if (!s->level->level.waiting && seat_free(f, s->level)) {
        seat_take(f, t);
        return 0;
    }
    t->waiter = w;
    if (!flow_level_wait(&s->level->level, &t->place, flow_schema_hash(s->schema, at), clock_mono()))
        return too_many(err);
    t->state = FLOW_WAITING;
    pthread_cond_signal(&f->cond);
    return 1;
}

static int let_in(struct flow *f, struct flow_ticket *t, const struct attributes *at, struct arena *a,
                  struct waiter *w, struct err *err)
{
    if (t->state == FLOW_SEATED)
        return 0;
    if (t->state == FLOW_REFUSED)
        return too_many(err);
    if (atomic_load(&f->stale))
        flow_refresh(f);
    pthread_rwlock_rdlock(&f->lock);
    int rc = enter(f, t, at, a, w, err);
    pthread_rwlock_unlock(&f->lock);
    return rc;
}

int flow_enter(struct flow *f, struct flow_ticket *t, const struct attributes *at, struct arena *a,
               struct waiter *w, struct err *err)
{
    int64_t now = clock_mono();
    t->since = t->since ? t->since : now;
    int rc = let_in(f, t, at, a, w, err);
    if (rc < 0 && t->measured.schema.n)
        measure_rejected(&t->measured,
                         t->state == FLOW_REFUSED   ? "time-out"
                         : t->level->level.n_queues ? "queue-full"
                                                    : "concurrency-limit",
                         now - t->since);
    if (rc == 0 && !t->executing) {
        t->executing = true;
        measure_dispatched(&t->measured, now - t->since);
        measure_executing(&t->measured, 1);
    }
    return rc;
}

void flow_leave(struct flow *f, struct flow_ticket *t)
{
    if (t->state != FLOW_SEATED)
        return;
    if (t->executing)
        measure_executing(&t->measured, -1);
    t->executing = false;
    t->state = FLOW_OUTSIDE;
    if (t->level->exempt)
        return;
    struct waiter *woken = NULL;
    pthread_mutex_lock(&f->mutex);
    t->level->level.taken--;
    f->taken--;
    woken = seat_all(f, t->level, NULL);
    if (!woken) /* its seat may be lent */
        woken = seat_everywhere(f, NULL);
    pthread_mutex_unlock(&f->mutex);
    waiters_wake(woken);
}

void flow_metrics(struct flow *f, struct buf *out)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } gauges[] = {
        {"apiserver_flowcontrol_nominal_limit_seats", "Seats of a priority level.",
         offsetof(struct flow_level, seats)},
        {"apiserver_flowcontrol_current_executing_seats", "Requests of a priority level that run now.",
         offsetof(struct flow_level, taken)},
        {"apiserver_flowcontrol_current_inqueue_requests", "Requests of a priority level that wait now.",
         offsetof(struct flow_level, waiting)},
    };
    _lock_(&f->mutex);
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
        buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", gauges[i].name, gauges[i].help, gauges[i].name);
        map_each (&f->levels, slot) {
            const struct flow_level_named *n = slot->value;
            if (n->there)
                buf_addf(out, "%s{priority_level=\"" STR_FMT "\"} %u\n", gauges[i].name, STR_ARG(n->name),
                         *(const uint32_t *)(const void *)((const char *)&n->level + gauges[i].offset));
        }
    }
}
