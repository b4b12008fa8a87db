/* The grammar (CEL specification, "Syntax"), by descent; binary operators by precedence. Recursion is bounded
 * by CEL_DEPTH, as upstream bounds it. */
#include "cel/lex.h"

#include <stdlib.h>

#include "cel/macro.h"
#include "cel/utf8.h"

struct parser {
    const struct cel_env *env;
    struct lexer lexer;
    struct token now;
    struct arena *arena;
    unsigned depth;
    bool failed;
};

/* What recurses keeps its frame small: all of CEL_DEPTH must fit a thread's stack. */
#define NOINLINE __attribute__((noinline))

static const char operands[] = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, "
                               "NUM_UINT, STRING, BYTES, IDENTIFIER}",
                  entry_begins[] =
                      "{'[', '{', '}', '(', '.', ',', '-', '!', '?', 'true', 'false', 'null', NUM_FLOAT, "
                      "NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

NOINLINE static void advance(struct parser *p)
{
    p->now = lex_next(&p->lexer);
    p->failed |= p->now.kind == TOKEN_BROKEN;
}

static struct str token_text(const struct parser *p)
{
    if (p->now.kind == TOKEN_END)
        return STR("<EOF>");
    return str_slice(p->lexer.text.p + p->now.at, p->lexer.at - p->now.at);
}

static bool is_sign(const struct token *t, const char *sign)
{
    return t->kind == TOKEN_SIGN && str_is(t->text, sign);
}

static bool is(const struct parser *p, const char *sign)
{
    return is_sign(&p->now, sign);
}

NOINLINE static bool accept(struct parser *p, const char *sign)
{
    if (p->failed || !is(p, sign))
        return false;
    advance(p);
    return true;
}

/* Could an operand begin here? */
static bool begins_operand(const struct token *t)
{
    return t->kind == TOKEN_CONST || t->kind == TOKEN_IDENT ||
           (t->kind == TOKEN_SIGN && t->text.n == 1 && strchr("[{(.-!", t->text.p[0]));
}

/* The word behind this one. */
static struct token look_ahead(const struct parser *p)
{
    struct cel_issues quiet = {.arena = p->arena, .text = p->lexer.text};
    struct lexer lexer = {&quiet, p->lexer.text, p->lexer.at};
    struct token t;
    do
        t = lex_next(&lexer);
    while (t.kind == TOKEN_BROKEN);
    free(quiet.list);
    return t;
}

static bool is_end(const struct token *t)
{
    return t->kind == TOKEN_END;
}

/* Could a field of a message begin here, or its end? */
static bool begins_field(const struct token *t)
{
    return t->kind == TOKEN_IDENT || t->kind == TOKEN_ESCAPED || is_sign(t, "}") || is_sign(t, ",") ||
           is_sign(t, "?");
}

/* Says once that this word is wrong, in the words of upstream's parser; all parsing then ends. `extra`:
 * without it things would do. */
NOINLINE static struct node *wrong_word(struct parser *p, bool extra, const char *expected)
{
    if (!p->failed)
        cel_issue(p->lexer.issues, p->now.at, "Syntax error: %s input '" STR_FMT "' expecting %s",
                  extra && p->now.kind != TOKEN_END ? "extraneous" : "mismatched", STR_ARG(token_text(p)),
                  expected);
    p->failed = true;
    return NULL;
}

/* The same where what `fits` could follow. */
NOINLINE static struct node *unexpected(struct parser *p, bool (*fits)(const struct token *t),
                                        const char *expected)
{
    struct token next = look_ahead(p);
    return wrong_word(p, fits(&next), expected);
}

/* What began at `from` ends with this word in no way that the grammar has. */
NOINLINE static struct node *no_way(struct parser *p, uint32_t from)
{
    if (!p->failed)
        cel_issue(p->lexer.issues, p->now.at, "Syntax error: no viable alternative at input '" STR_FMT "'",
                  STR_ARG(str_slice(p->lexer.text.p + from, p->lexer.at - from)));
    p->failed = true;
    return NULL;
}

