#include "schema/patch/excerpt.h"

#include "schema/copy.h"
#include "schema/json.h"
#include "schema/layout.h"
#include "schema/patch/patch.h"

/* The field's own type, where a reach may go on into it. */
static const struct type *inner(const struct field *f)
{
    bool plain = f && f->kind == VALUE_STRUCT && f->shape == SHAPE_ONE;
    return plain && !(f->type->flags & (TYPE_BARE | TYPE_EITHER | TYPE_UNKNOWN)) ? f->type : NULL;
}

/* --- reaching --- */

static struct value reach_within(struct arena *a, const struct type *t, const struct value *patch)
{
    struct value reach = VALUE_OBJECT;
    if (!t || patch->kind != JSON_OBJECT)
        return VALUE_NULL;
    for (size_t i = 0; i < patch->members.n; i++) {
        const struct value_member *m = &patch->members.at[i];
        uint32_t base;
        if (str_starts(m->key, STR("$"))) /* a directive: it may be about all */
            return VALUE_NULL;
        value_set(a, &reach, m->key, reach_within(a, inner(type_field(t, m->key, &base)), &m->value));
    }
    return reach;
}

struct value reach_of_merge(struct arena *a, const struct type *t, const struct value *patch)
{
    return reach_within(a, t->flags & TYPE_UNKNOWN ? NULL : t, patch);
}

static void reach_pointer(struct arena *a, const struct type *t, struct value *reach, struct str pointer)
{
    while (reach->kind == JSON_OBJECT) {
        struct str name;
        uint32_t base;
        if (!patch_pointer_next(a, &pointer, &name)) {
            *reach = VALUE_NULL;
            return;
        }
        t = inner(type_field(t, name, &base));
        struct value *below = value_get(reach, name);
        reach = below ? below : value_set(a, reach, name, t ? VALUE_OBJECT : VALUE_NULL);
    }
}

struct value reach_of_operations(struct arena *a, const struct type *t, const struct value *patch)
{
    struct value reach = t->flags & TYPE_UNKNOWN || patch->kind != JSON_ARRAY ? VALUE_NULL : VALUE_OBJECT;
    for (size_t i = 0; reach.kind == JSON_OBJECT && i < patch->list.n; i++) {
        const struct value *op = &patch->list.at[i], *from = value_get(op, STR("from"));
        reach_pointer(a, t, &reach, value_get_str(op, STR("path")));
        if (from)
            reach_pointer(a, t, &reach, value_get_str(op, STR("from")));
    }
    return reach;
}

void reach_add_fields(struct arena *a, const struct type *t, struct value *reach, const struct field_set *set)
{
    for (size_t i = 0; reach->kind == JSON_OBJECT && i < set->n; i++) {
        const struct field_node *n = &set->at[i];
        uint32_t base;
        const struct type *below = inner(type_field(t, n->link.text, &base));
        struct value *member = value_get(reach, n->link.text);
        if (!member)
            member = value_set(a, reach, n->link.text, below ? VALUE_OBJECT : VALUE_NULL);
        if (below)
            reach_add_fields(a, below, member, &n->below);
    }
}

/* --- taking out and putting back --- */

void excerpt_write(struct buf *out, const struct type *t, const void *v, const struct value *reach)
{
    char before = '{';
    if (reach->kind != JSON_OBJECT) {
        json_encode(out, t, v);
        return;
    }
    for (size_t i = 0; i < reach->members.n; i++) {
        const struct value_member *m = &reach->members.at[i];
        uint32_t base;
        const struct field *f = type_field(t, m->key, &base);
        const char *at = f ? (const char *)v + base + f->offset : NULL;
        if (!f || json_leaves_out(f, at))
            continue;
        buf_add_c(out, before);
        before = ',';
        json_encode_string(out, f->name);
        buf_add_c(out, ':');
        if (m->value.kind == JSON_OBJECT)
            excerpt_write(out, f->type, at, &m->value);
        else
            json_encode_field(out, f, at);
    }
    if (before == '{')
        buf_add_c(out, '{');
    buf_add_c(out, '}');
}

static void take(const struct type *t, char *to, const char *from, const struct value *reach)
{
    for (size_t i = 0; i < reach->members.n; i++) {
        const struct value_member *m = &reach->members.at[i];
        uint32_t base;
        const struct field *f = type_field(t, m->key, &base);
        if (f && m->value.kind == JSON_OBJECT)
            take(f->type, to + base + f->offset, from + base + f->offset, &m->value);
        else if (f)
            memcpy(to + base + f->offset, from + base + f->offset, layout_extent(f));
    }
}

void *excerpt_put_back(struct arena *a, const struct type *t, const void *before, const void *patched,
                       const struct value *reach)
{
    if (reach->kind != JSON_OBJECT)
        return arena_dup(a, patched, t->size);
    char *to = arena_dup(a, before, t->size);
    for (size_t i = 0; i < reach->members.n; i++) {
        const struct value_member *m = &reach->members.at[i];
        uint32_t base;
        const struct field *f = type_field(t, m->key, &base);
        if (f && m->value.kind == JSON_OBJECT)
            field_copy(a, f, to + base, to + base);
    }
    take(t, to, patched, reach);
    return to;
}
