#include "schema/table/jsonpath.h"

enum step_kind { STEP_CHILD, STEP_INDEX, STEP_ALL, STEP_SLICE, STEP_FILTER };
enum filter_op { FILTER_EXISTS, FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };

struct jsonpath_step {
    enum step_kind kind;
    struct str name;      /* of a child */
    int64_t from, to;     /* of an index or a slice; `to` INT64_MAX: to the end */
    struct jsonpath left; /* of a filter: what is looked at in each item */
    enum filter_op op;
    struct value right;
};

/* --- compiling --- */

struct jsonpath_parser {
    struct arena *arena;
    struct str text, rest;
    struct err *err;
};

static int jsonpath_bad(struct jsonpath_parser *p, const char *what)
{
    return err_set(p->err, ERR_BAD_REQUEST, "invalid JSONPath '" STR_FMT "': %s", STR_ARG(p->text), what);
}

static bool jsonpath_take(struct jsonpath_parser *p, const char *prefix)
{
    if (!str_starts(p->rest, str_from(prefix)))
        return false;
    p->rest = str_from_at(p->rest, strlen(prefix));
    return true;
}

/* 'text' or "text", with backslashes before quotes. */
static int jsonpath_quoted(struct jsonpath_parser *p, struct str *out)
{
    char quote = p->rest.p[0];
    char *to = arena_alloc(p->arena, p->rest.n);
    size_t n = 0, i = 1;
    for (; i < p->rest.n && p->rest.p[i] != quote; i++) {
        if (p->rest.p[i] == '\\' && i + 1 < p->rest.n)
            i++;
        to[n++] = p->rest.p[i];
    }
    if (i >= p->rest.n)
        return jsonpath_bad(p, "unterminated quoted string");
    *out = str_slice(to, n);
    p->rest = str_from_at(p->rest, i + 1);
    return 0;
}

static bool jsonpath_name_char(char c)
{
    return !strchr(".[]() \t{}=!<>,'\"", c) && c;
}

/* A name behind a dot; backslashes before dots are part of how it is written. */
static struct str jsonpath_name(struct jsonpath_parser *p)
{
    char *to = arena_alloc(p->arena, p->rest.n + 1);
    size_t n = 0, i = 0;
    for (; i < p->rest.n; i++) {
        if (p->rest.p[i] == '\\' && i + 1 < p->rest.n)
            i++;
        else if (!jsonpath_name_char(p->rest.p[i]))
            break;
        to[n++] = p->rest.p[i];
    }
    p->rest = str_from_at(p->rest, i);
    return str_slice(to, n);
}

static bool jsonpath_number(struct jsonpath_parser *p, int64_t *out)
{
    size_t n = 0;
    while (n < p->rest.n && (p->rest.p[n] == '-' || (p->rest.p[n] >= '0' && p->rest.p[n] <= '9')))
        n++;
    if (!str_to_i64(str_slice(p->rest.p, n), out))
        return false;
    p->rest = str_from_at(p->rest, n);
    return true;
}

static int jsonpath_steps(struct jsonpath_parser *p, struct jsonpath *out, bool filter);

/* What a filter compares with: a quoted string, a number, true, false. */
static int jsonpath_literal(struct jsonpath_parser *p, struct value *out)
{
    size_t n = 0;
    struct str text;
    p->rest = str_trim(p->rest);
    if (p->rest.n && (p->rest.p[0] == '"' || p->rest.p[0] == '\'')) {
        if (jsonpath_quoted(p, &text) < 0)
            return -1;
        *out = VALUE_STR(text);
        return 0;
    }
    while (n < p->rest.n && p->rest.p[n] != ')')
        n++;
    text = str_trim(str_slice(p->rest.p, n));
    p->rest = str_from_at(p->rest, n);
    return value_parse(p->arena, text, out, NULL) < 0 ? jsonpath_bad(p, "unrecognized value in filter") : 0;
}

