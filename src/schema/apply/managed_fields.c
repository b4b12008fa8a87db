#include "schema/apply/managed_fields.h"

#include <stdlib.h>

#include "schema/copy.h"
#include "schema/quote.h"
#include "schema/timestamp.h"

static const struct str fields_v1 = STR_INIT("FieldsV1");

bool owner_eq(const struct owner *x, const struct owner *y)
{
    return x->applied == y->applied && str_eq(x->manager, y->manager) &&
           str_eq(x->subresource, y->subresource) && (x->applied || str_eq(x->api_version, y->api_version));
}

/* --- reading and writing --- */

static struct managed_entry *add(struct arena *a, struct managed *m)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 8;
        struct managed_entry *at = arena_new_n(a, struct managed_entry, cap);
        if (m->n)
            memcpy(at, m->at, m->n * sizeof *at);
        m->at = at;
        m->cap = cap;
    }
    return &m->at[m->n++];
}

int managed_read_folded(struct arena *a, const struct managed_fields_entry_vec *from, struct managed *out,
                        struct err *err)
{
    *out = (struct managed){0};
    for (size_t i = 0; i < from->n; i++) {
        const struct managed_fields_entry *e = &from->at[i];
        bool applied = str_is(e->operation, "Apply");
        if (!applied && !str_is(e->operation, "Update"))
            return err_set(err, ERR_BAD_REQUEST, "operation must be `Apply` or `Update`");
        if (!e->api_version.n)
            return err_set(err, ERR_BAD_REQUEST, "apiVersion must not be empty");
        if (!e->fields_type.n)
            return err_set(err, ERR_BAD_REQUEST, "missing fieldsType in managed fields entry %zu", i);
        if (!str_eq(e->fields_type, fields_v1))
            return err_set(err, ERR_BAD_REQUEST,
                           "invalid fieldsType \"" STR_FMT "\" in managed fields entry %zu",
                           STR_ARG(e->fields_type), i);
        struct owner owner = {e->manager, e->api_version, e->subresource, applied};
        struct managed_entry *entry = managed_find(out, &owner);
        if (!entry)
            entry = add(a, out);
        *entry = (struct managed_entry){owner, e->time, {0}, e->fields_v_1, e->fields_v_1};
    }
    return 0;
}

int managed_read(struct arena *a, const struct managed_fields_entry_vec *from, struct managed *out,
                 struct err *err)
{
    if (managed_read_folded(a, from, out, err) < 0)
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        struct managed_entry *e = &out->at[i];
        if (e->folded && field_set_parse(a, *e->bytes, &e->set, err) < 0)
            return -1;
        e->folded = false;
    }
    return 0;
}

const struct field_set *managed_unfold(struct arena *a, struct managed_entry *e)
{
    if (e->folded && field_set_parse(a, *e->bytes, &e->set, NULL) < 0)
        e->set = (struct field_set){0};
    e->folded = false;
    return &e->set;
}

static bool is_empty(const struct managed_entry *e)
{
    return !e->folded && field_set_empty(&e->set);
}

static int64_t seconds(const struct time *t)
{
    return t ? t->s : 0;
}

/* Upstream's order: appliers, then updaters; older before newer; then by name. */
static int entry_order(const void *x, const void *y)
{
    const struct managed_fields_entry *a = x, *b = y;
    int order = str_cmp(a->operation, b->operation);
    int64_t s = seconds(a->time), t = seconds(b->time);
    if (!order)
        order = (s > t) - (s < t);
    if (!order)
        order = str_cmp(a->manager, b->manager);
    if (!order)
        order = str_cmp(a->api_version, b->api_version);
    return order ? order : str_cmp(a->subresource, b->subresource);
}

struct managed_fields_entry_vec managed_write(struct arena *a, const struct managed *m)
{
    struct managed_fields_entry_vec out = {0};
    _cleanup_buf_ struct buf text = {0};
    if (!m->n)
        return out;
    out.at = arena_new_n(a, struct managed_fields_entry, m->n);
    for (size_t i = 0; i < m->n; i++) {
        const struct managed_entry *e = &m->at[i];
        struct str *bytes = e->bytes;
        if (!bytes) {
            text.n = 0;
            field_set_write(&text, &e->set);
            bytes = arena_new(a, struct str);
            *bytes = arena_str(a, buf_str(&text));
        }
        out.at[out.n++] = (struct managed_fields_entry){
            .manager = e->owner.manager,
            .operation = e->owner.applied ? STR("Apply") : STR("Update"),
            .api_version = e->owner.api_version,
            .subresource = e->owner.subresource,
            .time = (struct time *)(uintptr_t)e->time,
            .fields_type = fields_v1,
            .fields_v_1 = bytes,
        };
    }
    qsort(out.at, out.n, sizeof *out.at, entry_order);
    return out;
}

