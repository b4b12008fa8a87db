/* Does a tree fit its type? In the words of structured-merge-diff's validation, which prints values as Go
 * does. */
#include "schema/apply/typed_tree.h"
#include "schema/json.h"

enum { COMPLAINTS_MAX = 100 };

struct checker {
    struct arena arena;
    struct buf path;
    struct buf text; /* the complaints, "  path: what" a line */
    size_t n;
    bool duplicates;
};

static void complain(struct checker *c, const char *fmt, ...) _printf_(2, 3);

static void complain(struct checker *c, const char *fmt, ...)
{
    if (c->n++ >= COMPLAINTS_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    struct str what = arena_vprintf(&c->arena, fmt, args);
    va_end(args);
    buf_addf(&c->text, "\n  " STR_FMT "%s" STR_FMT, STR_ARG(buf_str(&c->path)), c->path.n ? ": " : "",
             STR_ARG(what));
}

/* --- values as Go prints them --- */

static struct str printed(struct checker *c, const struct value *v, bool syntax)
{
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b, "%s", syntax ? "&value.valueUnstructured{Value:" : "&{");
    value_print_go(&b, v, syntax);
    buf_add_c(&b, '}');
    return arena_str(&c->arena, buf_str(&b));
}

static const char *go_type(const struct value *v)
{
    static const char *const names[] = {
        [JSON_NULL] = "<nil>",
        [JSON_BOOL] = "bool",
        [JSON_INT] = "int64",
        [JSON_DOUBLE] = "float64",
        [JSON_STRING] = "string",
        [JSON_ARRAY] = "[]interface {}",
        [JSON_OBJECT] = "map[string]interface {}",
    };
    return names[v->kind];
}

/* --- checking --- */

static void check(struct checker *c, struct atom atom, const struct value *v);

static void check_scalar(struct checker *c, const struct field *f, const struct value *v)
{
    bool number = v->kind == JSON_INT || v->kind == JSON_DOUBLE;
    if (!f || v->kind == JSON_NULL || f->kind == VALUE_JSON)
        return;
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        if (v->kind != JSON_BOOL)
            complain(c, "expected boolean, got " STR_FMT, STR_ARG(printed(c, v, false)));
        return;
    case VALUE_INT32:
    case VALUE_INT64:
    case VALUE_DOUBLE:
        if (!number)
            complain(c, "expected numeric (int or float), got %s", go_type(v));
        return;
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_DURATION:
        if (v->kind != JSON_STRING)
            complain(c, "expected string, got " STR_FMT, STR_ARG(printed(c, v, true)));
        return;
    default: /* times, quantities, and what is a number or a string: any scalar */
        if (!number && v->kind != JSON_STRING && v->kind != JSON_BOOL)
            complain(c, "expected any scalar, got " STR_FMT, STR_ARG(printed(c, v, false)));
    }
}

static void check_list(struct checker *c, struct atom list, const struct value *v)
{
    struct field_set seen = {0};
    size_t path = c->path.n;
    for (size_t i = 0; i < v->list.n; i++, c->path.n = path) {
        struct field_link link;
        if (list.atomic) {
            buf_addf(&c->path, "[%zu]", i);
        } else {
            const char *why = atom_item_link(&c->arena, list, &v->list.at[i], &link);
            if (why) {
                complain(c, "element %zu: %s", i, why);
                return;
            }
            struct field_node *n = field_set_insert(&c->arena, &seen, link);
            if (n->member && !c->duplicates) {
                _cleanup_buf_ struct buf text = {0};
                field_link_write(&text, &link);
                complain(c, "duplicate entries for key " STR_FMT, STR_ARG(buf_str(&text)));
            }
            n->member = true;
            field_link_write(&c->path, &link);
        }
        check(c, atom_item(list), &v->list.at[i]);
    }
}

static void check_map(struct checker *c, struct atom map, const struct value *v)
{
    size_t path = c->path.n;
    for (size_t i = 0; i < v->members.n; i++, c->path.n = path) {
        struct atom member;
        bool declared;
        buf_addf(&c->path, "." STR_FMT, STR_ARG(v->members.at[i].key));
        if (!atom_member(map, v->members.at[i].key, &member, &declared)) {
            complain(c, "field not declared in schema");
            c->path.n = path;
            return; /* upstream looks no further in this one */
        }
        check(c, member, &v->members.at[i].value);
    }
}

static void check(struct checker *c, struct atom atom, const struct value *v)
{
    atom = atom_deduce(atom, v);
    if (v->kind == JSON_NULL || atom.kind == ATOM_ANY || (atom.kind != ATOM_STRUCT && !atom.field))
        return;
    if (atom.kind == ATOM_SCALAR)
        check_scalar(c, atom.field, v);
    else if (atom.kind == ATOM_LIST && v->kind == JSON_ARRAY)
        check_list(c, atom, v);
    else if (atom.kind != ATOM_LIST && v->kind == JSON_OBJECT)
        check_map(c, atom, v);
    else
        complain(c, "expected %s, got " STR_FMT, atom.kind == ATOM_LIST ? "list" : "map",
                 STR_ARG(printed(c, v, false)));
}

int typed_tree_check(const struct type *t, const struct value *v, bool duplicates, struct err *err)
{
    struct checker c = {.duplicates = duplicates};
    check(&c, atom_of_type(t), v);
    int result = 0;
    if (c.n == 1)
        result = err_set(err, ERR_INVALID, STR_FMT, STR_ARG(str_from_at(buf_str(&c.text), 3)));
    else if (c.n)
        result = err_set(err, ERR_INVALID, "errors:" STR_FMT, STR_ARG(buf_str(&c.text)));
    buf_free(&c.path);
    buf_free(&c.text);
    arena_free(&c.arena);
    return result;
}
