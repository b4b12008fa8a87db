/* A program: an expression parsed, checked, its constants made ready; and its running. */
#include "cel/eval.h"

#include <stdlib.h>

#include "base/regex.h"
#include "cel/macro.h"
#include "cel/utf8.h"
#include "schema/timestamp.h"

struct cel_program {
    struct arena arena; /* everything below */
    struct node *root;
    unsigned locals;
    struct cel_cost cost;
    const struct cel_env *env;
    struct regexes {
        struct regex **at;
        size_t n, cap;
    } regexes;
};

/* --- issues --- */

void cel_issue(struct cel_issues *i, uint32_t at, const char *fmt, ...)
{
    if (i->n >= 100)
        return;
    va_list args;
    va_start(args, fmt);
    mem_grow((void **)&i->list, &i->cap, i->n + 1, sizeof(*i->list));
    i->list[i->n++] = (struct cel_issue){at, arena_vprintf(i->arena, fmt, args)};
    va_end(args);
}

static int issue_cmp(const void *x, const void *y)
{
    const struct cel_issue *a = x, *b = y;
    uint32_t at = a->at + 1, other = b->at + 1; /* what is nowhere comes first */
    return (at > other) - (at < other);
}

/* The line as it is shown: a space for each tab, and below it a dot for each character, wide for those that
 * may be so. */
static void write_issue(struct buf *out, struct str text, const struct cel_issue *issue)
{
    if (issue->at == CEL_NOWHERE) {
        buf_addf(out, "ERROR: <input>:-1:0: " STR_FMT, STR_ARG(issue->message));
        return;
    }
    size_t start = issue->at, end = issue->at, line = 1, step;
    uint32_t code;
    while (start > 0 && text.p[start - 1] != '\n')
        start--;
    while (end < text.n && text.p[end] != '\n')
        end++;
    for (size_t i = 0; i < start; i++)
        line += text.p[i] == '\n';
    size_t column = utf8_len(str_slice(text.p + start, issue->at - start));
    buf_addf(out, "ERROR: <input>:%zu:%zu: " STR_FMT "\n | ", line, column + 1, STR_ARG(issue->message));
    for (size_t i = start; i < end; i++)
        buf_add_c(out, text.p[i] == '\t' ? ' ' : text.p[i]);
    buf_add_lit(out, "\n | ");
    for (size_t i = start; i < issue->at; i += step) {
        step = utf8_next(str_from_at(text, i), &code);
        buf_add_str(out, step > 1 ? STR("．") : STR("."));
    }
    buf_add_str(out, issue->at < end && (unsigned char)text.p[issue->at] >= 0x80 ? STR("＾") : STR("^"));
}

struct str cel_issues_str(struct cel_issues *i)
{
    _cleanup_buf_ struct buf out = {0};
    qsort(i->list, i->n, sizeof(*i->list), issue_cmp);
    for (size_t j = 0; j < i->n; j++) {
        if (j)
            buf_add_c(&out, '\n');
        write_issue(&out, i->text, &i->list[j]);
    }
    return arena_str(i->arena, buf_str(&out));
}

/* --- compiling --- */

/* The constant argument of a call that has one where `i` says. */
static const struct cel_value *constant(const struct node *n, uint32_t i)
{
    const struct node *arg = n->op == NODE_CALL && i < n->n ? n->args[i] : NULL;
    return arg && arg->op == NODE_CONST && arg->value.kind == CEL_STRING ? &arg->value : NULL;
}

static bool is_call(const struct node *n, const char *name)
{
    return n->op == NODE_CALL && str_is(n->name, name);
}

/* Literals that would fail in every run are told now; patterns are compiled. */
static void prepare(struct cel_program *p, struct node *n, struct cel_issues *issues)
{
    const struct cel_value *first = constant(n, 0), *second = constant(n, 1);
    struct time t;
    int64_t ns;
    if (first && n->n == 1 && is_call(n, "duration") && duration_parse(first->s, &ns, NULL) < 0)
        cel_issue(issues, n->args[0]->at, "invalid duration argument");
    if (first && n->n == 1 && is_call(n, "timestamp") && time_parse(first->s, &t, NULL) < 0)
        cel_issue(issues, n->args[0]->at, "invalid timestamp argument");
    bool matches = is_call(n, "matches");
    if (second && (matches || is_call(n, "find") || is_call(n, "findAll"))) {
        if (regex_new(second->s, &n->regex, NULL) == 0) {
            mem_grow((void **)&p->regexes.at, &p->regexes.cap, p->regexes.n + 1, sizeof(*p->regexes.at));
            p->regexes.at[p->regexes.n++] = n->regex;
        } else if (matches) {
            cel_issue(issues, n->args[1]->at, "invalid matches argument");
        }
    }
    for (uint32_t i = 0; i < n->n; i++)
        if (n->args[i])
            prepare(p, n->args[i], issues);
}

/* --- constants --- */

static bool all_constant(const struct node *n)
{
    for (uint32_t i = 0; i < n->n; i++)
        if (n->args[i]->op != NODE_CONST)
            return false;
    return true;
}