bool managed_resets(const struct managed_fields_entry_vec *v)
{
    return v->at && (v->n == 0 || (v->n == 1 && struct_is_zero(&managed_fields_entry_type, v->at)));
}

/* --- entries --- */

struct managed_entry *managed_find(const struct managed *m, const struct owner *o)
{
    for (size_t i = 0; i < m->n; i++)
        if (owner_eq(&m->at[i].owner, o))
            return &m->at[i];
    return NULL;
}

void managed_remove(struct managed *m, struct managed_entry *e)
{
    *e = m->at[--m->n];
}

struct managed_entry *managed_set(struct arena *a, struct managed *m, const struct owner *o,
                                  struct field_set set)
{
    struct managed_entry *e = managed_find(m, o);
    if (field_set_empty(&set)) {
        if (e)
            managed_remove(m, e);
        return NULL;
    }
    if (!e)
        *(e = add(a, m)) = (struct managed_entry){.owner = *o};
    if (e->bytes && field_set_eq(managed_unfold(a, e), &set)) {
        e->owner.api_version = o->api_version;
        return e;
    }
    *e = (struct managed_entry){*o, e->time, set, NULL, false};
    return e;
}

/* --- others --- */

/* Calls `take` for every entry but the owner's, with what the change did in the entry's version. Entries of
 * versions that are gone go, and those that `take` leaves empty. */
typedef void (*entry_rule)(struct arena *a, struct managed_entry *e, const struct comparison *c, void *arg);

static void each_other(struct arena *a, struct managed *m, const struct owner *self,
                       const struct comparison *c, const struct versions *v, entry_rule take, void *arg)
{
    struct seen {
        struct str version;
        struct comparison c;
        struct seen *next;
    } *seen = NULL;
    for (size_t i = 0; i < m->n;) {
        struct managed_entry *e = &m->at[i];
        const struct comparison *in_version = c;
        if (owner_eq(&e->owner, self)) {
            i++;
            continue;
        }
        if (!str_eq(e->owner.api_version, self->api_version)) {
            struct seen *known = seen;
            while (known && !str_eq(known->version, e->owner.api_version))
                known = known->next;
            if (!known) {
                known = arena_new(a, struct seen);
                if (v->compare(v->arg, e->owner.api_version, &known->c) > 0) {
                    managed_remove(m, e);
                    continue;
                }
                known->version = e->owner.api_version;
                known->next = seen;
                seen = known;
            }
            in_version = &known->c;
        }
        take(a, e, in_version, arg);
        if (is_empty(e))
            managed_remove(m, e);
        else
            i++;
    }
}

/* All that a change did, reckoned once for all entries of a version. */
struct touched {
    const struct comparison *by;
    struct field_set set;
};

static const struct field_set *touched_by(struct arena *a, const struct comparison *c, struct touched *t)
{
    if (t->by != c) {
        t->by = c;
        t->set = field_set_union(a, &c->added, &c->modified);
        t->set = field_set_union(a, &t->set, &c->removed);
    }
    return &t->set;
}

static void yield(struct arena *a, struct managed_entry *e, const struct comparison *c, void *arg)
{
    const struct field_set *gone = touched_by(a, c, arg);
    if (e->folded) {
        _cleanup_buf_ struct buf left = {0};
        if (!field_set_subtract(&left, *e->bytes, gone))
            return;
        e->bytes = arena_new(a, struct str);
        *e->bytes = arena_str(a, buf_str(&left));
        e->folded = left.n; /* else it is a set of nothing */
        return;
    }
    struct field_set lost = field_set_intersection(a, &e->set, gone);
    if (field_set_empty(&lost))
        return;
    e->set = field_set_difference(a, &e->set, &lost);
    e->bytes = NULL;
}

void managed_yield(struct arena *a, struct managed *m, const struct owner *self, const struct comparison *c,
                   const struct versions *v)
{
    struct touched touched = {0};
    each_other(a, m, self, c, v, yield, &touched);
}

/* --- updates --- */

static int by_age(const void *x, const void *y)
{
    const struct managed_entry *const *a = x, *const *b = y;
    int64_t s = seconds((*a)->time), t = seconds((*b)->time);
    int order = (s > t) - (s < t);
    if (!order)
        order = str_cmp((*a)->owner.manager, (*b)->owner.manager);
    if (!order)
        order = str_cmp((*a)->owner.api_version, (*b)->owner.api_version);
    return order ? order : str_cmp((*a)->owner.subresource, (*b)->owner.subresource);
}

