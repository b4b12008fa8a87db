#include "cel/macro.h"

/* What stands in the arguments behind the receiver: variables first, then expressions. */
static const struct macro {
    const char *name;
    uint8_t variables, expressions;
    uint8_t op; /* NODE_FOLD or NODE_BIND */
    uint8_t sub;
    bool filtered; /* of two expressions the first chooses */
} macros[] = {
    {"all", 1, 1, NODE_FOLD, FOLD_ALL},
    {"exists", 1, 1, NODE_FOLD, FOLD_EXISTS},
    {"exists_one", 1, 1, NODE_FOLD, FOLD_EXISTS_ONE},
    {"filter", 1, 1, NODE_FOLD, FOLD_FILTER},
    {"map", 1, 1, NODE_FOLD, FOLD_MAP},
    {"map", 1, 2, NODE_FOLD, FOLD_MAP, true},
    {"all", 2, 1, NODE_FOLD, FOLD_ALL},
    {"exists", 2, 1, NODE_FOLD, FOLD_EXISTS},
    {"exists_one", 2, 1, NODE_FOLD, FOLD_EXISTS_ONE},
    {"existsOne", 2, 1, NODE_FOLD, FOLD_EXISTS_ONE},
    {"transformList", 2, 1, NODE_FOLD, FOLD_MAP},
    {"transformList", 2, 2, NODE_FOLD, FOLD_MAP, true},
    {"transformMap", 2, 1, NODE_FOLD, FOLD_MAP_VALUE},
    {"transformMap", 2, 2, NODE_FOLD, FOLD_MAP_VALUE, true},
    {"transformMapEntry", 2, 1, NODE_FOLD, FOLD_MAP_ENTRY},
    {"transformMapEntry", 2, 2, NODE_FOLD, FOLD_MAP_ENTRY, true},
    {"sortBy", 1, 1, NODE_FOLD, FOLD_SORT_BY},
    {"optMap", 1, 1, NODE_BIND, BIND_OPT_MAP},
    {"optFlatMap", 1, 1, NODE_BIND, BIND_OPT_FLAT_MAP},
};

static int expand_has(struct node *call, struct cel_issues *issues)
{
    struct node *of = call->args[0];
    if (of->op != NODE_SELECT || of->optional) {
        cel_issue(issues, of->at, "invalid argument to has() macro");
        return -1;
    }
    uint32_t at = call->at;
    *call = *of;
    call->op = NODE_HAS;
    call->at = at;
    return 0;
}

static int expand_bind(struct node *call, struct cel_issues *issues)
{
    if (call->args[1]->op != NODE_IDENT) {
        cel_issue(issues, call->args[1]->at, "cel.bind() variable names must be simple identifiers");
        return -1;
    }
    call->op = NODE_BIND;
    call->sub = BIND_PLAIN;
    call->name = call->args[1]->name;
    call->args += 2;
    call->n = 2;
    return 0;
}

static int expand(struct arena *a, struct node *call, const struct macro *m, struct cel_issues *issues)
{
    bool makes = m->op == NODE_FOLD && m->sub >= FOLD_FILTER && m->variables == 1;
    for (unsigned i = 1; i <= m->variables; i++) {
        const struct node *name = call->args[i];
        if (name->op != NODE_IDENT) {
            cel_issue(issues, name->at,
                      m->op == NODE_BIND ? "%s() variable name must be a simple identifier"
                      : makes            ? "argument is not an identifier"
                                         : "argument must be a simple name",
                      m->name);
            return -1;
        }
        if (m->op == NODE_FOLD && str_is(name->name, "__result__")) {
            cel_issue(issues, name->at, "iteration variable overwrites accumulator variable");
            return -1;
        }
    }
    struct node *args[3] = {call->args[0]}, **rest = call->args + 1 + m->variables;
    bool transforms = m->op == NODE_FOLD && m->sub >= FOLD_MAP;
    args[1] = transforms && !m->filtered ? NULL : rest[0];
    args[2] = transforms ? rest[m->filtered] : NULL;
    struct str name2 = m->variables == 2 ? call->args[2]->name : STR("");
    enum node_op of = args[0]->op;
    if (m->sub == FOLD_SORT_BY && m->op == NODE_FOLD &&
        (of == NODE_CONST || of == NODE_MAP || of == NODE_NEW)) {
        cel_issue(
            issues, args[0]->at,
            "sortBy can only be applied to a list, identifier, comprehension, call or select expression");
        return -1;
    }
    if (m->variables == 2 && str_eq(name2, call->args[1]->name)) {
        cel_issue(issues, call->args[2]->at, "duplicate variable name: " STR_FMT, STR_ARG(name2));
        return -1;
    }
    struct node *made = node_new(a, m->op, call->at, args, transforms ? 3 : 2);
    made->name = call->args[1]->name;
    made->name2 = name2;
    made->sub = m->sub;
    *call = *made;
    return 0;
}

int macro_expand(const struct cel_env *env, struct arena *a, struct node *call, struct cel_issues *issues)
{
    if (!call->member)
        return call->n == 1 && str_is(call->name, "has") ? expand_has(call, issues) : 0;
    if (env->devices && call->n == 4 && str_is(call->name, "bind") && call->args[0]->op == NODE_IDENT &&
        str_is(call->args[0]->name, "cel"))
        return expand_bind(call, issues);
    for (size_t i = 0; i < ARRAY_LEN(macros); i++)
        if (str_is(call->name, macros[i].name) && call->n == 1u + macros[i].variables + macros[i].expressions)
            return expand(a, call, &macros[i], issues);
    return 0;
}
