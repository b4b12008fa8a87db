/* The type checker (CEL specification, "Gradual Type Checking"): resolves every name, chooses overloads, and
 * says what is wrong as cel-go does. */
#include <stdlib.h>

#include "cel/ast.h"
#include "cel/function.h"
#include "cel/macro.h"

struct local {
    struct str name;
    const struct cel_type *type;
};

struct checker {
    const struct cel_env *env;
    struct cel_issues *issues;
    struct types types;
    struct local locals[CEL_LOCALS];
    unsigned n_locals, most_locals, n_params;
};

static const struct cel_type *check(struct checker *c, struct node *n);

static struct str type_text(struct checker *c, const struct cel_type *t)
{
    return cel_type_str(c->types.arena, types_resolve(&c->types, t, false));
}

/* The same of what a call is given: what is not known may be anything. */
static struct str given_text(struct checker *c, const struct cel_type *t)
{
    return cel_type_str(c->types.arena, types_resolve(&c->types, t, true));
}

/* Types are told apart only once their parameters are known. */
static const struct cel_type *known(struct checker *c, const struct cel_type *t)
{
    return types_resolve(&c->types, t, false);
}

static const struct cel_type *param_new(struct checker *c)
{
    struct cel_type *t = arena_new(c->types.arena, struct cel_type);
    t->kind = CEL_PARAM;
    t->name = arena_printf(c->types.arena, "_var%u", c->n_params++);
    return t;
}

/* --- names --- */

static bool resolve_type_name(struct checker *c, struct node *n, struct str name)
{
    const struct cel_type *t = type_named(name);
    if (!t || t == &cel_dyn)
        return false;
    struct cel_type *of = arena_dup(c->types.arena, &cel_type_of_types, sizeof(cel_type_of_types));
    of->elem = t;
    n->op = NODE_CONST;
    n->n = 0;
    n->value = (struct cel_value){.kind = CEL_TYPE, .of = t};
    n->type = of;
    return true;
}

/* A name that stands for nothing. */
static const struct cel_type *undeclared(struct checker *c, struct node *n)
{
    if (!c->env->unchecked)
        cel_issue(c->issues, n->at, "undeclared reference to '" STR_FMT "' (in container '')",
                  STR_ARG(n->name));
    n->op = NODE_CALL; /* of no function */
    return &cel_dyn;
}

static const struct cel_type *check_ident(struct checker *c, struct node *n)
{
    for (unsigned i = c->n_locals; i--;)
        if (str_eq(c->locals[i].name, n->name)) {
            n->slot = (uint16_t)i;
            n->local = true;
            return c->locals[i].type;
        }
    for (size_t i = 0; i < c->env->n_vars; i++)
        if (str_eq(c->env->vars[i].name, n->name)) {
            n->slot = (uint16_t)i;
            return c->env->vars[i].type;
        }
    if (resolve_type_name(c, n, n->name))
        return n->type;
    return undeclared(c, n);
}

static const struct cel_type *wrap_optional(struct checker *c, const struct cel_type *t)
{
    return t->kind == CEL_OPTIONAL ? t : cel_type_optional(c->types.arena, t);
}

/* The type of a field of `t`. */
static const struct cel_type *field_type(struct checker *c, const struct node *n, const struct cel_type *t)
{
    switch (t->kind) {
    case CEL_DYN:
        return &cel_dyn;
    case CEL_PARAM:
        types_assignable(&c->types, t, &cel_dyn);
        return &cel_dyn;
    case CEL_MAP:
        return type_elem(t);
    case CEL_OBJECT: {
        const struct cel_field *f = type_object_field(t, n->name);
        if (f)
            return f->type;
        if (t->any_field)
            return &cel_dyn;
        cel_issue(c->issues, n->at, "undefined field '" STR_FMT "'", STR_ARG(n->name));
        return &cel_dyn;
    }
    default:
        cel_issue(c->issues, n->at, "type '" STR_FMT "' does not support field selection",
                  STR_ARG(type_text(c, t)));
        return &cel_dyn;
    }
}