/* A closing bracket may be missing where what stands here could follow it; a colon may not. */
NOINLINE static bool expect(struct parser *p, const char *sign)
{
    if (accept(p, sign))
        return true;
    struct token next = look_ahead(p);
    bool extra = is_sign(&next, sign),
         operand = begins_operand(&p->now) && !is(p, ".") && !is(p, "[") && !is(p, "-");
    if (*sign == ':' || extra || operand)
        wrong_word(p, extra, arena_c(p->arena, arena_printf(p->arena, "'%s'", sign)));
    else if (!p->failed)
        cel_issue(p->lexer.issues, p->now.at, "Syntax error: missing '%s' at '" STR_FMT "'", sign,
                  STR_ARG(token_text(p)));
    p->failed = true;
    return false;
}

struct node *node_new(struct arena *a, enum node_op op, uint32_t at, struct node *const *args, size_t n)
{
    struct node *node = arena_new(a, struct node);
    node->op = (uint8_t)op;
    node->at = at;
    node->n = (uint32_t)n;
    node->args = n ? arena_dup(a, args, n * sizeof(*args)) : NULL;
    return node;
}

static struct node *parse_expr(struct parser *p);

/* Nodes as they come, before their number is known. */
struct nodes {
    struct node **at;
    size_t n, cap;
};

static void nodes_free(struct nodes *n)
{
    free(n->at);
}

static void nodes_add(struct nodes *n, struct node *node)
{
    mem_grow((void **)&n->at, &n->cap, n->n + 1, sizeof(*n->at));
    n->at[n->n++] = node;
}
#define _cleanup_nodes_ _cleanup_(nodes_free)

/* Expressions up to the closing sign; `optionals` tells of which stood "?" before, when that may be. */
NOINLINE static void parse_args(struct parser *p, const char *close, struct nodes *out, bool **optionals)
{
    _cleanup_buf_ struct buf marks = {0};
    bool any = false;
    while (!p->failed && !is(p, close)) {
        bool optional = optionals && accept(p, "?");
        any |= optional;
        buf_add_c(&marks, optional);
        nodes_add(out, parse_expr(p));
        if (!accept(p, ","))
            break;
        if (!optionals && is(p, close))
            unexpected(p, begins_operand, operands);
    }
    expect(p, close);
    if (any)
        *optionals = arena_dup(p->arena, marks.p, marks.n);
}

NOINLINE static struct node *parse_list(struct parser *p)
{
    uint32_t at = p->now.at;
    advance(p);
    _cleanup_nodes_ struct nodes items = {0};
    bool *optionals = NULL;
    parse_args(p, "]", &items, &optionals);
    struct node *list = node_new(p->arena, NODE_LIST, at, items.at, items.n);
    list->optionals = optionals;
    return list;
}

NOINLINE static struct node *parse_map(struct parser *p)
{
    uint32_t at = p->now.at;
    advance(p);
    _cleanup_nodes_ struct nodes entries = {0};
    _cleanup_buf_ struct buf marks = {0};
    bool any = false;
    while (!p->failed && !is(p, "}")) {
        bool optional = accept(p, "?");
        any |= optional;
        buf_add_c(&marks, optional);
        if (!begins_operand(&p->now)) {
            unexpected(p, begins_operand, entry_begins);
            break;
        }
        nodes_add(&entries, parse_expr(p));
        expect(p, ":");
        nodes_add(&entries, parse_expr(p));
        if (!accept(p, ","))
            break;
    }
    expect(p, "}");
    struct node *map = node_new(p->arena, NODE_MAP, at, entries.at, entries.n);
    map->optionals = any ? arena_dup(p->arena, marks.p, marks.n) : NULL;
    return map;
}

/* Names in backquotes are known, but not to Kubernetes. */
NOINLINE static struct node *wrong_field_name(struct parser *p, const char *expected)
{
    if (p->now.kind != TOKEN_ESCAPED)
        return unexpected(p, begins_field, expected);
    cel_issue(p->lexer.issues, p->now.at, "unsupported syntax: '`'");
    p->failed = true;
    return NULL;
}