/* The oldest updaters of each version are put into one entry, as many as it takes. */
static void cap_updaters(struct arena *a, struct managed *m)
{
    struct managed_entry **old = arena_new_n(a, struct managed_entry *, m->n);
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (!m->at[i].owner.applied)
            old[n++] = &m->at[i];
    size_t left = n;
    if (n <= MANAGED_UPDATERS_MAX)
        return;
    qsort(old, n, sizeof *old, by_age);
    for (size_t i = 0; i < n && left > MANAGED_UPDATERS_MAX; i++) {
        struct managed_entry *first = NULL;
        for (size_t k = 0; k < i && !first; k++)
            if (!is_empty(old[k]) && str_eq(old[k]->owner.api_version, old[i]->owner.api_version))
                first = old[k];
        if (!first)
            continue;
        first->owner.manager = STR("ancient-changes");
        first->owner.subresource = STR("");
        managed_unfold(a, first);
        first->set = field_set_union(a, managed_unfold(a, old[i]), &first->set);
        first->time = old[i]->time; /* the newer */
        first->bytes = NULL;
        old[i]->set = (struct field_set){0};
        left--;
    }
    for (size_t i = m->n; i-- > 0;)
        if (is_empty(&m->at[i]))
            managed_remove(m, &m->at[i]);
}

void managed_update(struct arena *a, struct managed *m, const struct owner *self, const struct comparison *c,
                    const struct versions *v, struct time now)
{
    managed_yield(a, m, self, c, v);
    struct field_set mine = field_set_union(a, &c->modified, &c->added);
    struct managed_entry *before = managed_find(m, self);
    struct field_set all = mine;
    if (before) {
        all = field_set_difference(a, managed_unfold(a, before), &c->removed);
        all = field_set_union(a, &all, &mine);
    }
    struct managed_entry *e = managed_set(a, m, self, all);
    if (e && !field_set_empty(&mine))
        e->time = arena_dup(a, &now, sizeof now);
    cap_updaters(a, m);
}

/* --- conflicts --- */

static void collect(struct arena *a, struct managed_entry *e, const struct comparison *c, void *arg)
{
    struct conflicts *all = arg;
    _cleanup_buf_ struct buf left = {0};
    struct field_set changed = field_set_union(a, &c->modified, &c->added);
    if (e->folded && !field_set_subtract(&left, *e->bytes, &changed))
        return;
    struct field_set set = field_set_intersection(a, managed_unfold(a, e), &changed);
    if (!field_set_empty(&set))
        all->at[all->n++] = (struct conflict){arena_dup(a, e, sizeof *e), set};
}

struct conflicts managed_conflicts(struct arena *a, struct managed *m, const struct owner *self,
                                   const struct comparison *c, const struct versions *v)
{
    struct conflicts out = {arena_new_n(a, struct conflict, m->n), 0};
    each_other(a, m, self, c, v, collect, &out);
    return out;
}

/* "kubectl" using apps/v1: who is in the way, as upstream names it. */
static struct str owner_text(struct arena *a, const struct owner *o)
{
    _cleanup_buf_ struct buf b = {0};
    quote_go(&b, o->manager);
    if (o->subresource.n) {
        buf_add_lit(&b, " with subresource ");
        quote_go(&b, o->subresource);
    }
    if (!o->applied)
        buf_addf(&b, " using " STR_FMT, STR_ARG(o->api_version));
    return arena_str(a, buf_str(&b));
}

struct telling {
    struct err *err;
    struct buf text;
    struct str owner;
    size_t n;
};

static void tell(void *arg, struct str path)
{
    struct telling *t = arg;
    t->n++;
    buf_addf(&t->text, "\n- " STR_FMT, STR_ARG(path));
    err_add_cause(t->err, "FieldManagerConflict", path, "conflict with " STR_FMT, STR_ARG(t->owner));
}

static int conflict_order(const void *x, const void *y)
{
    const struct owner *a = &((const struct conflict *)x)->entry->owner,
                       *b = &((const struct conflict *)y)->entry->owner;
    int order = str_cmp(a->manager, b->manager);
    return order ? order : (int)a->applied - (int)b->applied;
}

int managed_conflict_error(const struct conflicts *c, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct err full = {0};
    err_set(&full, ERR_CONFLICT, "conflict");
    struct telling t = {.err = &full};
    qsort(c->at, c->n, sizeof *c->at, conflict_order);
    for (size_t i = 0; i < c->n; i++) {
        t.owner = owner_text(&a, &c->at[i].entry->owner);
        buf_addf(&t.text, "%sconflicts with " STR_FMT ":", i ? "\n" : "", STR_ARG(t.owner));
        field_set_each(&c->at[i].set, tell, &t);
    }
    if (t.n == 1)
        full.message =
            arena_printf(&full.arena, "Apply failed with 1 conflict: " STR_FMT ": " STR_FMT,
                         STR_ARG(full.details.causes->message), STR_ARG(full.details.causes->field));
    else
        full.message = arena_printf(&full.arena, "Apply failed with %zu conflicts: " STR_FMT, t.n,
                                    STR_ARG(buf_str(&t.text)));
    buf_free(&t.text);
    if (err)
        err_move(err, &full);
    else
        err_clear(&full);
    return -1;
}
