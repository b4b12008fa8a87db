#include "api/policy/patch.h"

#include "schema/json.h"
#include "schema/patch.h"
#include "schema/path.h"

/* --- objects by name: Object.spec.replicas --- */

/* An initializer's type must be called as the place where it stands. */
static int check_names(struct arena *a, const struct cel_value *v, struct str expected, unsigned depth,
                       struct err *err)
{
    if (depth > VALUE_DEPTH || (v->kind != CEL_OBJECT && v->kind != CEL_LIST && v->kind != CEL_MAP) ||
        v->in != CEL_IN_ARENA)
        return 0;
    if (v->kind == CEL_LIST) {
        for (size_t i = 0; i < v->list.n; i++)
            if (check_names(a, &v->list.at[i], expected, depth + 1, err) < 0)
                return -1;
        return 0;
    }
    if (v->kind == CEL_OBJECT && !str_eq(v->type->name, expected))
        return err_set(err, ERR_INVALID,
                       "type mismatch: unexpected type name \"" STR_FMT "\", expected \"" STR_FMT
                       "\", which matches field name path from root Object type",
                       STR_ARG(v->type->name), STR_ARG(expected));
    for (size_t i = 0; i < v->map->n; i++) {
        const struct cel_pair *p = &v->map->at[i];
        struct str inner = expected;
        if (v->kind == CEL_OBJECT)
            inner = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(expected), STR_ARG(p->key.s));
        if (check_names(a, &p->value, inner, depth + 1, err) < 0)
            return -1;
    }
    return 0;
}

/* --- JSON patches --- */

static int patch_by_operations(struct arena *a, const struct cel_value *v, struct value *doc, struct err *err)
{
    struct value patch, before = value_copy(a, doc);
    for (size_t i = 0; v->in == CEL_IN_ARENA && i < v->list.n; i++) {
        const struct cel_value *operation = &v->list.at[i];
        for (size_t k = 0; operation->kind == CEL_OBJECT && k < operation->map->n; k++) {
            const struct cel_value *value = &operation->map->at[k].value;
            if (value->kind == CEL_OBJECT && value->in == CEL_IN_ARENA &&
                check_names(a, value, value->type->name, 0, err) < 0)
                return -1;
        }
    }
    if (cel_to_json(a, v, &patch, err) < 0)
        return err_wrap(err, "JSONPath valueExpression evaluated to a type that could not marshal to JSON");
    for (size_t i = 0; i < patch.list.n; i++) {
        struct value *operation = &patch.list.at[i], one = VALUE_ARRAY;
        bool tests = str_is(value_get_str(operation, STR("op")), "test");
        value_append(a, &one, *operation);
        if (patch_json(a, doc, &one, err) == 0)
            continue;
        if (!tests)
            return err_wrap(err, "JSONPath");
        *doc = before; /* a test that fails means that there is nothing to be done */
        return 0;
    }
    return 0;
}

/* --- apply configurations --- */

static bool is_struct(const struct field *f)
{
    return f->kind == VALUE_STRUCT && (f->shape == SHAPE_ONE || f->shape == SHAPE_OPTIONAL);
}

static bool is_atomic(const struct field *f, const struct value *v)
{
    bool merges = f->flags & (FIELD_LIST_MAP | FIELD_LIST_SET);
    if (v->kind == JSON_ARRAY)
        return f->shape == SHAPE_LIST && !merges;
    return v->kind == JSON_OBJECT &&
           (f->flags & FIELD_ATOMIC || (is_struct(f) && f->type->flags & TYPE_ATOMIC));
}

/* Walks a configuration by its type: adds the paths of what would be replaced as a whole; -1 for fields that
 * there are not. */
static int check_fields(const struct type *t, const struct value *v, const struct path *at,
                        struct buf *atomics, struct err *err);

static int check_value(const struct field *f, const struct value *v, const struct path *at,
                       struct buf *atomics, struct err *err)
{
    if (is_atomic(f, v)) {
        buf_add_str(atomics, atomics->n ? STR(", .") : STR("."));
        path_write(atomics, at);
    }
    if (f->kind != VALUE_STRUCT)
        return 0;
    if (v->kind == JSON_OBJECT && is_struct(f))
        return check_fields(f->type, v, at, atomics, err);
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->list.n; i++)
        if (v->list.at[i].kind == JSON_OBJECT &&
            check_fields(f->type, &v->list.at[i], PATH_AT(at, i), atomics, err) < 0)
            return -1;
    for (size_t i = 0; v->kind == JSON_OBJECT && f->shape == SHAPE_MAP && i < v->members.n; i++)
        if (v->members.at[i].value.kind == JSON_OBJECT &&
            check_fields(f->type, &v->members.at[i].value, PATH_OF(at, v->members.at[i].key), atomics, err) <
                0)
            return -1;
    return 0;
}