/* "Object.spec{replicas: 1}": what stood before the brace is a name. */
NOINLINE static struct node *parse_new(struct parser *p, struct str name)
{
    uint32_t at = p->now.at;
    advance(p);
    _cleanup_nodes_ struct nodes values = {0};
    _cleanup_buf_ struct buf names = {0}, marks = {0};
    bool any = false;
    while (!p->failed && !is(p, "}")) {
        bool optional = accept(p, "?");
        any |= optional;
        if (p->now.kind != TOKEN_IDENT) {
            wrong_field_name(p, optional ? "{IDENTIFIER, ESC_IDENTIFIER}"
                                         : "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}");
            break;
        }
        buf_add(&names, &p->now.text, sizeof(p->now.text));
        buf_add_c(&marks, optional);
        advance(p);
        expect(p, ":");
        nodes_add(&values, parse_expr(p));
        if (!accept(p, ","))
            break;
    }
    expect(p, "}");
    struct node *made = node_new(p->arena, NODE_NEW, at, values.at, values.n);
    made->name = name;
    made->fields = names.n ? arena_dup(p->arena, names.p, names.n) : NULL;
    made->optionals = any ? arena_dup(p->arena, marks.p, marks.n) : NULL;
    return made;
}

/* f(x) or target.f(x), which may be a macro. */
NOINLINE static struct node *parse_call(struct parser *p, struct node *target, struct str name)
{
    uint32_t at = p->now.at;
    advance(p);
    _cleanup_nodes_ struct nodes args = {0};
    if (target)
        nodes_add(&args, target);
    parse_args(p, ")", &args, NULL);
    if (p->failed)
        return NULL;
    struct node *call = node_new(p->arena, NODE_CALL, at, args.at, args.n);
    call->name = name;
    call->member = target;
    if (macro_expand(p->env, p->arena, call, p->lexer.issues) < 0)
        p->failed = true;
    return call;
}

NOINLINE static struct node *parse_constant(struct parser *p)
{
    struct node *n = node_new(p->arena, NODE_CONST, p->now.at, NULL, 0);
    n->value = p->now.value;
    if (n->value.kind == CEL_INT && n->value.i == INT64_MIN)
        cel_issue(p->lexer.issues, n->at, "invalid int literal");
    advance(p);
    return n;
}

/* A name, or a call of one. */
NOINLINE static struct node *parse_name(struct parser *p)
{
    accept(p, "."); /* there is one scope only */
    if (p->now.kind != TOKEN_IDENT)
        return unexpected(p, begins_operand, operands);
    struct str name = p->now.text;
    uint32_t at = p->now.at;
    advance(p);
    if (cel_is_reserved(name)) {
        cel_issue(p->lexer.issues, at, "reserved identifier: " STR_FMT, STR_ARG(name));
        return node_new(p->arena, NODE_CONST, at, NULL, 0);
    }
    if (is(p, "("))
        return parse_call(p, NULL, name);
    struct node *n = node_new(p->arena, NODE_IDENT, at, NULL, 0);
    n->name = name;
    return n;
}

static struct node *parse_primary(struct parser *p)
{
    if (p->now.kind == TOKEN_CONST)
        return parse_constant(p);
    if (is(p, "["))
        return parse_list(p);
    if (is(p, "{"))
        return parse_map(p);
    if (!accept(p, "("))
        return parse_name(p);
    struct node *n = parse_expr(p);
    expect(p, ")");
    return n;
}

