#include "api/policy/patch.h"

#include "schema/apply/typed_tree.h"
#include "schema/json.h"
#include "schema/patch/patch.h"
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

/* Adds the paths of lists, maps and structs that would be replaced as a whole. */
static void find_atomics(struct atom atom, const struct value *v, const struct path *at, struct buf *out)
{
    bool composite = (v->kind == JSON_ARRAY && atom.kind == ATOM_LIST) ||
                     (v->kind == JSON_OBJECT && (atom.kind == ATOM_STRUCT || atom.kind == ATOM_MAP));
    if (!composite)
        return;
    if (atom.atomic) {
        buf_add_str(out, out->n ? STR(", .") : STR("."));
        path_write(out, at);
    }
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->list.n; i++)
        find_atomics(atom_item(atom), &v->list.at[i], PATH_AT(at, i), out);
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n; i++) {
        const struct value_member *m = &v->members.at[i];
        struct path here = path_child(at, m->key);
        struct atom inner;
        bool declared;
        if (atom_member(atom, m->key, &inner, &declared) && declared)
            find_atomics(inner, &m->value, &here, out);
    }
}

static int patch_by_configuration(struct arena *a, const struct type *t, const struct cel_value *v,
                                  struct value *doc, struct err *err)
{
    struct value patch;
    _cleanup_buf_ struct buf atomics = {0};
    if (check_names(a, v, STR("Object"), 0, err) < 0 || cel_to_json(a, v, &patch, err) < 0)
        return -1;
    if (typed_tree_check(t, &patch, false, err) < 0) {
        err_wrap(err, "failed to convert patch object to typed object");
        return err_wrap(err, "error applying patch");
    }
    find_atomics(atom_of_type(t), &patch, NULL, &atomics);
    if (atomics.n)
        return err_set(
            err, ERR_INVALID,
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or "
            "structs: " STR_FMT,
            STR_ARG(buf_str(&atomics)));
    *doc = typed_tree_merge(a, t, doc, &patch);
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
