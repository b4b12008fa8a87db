#include "store/hub.h"

#include <stdlib.h>

#include "base/thread.h"

struct watch {
    struct hub *hub;
    struct watch_selector sel; /* its strings are this watch's own, see hub_watch */
    int field;                 /* the selectable of sel.field; -1: none */
    void (*wake)(void *arg);
    void *arg;
    int64_t from;  /* events up to here are not wanted */
    bool attached; /* in the index; guarded by the hub's mutex */

    pthread_mutex_t mutex;    /* guards all below; taken after the hub's */
    struct event_record **at; /* a ring; cap is a power of two */
    size_t first, n, cap;
    int64_t told; /* the revision of the last event handed over */
    bool asleep;  /* watch_next found nothing: wake at the next event */
    enum { WATCH_LIVE, WATCH_CUT_OFF, WATCH_OVER } state;
    char strings[];
};

void hub_init(struct hub *h, int64_t revision, const struct history_limits *limits)
{
    *h = (struct hub){.revision = revision, .limits = *limits};
    pthread_mutex_init(&h->mutex, NULL);
    thread_cond_init(&h->woken);
}

void hub_close(struct hub *h)
{
    ensure(h->n_watches == 0);
    free(h->sleepers);
    pthread_cond_destroy(&h->woken);
    pthread_mutex_destroy(&h->mutex);
}

/* --- the queue of a watch --- */

static void watch_drop_all(struct watch *w)
{
    for (; w->n; w->n--)
        event_record_unref(w->at[w->first++ & (w->cap - 1)]);
    free(w->at);
    w->at = NULL;
    w->cap = w->first = 0;
}

static void watch_queue(struct watch *w, struct event_record *e)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 8;
        struct event_record **at = mem_alloc(cap * sizeof(struct event_record *));
        for (size_t i = 0; i < w->n; i++)
            at[i] = w->at[(w->first + i) & (w->cap - 1)];
        free(w->at);
        w->at = at;
        w->cap = cap;
        w->first = 0;
    }
    w->at[(w->first + w->n++) & (w->cap - 1)] = event_record_ref(e);
}

/* --- publishing --- */

static void hub_detach(struct watch *w)
{
    if (w->attached)
        watchers_remove(w->sel.table, &w->sel, w->field, w);
    w->attached = false;
}

/* Queues the event, or cuts off a watch whose queue is full: false then. */
static bool hub_offer(struct hub *h, struct watch *w, struct event_record *e)
{
    _lock_(&w->mutex);
    bool fits = w->n < h->limits.events;
    if (fits) {
        watch_queue(w, e);
    } else {
        watch_drop_all(w);
        w->state = WATCH_CUT_OFF;
    }
    if (w->asleep) {
        w->asleep = false;
        mem_grow((void **)&h->sleepers, &h->cap_sleepers, h->n_sleepers + 1, sizeof *h->sleepers);
        h->sleepers[h->n_sleepers++] = w;
    }
    return fits;
}

struct hub_fan_out {
    struct hub *hub;
    struct table *table;
    struct event_record *record;
    struct watch **cut_off; /* detached once the walk over the index is over */
    size_t n_cut_off, cap_cut_off;
};

static void hub_fan_out(void *arg, struct watchers_slot *slot)
{
    struct hub_fan_out *f = arg;
    struct event_record *e = f->record;
    for (size_t i = 0; i < slot->n; i++) {
        struct watch *w = slot->at[i];
        /* The slot stands for one of the things that the watch selects; ask for the others too. */
        bool wanted = e->revision > w->from && (watchers_match(f->table, &w->sel, w->field, e->object) ||
                                                watchers_match(f->table, &w->sel, w->field, e->before));
        if (!wanted || hub_offer(f->hub, w, e))
            continue;
        mem_grow((void **)&f->cut_off, &f->cap_cut_off, f->n_cut_off + 1, sizeof *f->cut_off);
        f->cut_off[f->n_cut_off++] = w;
    }
}

void hub_publish(struct hub *h, const struct hub_event *events, size_t n, int64_t revision)
{
    _lock_(&h->mutex);
    struct hub_fan_out f = {.hub = h};
    for (size_t i = 0; i < n; i++) {
        f.table = events[i].table;
        f.record = events[i].record;
        history_add(&f.table->history, f.record, &h->limits);
        watchers_find(f.table, f.record->object, f.record->before, hub_fan_out, &f);
        while (f.n_cut_off)
            hub_detach(f.cut_off[--f.n_cut_off]);
    }
    free(f.cut_off);
    h->revision = revision;
}