bool node_qualified_name(struct arena *a, const struct node *n, struct str *out)
{
    size_t len = n->name.n;
    const struct node *root = n;
    for (; root->op == NODE_SELECT && !root->optional; root = root->args[0])
        len += 1 + root->args[0]->name.n;
    if (root->op != NODE_IDENT)
        return false;
    *out = root->name;
    if (root == n)
        return true;
    char *text = arena_alloc(a, len), *end = text + len;
    for (const struct node *x = n; x != root; x = x->args[0]) {
        end -= x->name.n;
        memcpy(end, x->name.p, x->name.n);
        *--end = '.';
    }
    memcpy(text, root->name.p, root->name.n);
    *out = str_slice(text, len);
    return true;
}

/* Behind names with dots upstream's parser expects one more; behind anything else it is lost. */
NOINLINE static struct node *wrong_selection(struct parser *p, const struct node *of, uint32_t dot)
{
    struct str name;
    if (p->failed || p->now.kind == TOKEN_ESCAPED || node_qualified_name(p->arena, of, &name))
        return wrong_field_name(p, "IDENTIFIER");
    return no_way(p, dot);
}

NOINLINE static struct node *parse_member(struct parser *p)
{
    struct node *n = parse_primary(p);
    while (!p->failed) {
        uint32_t at = p->now.at;
        struct str name;
        if (accept(p, ".")) {
            bool optional = accept(p, "?");
            if (p->now.kind != TOKEN_IDENT)
                return wrong_selection(p, n, at);
            name = p->now.text;
            advance(p);
            if (is(p, "(") && !optional) {
                n = parse_call(p, n, name);
                continue;
            }
            n = node_new(p->arena, NODE_SELECT, at, &n, 1);
            n->name = name;
            n->optional = optional;
        } else if (accept(p, "[")) {
            struct node *args[2] = {n, NULL};
            bool optional = accept(p, "?");
            args[1] = parse_expr(p);
            expect(p, "]");
            n = node_new(p->arena, NODE_CALL, at, args, 2);
            n->name = optional ? STR("_[?_]") : STR("_[_]");
            n->optional = optional;
        } else if (is(p, "{") && node_qualified_name(p->arena, n, &name)) {
            n = parse_new(p, name);
        } else {
            break;
        }
    }
    return n;
}

static struct node *parse_unary(struct parser *p)
{
    uint32_t at = p->now.at;
    bool minus = is(p, "-");
    unsigned n = 0;
    if (!minus && !is(p, "!"))
        return parse_member(p);
    uint32_t last = at;
    while (is(p, minus ? "-" : "!")) {
        last = p->now.at;
        advance(p);
        n++;
    }
    struct node *of;
    if (minus && !begins_operand(&p->now))
        return no_way(p, last);
    if (minus && p->now.kind == TOKEN_CONST &&
        (p->now.value.kind == CEL_INT || p->now.value.kind == CEL_DOUBLE)) {
        /* The sign is the literal's. */
        if (p->now.value.kind == CEL_DOUBLE)
            p->now.value.d = -p->now.value.d;
        else
            p->now.value.i = (int64_t) - (uint64_t)p->now.value.i;
        if (p->now.value.kind == CEL_INT && p->now.value.i == INT64_MIN) {
            of = node_new(p->arena, NODE_CONST, at, NULL, 0);
            of->value = p->now.value;
            advance(p);
        } else {
            of = parse_member(p);
        }
        n--;
    } else {
        of = parse_member(p);
    }
    /* Pairs of signs cancel out, as upstream's parser has it. */
    if (p->failed || n % 2 == 0)
        return of;
    struct node *call = node_new(p->arena, NODE_CALL, at, &of, 1);
    call->name = minus ? STR("-_") : STR("!_");
    return call;
}

static const struct binary {
    const char *sign;
    int precedence;
    struct str function;
} binaries[] = {
    {"||", 1, STR_INIT("_||_")}, {"&&", 2, STR_INIT("_&&_")}, {"==", 3, STR_INIT("_==_")},
    {"!=", 3, STR_INIT("_!=_")}, {"<=", 3, STR_INIT("_<=_")}, {">=", 3, STR_INIT("_>=_")},
    {"<", 3, STR_INIT("_<_")},   {">", 3, STR_INIT("_>_")},   {"in", 3, STR_INIT("@in")},
    {"+", 4, STR_INIT("_+_")},   {"-", 4, STR_INIT("_-_")},   {"*", 5, STR_INIT("_*_")},
    {"/", 5, STR_INIT("_/_")},   {"%", 5, STR_INIT("_%_")},
};