static const struct cel_type *check_select(struct checker *c, struct node *n)
{
    struct str name;
    struct node *root = n;
    while (root->op == NODE_SELECT && root->args[0])
        root = root->args[0];
    /* net.IP, google.protobuf.Timestamp */
    if (n->op == NODE_SELECT && root->op == NODE_IDENT && node_qualified_name(c->types.arena, n, &name)) {
        bool variable = false;
        for (unsigned i = 0; i < c->n_locals; i++)
            variable |= str_eq(c->locals[i].name, root->name);
        for (size_t i = 0; i < c->env->n_vars; i++) {
            if (!variable && str_eq(c->env->vars[i].name, name)) { /* authorizer.requestResource */
                n->op = NODE_IDENT;
                n->n = 0;
                n->name = name;
                return check_ident(c, n);
            }
        }
        for (size_t i = 0; i < c->env->n_vars; i++)
            variable |= str_eq(c->env->vars[i].name, root->name);
        if (!variable && resolve_type_name(c, n, name))
            return n->type;
    }
    const struct cel_type *of = known(c, check(c, n->args[0])), *inner = of;
    if (of->kind == CEL_OPTIONAL)
        inner = known(c, type_elem(of));
    const struct cel_type *t = field_type(c, n, inner);
    if (n->op == NODE_HAS)
        return &cel_bool;
    return n->optional || of->kind == CEL_OPTIONAL ? wrap_optional(c, known(c, t)) : t;
}

/* --- calls --- */

static void no_overload(struct checker *c, const struct node *n, struct str name, bool member)
{
    if (c->env->unchecked)
        return;
    _cleanup_buf_ struct buf args = {0};
    for (uint32_t i = 0; i < n->n; i++) {
        if (i == 0 && member)
            continue;
        if (args.n)
            buf_add_lit(&args, ", ");
        buf_add_str(&args, given_text(c, n->args[i]->type));
    }
    struct str receiver = member ? given_text(c, n->args[0]->type) : STR("");
    cel_issue(c->issues, n->at,
              "found no matching overload for '" STR_FMT "' applied to '" STR_FMT "%s(" STR_FMT ")'",
              STR_ARG(name), STR_ARG(receiver), member ? "." : "", STR_ARG(buf_str(&args)));
}

/* Chooses among the overloads of n->name; the arguments are checked. */
static const struct cel_type *choose(struct checker *c, struct node *n)
{
    struct overloads all = functions_named(n->name);
    const struct overload **chosen = arena_new_n(c->types.arena, const struct overload *, all.n + 1);
    const struct cel_type *result = NULL;
    for (size_t i = 0; i < all.n; i++) {
        const struct overload *o = all.at[i];
        if (o->n != n->n || o->member != n->member)
            continue;
        struct types renamed = {.arena = c->types.arena};
        size_t before = c->types.n;
        bool fits = true;
        for (unsigned j = 0; fits && j < o->n; j++)
            fits =
                types_assignable(&c->types, types_fresh(&c->types, &renamed, o->params[j]), n->args[j]->type);
        const struct cel_type *t = types_fresh(&c->types, &renamed, o->result);
        free(renamed.at);
        if (!fits) {
            c->types.n = before;
            continue;
        }
        t = known(c, t);
        chosen[n->n_overloads++] = o;
        result = !result ? t : type_same(result, t) ? result : &cel_dyn;
    }
    n->overloads = chosen;
    if (!result) {
        no_overload(c, n, n->name, n->member);
        return &cel_dyn;
    }
    return result;
}

/* sets.contains(...) parses as a member of `sets`: a function when there is one of that name. */
static void resolve_namespace(struct checker *c, struct node *n)
{
    struct str name;
    if (!n->member || !node_qualified_name(c->types.arena, n->args[0], &name))
        return;
    name = arena_printf(c->types.arena, STR_FMT "." STR_FMT, STR_ARG(name), STR_ARG(n->name));
    bool other = str_starts(name, STR("jsonpatch.")) && !c->env->mutations;
    if (other || !functions_named(name).n)
        return;
    n->name = name;
    n->member = false;
    n->args++;
    n->n--;
}

static const struct cel_type *check_call(struct checker *c, struct node *n)
{
    resolve_namespace(c, n);
    bool known_name = functions_named(n->name).n;
    if (!known_name)
        undeclared(c, n);
    for (uint32_t i = 0; i < n->n; i++)
        check(c, n->args[i]);
    return known_name ? choose(c, n) : &cel_dyn;
}

static void want_bool(struct checker *c, const struct node *n)
{
    if (!types_assignable(&c->types, &cel_bool, n->type))
        cel_issue(c->issues, n->at, "expected type 'bool' but found '" STR_FMT "'",
                  STR_ARG(type_text(c, n->type)));
}

static const struct cel_type *check_logical(struct checker *c, struct node *n)
{
    for (uint32_t i = 0; i < n->n; i++)
        check(c, n->args[i]);
    for (uint32_t i = 0; i < n->n; i++)
        want_bool(c, n->args[i]);
    return &cel_bool;
}