void hub_wake(struct hub *h)
{
    _lock_(&h->mutex);
    while (h->n_sleepers) {
        struct watch *w = h->waking = h->sleepers[--h->n_sleepers];
        pthread_mutex_unlock(&h->mutex);
        w->wake(w->arg);
        pthread_mutex_lock(&h->mutex);
        h->waking = NULL;
        pthread_cond_broadcast(&h->woken);
    }
}

int64_t hub_expire(struct hub *h, struct tables *tables, int64_t now)
{
    int64_t next = INT64_MAX;
    _lock_(&tables->mutex);
    _lock_(&h->mutex);
    for (size_t i = 0; i < tables->n; i++) {
        int64_t at = history_expire(&tables->at[i]->history, &h->limits, now);
        if (at < next)
            next = at;
    }
    return next;
}

/* --- watching --- */

static struct str watch_copy(char **to, struct str s)
{
    char *at = *to;
    if (s.n)
        memcpy(at, s.p, s.n);
    *to += s.n;
    return str_slice(at, s.n);
}

/* The selectable's index, -1 when it is no plain value and thus not indexed, -2 when there is none. */
static int hub_field(const struct table *t, struct str path)
{
    for (int i = 0; i < t->n_fields; i++)
        if (str_eq(t->resource->selectables[i].path, path))
            return t->fields[i].n ? i : -1;
    return -2;
}

int hub_watch(struct hub *h, const struct watch_selector *sel, int64_t revision, void (*wake)(void *arg),
              void *arg, struct watch **out, struct err *err)
{
    struct table *t = sel->table;
    int field = sel->field.n ? hub_field(t, sel->field) : -1;
    if (field < -1)
        return err_set(err, ERR_BAD_REQUEST, "field label not supported: " STR_FMT, STR_ARG(sel->field));
    struct watch *w = mem_zalloc(sizeof *w + sel->ns.n + sel->name.n + sel->value.n);
    char *at = w->strings;
    w->hub = h;
    w->field = field;
    w->sel = (struct watch_selector){.table = t};
    w->sel.ns = watch_copy(&at, sel->ns);
    w->sel.name = watch_copy(&at, sel->name);
    w->sel.value = watch_copy(&at, sel->value);
    w->wake = wake;
    w->arg = arg;
    w->from = w->told = revision;
    pthread_mutex_init(&w->mutex, NULL);

    _lock_(&h->mutex);
    if (revision < t->history.floor) {
        pthread_mutex_destroy(&w->mutex);
        free(w);
        return err_set(err, ERR_EXPIRED, "too old resource version: %ld (%ld)", revision, t->history.floor);
    }
    for (size_t i = history_after(&t->history, revision); i < t->history.n; i++) {
        struct event_record *e = history_at(&t->history, i);
        if (watchers_match(t, &w->sel, field, e->object) || watchers_match(t, &w->sel, field, e->before))
            watch_queue(w, e);
    }
    watchers_add(t, &w->sel, field, w);
    w->attached = true;
    h->n_watches++;
    *out = w;
    return 0;
}

bool watch_next(struct watch *w, struct watch_event *ev)
{
    pthread_mutex_lock(&w->mutex);
    struct event_record *e = NULL;
    bool cut_off = w->state == WATCH_CUT_OFF;
    if (w->n) {
        e = w->at[w->first++ & (w->cap - 1)];
        w->told = e->revision;
        if (--w->n == 0 && w->cap > 64)
            watch_drop_all(w); /* a burst is over: give its room back */
    } else if (cut_off) {
        w->state = WATCH_OVER;
    } else {
        w->asleep = true;
    }
    pthread_mutex_unlock(&w->mutex);
    if (!e) {
        *ev = (struct watch_event){.type = WATCH_GONE};
        return cut_off;
    }
    *ev = (struct watch_event){e->type, object_ref(e->object), e->before ? object_ref(e->before) : NULL,
                               e->revision};
    event_record_unref(e);
    return true;
}

void watch_event_clear(struct watch_event *ev)
{
    object_unref(ev->object);
    object_unref(ev->before);
    *ev = (struct watch_event){0};
}

int64_t watch_revision(struct watch *w)
{
    int64_t published = w->hub->revision; /* read first: what comes later may still be on its way here */
    _lock_(&w->mutex);
    bool all_told = w->n == 0 && w->state == WATCH_LIVE;
    return all_told && published > w->told ? published : w->told;
}

void watch_close(struct watch *w)
{
    struct hub *h = w->hub;
    pthread_mutex_lock(&h->mutex);
    hub_detach(w);
    h->n_watches--;
    for (size_t i = 0; i < h->n_sleepers; i++)
        if (h->sleepers[i] == w)
            h->sleepers[i--] = h->sleepers[--h->n_sleepers];
    while (h->waking == w)
        pthread_cond_wait(&h->woken, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
    watch_drop_all(w);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