static const struct binary *binary_here(const struct parser *p)
{
    if (p->failed || (p->now.kind != TOKEN_SIGN && p->now.kind != TOKEN_IN))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(binaries); i++)
        if (*binaries[i].sign == *p->now.text.p && str_is(p->now.text, binaries[i].sign))
            return &binaries[i];
    return NULL;
}

/* Operators that bind at least as tightly as `least`. */
static struct node *parse_binary(struct parser *p, int least)
{
    struct node *left = parse_unary(p);
    const struct binary *b;
    unsigned chain = 0;
    while ((b = binary_here(p)) && b->precedence >= least) {
        uint32_t at = p->now.at;
        _cleanup_nodes_ struct nodes args = {0};
        nodes_add(&args, left);
        if (b->precedence <= 2) { /* a chain of one logical operator is one node */
            while (accept(p, b->sign))
                nodes_add(&args, parse_binary(p, b->precedence + 1));
        } else {
            advance(p);
            nodes_add(&args, parse_binary(p, b->precedence + 1));
            if (++chain + p->depth > CEL_DEPTH && !p->failed) {
                cel_issue(p->lexer.issues, CEL_NOWHERE, "expression recursion limit exceeded: %d", CEL_DEPTH);
                p->failed = true;
            }
        }
        if (p->failed)
            return NULL;
        left = node_new(p->arena,
                        b->precedence == 1   ? NODE_OR
                        : b->precedence == 2 ? NODE_AND
                                             : NODE_CALL,
                        at, args.at, args.n);
        left->name = b->function;
    }
    return left;
}

static struct node *parse_expr(struct parser *p)
{
    if (p->failed)
        return NULL;
    if (p->depth >= CEL_DEPTH) {
        cel_issue(p->lexer.issues, CEL_NOWHERE, "expression recursion limit exceeded: %d", CEL_DEPTH);
        p->failed = true;
        return NULL;
    }
    p->depth++;
    struct node *n = parse_binary(p, 1);
    uint32_t at = p->now.at;
    if (accept(p, "?")) {
        struct node *args[3] = {n, parse_binary(p, 1), NULL};
        expect(p, ":");
        args[2] = parse_expr(p);
        n = p->failed ? NULL : node_new(p->arena, NODE_COND, at, args, 3);
    }
    p->depth--;
    return n;
}

/* How deep the tree is, given up beyond the limit. */
static unsigned depth_of(const struct node *n, unsigned above)
{
    unsigned deepest = above + 1;
    for (uint32_t i = 0; i < n->n && deepest <= CEL_DEPTH; i++) {
        unsigned d = n->args[i] ? depth_of(n->args[i], above + 1) : 0;
        deepest = d > deepest ? d : deepest;
    }
    return deepest;
}

struct node *cel_parse(const struct cel_env *env, struct cel_issues *issues)
{
    size_t size = utf8_len(issues->text);
    if (size > CEL_TEXT_MAX) {
        cel_issue(issues, CEL_NOWHERE, "expression code point size exceeds limit: size: %zu, limit %d", size,
                  CEL_TEXT_MAX);
        return NULL;
    }
    struct parser p = {.env = env, .lexer = {.issues = issues, .text = issues->text}, .arena = issues->arena};
    advance(&p);
    struct node *n = parse_expr(&p);
    if (!p.failed && p.now.kind != TOKEN_END)
        unexpected(&p, is_end, "<EOF>");
    if (p.failed || issues->n)
        return NULL;
    if (depth_of(n, 0) > CEL_DEPTH) {
        cel_issue(issues, CEL_NOWHERE, "expression recursion limit exceeded: %d", CEL_DEPTH);
        return NULL;
    }
    return n;
}
