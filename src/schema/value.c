#include "schema/value.h"

#include "schema/json.h"
#include "schema/json_scan.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct parser {
    struct json_cursor c;
    struct arena *a;
    struct strict_errors *strict;
    struct buf scratch; /* elements and members of what is open, innermost last */
    struct buf path;    /* where we are, for `strict` */
    unsigned depth;
    bool too_deep;
};

static bool parse(struct parser *p, struct value *out);

static bool parse_number(struct parser *p, struct value *out)
{
    struct str text;
    bool integer;
    if (!json_scan_number(&p->c, &text, &integer))
        return false;
    int64_t i;
    if (integer && str_to_i64(text, &i)) {
        *out = VALUE_INT(i);
        return true;
    }
    char c[64];
    bool fits = text.n < sizeof c;
    char *whole = fits ? c : str_dup_c(text);
    if (fits) {
        memcpy(c, text.p, text.n);
        c[text.n] = 0;
    }
    *out = VALUE_DOUBLE(strtod(whole, NULL));
    if (!fits)
        free(whole);
    /* Beyond float64's range: the nearest there is. */
    if (isinf(out->d))
        out->d = out->d < 0 ? -DBL_MAX : DBL_MAX;
    return true;
}

static bool parse_string(struct parser *p, struct str *out)
{
    struct str raw;
    bool plain;
    json_space(&p->c);
    if (!json_scan_string(&p->c, &raw, &plain))
        return false;
    *out = plain ? raw : json_unescape(p->a, raw);
    return true;
}

static bool parse_array(struct parser *p, struct value *out)
{
    size_t from = p->scratch.n, path = p->path.n;
    *out = VALUE_ARRAY;
    if (json_take(&p->c, ']'))
        return true;
    size_t n = 0;
    do {
        struct value item;
        p->path.n = path;
        if (p->strict)
            buf_addf(&p->path, "[%zu]", n);
        if (!parse(p, &item))
            return false;
        buf_add(&p->scratch, &item, sizeof item);
        n++;
    } while (json_take(&p->c, ','));
    out->list = (struct value_list){arena_dup(p->a, p->scratch.p + from, n * sizeof(struct value)), n, n};
    p->scratch.n = from;
    p->path.n = path;
    return json_take(&p->c, ']');
}

static int by_key(const void *x, const void *y)
{
    const struct value_member *a = x, *b = y;
    return str_cmp(a->key, b->key);
}

/* A member and where it stood, as sorting is not stable. */
struct placed {
    struct value_member member;
    size_t place;
};

static int by_key_and_place(const void *x, const void *y)
{
    const struct placed *a = x, *b = y;
    int order = by_key(&a->member, &b->member);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

static void note_duplicate(struct parser *p, struct str key)
{
    struct strict_errors *strict = p->strict;
    if (!strict || strict->n >= 100)
        return;
    struct str text = arena_printf(p->a, "duplicate field \"" STR_FMT "%s" STR_FMT "\"",
                                   STR_ARG(buf_str(&p->path)), p->path.n ? "." : "", STR_ARG(key));
    for (size_t i = 0; i < strict->n; i++)
        if (str_eq(strict->at[i], text))
            return;
    if (!strict->at)
        strict->at = arena_new_n(p->a, struct str, strict->cap = 100);
    strict->at[strict->n++] = text;
}

/* Sorted, and of members with the same key the last. */
static size_t order_members(struct parser *p, struct value_member *at, size_t n)
{
    bool ordered = true;
    for (size_t i = 1; i < n && ordered; i++)
        ordered = by_key(&at[i - 1], &at[i]) < 0;
    if (ordered)
        return n;
    struct placed *placed = mem_alloc(n * sizeof *placed);
    for (size_t i = 0; i < n; i++)
        placed[i] = (struct placed){at[i], i};
    qsort(placed, n, sizeof *placed, by_key_and_place);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n || by_key(&placed[i].member, &placed[i + 1].member) != 0)
            at[kept++] = placed[i].member;
        else
            note_duplicate(p, placed[i].member.key);
    }
    free(placed);
    return kept;
}

