#include "schema/selector.h"

#include <stdlib.h>

#include "schema/errors.h"
#include "schema/format.h"
#include "schema/quote.h"
#include "schema/str_map.h"

static const char *const selector_ops[] = {
    [SELECTOR_EQUALS] = "=",     [SELECTOR_DOUBLE_EQUALS] = "==", [SELECTOR_NOT_EQUALS] = "!=",
    [SELECTOR_IN] = "in",        [SELECTOR_NOT_IN] = "notin",     [SELECTOR_EXISTS] = "exists",
    [SELECTOR_NOT_EXISTS] = "!", [SELECTOR_GREATER] = "gt",       [SELECTOR_LESS] = "lt",
};

const char *selector_op_name(enum selector_op op)
{
    return selector_ops[op];
}

/* --- matching --- */

static bool requirement_has(const struct requirement *r, struct str value)
{
    return bsearch(&value, r->values, r->n, sizeof value, str_qsort);
}

static bool requirement_matches(const struct requirement *r, const struct str *value)
{
    int64_t number;
    switch (r->op) {
    case SELECTOR_EQUALS:
    case SELECTOR_DOUBLE_EQUALS:
    case SELECTOR_IN:
        return value && requirement_has(r, *value);
    case SELECTOR_NOT_EQUALS:
    case SELECTOR_NOT_IN:
        return !value || !requirement_has(r, *value);
    case SELECTOR_EXISTS:
        return value;
    case SELECTOR_NOT_EXISTS:
        return !value;
    case SELECTOR_GREATER:
        return value && str_to_i64(*value, &number) && number > r->number;
    case SELECTOR_LESS:
        return value && str_to_i64(*value, &number) && number < r->number;
    }
    return false;
}

bool selector_matches(const struct selector *s, const struct str_map *labels)
{
    if (s->nothing)
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (!requirement_matches(&s->at[i], str_map_get(labels, s->at[i].key)))
            return false;
    return true;
}

const struct str *selector_exact(const struct selector *s, struct str key)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct requirement *r = &s->at[i];
        bool one = r->op == SELECTOR_EQUALS || r->op == SELECTOR_DOUBLE_EQUALS || r->op == SELECTOR_IN;
        if (str_eq(r->key, key))
            return one && r->n == 1 ? &r->values[0] : NULL;
    }
    return NULL;
}

void selector_write(struct buf *out, const struct selector *s)
{
    static const char *const infix[] = {
        [SELECTOR_EQUALS] = "=",    [SELECTOR_DOUBLE_EQUALS] = "==", [SELECTOR_NOT_EQUALS] = "!=",
        [SELECTOR_IN] = " in (",    [SELECTOR_NOT_IN] = " notin (",  [SELECTOR_EXISTS] = "",
        [SELECTOR_NOT_EXISTS] = "", [SELECTOR_GREATER] = ">",        [SELECTOR_LESS] = "<",
    };
    for (size_t i = 0; i < s->n; i++) {
        const struct requirement *r = &s->at[i];
        if (i)
            buf_add_c(out, ',');
        if (r->op == SELECTOR_NOT_EXISTS)
            buf_add_c(out, '!');
        buf_add_str(out, r->key);
        buf_add_str(out, str_from(infix[r->op]));
        for (size_t v = 0; v < r->n; v++) {
            if (v)
                buf_add_c(out, ',');
            buf_add_str(out, r->values[v]);
        }
        if (r->op == SELECTOR_IN || r->op == SELECTOR_NOT_IN)
            buf_add_c(out, ')');
    }
}

/* --- making --- */

static int requirement_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct requirement *)a)->key, ((const struct requirement *)b)->key);
}

/* The messages for `value` in one error, joined as upstream joins them. */
static void requirement_check(struct field_errors *e, const struct path *at, enum format f, struct str value)
{
    struct str messages[FORMAT_MESSAGES];
    _cleanup_buf_ struct buf all = {0};
    size_t n = format_check(f, value, messages);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_lit(&all, "; ");
        buf_add_str(&all, messages[i]);
    }
    if (n)
        field_invalid(e, at, value, STR_FMT, STR_ARG(buf_str(&all)));
}

