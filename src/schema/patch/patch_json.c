#include "schema/patch/patch.h"

struct json_patch {
    struct arena *arena;
    struct value *doc;
    size_t copied; /* bytes, by "copy" */
    struct err *err;
};

/* Upstream tells clients no more than this. */
static int patch_rejected(struct err *err)
{
    return err_set(err, ERR_INVALID, "the server rejected our request due to an error in our request");
}

bool patch_pointer_next(struct arena *a, struct str *pointer, struct str *part)
{
    if (!str_starts(*pointer, STR("/")))
        return false;
    size_t end = 1, n = 0;
    while (end < pointer->n && pointer->p[end] != '/')
        end++;
    char *to = arena_alloc(a, end);
    for (size_t i = 1; i < end; i++) {
        char c = pointer->p[i], next = i + 1 < end ? pointer->p[i + 1] : 0;
        if (c == '~' && (next == '0' || next == '1')) {
            c = next == '0' ? '~' : '/';
            i++;
        }
        to[n++] = c;
    }
    *part = str_slice(to, n);
    *pointer = str_from_at(*pointer, end);
    return true;
}

/* An index into `n` items; negative ones count from the end, as the library that upstream uses has it. */
static bool pointer_index(struct str part, size_t n, size_t *out)
{
    int64_t i;
    if (part.n > 10 || !str_to_i64(part, &i))
        return false;
    if (i < 0)
        i += (int64_t)n;
    *out = (size_t)i;
    return i >= 0 && (size_t)i < n;
}

static struct value *pointer_step(struct value *v, struct str part)
{
    size_t i;
    if (v->kind == JSON_OBJECT)
        return value_get(v, part);
    return v->kind == JSON_ARRAY && pointer_index(part, v->list.n, &i) ? &v->list.at[i] : NULL;
}

/* The container that the pointer's last part is in, and that part; NULL when something above it is missing.
 */
static struct value *pointer_parent(struct json_patch *p, struct str pointer, struct str *last)
{
    struct value *v = p->doc;
    if (!patch_pointer_next(p->arena, &pointer, last))
        return NULL;
    while (v && pointer.n) {
        v = pointer_step(v, *last);
        if (!patch_pointer_next(p->arena, &pointer, last))
            return NULL;
    }
    return v;
}

static struct value *pointer_find(struct json_patch *p, struct str pointer)
{
    struct str last;
    if (pointer.n == 0)
        return p->doc;
    struct value *parent = pointer_parent(p, pointer, &last);
    return parent ? pointer_step(parent, last) : NULL;
}

static int patch_add(struct json_patch *p, struct str pointer, struct value v)
{
    struct str last;
    size_t i;
    if (pointer.n == 0) {
        *p->doc = v;
        return 0;
    }
    struct value *parent = pointer_parent(p, pointer, &last);
    if (parent && parent->kind == JSON_OBJECT)
        value_set(p->arena, parent, last, v);
    else if (parent && parent->kind == JSON_ARRAY && str_is(last, "-"))
        value_append(p->arena, parent, v);
    else if (parent && parent->kind == JSON_ARRAY && pointer_index(last, parent->list.n + 1, &i))
        value_insert(p->arena, parent, i, v);
    else
        return patch_rejected(p->err);
    return 0;
}

static int patch_remove(struct json_patch *p, struct str pointer)
{
    struct str last;
    size_t i;
    struct value *parent = pointer_parent(p, pointer, &last);
    if (parent && parent->kind == JSON_OBJECT && value_del(parent, last))
        return 0;
    if (!parent || parent->kind != JSON_ARRAY || !pointer_index(last, parent->list.n, &i))
        return patch_rejected(p->err);
    value_remove(parent, i);
    return 0;
}

static int patch_replace(struct json_patch *p, struct str pointer, struct value v)
{
    struct value *there = pointer_find(p, pointer);
    if (!there)
        return patch_rejected(p->err);
    *there = v;
    return 0;
}

static int patch_move(struct json_patch *p, struct str from, struct str to)
{
    struct value *there = pointer_find(p, from);
    /* Nothing can be moved into itself. */
    if (!there || (to.n > from.n && str_starts(to, from) && to.p[from.n] == '/'))
        return patch_rejected(p->err);
    struct value v = *there;
    return patch_remove(p, from) < 0 ? -1 : patch_add(p, to, v);
}

static int patch_copy(struct json_patch *p, struct str from, struct str to)
{
    struct value *there = pointer_find(p, from);
    if (!there)
        return patch_rejected(p->err);
    _cleanup_buf_ struct buf size = {0};
    value_write(&size, there);
    p->copied += size.n;
    if (p->copied > PATCH_COPY_BYTES)
        return patch_rejected(p->err);
    return patch_add(p, to, value_copy(p->arena, there));
}

static int patch_test(struct json_patch *p, struct str pointer, const struct value *expected)
{
    const struct value *there = pointer_find(p, pointer);
    bool same = there ? value_eq(there, expected) : expected->kind == JSON_NULL;
    return same ? 0 : patch_rejected(p->err);
}

static int patch_operation(struct json_patch *p, const struct value *op)
{
    struct str name = value_get_str(op, STR("op")), from = value_get_str(op, STR("from"));
    const struct value *path = value_get(op, STR("path")), *value = value_get(op, STR("value"));
    bool has_from = value_get(op, STR("from"));
    if (!path || path->kind != JSON_STRING)
        return patch_rejected(p->err);
    if (str_is(name, "add") && value)
        return patch_add(p, path->s, *value);
    if (str_is(name, "remove"))
        return patch_remove(p, path->s);
    if (str_is(name, "replace") && value)
        return patch_replace(p, path->s, *value);
    if (str_is(name, "move") && has_from)
        return patch_move(p, from, path->s);
    if (str_is(name, "copy") && has_from)
        return patch_copy(p, from, path->s);
    if (str_is(name, "test"))
        return patch_test(p, path->s, value ? value : &VALUE_NULL);
    return patch_rejected(p->err);
}

int patch_json(struct arena *a, struct value *doc, struct value *patch, struct err *err)
{
    struct json_patch p = {.arena = a, .doc = doc, .err = err};
    if (patch->kind != JSON_ARRAY)
        return err_set(err, ERR_BAD_REQUEST,
                       "json: cannot unmarshal %s into Go value of type jsonpatch.Patch",
                       value_kind_name(patch));
    if (patch->list.n > PATCH_JSON_OPERATIONS)
        return err_set(
            err, ERR_TOO_LARGE,
            "Request entity too large: The allowed maximum operations in a JSON patch is %d, got %zu",
            PATCH_JSON_OPERATIONS, patch->list.n);
    for (size_t i = 0; i < patch->list.n; i++) {
        if (patch->list.at[i].kind != JSON_OBJECT)
            return err_set(err, ERR_BAD_REQUEST,
                           "json: cannot unmarshal %s into Go value of type jsonpatch.Operation",
                           value_kind_name(&patch->list.at[i]));
        if (patch_operation(&p, &patch->list.at[i]) < 0)
            return -1;
    }
    return 0;
}