static bool parse_object(struct parser *p, struct value *out)
{
    size_t from = p->scratch.n, path = p->path.n;
    *out = VALUE_OBJECT;
    if (json_take(&p->c, '}'))
        return true;
    size_t n = 0;
    do {
        struct value_member m;
        if (!parse_string(p, &m.key) || !json_take(&p->c, ':'))
            return false;
        p->path.n = path;
        if (p->strict) {
            if (path)
                buf_add_c(&p->path, '.');
            buf_add_str(&p->path, m.key);
        }
        if (!parse(p, &m.value))
            return false;
        buf_add(&p->scratch, &m, sizeof m);
        n++;
    } while (json_take(&p->c, ','));
    struct value_member *at = arena_dup(p->a, p->scratch.p + from, n * sizeof *at);
    p->scratch.n = from;
    p->path.n = path;
    out->members = (struct value_members){at, order_members(p, at, n), n};
    return json_take(&p->c, '}');
}

static bool parse(struct parser *p, struct value *out)
{
    json_space(&p->c);
    if (p->c.p == p->c.end)
        return false;
    switch (*p->c.p) {
    case '{':
    case '[': {
        bool object = *p->c.p++ == '{';
        p->too_deep |= ++p->depth > VALUE_DEPTH;
        bool ok = !p->too_deep && (object ? parse_object(p, out) : parse_array(p, out));
        p->depth--;
        return ok;
    }
    case '"':
        *out = VALUE_STR((struct str){0});
        return parse_string(p, &out->s);
    case 't':
        *out = VALUE_BOOL(true);
        return json_scan_word(&p->c, "true", 4);
    case 'f':
        *out = VALUE_BOOL(false);
        return json_scan_word(&p->c, "false", 5);
    case 'n':
        *out = VALUE_NULL;
        return json_scan_word(&p->c, "null", 4);
    default:
        return parse_number(p, out);
    }
}

int value_parse_strict(struct arena *a, struct str json, struct value *out, struct strict_errors *strict,
                       struct err *err)
{
    struct parser p = {.c = json_start(json), .a = a, .strict = strict};
    bool ok = parse(&p, out);
    json_space(&p.c);
    buf_free(&p.scratch);
    buf_free(&p.path);
    if (p.too_deep)
        return err_set(err, ERR_BAD_REQUEST, "exceeded max depth");
    return ok && p.c.p == p.c.end ? 0 : json_syntax_error(json, err);
}

int value_parse(struct arena *a, struct str json, struct value *out, struct err *err)
{
    return value_parse_strict(a, json, out, NULL, err);
}

void value_write(struct buf *out, const struct value *v)
{
    switch (v->kind) {
    case JSON_NULL:
        buf_add_lit(out, "null");
        return;
    case JSON_BOOL:
        buf_add_str(out, v->b ? STR("true") : STR("false"));
        return;
    case JSON_INT:
        buf_add_i64(out, v->i);
        return;
    case JSON_DOUBLE:
        json_encode_double(out, v->d);
        return;
    case JSON_STRING:
        json_encode_string(out, v->s);
        return;
    case JSON_ARRAY:
        buf_add_c(out, '[');
        for (size_t i = 0; i < v->list.n; i++) {
            if (i)
                buf_add_c(out, ',');
            value_write(out, &v->list.at[i]);
        }
        buf_add_c(out, ']');
        return;
    case JSON_OBJECT:
        buf_add_c(out, '{');
        for (size_t i = 0; i < v->members.n; i++) {
            if (i)
                buf_add_c(out, ',');
            json_encode_string(out, v->members.at[i].key);
            buf_add_c(out, ':');
            value_write(out, &v->members.at[i].value);
        }
        buf_add_c(out, '}');
        return;
    }
}

struct str value_json(struct arena *a, const struct value *v)
{
    _cleanup_buf_ struct buf out = {0};
    value_write(&out, v);
    return arena_str(a, buf_str(&out));
}

/* The first member whose key is not less; *found when it is that key. */
static size_t place_of(const struct value_members *m, struct str key, bool *found)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(m->at[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < m->n && str_eq(m->at[low].key, key);
    return low;
}

struct value *value_get(const struct value *object, struct str key)
{
    bool found;
    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    size_t i = place_of(&object->members, key, &found);
    return found ? &object->members.at[i].value : NULL;
}

struct str value_get_str(const struct value *object, struct str key)
{
    const struct value *v = value_get(object, key);
    return v && v->kind == JSON_STRING ? v->s : (struct str){0};
}

/* Room for one more at place `i`: everything from there moves up. */
static void *open_gap(struct arena *a, void **items, size_t *n, size_t *cap, size_t i, size_t item)
{
    char *at = *items;
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 4;
        at = arena_array(a, *cap, item);
        if (*n)
            memcpy(at, *items, *n * item);
        *items = at;
    }
    memmove(at + (i + 1) * item, at + i * item, (*n - i) * item);
    ++*n;
    return at + i * item;
}