static int check_fields(const struct type *t, const struct value *v, const struct path *at,
                        struct buf *atomics, struct err *err)
{
    for (size_t i = 0; i < v->members.n; i++) {
        uint32_t base;
        const struct value_member *m = &v->members.at[i];
        const struct field *f = type_field(t, m->key, &base);
        struct path here = path_child(at, m->key);
        if (!f && t->flags & TYPE_UNKNOWN)
            continue;
        if (!f) {
            _cleanup_buf_ struct buf text = {0};
            path_write(&text, &here);
            return err_set(err, ERR_INVALID,
                           "failed to convert patch object to typed object: ." STR_FMT
                           ": field not declared in schema",
                           STR_ARG(buf_str(&text)));
        }
        if (check_value(f, &m->value, &here, atomics, err) < 0)
            return -1;
    }
    return 0;
}

static void merge_fields(struct arena *a, const struct type *t, struct value *live,
                         const struct value *patch);

/* The item of the list that is the same: by the keys of the list, or as a whole. */
static struct value *find_item(const struct field *f, struct value *list, const struct value *item)
{
    for (size_t i = 0; i < list->list.n; i++) {
        struct value *x = &list->list.at[i];
        bool same = f->flags & FIELD_LIST_MAP || value_eq(x, item);
        for (unsigned k = 0; same && f->flags & FIELD_LIST_MAP && k < f->n_list_keys; k++) {
            const struct value *vx = value_get(x, f->list_keys[k]), *vy = value_get(item, f->list_keys[k]);
            same = vx && vy ? value_eq(vx, vy) : vx == vy;
        }
        if (same)
            return x;
    }
    return NULL;
}

static void merge_value(struct arena *a, const struct field *f, struct value *live, const struct value *patch)
{
    if (live->kind != patch->kind || is_atomic(f, patch)) {
        *live = value_copy(a, patch);
    } else if (patch->kind == JSON_ARRAY) {
        for (size_t i = 0; i < patch->list.n; i++) {
            struct value *item = find_item(f, live, &patch->list.at[i]);
            if (!item)
                value_append(a, live, value_copy(a, &patch->list.at[i]));
            else if (f->kind == VALUE_STRUCT && item->kind == JSON_OBJECT)
                merge_fields(a, f->type, item, &patch->list.at[i]);
        }
    } else if (patch->kind == JSON_OBJECT && is_struct(f)) {
        merge_fields(a, f->type, live, patch);
    } else if (patch->kind == JSON_OBJECT) {
        for (size_t i = 0; i < patch->members.n; i++) {
            const struct value_member *m = &patch->members.at[i];
            struct value *there = value_get(live, m->key);
            if (there && there->kind == JSON_OBJECT && m->value.kind == JSON_OBJECT &&
                f->kind == VALUE_STRUCT)
                merge_fields(a, f->type, there, &m->value);
            else
                value_set(a, live, m->key, value_copy(a, &m->value));
        }
    } else {
        *live = value_copy(a, patch);
    }
}

static void merge_fields(struct arena *a, const struct type *t, struct value *live, const struct value *patch)
{
    for (size_t i = 0; i < patch->members.n; i++) {
        uint32_t base;
        const struct value_member *m = &patch->members.at[i];
        const struct field *f = type_field(t, m->key, &base);
        struct value *there = value_get(live, m->key);
        if (there && f)
            merge_value(a, f, there, &m->value);
        else
            value_set(a, live, m->key, value_copy(a, &m->value));
    }
}

static int patch_by_configuration(struct arena *a, const struct type *t, const struct cel_value *v,
                                  struct value *doc, struct err *err)
{
    struct value patch;
    _cleanup_buf_ struct buf atomics = {0};
    if (check_names(a, v, STR("Object"), 0, err) < 0 || cel_to_json(a, v, &patch, err) < 0)
        return -1;
    if (check_fields(t, &patch, NULL, &atomics, err) < 0)
        return err_wrap(err, "error applying patch");
    if (atomics.n)
        return err_set(
            err, ERR_INVALID,
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or "
            "structs: " STR_FMT,
            STR_ARG(buf_str(&atomics)));
    merge_fields(a, t, doc, &patch);
    return 0;
}

int policy_patch(struct arena *a, const struct resource *shown, const void *typed, bool json_patch,
                 const struct cel_value *v, struct value *doc, struct err *err)
{
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, shown->type, typed);
    if (value_parse(a, arena_str(a, buf_str(&json)), doc, err) < 0)
        return -1;
    return json_patch ? patch_by_operations(a, v, doc, err)
                      : patch_by_configuration(a, shown->type, v, doc, err);
}
