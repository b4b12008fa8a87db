#include "schema/gates.h"

#include "schema/copy.h"
#include "schema/layout.h"

enum { GATES_MAX = 16 };

struct gates {
    struct str used[GATES_MAX];
    size_t n;
};

static bool is_used(const struct gates *g, struct str gate)
{
    for (size_t i = 0; i < g->n; i++)
        if (str_eq(g->used[i], gate))
            return true;
    return false;
}

static void look_at(const struct field *f, const void *at, struct gates *g)
{
    if (g->n < GATES_MAX && !field_is_zero(f, at) && !is_used(g, f->rules->feature_gate))
        g->used[g->n++] = f->rules->feature_gate;
}

static void drop(const struct field *f, void *at, const struct gates *g)
{
    if (!field_is_zero(f, at) && !is_used(g, f->rules->feature_gate))
        memset(at, 0, layout_extent(f));
}

/* Drops from the object, or where that is not asked notes what it uses. */
static void walk(const struct type *t, void *object, struct gates *g, bool drops)
{
    for (unsigned i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        void *at = field_at(f, object);
        if (f->flags & FIELD_CLOSED) {
            if (drops)
                drop(f, at, g);
            else
                look_at(f, at, g);
            continue;
        }
        if (f->kind != VALUE_STRUCT || !(f->type->flags & TYPE_GATED))
            continue;
        const struct any_vec *v = at;
        switch ((enum shape)f->shape) {
        case SHAPE_ONE:
        case SHAPE_INLINE:
            walk(f->type, at, g, drops);
            break;
        case SHAPE_OPTIONAL:
            if (layout_optional(f, object))
                walk(f->type, layout_optional(f, object), g, drops);
            break;
        case SHAPE_LIST:
        case SHAPE_MAP:
            for (size_t k = 0; k < v->n; k++)
                walk(f->type, layout_item(f, v, k), g, drops);
            break;
        }
    }
}

void gates_drop(const struct type *t, void *object, const void *old)
{
    struct gates g = {.n = 0};
    if (!(t->flags & TYPE_GATED))
        return;
    if (old)
        walk(t, (void *)old, &g, false);
    walk(t, object, &g, true);
}