/* A list of strings as JSON has it, for messages. */
static struct str requirement_shown(struct arena *a, const struct str *values, size_t n)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_c(&b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_c(&b, ',');
        quote_go(&b, values[i]);
    }
    buf_add_c(&b, ']');
    return arena_str(a, buf_str(&b));
}

static const char *requirement_count(enum selector_op op, size_t n)
{
    switch (op) {
    case SELECTOR_IN:
    case SELECTOR_NOT_IN:
        return n ? NULL : "for 'in', 'notin' operators, values set can't be empty";
    case SELECTOR_EQUALS:
    case SELECTOR_DOUBLE_EQUALS:
    case SELECTOR_NOT_EQUALS:
        return n == 1 ? NULL : "exact-match compatibility requires one single value";
    case SELECTOR_EXISTS:
    case SELECTOR_NOT_EXISTS:
        return n ? "values set must be empty for exists and does not exist" : NULL;
    case SELECTOR_GREATER:
    case SELECTOR_LESS:
        return n == 1 ? NULL : "for 'Gt', 'Lt' operators, exactly one value is required";
    }
    return NULL;
}

/* The same values in order and each once. */
static const struct str *values_sorted(struct arena *a, const struct str *values, size_t *n)
{
    if (*n == 0)
        return NULL;
    struct str *sorted = arena_dup(a, values, *n * sizeof *values);
    size_t kept = 1;
    qsort(sorted, *n, sizeof *sorted, str_qsort);
    for (size_t i = 1; i < *n; i++)
        if (!str_eq(sorted[i], sorted[kept - 1]))
            sorted[kept++] = sorted[i];
    *n = kept;
    return sorted;
}

static int requirement_make(struct arena *a, struct str key, enum selector_op op, const struct str *values,
                            size_t n, struct requirement *out, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    const struct path *list = PATH(NULL, "values");
    const char *wrong = requirement_count(op, n);
    int64_t number = 0;
    requirement_check(&e, PATH(NULL, "key"), FORMAT_LABEL_KEY, key);
    if (wrong)
        field_error(&e, FIELD_ERROR_INVALID, list, BAD_RAW(requirement_shown(a, values, n)), "%s", wrong);
    for (size_t i = 0; i < n; i++) {
        struct path at = path_index(list, i);
        if ((op == SELECTOR_GREATER || op == SELECTOR_LESS) && !str_to_i64(values[i], &number))
            field_invalid(&e, &at, values[i], "for 'Gt', 'Lt' operators, the value must be an integer");
    }
    for (size_t i = 0; i < n; i++)
        requirement_check(&e, PATH_OF(PATH_AT(list, i), key), FORMAT_LABEL_VALUE, values[i]);
    if (e.n) {
        _cleanup_buf_ struct buf b = {0};
        field_errors_write(&b, &e);
        return err_set(err, ERR_BAD_REQUEST, STR_FMT, STR_ARG(buf_str(&b)));
    }
    *out = (struct requirement){key, op, values_sorted(a, values, &n), n, number};
    return 0;
}

/* Room for one more requirement; doubles at powers of two. */
static struct requirement *selector_room(struct arena *a, struct selector *s)
{
    if ((s->n & (s->n - 1)) == 0) { /* 0, 1, 2, 4 ... */
        struct requirement *more = arena_new_n(a, struct requirement, s->n ? s->n * 2 : 1);
        if (s->n)
            memcpy(more, s->at, s->n * sizeof *more);
        s->at = more;
    }
    return &s->at[s->n];
}

static void selector_sort(struct selector *s)
{
    if (s->n > 1)
        qsort(s->at, s->n, sizeof *s->at, requirement_cmp);
}

int selector_add(struct arena *a, struct selector *s, struct str key, enum selector_op op,
                 const struct str *values, size_t n, struct err *err)
{
    if (requirement_make(a, key, op, values, n, selector_room(a, s), err) < 0)
        return -1;
    s->n++;
    selector_sort(s);
    return 0;
}

void selector_from_map(struct arena *a, const struct str_map *from, struct selector *out)
{
    *out = (struct selector){.at = arena_new_n(a, struct requirement, from->n), .n = from->n};
    for (size_t i = 0; i < from->n; i++)
        out->at[i] = (struct requirement){from->at[i].key, SELECTOR_EQUALS, &from->at[i].value, 1, 0};
}