static const struct cel_type *check_cond(struct checker *c, struct node *n)
{
    for (uint32_t i = 0; i < 3; i++)
        check(c, n->args[i]);
    const struct cel_type *x = n->args[1]->type, *y = n->args[2]->type;
    if (types_assignable(&c->types, &cel_bool, n->args[0]->type)) {
        if (types_assignable(&c->types, x, y))
            return types_general(&c->types, x, y);
        if (types_assignable(&c->types, y, x))
            return types_general(&c->types, y, x);
    }
    no_overload(c, n, STR("_?_:_"), false);
    return &cel_dyn;
}

/* --- aggregates --- */

/* The type that holds both what was there before and `t`. */
static const struct cel_type *join(struct checker *c, const struct node *n, const struct cel_type *before,
                                   const struct cel_type *t)
{
    if (!before)
        return t;
    if (types_assignable(&c->types, before, t))
        return types_general(&c->types, before, t);
    if (types_assignable(&c->types, t, before))
        return types_general(&c->types, t, before);
    if (!c->env->mixed)
        cel_issue(c->issues, n->at, "expected type '" STR_FMT "' but found '" STR_FMT "'",
                  STR_ARG(type_text(c, before)), STR_ARG(type_text(c, t)));
    return &cel_dyn;
}

static const struct cel_type *unwrap_optional(struct checker *c, const struct node *n,
                                              const struct cel_type *t)
{
    t = known(c, t);
    if (t->kind == CEL_DYN)
        return t;
    if (t->kind == CEL_OPTIONAL)
        return type_elem(t);
    cel_issue(c->issues, n->at, "expected type 'optional_type(" STR_FMT ")' but found '" STR_FMT "'",
              STR_ARG(type_text(c, t)), STR_ARG(type_text(c, t)));
    return t;
}

static const struct cel_type *check_list(struct checker *c, struct node *n)
{
    const struct cel_type *elem = NULL;
    for (uint32_t i = 0; i < n->n; i++) {
        const struct cel_type *t = check(c, n->args[i]);
        if (n->optionals && n->optionals[i])
            t = unwrap_optional(c, n->args[i], t);
        elem = join(c, n->args[i], elem, t);
    }
    return cel_type_list(c->types.arena, elem ? elem : param_new(c), CEL_UNBOUNDED);
}

static const struct cel_type *check_map(struct checker *c, struct node *n)
{
    const struct cel_type *key = NULL, *elem = NULL;
    for (uint32_t i = 0; i < n->n; i += 2) {
        key = join(c, n->args[i], key, check(c, n->args[i]));
        const struct cel_type *t = check(c, n->args[i + 1]);
        if (n->optionals && n->optionals[i / 2])
            t = unwrap_optional(c, n->args[i + 1], t);
        elem = join(c, n->args[i + 1], elem, t);
    }
    return cel_type_map(c->types.arena, key ? key : param_new(c), elem ? elem : param_new(c), CEL_UNBOUNDED);
}

static void wrong_field(struct checker *c, const struct node *n, uint32_t i, const struct cel_type *want,
                        const struct cel_type *got)
{
    cel_issue(c->issues, n->args[i]->at,
              "expected type of field '" STR_FMT "' is '" STR_FMT "' but provided type is '" STR_FMT "'",
              STR_ARG(n->fields[i]), STR_ARG(type_text(c, want)), STR_ARG(type_text(c, got)));
}

/* google.protobuf.Int32Value{value: 1}: the function of that name (messages.c). */
static const struct cel_type *check_message(struct checker *c, struct node *n)
{
    struct str field = n->n ? n->fields[0] : STR("");
    struct str name = arena_printf(c->types.arena, STR_FMT "@" STR_FMT, STR_ARG(n->name), STR_ARG(field));
    struct overloads found = functions_named(name);
    for (uint32_t i = 0; i < n->n; i++)
        check(c, n->args[i]);
    if (n->n > 1 || !found.n) {
        cel_issue(c->issues, n->args[n->n - 1]->at, "undefined field '" STR_FMT "'",
                  STR_ARG(n->fields[n->n - 1]));
        return &cel_dyn;
    }
    if (n->n && !types_assignable(&c->types, found.at[0]->params[0], n->args[0]->type))
        wrong_field(c, n, 0, found.at[0]->params[0], n->args[0]->type);
    n->op = NODE_CALL;
    n->name = name;
    struct cel_type *t = arena_dup(c->types.arena, choose(c, n), sizeof(*t));
    t->nullable = true;
    return t;
}