static bool converts(const struct node *n)
{
    static const char *const names[] = {"bool", "bytes",  "double",    "duration", "dyn",
                                        "int",  "string", "timestamp", "uint"};
    for (size_t i = 0; n->op == NODE_CALL && n->n == 1 && i < ARRAY_LEN(names); i++)
        if (str_is(n->name, names[i]))
            return true;
    return false;
}

/* A list of which it takes no time to say whether something is in it. */
static bool is_set(const struct node *n)
{
    const struct cel_value *v = &n->value;
    if (n->op != NODE_CONST || v->kind != CEL_LIST)
        return false;
    for (size_t i = 0; i < v->list.n; i++) {
        enum cel_kind kind = v->list.at[i].kind;
        if (kind != CEL_NULL && kind != CEL_BOOL && kind != CEL_INT && kind != CEL_UINT &&
            kind != CEL_DOUBLE && kind != CEL_STRING)
            return false;
    }
    return true;
}

/* Lists, maps and conversions of constants are constants: made once, and free from then on, as with
 * upstream's optimizer (cel.OptOptimize). What fails is left to fail when it runs. */
static void fold_constants(struct cel_program *p, struct node *n)
{
    for (uint32_t i = 0; i < n->n; i++)
        if (n->args[i])
            fold_constants(p, n->args[i]);
    bool aggregate = (n->op == NODE_LIST || n->op == NODE_MAP) && !n->optionals;
    if (n->op == NODE_CALL && str_is(n->name, "@in"))
        n->sub = is_set(n->args[1]); /* costs nothing */
    if ((!aggregate && !converts(n)) || !all_constant(n))
        return;
    struct cel_run io = {.arena = &p->arena};
    struct run r = {.io = &io, .arena = &p->arena, .limit = UINT64_MAX};
    struct cel_value v;
    if (eval(&r, n, &v) < 0)
        return;
    n->op = NODE_CONST;
    n->n = 0;
    n->value = v;
}

static int check_result(const struct cel_env *env, struct cel_program *p, struct err *err)
{
    if (!env->n_results)
        return 0;
    _cleanup_buf_ struct buf all = {0};
    for (size_t i = 0; i < env->n_results; i++) {
        if (type_same(env->results[i], p->root->type))
            return 0;
        if (i)
            buf_add_c(&all, ' ');
        buf_add_str(&all,
                    env->results[i] == &cel_null ? cel_null.name : cel_type_str(&p->arena, env->results[i]));
    }
    return err_set(err, ERR_INVALID,
                   env->n_results == 1 ? "must evaluate to " STR_FMT
                                       : "must evaluate to one of [" STR_FMT "]",
                   STR_ARG(buf_str(&all)));
}

static int compile(struct cel_program *p, const struct cel_env *env, struct cel_issues *issues,
                   struct err *err)
{
    p->root = cel_parse(env, issues);
    if (p->root && cel_check(&p->arena, env, p->root, issues, &p->locals) == 0)
        prepare(p, p->root, issues);
    if (issues->n)
        return err_set(err, ERR_INVALID, "compilation failed: " STR_FMT, STR_ARG(cel_issues_str(issues)));
    if (check_result(env, p, err) < 0)
        return -1;
    p->cost = cel_estimate(env, p->root, p->locals);
    fold_constants(p, p->root);
    return 0;
}

int cel_compile(const struct cel_env *env, struct str text, struct cel_program **out, struct err *err)
{
    struct cel_program *p = mem_zalloc(sizeof(*p));
    p->env = arena_dup(&p->arena, env, sizeof(*env));
    struct cel_issues issues = {.arena = &p->arena, .text = arena_str(&p->arena, text)};
    int rc = compile(p, p->env, &issues, err);
    free(issues.list);
    if (rc < 0)
        cel_program_free(p);
    else
        *out = p;
    return rc;
}

void cel_program_free(struct cel_program *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->regexes.n; i++)
        regex_free(p->regexes.at[i]);
    free(p->regexes.at);
    arena_free(&p->arena);
    free(p);
}

const struct cel_type *cel_program_type(const struct cel_program *p)
{
    return p->root->type;
}

struct cel_cost cel_program_cost(const struct cel_program *p)
{
    return p->cost;
}

static bool uses(const struct node *n, uint16_t slot)
{
    bool found = n->op == NODE_IDENT && !n->local && n->slot == slot;
    for (uint32_t i = 0; !found && i < n->n; i++)
        found = n->args[i] && uses(n->args[i], slot);
    return found;
}

bool cel_program_uses(const struct cel_program *p, struct str var)
{
    for (size_t i = 0; i < p->env->n_vars; i++)
        if (str_eq(p->env->vars[i].name, var))
            return uses(p->root, (uint16_t)i);
    return false;
}

/* --- running --- */

int cel_eval(const struct cel_program *p, struct cel_run *run, struct cel_value *out, struct err *err)
{
    struct run r = {.io = run,
                    .arena = run->arena,
                    .limit = run->cost_limit ? run->cost_limit : CEL_COST_PER_CALL,
                    .locals = p->locals ? arena_new_n(run->arena, struct cel_value, p->locals) : NULL};
    run->cost = 0;
    run->over_cost = false;
    if (eval(&r, p->root, out) < 0)
        return err_set(err, ERR_INVALID, STR_FMT, STR_ARG(r.error));
    return 0;
}