/* --- parsing the text: labels.Parse --- */

enum token {
    TOKEN_ERROR,
    TOKEN_END,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_NOT,
    TOKEN_DOUBLE_EQUALS,
    TOKEN_EQUALS,
    TOKEN_GREATER,
    TOKEN_WORD,
    TOKEN_IN,
    TOKEN_LESS,
    TOKEN_NOT_EQUALS,
    TOKEN_NOT_IN,
    TOKEN_OPEN,
};

struct selector_parser {
    struct arena *arena;
    struct str rest;
    enum token token; /* the next one */
    struct str text;
    struct err *err;
};

static bool token_symbol(char c)
{
    return c && strchr("=!(),><", c);
}

static bool token_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum token token_of(struct str text)
{
    static const struct {
        const char *text;
        enum token token;
    } known[] = {
        {")", TOKEN_CLOSE},       {",", TOKEN_COMMA},      {"!", TOKEN_NOT}, {"==", TOKEN_DOUBLE_EQUALS},
        {"=", TOKEN_EQUALS},      {">", TOKEN_GREATER},    {"in", TOKEN_IN}, {"<", TOKEN_LESS},
        {"!=", TOKEN_NOT_EQUALS}, {"notin", TOKEN_NOT_IN}, {"(", TOKEN_OPEN}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_is(text, known[i].text))
            return known[i].token;
    return TOKEN_ERROR;
}

static void token_next(struct selector_parser *p)
{
    size_t n = 0;
    while (p->rest.n && token_space(p->rest.p[0]))
        p->rest = str_from_at(p->rest, 1);
    if (p->rest.n == 0 || p->rest.p[0] == 0) { /* a zero byte ends the text, as upstream's lexer has it */
        p->token = TOKEN_END;
        p->text = p->rest = (struct str){0};
        return;
    }
    if (token_symbol(p->rest.p[0])) {
        /* The longest operator: "==", "!=" or a single character. */
        n = p->rest.n > 1 && token_of(str_slice(p->rest.p, 2)) != TOKEN_ERROR ? 2 : 1;
        p->token = token_of(str_slice(p->rest.p, n));
    } else {
        while (n < p->rest.n && p->rest.p[n] && !token_symbol(p->rest.p[n]) && !token_space(p->rest.p[n]))
            n++;
        p->token = token_of(str_slice(p->rest.p, n));
        if (p->token == TOKEN_ERROR)
            p->token = TOKEN_WORD;
    }
    p->text = str_slice(p->rest.p, n);
    p->rest = str_from_at(p->rest, n);
}

/* Where a value or a key may stand, "in" and "notin" are words. */
static bool token_is_word(const struct selector_parser *p)
{
    return p->token == TOKEN_WORD || p->token == TOKEN_IN || p->token == TOKEN_NOT_IN;
}

static int selector_unexpected(struct selector_parser *p, const char *expected)
{
    return err_set(p->err, ERR_BAD_REQUEST, "found '" STR_FMT "'%s", STR_ARG(p->text), expected);
}

static void values_add(struct arena *a, struct str_vec *v, struct str value)
{
    if ((v->n & (v->n - 1)) == 0) {
        struct str *more = arena_new_n(a, struct str, v->n ? v->n * 2 : 1);
        if (v->n)
            memcpy(more, v->at, v->n * sizeof *more);
        v->at = more;
    }
    v->at[v->n++] = value;
}

/* "(a,b,,c)": empty values count, "()" holds one. */
static int selector_parse_values(struct selector_parser *p, struct str_vec *v)
{
    if (p->token != TOKEN_OPEN)
        return selector_unexpected(p, " expected: '('");
    token_next(p);
    if (p->token == TOKEN_CLOSE) {
        token_next(p);
        values_add(p->arena, v, STR(""));
        return 0;
    }
    if (!token_is_word(p) && p->token != TOKEN_COMMA)
        return selector_unexpected(p, ", expected: ',', ')' or identifier");
    for (;;) {
        bool word = token_is_word(p);
        if (!word && p->token != TOKEN_COMMA && p->token != TOKEN_CLOSE)
            return selector_unexpected(p, ", expected: ',', or identifier");
        values_add(p->arena, v, word ? p->text : STR(""));
        if (word)
            token_next(p);
        if (p->token == TOKEN_CLOSE)
            break;
        if (p->token != TOKEN_COMMA)
            return selector_unexpected(p, ", expected: ',' or ')'");
        token_next(p);
    }
    token_next(p);
    return 0;
}

