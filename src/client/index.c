#include "client/index.h"

#include <stdlib.h>

#include "kinds/meta_v1.h"

struct owned {
    struct str uid; /* of the controller, empty for none; a slice of the object's */
    struct object *object;
};

struct index {
    struct object **at; /* by namespace and name */
    size_t n, cap;
    struct owned *owned; /* by uid, namespace and name */
    size_t n_owned, cap_owned;
    bool by_owner; /* `owned` is kept */
};

void objects_add(struct objects *list, size_t *cap, struct object *o)
{
    mem_grow((void **)&list->at, cap, list->n + 1, sizeof *list->at);
    list->at[list->n++] = object_ref(o);
}

static int key_cmp(const struct object *o, struct str ns, struct str name)
{
    int by_ns = str_cmp(object_namespace(o), ns);
    return by_ns ? by_ns : str_cmp(object_name(o), name);
}

int object_key_cmp(const struct object *a, const struct object *b)
{
    return key_cmp(a, object_namespace(b), object_name(b));
}

struct index *index_new(void)
{
    return mem_zalloc(sizeof(struct index));
}

void index_free(struct index *x)
{
    for (size_t i = 0; i < x->n; i++)
        object_unref(x->at[i]);
    free(x->at);
    free(x->owned);
    free(x);
}

/* The first place whose key is not below this one. */
static size_t index_place(const struct index *x, struct str ns, struct str name)
{
    size_t low = 0, high = x->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_cmp(x->at[middle], ns, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool index_is_at(const struct index *x, size_t place, struct str ns, struct str name)
{
    return place < x->n && key_cmp(x->at[place], ns, name) == 0;
}

/* --- by controller --- */

static struct str controller_uid(struct object *o)
{
    const struct object_meta *meta = object_meta(o);
    for (size_t i = 0; i < meta->owner_references.n; i++) {
        const struct owner_reference *ref = &meta->owner_references.at[i];
        if (ref->controller && *ref->controller)
            return ref->uid;
    }
    return (struct str){0};
}

static int owned_cmp(const struct owned *w, struct str uid, struct str ns, struct str name)
{
    int by_uid = str_cmp(w->uid, uid);
    return by_uid ? by_uid : key_cmp(w->object, ns, name);
}

static int owned_qsort(const void *a, const void *b)
{
    const struct owned *y = b;
    return owned_cmp(a, y->uid, object_namespace(y->object), object_name(y->object));
}

static size_t owned_place(const struct index *x, struct str uid, struct str ns, struct str name)
{
    size_t low = 0, high = x->n_owned;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (owned_cmp(&x->owned[middle], uid, ns, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void owned_put(struct index *x, struct object *o)
{
    if (!x->by_owner)
        return;
    struct str uid = controller_uid(o);
    size_t place = owned_place(x, uid, object_namespace(o), object_name(o));
    mem_grow((void **)&x->owned, &x->cap_owned, x->n_owned + 1, sizeof *x->owned);
    memmove(&x->owned[place + 1], &x->owned[place], (x->n_owned - place) * sizeof *x->owned);
    x->owned[place] = (struct owned){uid, o};
    x->n_owned++;
}

static void owned_drop(struct index *x, struct object *o)
{
    if (!x->by_owner)
        return;
    size_t place = owned_place(x, controller_uid(o), object_namespace(o), object_name(o));
    ensure(place < x->n_owned && x->owned[place].object == o);
    x->n_owned--;
    memmove(&x->owned[place], &x->owned[place + 1], (x->n_owned - place) * sizeof *x->owned);
}

static void owned_make(struct index *x)
{
    x->by_owner = true;
    mem_grow((void **)&x->owned, &x->cap_owned, x->n + 1, sizeof *x->owned);
    for (size_t i = 0; i < x->n; i++)
        x->owned[i] = (struct owned){controller_uid(x->at[i]), x->at[i]};
    x->n_owned = x->n;
    qsort(x->owned, x->n_owned, sizeof *x->owned, owned_qsort);
}

void index_list_owned(struct index *x, struct str uid, struct str ns, struct objects *out)
{
    if (!x->by_owner)
        owned_make(x);
    size_t cap = out->n;
    for (size_t i = owned_place(x, uid, ns, (struct str){0}); i < x->n_owned && str_eq(x->owned[i].uid, uid);
         i++) {
        if (!str_empty(ns) && !str_eq(object_namespace(x->owned[i].object), ns))
            break;
        objects_add(out, &cap, x->owned[i].object);
    }
}

/* --- by key --- */

struct object *index_put(struct index *x, struct object *o)
{
    struct str ns = object_namespace(o), name = object_name(o);
    size_t place = index_place(x, ns, name);
    struct object *before = NULL;
    if (index_is_at(x, place, ns, name)) {
        before = x->at[place];
        owned_drop(x, before);
    } else {
        mem_grow((void **)&x->at, &x->cap, x->n + 1, sizeof *x->at);
        memmove(&x->at[place + 1], &x->at[place], (x->n - place) * sizeof *x->at);
        x->n++;
    }
    x->at[place] = object_ref(o);
    owned_put(x, o);
    return before;
}

struct object *index_take(struct index *x, struct str ns, struct str name)
{
    size_t place = index_place(x, ns, name);
    if (!index_is_at(x, place, ns, name))
        return NULL;
    struct object *o = x->at[place];
    owned_drop(x, o);
    x->n--;
    memmove(&x->at[place], &x->at[place + 1], (x->n - place) * sizeof *x->at);
    return o;
}

struct object *index_get(const struct index *x, struct str ns, struct str name)
{
    size_t place = index_place(x, ns, name);
    return index_is_at(x, place, ns, name) ? x->at[place] : NULL;
}

void index_list(const struct index *x, struct str ns, struct objects *out)
{
    size_t cap = out->n;
    for (size_t i = str_empty(ns) ? 0 : index_place(x, ns, (struct str){0}); i < x->n; i++) {
        if (!str_empty(ns) && !str_eq(object_namespace(x->at[i]), ns))
            break;
        objects_add(out, &cap, x->at[i]);
    }
}