/* Behind "[?(". */
static int jsonpath_filter(struct jsonpath_parser *p, struct jsonpath_step *s)
{
    static const struct {
        const char *text;
        enum filter_op op;
    } ops[] = {{"==", FILTER_EQ}, {"!=", FILTER_NE}, {"<=", FILTER_LE},
               {">=", FILTER_GE}, {"<", FILTER_LT},  {">", FILTER_GT}};
    s->kind = STEP_FILTER;
    p->rest = str_trim(p->rest);
    if (!jsonpath_take(p, "@"))
        return jsonpath_bad(p, "a filter begins with @");
    if (jsonpath_steps(p, &s->left, true) < 0)
        return -1;
    p->rest = str_trim(p->rest);
    for (size_t i = 0; i < ARRAY_LEN(ops) && s->op == FILTER_EXISTS; i++)
        if (jsonpath_take(p, ops[i].text))
            s->op = ops[i].op;
    if (s->op != FILTER_EXISTS && jsonpath_literal(p, &s->right) < 0)
        return -1;
    p->rest = str_trim(p->rest);
    return jsonpath_take(p, ")]") ? 0 : jsonpath_bad(p, "unterminated filter");
}

/* Behind '['. */
static int jsonpath_bracket(struct jsonpath_parser *p, struct jsonpath_step *s)
{
    if (jsonpath_take(p, "?("))
        return jsonpath_filter(p, s);
    if (p->rest.n && (p->rest.p[0] == '\'' || p->rest.p[0] == '"')) {
        s->kind = STEP_CHILD;
        if (jsonpath_quoted(p, &s->name) < 0)
            return -1;
    } else if (jsonpath_take(p, "*")) {
        s->kind = STEP_ALL;
    } else {
        bool first = jsonpath_number(p, &s->from);
        s->kind = STEP_INDEX;
        if (jsonpath_take(p, ":")) {
            s->kind = STEP_SLICE;
            if (!jsonpath_number(p, &s->to))
                s->to = INT64_MAX;
        } else if (!first) {
            return jsonpath_bad(p, "invalid array index");
        }
    }
    return jsonpath_take(p, "]") ? 0 : jsonpath_bad(p, "unterminated array");
}

/* Steps up to the end of the text; of a filter's left side, up to what no step begins with. */
static int jsonpath_steps(struct jsonpath_parser *p, struct jsonpath *out, bool filter)
{
    *out = (struct jsonpath){.steps = arena_new_n(p->arena, struct jsonpath_step, JSONPATH_STEPS)};
    while (p->rest.n) {
        struct jsonpath_step *s = &out->steps[out->n];
        if (p->rest.p[0] != '.' && p->rest.p[0] != '[') {
            if (filter)
                return 0;
            return jsonpath_bad(p, "unexpected character");
        }
        if (out->n == JSONPATH_STEPS)
            return jsonpath_bad(p, "too many steps");
        if (jsonpath_take(p, "[")) {
            if (filter && str_starts(p->rest, STR("?")))
                return jsonpath_bad(p, "a filter within a filter");
            if (jsonpath_bracket(p, s) < 0)
                return -1;
        } else {
            p->rest = str_from_at(p->rest, 1);
            if (str_starts(p->rest, STR("[")) || !p->rest.n)
                continue; /* ".[0]", and a path that is only a dot */
            s->kind = jsonpath_take(p, "*") ? STEP_ALL : STEP_CHILD;
            if (s->kind == STEP_CHILD && (s->name = jsonpath_name(p)).n == 0)
                return jsonpath_bad(p, "a name is missing");
        }
        out->n++;
    }
    return 0;
}

int jsonpath_compile(struct arena *a, struct str text, struct jsonpath *out, struct err *err)
{
    struct jsonpath_parser p = {a, text, text, err};
    if (str_starts(text, STR("{")) && str_ends(text, STR("}")))
        p.rest = str_slice(text.p + 1, text.n - 2);
    jsonpath_take(&p, "$");
    return jsonpath_steps(&p, out, false);
}