struct value *value_set(struct arena *a, struct value *object, struct str key, struct value v)
{
    ensure(object->kind == JSON_OBJECT);
    struct value_members *m = &object->members;
    bool found;
    size_t i = place_of(m, key, &found);
    struct value_member *at =
        found ? &m->at[i] : open_gap(a, (void **)&m->at, &m->n, &m->cap, i, sizeof *m->at);
    *at = (struct value_member){found ? at->key : key, v};
    return &at->value;
}

bool value_del(struct value *object, struct str key)
{
    bool found;
    if (object->kind != JSON_OBJECT)
        return false;
    struct value_members *m = &object->members;
    size_t i = place_of(m, key, &found);
    if (found)
        memmove(&m->at[i], &m->at[i + 1], (--m->n - i) * sizeof *m->at);
    return found;
}

struct value *value_insert(struct arena *a, struct value *array, size_t at, struct value v)
{
    ensure(array->kind == JSON_ARRAY && at <= array->list.n);
    struct value_list *l = &array->list;
    struct value *to = open_gap(a, (void **)&l->at, &l->n, &l->cap, at, sizeof *to);
    *to = v;
    return to;
}

struct value *value_append(struct arena *a, struct value *array, struct value v)
{
    return value_insert(a, array, array->list.n, v);
}

void value_remove(struct value *array, size_t at)
{
    ensure(array->kind == JSON_ARRAY && at < array->list.n);
    struct value_list *l = &array->list;
    memmove(&l->at[at], &l->at[at + 1], (--l->n - at) * sizeof *l->at);
}

static bool numbers_equal(const struct value *x, const struct value *y)
{
    if (x->kind == JSON_INT && y->kind == JSON_INT)
        return x->i == y->i;
    double a = x->kind == JSON_INT ? (double)x->i : x->d, b = y->kind == JSON_INT ? (double)y->i : y->d;
    return a == b;
}

static bool is_number(const struct value *v)
{
    return v->kind == JSON_INT || v->kind == JSON_DOUBLE;
}

bool value_eq(const struct value *x, const struct value *y)
{
    if (is_number(x) && is_number(y))
        return numbers_equal(x, y);
    if (x->kind != y->kind)
        return false;
    switch (x->kind) {
    case JSON_NULL:
    case JSON_INT:
    case JSON_DOUBLE:
        return true;
    case JSON_BOOL:
        return x->b == y->b;
    case JSON_STRING:
        return str_eq(x->s, y->s);
    case JSON_ARRAY:
        if (x->list.n != y->list.n)
            return false;
        for (size_t i = 0; i < x->list.n; i++)
            if (!value_eq(&x->list.at[i], &y->list.at[i]))
                return false;
        return true;
    case JSON_OBJECT:
        if (x->members.n != y->members.n)
            return false;
        for (size_t i = 0; i < x->members.n; i++)
            if (!str_eq(x->members.at[i].key, y->members.at[i].key) ||
                !value_eq(&x->members.at[i].value, &y->members.at[i].value))
                return false;
        return true;
    }
    return false;
}

struct value value_copy(struct arena *a, const struct value *v)
{
    struct value copy = *v;
    if (v->kind == JSON_STRING) {
        copy.s = arena_str(a, v->s);
    } else if (v->kind == JSON_ARRAY && v->list.n) {
        copy.list = (struct value_list){arena_new_n(a, struct value, v->list.n), v->list.n, v->list.n};
        for (size_t i = 0; i < v->list.n; i++)
            copy.list.at[i] = value_copy(a, &v->list.at[i]);
    } else if (v->kind == JSON_OBJECT && v->members.n) {
        size_t n = v->members.n;
        copy.members = (struct value_members){arena_new_n(a, struct value_member, n), n, n};
        for (size_t i = 0; i < n; i++)
            copy.members.at[i] = (struct value_member){arena_str(a, v->members.at[i].key),
                                                       value_copy(a, &v->members.at[i].value)};
    } else if (v->kind == JSON_ARRAY || v->kind == JSON_OBJECT) {
        copy = v->kind == JSON_ARRAY ? VALUE_ARRAY : VALUE_OBJECT;
    }
    return copy;
}

const char *value_kind_name(const struct value *v)
{
    static const char *const names[] = {"null", "bool", "number", "number", "string", "array", "object"};
    return names[v->kind];
}