/* A name in front of braces that is not of a message. */
static void no_message(struct checker *c, struct node *n)
{
    for (size_t i = 0; i < c->env->n_vars; i++)
        if (str_eq(c->env->vars[i].name, n->name)) {
            cel_issue(c->issues, n->at, "'" STR_FMT "' is not a type",
                      STR_ARG(type_text(c, c->env->vars[i].type)));
            return;
        }
    if (type_named(n->name))
        cel_issue(c->issues, n->at, "'" STR_FMT "' is not a message type", STR_ARG(n->name));
    else
        undeclared(c, n);
}

static const struct cel_type *check_new(struct checker *c, struct node *n)
{
    const struct cel_type *t = NULL;
    if (functions_named(arena_printf(c->types.arena, STR_FMT "@", STR_ARG(n->name))).n && !n->optionals)
        return check_message(c, n);
    if (c->env->mutations && str_is(n->name, "JSONPatch")) {
        t = &cel_json_patch;
    } else if (c->env->mutations && (str_is(n->name, "Object") || str_starts(n->name, STR("Object.")))) {
        struct cel_type *object = arena_dup(c->types.arena, &cel_mutated_object, sizeof(cel_mutated_object));
        object->name = n->name;
        t = object;
    }
    if (!t) {
        no_message(c, n);
        return &cel_dyn;
    }
    for (uint32_t i = 0; i < n->n; i++) {
        const struct cel_type *v = check(c, n->args[i]);
        if (n->optionals && n->optionals[i])
            v = unwrap_optional(c, n->args[i], v);
        struct node named = {.at = n->args[i]->at, .name = n->fields[i]};
        const struct cel_type *want = field_type(c, &named, t);
        if (!types_assignable(&c->types, want, v))
            wrong_field(c, n, i, want, v);
    }
    return t;
}

/* --- macros --- */

static unsigned push_local(struct checker *c, const struct node *n, struct str name, const struct cel_type *t)
{
    if (c->n_locals == CEL_LOCALS) {
        cel_issue(c->issues, n->at, "expression recursion limit exceeded: %d", CEL_DEPTH);
        return 0;
    }
    c->locals[c->n_locals] = (struct local){name, t};
    c->n_locals++;
    c->most_locals = c->n_locals > c->most_locals ? c->n_locals : c->most_locals;
    return c->n_locals - 1;
}

/* The types of a fold's variables, by what it goes over. */
static void range_types(struct checker *c, struct node *n, const struct cel_type **first,
                        const struct cel_type **second)
{
    const struct cel_type *range = known(c, n->args[0]->type);
    *first = *second = &cel_dyn;
    switch (range->kind) {
    case CEL_LIST:
        *first = n->name2.n ? &cel_int : type_elem(range);
        *second = type_elem(range);
        return;
    case CEL_MAP:
        *first = type_key(range);
        *second = type_elem(range);
        return;
    case CEL_PARAM:
        types_assignable(&c->types, range, &cel_dyn);
        return;
    case CEL_DYN:
        return;
    default:
        cel_issue(c->issues, n->args[0]->at,
                  "expression of type '" STR_FMT
                  "' cannot be range of a comprehension (must be list, map, or dynamic)",
                  STR_ARG(type_text(c, range)));
    }
}

/* What chooses does so in a conditional, of which `of` is what the steps make. Returns that. */
static const struct cel_type *want_condition(struct checker *c, const struct node *n,
                                             const struct cel_type *of)
{
    struct node made = {.type = of};
    if (n->args[1] && !types_assignable(&c->types, &cel_bool, n->args[1]->type))
        no_overload(c,
                    &(struct node){.at = n->at, .args = (struct node *[]){n->args[1], &made, &made}, .n = 3},
                    STR("_?_:_"), false);
    return of;
}

/* sortBy is what upstream makes of it: a call with the list of what to sort by. */
static const struct cel_type *check_sort(struct checker *c, struct node *n)
{
    const struct cel_type *range = known(c, n->args[0]->type), *key = known(c, n->args[2]->type);
    bool ordered = key->kind == CEL_DYN || key->kind == CEL_PARAM ||
                   (key->kind >= CEL_BOOL && key->kind <= CEL_DURATION);
    if (ordered && (range->kind == CEL_LIST || range->kind == CEL_DYN))
        return range;
    struct node keys = {.type = cel_type_list(c->types.arena, key, CEL_UNBOUNDED)};
    no_overload(c, &(struct node){.at = n->at, .args = (struct node *[]){n->args[0], &keys}, .n = 2},
                STR("@sortByAssociatedKeys"), true);
    return &cel_dyn;
}