/* --- evaluating --- */

struct jsonpath_found {
    const struct value **at;
    size_t n, max;
};

/* Numbers by value, strings by bytes; other kinds are only equal or not. */
static bool jsonpath_ordered(const struct value *a, const struct value *b, int *order)
{
    bool numbers =
        (a->kind == JSON_INT || a->kind == JSON_DOUBLE) && (b->kind == JSON_INT || b->kind == JSON_DOUBLE);
    if (numbers) {
        double x = a->kind == JSON_INT ? (double)a->i : a->d, y = b->kind == JSON_INT ? (double)b->i : b->d;
        *order = (x > y) - (x < y);
        return true;
    }
    if (a->kind != JSON_STRING || b->kind != JSON_STRING)
        return false;
    *order = str_cmp(a->s, b->s);
    return true;
}

static bool jsonpath_passes(const struct jsonpath_step *s, const struct value *item)
{
    const struct value *left;
    int order = 0;
    if (jsonpath_find(&s->left, item, &left, 1) == 0)
        return false;
    switch (s->op) {
    case FILTER_EXISTS:
        return true;
    case FILTER_EQ:
        return value_eq(left, &s->right);
    case FILTER_NE:
        return !value_eq(left, &s->right);
    case FILTER_LT:
        return jsonpath_ordered(left, &s->right, &order) && order < 0;
    case FILTER_LE:
        return jsonpath_ordered(left, &s->right, &order) && order <= 0;
    case FILTER_GT:
        return jsonpath_ordered(left, &s->right, &order) && order > 0;
    case FILTER_GE:
        return jsonpath_ordered(left, &s->right, &order) && order >= 0;
    }
    return false;
}

static void jsonpath_walk(const struct jsonpath_step *s, size_t n, const struct value *v,
                          struct jsonpath_found *found);

static void jsonpath_items(const struct jsonpath_step *s, size_t n, const struct value *v,
                           struct jsonpath_found *found)
{
    int64_t count = (int64_t)v->list.n, from = s->from, to = s->kind == STEP_INDEX ? s->from + 1 : s->to;
    if (s->kind == STEP_ALL || s->kind == STEP_FILTER) {
        from = 0;
        to = count;
    } else if (from < 0) { /* from the end; an index there is one item */
        to = s->kind == STEP_INDEX ? from + count + 1 : to;
        from += count;
    }
    if (s->kind == STEP_SLICE && to < 0)
        to += count;
    for (int64_t i = from < 0 ? count : from; i < to && i < count; i++)
        if (s->kind != STEP_FILTER || jsonpath_passes(s, &v->list.at[i]))
            jsonpath_walk(s + 1, n - 1, &v->list.at[i], found);
}

static void jsonpath_walk(const struct jsonpath_step *s, size_t n, const struct value *v,
                          struct jsonpath_found *found)
{
    if (found->n == found->max)
        return;
    if (n == 0) {
        found->at[found->n++] = v;
    } else if (s->kind == STEP_CHILD) {
        const struct value *child = value_get(v, s->name);
        if (child)
            jsonpath_walk(s + 1, n - 1, child, found);
    } else if (v->kind == JSON_ARRAY) {
        jsonpath_items(s, n, v, found);
    } else if (v->kind == JSON_OBJECT && s->kind == STEP_ALL) {
        for (size_t i = 0; i < v->members.n; i++)
            jsonpath_walk(s + 1, n - 1, &v->members.at[i].value, found);
    }
}

size_t jsonpath_find(const struct jsonpath *p, const struct value *in, const struct value **found, size_t max)
{
    struct jsonpath_found f = {found, 0, max};
    jsonpath_walk(p->steps, p->n, in, &f);
    return f.n;
}
