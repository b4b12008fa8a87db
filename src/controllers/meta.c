#include "controllers/meta.h"

#include <stdlib.h>

#include "base/clock.h"

/* --- labels and annotations --- */

/* Where the key stands or would stand. */
static size_t labels_place(const struct str_map *m, struct str key, bool *there)
{
    size_t i = 0;
    int order = 1;
    while (i < m->n && (order = str_cmp(m->at[i].key, key)) < 0)
        i++;
    *there = i < m->n && order == 0;
    return i;
}

bool labels_unset(struct str_map *m, struct str key)
{
    bool there;
    size_t i = labels_place(m, key, &there);
    if (!there)
        return false;
    m->n--;
    memmove(m->at + i, m->at + i + 1, (m->n - i) * sizeof *m->at);
    return true;
}

bool labels_eq(const struct str_map *x, const struct str_map *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (!str_eq(x->at[i].key, y->at[i].key) || !str_eq(x->at[i].value, y->at[i].value))
            return false;
    return true;
}

bool strs_has(const struct str_vec *v, struct str s)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->at[i], s))
            return true;
    return false;
}

void strs_add(struct arena *a, struct str_vec *v, struct str s)
{
    struct str *at = arena_new_n(a, struct str, v->n + 1);
    if (v->n)
        memcpy(at, v->at, v->n * sizeof *at);
    at[v->n++] = s;
    v->at = at;
}

bool strs_drop(struct str_vec *v, struct str s)
{
    size_t kept = 0, n = v->n;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(v->at[i], s))
            v->at[kept++] = v->at[i];
    v->n = kept;
    return kept < n;
}

/* --- owners --- */

const struct owner_reference *meta_controller(const struct object_meta *meta)
{
    for (size_t i = 0; i < meta->owner_references.n; i++) {
        const struct owner_reference *ref = &meta->owner_references.at[i];
        if (ref->controller && *ref->controller)
            return ref;
    }
    return NULL;
}

bool meta_controlled_by(const struct object_meta *meta, struct str uid)
{
    const struct owner_reference *ref = meta_controller(meta);
    return ref && str_eq(ref->uid, uid);
}

struct owner_reference owner_reference_to(struct arena *a, struct object *owner)
{
    static const bool yes = true;
    const struct resource *r = object_resource(owner);
    return (struct owner_reference){
        .api_version = r->api_version,
        .kind = r->kind,
        .name = object_name(owner),
        .uid = object_meta(owner)->uid,
        .controller = arena_dup(a, &yes, sizeof yes),
        .block_owner_deletion = arena_dup(a, &yes, sizeof yes),
    };
}

void meta_add_owner(struct arena *a, struct object_meta *meta, struct owner_reference ref)
{
    struct owner_reference_vec *v = &meta->owner_references;
    struct owner_reference *at = arena_new_n(a, struct owner_reference, v->n + 1);
    if (v->n)
        memcpy(at, v->at, v->n * sizeof *at);
    at[v->n++] = ref;
    v->at = at;
}

bool meta_drop_owner(struct object_meta *meta, struct str uid)
{
    struct owner_reference_vec *v = &meta->owner_references;
    size_t kept = 0, n = v->n;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(v->at[i].uid, uid))
            v->at[kept++] = v->at[i];
    v->n = kept;
    return kept < n;
}

/* --- refusals --- */

bool namespace_is_ending(const struct err *err)
{
    for (size_t i = 0; i < err->details.n_causes; i++)
        if (str_is(str_from(err->details.causes[i].type), "NamespaceTerminating"))
            return true;
    return false;
}

/* --- time --- */

int64_t time_since(struct time t)
{
    return clock_wall() - time_to_ns(t);
}

/* --- conditions --- */

static void *item_field(const struct type *t, void *item, const char *name)
{
    uint32_t base = 0;
    const struct field *f = type_field(t, str_from(name), &base);
    return f ? (char *)item + base + f->offset : NULL;
}

static struct str *item_str(const struct type *t, void *item, const char *name)
{
    struct str *s = item_field(t, item, name);
    ensure(s);
    return s;
}

void *condition_find_any(const struct type *t, const struct any_vec *list, struct str type)
{
    for (size_t i = 0; i < list->n; i++) {
        void *item = (char *)list->at + i * t->size;
        if (str_eq(*item_str(t, item, "type"), type))
            return item;
    }
    return NULL;
}

bool condition_drop_any(const struct type *t, struct any_vec *list, struct str type)
{
    char *item = condition_find_any(t, list, type);
    if (!item)
        return false;
    char *end = (char *)list->at + list->n * t->size;
    memmove(item, item + t->size, (size_t)(end - item) - t->size);
    list->n--;
    return true;
}

bool condition_set_any(struct arena *a, const struct type *t, struct any_vec *list, enum condition_set when,
                       const struct verdict *c)
{
    void *old = condition_find_any(t, list, c->type);
    bool same_status = old && str_eq(*item_str(t, old, "status"), c->status);
    if (same_status && str_eq(*item_str(t, old, "reason"), c->reason) &&
        (when == CONDITION_UNLESS_SAME_REASON || str_eq(*item_str(t, old, "message"), c->message)))
        return false;

    struct time now = time_now();
    struct time transition = same_status ? *(struct time *)item_field(t, old, "lastTransitionTime") : now;
    char *at = arena_array(a, list->n + 1, t->size);
    if (list->n)
        memcpy(at, list->at, list->n * t->size);
    char *item = old ? at + ((char *)old - (char *)list->at) : at + list->n++ * t->size;
    list->at = at;
    memset(item, 0, t->size);
    *item_str(t, item, "type") = arena_str(a, c->type);
    *item_str(t, item, "status") = arena_str(a, c->status);
    *item_str(t, item, "reason") = arena_str(a, c->reason);
    *item_str(t, item, "message") = arena_str(a, c->message);
    *(struct time *)item_field(t, item, "lastTransitionTime") = transition;
    struct time *updated = item_field(t, item, "lastUpdateTime");
    if (updated)
        *updated = now;
    return true;
}

/* --- numbers and names --- */

int32_t int_or_percent(const struct int_or_str *v, int32_t total, bool round_up)
{
    if (!v)
        return 0;
    if (!v->is_str)
        return v->i;
    int64_t percent;
    if (!str_ends(v->s, STR("%")) || !str_to_i64(str_slice(v->s.p, v->s.n - 1), &percent) || percent < 0 ||
        percent > INT32_MAX)
        return 0;
    int64_t hundredths = percent * total;
    return (int32_t)((hundredths + (round_up ? 99 : 0)) / 100);
}

uint32_t fnv32a(uint32_t h, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

struct str safe_encode(struct arena *a, uint32_t n)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    struct str digits = arena_printf(a, "%u", n);
    char *out = arena_alloc(a, digits.n + 1);
    for (size_t i = 0; i < digits.n; i++)
        out[i] = alphabet[(unsigned char)digits.p[i] % (sizeof alphabet - 1)];
    return str_slice(out, digits.n);
}