static const struct cel_type *check_fold(struct checker *c, struct node *n)
{
    const struct cel_type *first, *second, *result = NULL;
    check(c, n->args[0]);
    range_types(c, n, &first, &second);
    unsigned before = c->n_locals;
    n->slot = (uint16_t)push_local(c, n, n->name, first);
    if (n->name2.n)
        push_local(c, n, n->name2, second);
    if (n->args[1])
        check(c, n->args[1]);
    if (n->sub >= FOLD_MAP)
        result = check(c, n->args[2]);
    c->n_locals = before;
    switch ((enum fold)n->sub) {
    case FOLD_ALL:
    case FOLD_EXISTS:
        want_bool(c, n->args[1]);
        return &cel_bool;
    case FOLD_EXISTS_ONE:
        want_condition(c, n, &cel_int);
        return &cel_bool;
    case FOLD_FILTER:
        return want_condition(c, n, cel_type_list(c->types.arena, first, CEL_UNBOUNDED));
    case FOLD_MAP:
        return want_condition(c, n, cel_type_list(c->types.arena, result, CEL_UNBOUNDED));
    case FOLD_MAP_VALUE:
        return want_condition(c, n, cel_type_map(c->types.arena, first, result, CEL_UNBOUNDED));
    case FOLD_MAP_ENTRY:
        result = known(c, result);
        if (result->kind != CEL_MAP && result->kind != CEL_DYN)
            cel_issue(c->issues, n->args[2]->at, "expected type 'map(_var, _var)' but found '" STR_FMT "'",
                      STR_ARG(type_text(c, result)));
        return want_condition(c, n, result->kind == CEL_MAP ? result : &cel_dyn);
    case FOLD_SORT_BY:
        return check_sort(c, n);
    }
    return &cel_dyn;
}

static const struct cel_type *check_bind(struct checker *c, struct node *n)
{
    const struct cel_type *t = known(c, check(c, n->args[0]));
    if (n->sub != BIND_PLAIN) {
        if (t->kind != CEL_OPTIONAL && t->kind != CEL_DYN)
            no_overload(c, &(struct node){.at = n->at, .args = n->args, .n = 1},
                        n->sub == BIND_OPT_MAP ? STR("optMap") : STR("optFlatMap"), true);
        t = t->kind == CEL_OPTIONAL ? type_elem(t) : &cel_dyn;
    }
    unsigned before = c->n_locals;
    n->slot = (uint16_t)push_local(c, n, n->name, t);
    const struct cel_type *result = check(c, n->args[1]);
    c->n_locals = before;
    if (n->sub == BIND_OPT_MAP)
        return cel_type_optional(c->types.arena, result);
    return result;
}

static const struct cel_type *check_op(struct checker *c, struct node *n)
{
    switch ((enum node_op)n->op) {
    case NODE_CONST:
        return n->value.kind == CEL_TYPE ? n->type : value_type(&n->value);
    case NODE_IDENT:
        return check_ident(c, n);
    case NODE_SELECT:
    case NODE_HAS:
        return check_select(c, n);
    case NODE_CALL:
        return check_call(c, n);
    case NODE_AND:
    case NODE_OR:
        return check_logical(c, n);
    case NODE_COND:
        return check_cond(c, n);
    case NODE_LIST:
        return check_list(c, n);
    case NODE_MAP:
        return check_map(c, n);
    case NODE_NEW:
        return check_new(c, n);
    case NODE_FOLD:
        return check_fold(c, n);
    case NODE_BIND:
        return check_bind(c, n);
    }
    return &cel_dyn;
}

static const struct cel_type *check(struct checker *c, struct node *n)
{
    const struct cel_type *t = check_op(c, n);
    n->type = c->env->unchecked ? &cel_dyn : t;
    return n->type;
}

/* Once all is known: no parameters are left in any type. */
static void settle(struct checker *c, struct node *n)
{
    n->type = types_resolve(&c->types, n->type, true);
    for (uint32_t i = 0; i < n->n; i++)
        if (n->args[i])
            settle(c, n->args[i]);
}

int cel_check(struct arena *a, const struct cel_env *env, struct node *root, struct cel_issues *issues,
              unsigned *locals)
{
    struct checker *c = mem_zalloc(sizeof(*c));
    *c = (struct checker){.env = env, .issues = issues, .types = {.arena = a}};
    check(c, root);
    if (!issues->n)
        settle(c, root);
    *locals = c->most_locals;
    free(c->types.at);
    free(c);
    return issues->n ? -1 : 0;
}