static int selector_parse_operator(struct selector_parser *p, enum selector_op *op)
{
    switch (p->token) {
    case TOKEN_IN:
        *op = SELECTOR_IN;
        break;
    case TOKEN_NOT_IN:
        *op = SELECTOR_NOT_IN;
        break;
    case TOKEN_EQUALS:
        *op = SELECTOR_EQUALS;
        break;
    case TOKEN_DOUBLE_EQUALS:
        *op = SELECTOR_DOUBLE_EQUALS;
        break;
    case TOKEN_NOT_EQUALS:
        *op = SELECTOR_NOT_EQUALS;
        break;
    case TOKEN_GREATER:
        *op = SELECTOR_GREATER;
        break;
    case TOKEN_LESS:
        *op = SELECTOR_LESS;
        break;
    default:
        return selector_unexpected(p, ", expected: in, notin, =, ==, !=, gt, lt");
    }
    token_next(p);
    return 0;
}

static int selector_parse_key(struct selector_parser *p, struct str *key)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    if (!token_is_word(p))
        return selector_unexpected(p, ", expected: identifier");
    *key = p->text;
    requirement_check(&e, NULL, FORMAT_LABEL_KEY, *key);
    if (e.n) {
        _cleanup_buf_ struct buf b = {0};
        field_errors_write(&b, &e);
        return err_set(p->err, ERR_BAD_REQUEST, STR_FMT, STR_ARG(buf_str(&b)));
    }
    token_next(p);
    return 0;
}

static int selector_parse_requirement(struct selector_parser *p, struct requirement *out)
{
    bool not = p->token == TOKEN_NOT;
    struct str key;
    struct str_vec values = {0};
    enum selector_op op = SELECTOR_EXISTS;
    if (not )
        token_next(p);
    if (selector_parse_key(p, &key) < 0)
        return -1;
    if (not || p->token == TOKEN_END || p->token == TOKEN_COMMA)
        return requirement_make(p->arena, key, not ? SELECTOR_NOT_EXISTS : SELECTOR_EXISTS, NULL, 0, out,
                                p->err);
    if (selector_parse_operator(p, &op) < 0)
        return -1;
    if (op == SELECTOR_IN || op == SELECTOR_NOT_IN) {
        if (selector_parse_values(p, &values) < 0)
            return -1;
    } else if (p->token == TOKEN_END || p->token == TOKEN_COMMA) {
        values_add(p->arena, &values, STR(""));
    } else if (token_is_word(p)) {
        values_add(p->arena, &values, p->text);
        token_next(p);
    } else {
        return selector_unexpected(p, ", expected: identifier");
    }
    return requirement_make(p->arena, key, op, values.at, values.n, out, p->err);
}

int selector_parse(struct arena *a, struct str text, struct selector *out, struct err *err)
{
    struct selector_parser p = {.arena = a, .rest = text, .err = err};
    *out = (struct selector){0};
    if (text.n > SELECTOR_TEXT_MAX)
        return err_set(err, ERR_BAD_REQUEST,
                       "unable to parse requirement: the selector is longer than %d bytes",
                       SELECTOR_TEXT_MAX);
    token_next(&p);
    while (p.token != TOKEN_END) {
        if (!token_is_word(&p) && p.token != TOKEN_NOT)
            return selector_unexpected(&p, ", expected: !, identifier, or 'end of string'");
        if (selector_parse_requirement(&p, selector_room(a, out)) < 0)
            return err_wrap(err, "unable to parse requirement");
        out->n++;
        if (p.token == TOKEN_END)
            break;
        if (p.token != TOKEN_COMMA)
            return selector_unexpected(&p, ", expected: ',' or 'end of string'");
        token_next(&p);
        if (!token_is_word(&p) && p.token != TOKEN_NOT)
            return selector_unexpected(&p, ", expected: identifier after ','");
    }
    selector_sort(out);
    return 0;
}
