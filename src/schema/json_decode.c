/* JSON into structs, in one pass. What upstream's decoder (sigs.k8s.io/json) accepts is accepted, what it
 * refuses is refused, in its words. Wrong types do not stop the pass, since a wrong syntax further on is told
 * first. */
#include "base/encode.h"
#include "schema/json.h"
#include "schema/json_scan.h"
#include "schema/layout.h"
#include "schema/map_order.h"
#include "schema/quantity.h"
#include "schema/timestamp.h"
#include "schema/value.h"

#include <math.h>
#include <stdlib.h>

/* Deeper than any API type; what holds itself (JSONSchemaProps) must not exhaust a small stack. */
enum { DECODE_DEPTH = 128, STRICT_MOST = 100, SEEN_FIELDS = 256 };
/* Integers up to this are doubles too. */
#define EXACT (INT64_C(1) << 53)

/* Where in the text we are, for messages: a member (of a struct, when owner is set) or an element. */
struct step {
    const struct step *up;
    const struct type *owner;
    struct str name;
    size_t index;
    bool is_element;
};

struct decoder {
    struct json_cursor c;
    struct arena *a;
    bool borrow, own;
    struct strict_errors *strict;
    struct buf scratch; /* elements of the lists that are open, innermost last */
    unsigned depth;
    struct err problem; /* the first wrong type, or a wrong value, which counts more */
    bool wrong_type, wrong_value;
    bool too_deep;
    /* Within a type that keeps what does not fit: the member under way does not. */
    bool keeping, misfit;
};

static bool decode_at(struct decoder *d, const struct field *f, void *at, const struct step *step);
static bool decode_struct(struct decoder *d, const struct type *t, char *base, const struct step *up);

/* --- complaints --- */

static void strict_path(struct buf *b, const struct step *step)
{
    if (!step)
        return;
    strict_path(b, step->up);
    if (step->is_element) {
        buf_addf(b, "[%zu]", step->index);
        return;
    }
    if (b->n)
        buf_add_c(b, '.');
    buf_add_str(b, step->name);
}

static void strict_add(struct decoder *d, const char *what, const struct step *step)
{
    struct strict_errors *strict = d->strict;
    if (!strict || strict->n >= STRICT_MOST)
        return;
    _cleanup_buf_ struct buf path = {0};
    strict_path(&path, step);
    struct str text = arena_printf(d->a, "%s field \"" STR_FMT "\"", what, STR_ARG(buf_str(&path)));
    for (size_t i = 0; i < strict->n; i++)
        if (str_eq(strict->at[i], text))
            return;
    if (!strict->at)
        strict->at = arena_new_n(d->a, struct str, strict->cap = STRICT_MOST);
    strict->at[strict->n++] = text;
}

/* The fields that lead here, as Go's error context has them: only those of structs. */
static void go_path(struct buf *b, const struct step *step)
{
    if (!step)
        return;
    go_path(b, step->up);
    if (!step->owner)
        return;
    if (b->n)
        buf_add_c(b, '.');
    buf_add_str(b, step->name);
}

/* "v1.PodSpec", of an OpenAPI name "io.k8s.api.core.v1.PodSpec". */
static struct str go_struct_name(const struct type *t)
{
    struct str full = t->openapi_name;
    ptrdiff_t dot = str_last_index(full, '.');
    if (dot > 0) {
        ptrdiff_t before = str_last_index(str_slice(full.p, (size_t)dot), '.');
        return str_from_at(full, (size_t)(before + 1));
    }
    return t->name;
}

static void go_element_type(struct buf *b, const struct field *f)
{
    static const char *const names[] = {
        [VALUE_BOOL] = "bool",           [VALUE_INT32] = "int32",
        [VALUE_INT64] = "int64",         [VALUE_DOUBLE] = "float64",
        [VALUE_STRING] = "string",       [VALUE_BYTES] = "[]uint8",
        [VALUE_TIME] = "string",         [VALUE_MICRO_TIME] = "string",
        [VALUE_DURATION] = "string",     [VALUE_QUANTITY] = "resource.Quantity",
        [VALUE_INT_OR_STRING] = "int32", [VALUE_JSON] = "runtime.RawExtension",
    };
    if (f->kind == VALUE_STRUCT)
        buf_add_str(b, go_struct_name(f->type));
    else if (f->rules && f->rules->type_name.n)
        buf_add_str(b, f->rules->type_name);
    else
        buf_add_str(b, str_from(names[f->kind]));
}

/* json: cannot unmarshal WHAT into Go struct field PodSpec.spec.nodeName of type string. `whole`: the list or
 * map, not an element of it. Only the first counts. Returns true: decoding goes on. */
static bool wrong_type(struct decoder *d, const struct field *f, bool whole, const struct step *step,
                       const char *what, struct str number)
{
    if (d->keeping)
        return d->misfit = true;
    if (d->wrong_type || d->wrong_value)
        return true;
    d->wrong_type = true;
    _cleanup_buf_ struct buf type = {0}, path = {0};
    if (whole && f->shape == SHAPE_MAP && f->kind == VALUE_QUANTITY) {
        buf_add_lit(&type, "v1.ResourceList");
    } else {
        if (whole && f->shape == SHAPE_LIST)
            buf_add_lit(&type, "[]");
        if (whole && f->shape == SHAPE_MAP)
            buf_add_lit(&type, "map[string]");
        go_element_type(&type, f);
    }
    const struct step *in = step;
    while (in && !in->owner)
        in = in->up;
    go_path(&path, step);
    const char *gap = number.n ? " " : "";
    if (in)
        err_set(&d->problem, ERR_BAD_REQUEST,
                "json: cannot unmarshal %s%s" STR_FMT " into Go struct field " STR_FMT "." STR_FMT
                " of type " STR_FMT,
                what, gap, STR_ARG(number), STR_ARG(in->owner->name), STR_ARG(buf_str(&path)),
                STR_ARG(buf_str(&type)));
    else
        err_set(&d->problem, ERR_BAD_REQUEST,
                "json: cannot unmarshal %s%s" STR_FMT " into Go value of type " STR_FMT, what, gap,
                STR_ARG(number), STR_ARG(buf_str(&type)));
    return true;
}

/* A type that reads itself refused its value: that ends Go's decoding, so it counts more than what came
 * before. */
static bool wrong_value(struct decoder *d, struct err *err)
{
    if (d->wrong_value)
        err_clear(err);
    else
        err_move(&d->problem, err);
    d->wrong_value = true;
    return true;
}

static const char *what_is(char first)
{
    switch (first) {
    case '"':
        return "string";
    case '{':
        return "object";
    case '[':
        return "array";
    case 't':
    case 'f':
        return "bool";
    default:
        return "number";
    }
}

/* --- values --- */

static struct str keep(struct decoder *d, struct str raw, bool plain)
{
    if (!plain)
        return json_unescape(d->a, raw);
    return d->borrow || !raw.n ? raw : arena_str(d->a, raw);
}

/* The next value is not what the field takes: complain and skip it. */
static bool unfit(struct decoder *d, const struct field *f, const struct step *step)
{
    const char *what = what_is(*d->c.p);
    return wrong_type(d, f, false, step, what, (struct str){0}) && json_skip(&d->c);
}

static bool decode_string(struct decoder *d, const struct field *f, struct str *to, const struct step *step)
{
    struct str raw;
    bool plain;
    if (*d->c.p != '"')
        return unfit(d, f, step);
    if (!json_scan_string(&d->c, &raw, &plain))
        return false;
    *to = keep(d, raw, plain);
    return true;
}

/* Reads a string that is only looked at, not kept. Sets *is_string false (having skipped) when it is
 * something else. */
static bool decode_text(struct decoder *d, const struct field *f, const struct step *step, struct str *text,
                        bool *is_string)
{
    struct str raw;
    bool plain;
    *is_string = *d->c.p == '"';
    if (!*is_string)
        return unfit(d, f, step);
    if (!json_scan_string(&d->c, &raw, &plain))
        return false;
    *text = plain ? raw : json_unescape(d->a, raw);
    return true;
}

static bool decode_int(struct decoder *d, const struct field *f, int64_t least, int64_t most, int64_t *to,
                       const struct step *step)
{
    struct str text;
    bool integer;
    if (*d->c.p != '-' && (*d->c.p < '0' || *d->c.p > '9'))
        return unfit(d, f, step);
    if (!json_scan_number(&d->c, &text, &integer))
        return false;
    int64_t v;
    if (!integer || !str_to_i64(text, &v) || v < least || v > most)
        return wrong_type(d, f, false, step, "number", text);
    *to = v;
    return true;
}

static bool decode_double(struct decoder *d, const struct field *f, double *to, const struct step *step)
{
    struct str text;
    bool integer;
    if (*d->c.p != '-' && (*d->c.p < '0' || *d->c.p > '9'))
        return unfit(d, f, step);
    if (!json_scan_number(&d->c, &text, &integer))
        return false;
    char c[400];
    double v = HUGE_VAL;
    int64_t whole;
    if (d->keeping && integer && str_to_i64(text, &whole) && (whole > EXACT || whole < -EXACT))
        return d->misfit = true; /* as JSON it keeps its last digits */
    if (text.n < sizeof c) {
        memcpy(c, text.p, text.n);
        c[text.n] = 0;
        v = strtod(c, NULL);
    }
    if (v == HUGE_VAL || v == -HUGE_VAL)
        return wrong_type(d, f, false, step, "number", text);
    *to = v;
    return true;
}

/* Where Go's base64 decoder stops: the offset that its error names. */
static size_t base64_stop(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool good = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
                    ch == '+' || ch == '/' || ch == '\r' || ch == '\n';
        if (!good)
            return i;
    }
    return s.n;
}

static bool decode_bytes(struct decoder *d, const struct field *f, struct str *to, const struct step *step)
{
    struct str raw;
    bool plain;
    if (*d->c.p != '"')
        return unfit(d, f, step);
    if (!json_scan_string(&d->c, &raw, &plain))
        return false;
    struct str text = plain ? raw : json_unescape(d->a, raw);
    _cleanup_buf_ struct buf bytes = {0};
    if (decode_base64(&bytes, text) < 0) {
        if (!d->wrong_type && !d->wrong_value)
            err_set(&d->problem, ERR_BAD_REQUEST, "illegal base64 data at input byte %zu", base64_stop(text));
        return d->wrong_type = true;
    }
    /* Empty, but there: a slice of no bytes is not nil. */
    *to = arena_str(d->a, buf_str(&bytes));
    return true;
}

static bool decode_time(struct decoder *d, const struct field *f, struct time *to, const struct step *step)
{
    struct str text;
    bool is_string;
    if (!decode_text(d, f, step, &text, &is_string))
        return false;
    struct err err = {0};
    bool micro = f->kind == VALUE_MICRO_TIME;
    if (is_string && (micro ? time_parse_micro(text, to, &err) : time_parse(text, to, &err)) < 0)
        return wrong_value(d, &err);
    to->ns = micro ? to->ns / 1000 * 1000 : 0;
    return true;
}

static bool decode_duration(struct decoder *d, const struct field *f, int64_t *to, const struct step *step)
{
    struct str text;
    bool is_string;
    if (!decode_text(d, f, step, &text, &is_string))
        return false;
    struct err err = {0};
    return !is_string || duration_parse(text, to, &err) == 0 || wrong_value(d, &err);
}

static bool decode_quantity(struct decoder *d, struct str *to)
{
    struct json_cursor from = d->c;
    struct str text;
    bool plain = true;
    if (*d->c.p == '"') {
        if (!json_scan_string(&d->c, &text, &plain))
            return false;
        text = plain ? text : json_unescape(d->a, text);
    } else {
        /* A number may stand without quotes; anything else is refused as a quantity would be. */
        if (!json_skip(&d->c))
            return false;
        text = str_slice(from.p, (size_t)(d->c.p - from.p));
    }
    struct err err = {0};
    struct str canonical;
    if (quantity_canonical(d->a, text, &canonical, &err) < 0)
        return wrong_value(d, &err);
    *to = canonical.p == text.p && !d->borrow ? arena_str(d->a, canonical) : canonical;
    return true;
}

static bool decode_int_or_string(struct decoder *d, const struct field *f, struct int_or_str *to,
                                 const struct step *step)
{
    if (*d->c.p == '"') {
        struct str raw;
        bool plain;
        if (!json_scan_string(&d->c, &raw, &plain))
            return false;
        *to = (struct int_or_str){.is_str = true, .s = keep(d, raw, plain)};
        return true;
    }
    int64_t i = 0;
    if (!decode_int(d, f, INT32_MIN, INT32_MAX, &i, step))
        return false;
    *to = (struct int_or_str){.i = (int32_t)i};
    return true;
}

/* A value as the tree of a custom resource has it: members in order, each once, numbers as Go writes them. */
static bool decode_kept(struct decoder *d, struct str text, const struct step *step, struct str *to)
{
    struct value tree;
    struct strict_errors inside = {0};
    if (value_parse_strict(d->a, text, &tree, d->strict ? &inside : NULL, NULL) < 0) {
        d->too_deep = true; /* its syntax is checked already */
        return false;
    }
    for (size_t i = 0; i < inside.n; i++) {
        /* `duplicate field "a.b"`, below where we are */
        struct str path = str_slice(inside.at[i].p + sizeof "duplicate field \"" - 1,
                                    inside.at[i].n - sizeof "duplicate field \"");
        strict_add(d, "duplicate", &(struct step){.up = step, .name = path});
    }
    *to = value_json(d->a, &tree);
    return true;
}

static bool decode_raw(struct decoder *d, struct str *to, const struct step *step)
{
    const char *from = d->c.p;
    if (d->own && !d->keeping) {
        json_pass(&d->c);
        *to = keep(d, str_slice(from, (size_t)(d->c.p - from)), true);
        return true;
    }
    if (!json_skip(&d->c))
        return false;
    if (d->keeping)
        return decode_kept(d, str_slice(from, (size_t)(d->c.p - from)), step, to);
    struct str text = str_slice(from, (size_t)(d->c.p - from));
    _cleanup_buf_ struct buf compact = {0};
    json_compact(&compact, text);
    *to = d->borrow && str_eq(buf_str(&compact), text) ? text : arena_str(d->a, buf_str(&compact));
    return true;
}

static bool decode_bool(struct decoder *d, const struct field *f, bool *to, const struct step *step)
{
    if (*d->c.p != 't' && *d->c.p != 'f')
        return unfit(d, f, step);
    *to = *d->c.p == 't';
    return *to ? json_scan_word(&d->c, "true", 4) : json_scan_word(&d->c, "false", 5);
}

/* One value of the field's kind, cursor at its first letter; null leaves it as it is. */
static bool decode_one(struct decoder *d, const struct field *f, void *at, const struct step *step)
{
    if (*d->c.p == 'n' && !(d->keeping && f->kind == VALUE_JSON)) {
        d->misfit |= d->keeping;
        return json_scan_word(&d->c, "null", 4);
    }
    int64_t i;
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        return decode_bool(d, f, at, step);
    case VALUE_INT32:
        i = *(int32_t *)at;
        if (!decode_int(d, f, INT32_MIN, INT32_MAX, &i, step))
            return false;
        *(int32_t *)at = (int32_t)i;
        return true;
    case VALUE_INT64:
        return decode_int(d, f, INT64_MIN, INT64_MAX, at, step);
    case VALUE_DOUBLE:
        return decode_double(d, f, at, step);
    case VALUE_STRING:
        return decode_string(d, f, at, step);
    case VALUE_BYTES:
        return decode_bytes(d, f, at, step);
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        return decode_time(d, f, at, step);
    case VALUE_DURATION:
        return decode_duration(d, f, at, step);
    case VALUE_QUANTITY:
        return decode_quantity(d, at);
    case VALUE_INT_OR_STRING:
        return decode_int_or_string(d, f, at, step);
    case VALUE_JSON:
        return decode_raw(d, at, step);
    case VALUE_STRUCT:
        if (f->type->flags & (TYPE_BARE | TYPE_EITHER))
            return decode_struct(d, f->type, at, step);
        return *d->c.p == '{' ? decode_struct(d, f->type, at, step) : unfit(d, f, step);
    }
    return false;
}

/* --- lists, maps, structs --- */

static bool enter(struct decoder *d)
{
    d->too_deep |= ++d->depth > DECODE_DEPTH;
    return !d->too_deep;
}

/* Moves what was gathered on the scratch stack since `from` into the arena, exactly as large as it is. */
static void gather(struct decoder *d, size_t from, size_t item, struct any_vec *to)
{
    to->n = (d->scratch.n - from) / item;
    to->at = to->n ? arena_dup(d->a, d->scratch.p + from, d->scratch.n - from) : arena_alloc(d->a, 1);
    d->scratch.n = from;
}

static bool decode_list(struct decoder *d, const struct field *f, struct any_vec *to, const struct step *up)
{
    size_t item = layout_stride(f), from = d->scratch.n;
    _Alignas(max_align_t) char one[item];
    if (*d->c.p != '[')
        return wrong_type(d, f, true, up, what_is(*d->c.p), (struct str){0}) && json_skip(&d->c);
    d->c.p++;
    if (!enter(d))
        return false;
    struct step step = {.up = up, .is_element = true};
    if (!json_take(&d->c, ']')) {
        do {
            memset(one, 0, item);
            json_space(&d->c);
            if (d->c.p == d->c.end || !decode_one(d, f, one, &step))
                return false;
            buf_add(&d->scratch, one, item);
            step.index++;
        } while (json_take(&d->c, ','));
        if (!json_take(&d->c, ']'))
            return false;
    }
    gather(d, from, item, to);
    d->depth--;
    return true;
}

/* What map_order finds twice. */
struct twice {
    struct decoder *d;
    const struct step *up;
};

static void tell_duplicate(void *arg, struct str key)
{
    struct twice *twice = arg;
    strict_add(twice->d, "duplicate", &(struct step){.up = twice->up, .name = key});
}

/* Takes a null among a custom resource's entries where null says nothing. */
static bool decode_silent(struct decoder *d, const struct field *f)
{
    return d->c.p < d->c.end && *d->c.p == 'n' && f->kind != VALUE_JSON && !(f->flags & FIELD_NULL_ITEMS) &&
           json_scan_word(&d->c, "null", 4);
}

static bool decode_map(struct decoder *d, const struct field *f, struct any_vec *to, const struct step *up)
{
    size_t item = layout_stride(f), from = d->scratch.n;
    _Alignas(max_align_t) char one[item];
    if (*d->c.p != '{')
        return wrong_type(d, f, true, up, what_is(*d->c.p), (struct str){0}) && json_skip(&d->c);
    d->c.p++;
    if (!enter(d))
        return false;
    if (!json_take(&d->c, '}')) {
        do {
            struct str raw;
            bool plain;
            json_space(&d->c);
            if (!json_scan_string(&d->c, &raw, &plain) || !json_take(&d->c, ':'))
                return false;
            json_space(&d->c);
            memset(one, 0, item);
            *(struct str *)(void *)one = keep(d, raw, plain);
            struct step step = {.up = up, .name = *(struct str *)(void *)one};
            if (d->keeping && decode_silent(d, f))
                continue;
            if (d->c.p == d->c.end || !decode_one(d, f, one + sizeof(struct str), &step))
                return false;
            buf_add(&d->scratch, one, item);
        } while (json_take(&d->c, ','));
        if (!json_take(&d->c, '}'))
            return false;
    }
    gather(d, from, item, to);
    map_order(to, item, tell_duplicate, &(struct twice){d, up});
    d->depth--;
    return true;
}

static bool decode_at(struct decoder *d, const struct field *f, void *at, const struct step *step)
{
    json_space(&d->c);
    if (d->c.p == d->c.end)
        return false;
    if (f->shape == SHAPE_ONE)
        return decode_one(d, f, at, step);
    if (*d->c.p == 'n') {
        d->misfit |= d->keeping;
        memset(at, 0, f->shape == SHAPE_OPTIONAL ? sizeof(void *) : sizeof(struct any_vec));
        return json_scan_word(&d->c, "null", 4);
    }
    if (f->shape == SHAPE_LIST)
        return decode_list(d, f, at, step);
    if (f->shape == SHAPE_MAP)
        return decode_map(d, f, at, step);
    void **p = at;
    if (!*p)
        *p = arena_alloc(d->a, layout_size(f));
    return decode_one(d, f, *p, step);
}

/* A type whose JSON is that of one of its fields, whichever fits. */
static bool decode_either(struct decoder *d, const struct type *t, char *base, const struct step *up)
{
    char first = *d->c.p;
    const struct field *fit = NULL;
    for (unsigned i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        bool fits = f->shape == SHAPE_LIST    ? first == '['
                    : f->kind == VALUE_STRUCT ? first == '{'
                                              : first == 't' || first == 'f';
        if (fits)
            fit = f;
        /* A schema in the place of a boolean allows what it allows. */
        if (f->kind == VALUE_BOOL && first == '{')
            *(bool *)(void *)(base + f->offset) = true;
    }
    if (fit)
        return decode_at(d, fit, base + fit->offset, up);
    struct err err = {0};
    err_set(&err, ERR_BAD_REQUEST, "%s or JSON schema expected",
            t->fields[0].kind == VALUE_BOOL ? "boolean" : "array");
    wrong_value(d, &err);
    return json_skip(&d->c);
}

/* Takes a key and its colon where it is, to the letter, that of the field expected next or of one soon after,
 * as fields mostly come in the order in which they are declared. The number of that field, or -1. */
static int expected(struct json_cursor *c, const struct type *t, unsigned next)
{
    uint32_t base;
    size_t left = (size_t)(c->end - c->p);
    for (unsigned i = next; i < next + 4; i++) {
        const struct field *f = type_field_at(t, i, &base);
        if (!f)
            break;
        size_t n = f->name.n;
        if (left > n + 2 && c->p[n + 1] == '"' && c->p[n + 2] == ':' && c->p[0] == '"' &&
            memcmp(c->p + 1, f->name.p, n) == 0) {
            c->p += n + 3;
            return (int)i;
        }
    }
    return -1;
}

/* The members without a field that a TYPE_UNKNOWN has gathered so far. */
struct rest {
    struct str_map *map; /* NULL: the type has none */
    size_t cap;
};

static void rest_add(struct decoder *d, struct rest *r, const struct step *step, struct str json)
{
    struct str_map *m = r->map;
    if (m->n >= r->cap) {
        struct str_entry *at = arena_new_n(d->a, struct str_entry, r->cap = 2 * m->n + 4);
        if (m->n)
            memcpy(at, m->at, m->n * sizeof *at);
        m->at = at;
    }
    m->at[m->n++] = (struct str_entry){keep(d, step->name, true), json};
}

/* Puts them in order. Of a member that came twice, once as it should be, that one counts. */
static void rest_end(struct decoder *d, struct rest *r, const struct type *t, const char *base,
                     const struct step *up)
{
    struct str_map *m = r->map;
    size_t n = 0;
    map_order((struct any_vec *)(void *)m, sizeof *m->at, tell_duplicate, &(struct twice){d, up});
    for (size_t i = 0; i < m->n; i++) {
        uint32_t inner;
        const struct field *f = type_field(t, m->at[i].key, &inner);
        if (!f || layout_absent(f, base + inner + f->offset))
            m->at[n++] = m->at[i];
    }
    m->n = n;
}

/* A member that no field is named for. */
static bool decode_unnamed(struct decoder *d, const struct type *t, struct rest *rest,
                           const struct step *step)
{
    struct str json;
    json_space(&d->c);
    if (rest->map && !(t->flags & TYPE_PRUNED)) {
        if (d->c.p == d->c.end || !decode_raw(d, &json, step))
            return false;
        rest_add(d, rest, step, json);
        return true;
    }
    strict_add(d, "unknown", step);
    return json_skip(&d->c);
}

/* A member of a type that keeps what does not fit: into its field, else beside it. */
static bool decode_kept_member(struct decoder *d, const struct field *f, char *at, struct rest *rest,
                               const struct step *step)
{
    json_space(&d->c);
    if (d->c.p == d->c.end)
        return false;
    struct json_cursor from = d->c;
    size_t scratch = d->scratch.n;
    unsigned depth = d->depth;
    struct str json;
    bool outer = d->misfit;
    size_t size = f->shape == SHAPE_OPTIONAL ? sizeof(void *) : sizeof(struct any_vec);
    if (*d->c.p == 'n') {
        memset(at, 0, size);
        if (f->flags & FIELD_NULLABLE)
            rest_add(d, rest, step, STR("null"));
        return json_scan_word(&d->c, "null", 4);
    }
    d->misfit = false;
    if (!decode_at(d, f, at, step))
        return false;
    if (d->misfit) {
        d->c = from;
        d->scratch.n = scratch;
        d->depth = depth;
        memset(at, 0, size);
        if (!decode_raw(d, &json, step))
            return false;
        rest_add(d, rest, step, json);
    }
    d->misfit = outer;
    return true;
}

static bool decode_member(struct decoder *d, const struct field *f, char *at, struct rest *rest,
                          const struct step *step)
{
    /* What every object has is read as in every object. */
    d->keeping = rest->map && (f->flags & FIELD_OMIT_ABSENT);
    return d->keeping ? decode_kept_member(d, f, at, rest, step) : decode_at(d, f, at, step);
}

static bool decode_struct(struct decoder *d, const struct type *t, char *base, const struct step *up)
{
    if (t->flags & TYPE_BARE)
        return decode_at(d, &t->fields[0], base + t->fields[0].offset, up);
    if (t->flags & TYPE_EITHER)
        return decode_either(d, t, base, up);
    d->c.p++;
    if (!enter(d))
        return false;
    if (json_take(&d->c, '}')) {
        d->depth--;
        return true;
    }
    uint64_t seen[SEEN_FIELDS / 64] = {0};
    unsigned guess = 0;
    bool outer = d->keeping;
    struct rest rest = {type_rest(t, base), 0};
    do {
        struct str raw;
        bool plain;
        struct step step = {.up = up, .owner = t};
        uint32_t inner;
        json_space(&d->c);
        int number = expected(&d->c, t, guess);
        if (number >= 0) {
            step.name = type_field_at(t, (unsigned)number, &inner)->name;
        } else {
            if (!json_scan_string(&d->c, &raw, &plain) || !json_take(&d->c, ':'))
                return false;
            step.name = plain ? raw : json_unescape(d->a, raw);
            number = type_field_number(t, step.name);
        }
        if (number < 0) {
            d->keeping = rest.map;
            if (!decode_unnamed(d, t, &rest, &step))
                return false;
            continue;
        }
        guess = (unsigned)number + 1;
        if (number < SEEN_FIELDS) {
            if (seen[number / 64] >> number % 64 & 1)
                strict_add(d, "duplicate", &step);
            seen[number / 64] |= UINT64_C(1) << number % 64;
        }
        const struct field *f = type_field_at(t, (unsigned)number, &inner);
        if (!decode_member(d, f, base + inner + f->offset, &rest, &step))
            return false;
    } while (json_take(&d->c, ','));
    d->keeping = outer;
    d->depth--;
    if (rest.map)
        rest_end(d, &rest, t, base, up);
    return json_take(&d->c, '}');
}

int json_decode(struct arena *a, const struct type *t, struct str json, unsigned flags, void *out,
                struct strict_errors *strict, struct err *err)
{
    const char *text = json.p ? json.p : "";
    struct decoder d = {.c = {text, text + json.n},
                        .a = a,
                        .borrow = flags & JSON_BORROW,
                        .own = flags & JSON_OWN,
                        .strict = strict};
    const struct field whole = {.type = t, .kind = VALUE_STRUCT, .shape = SHAPE_ONE};
    bool ok = decode_at(&d, &whole, out, NULL);
    json_space(&d.c);
    buf_free(&d.scratch);
    int result = 0;
    if (d.too_deep)
        result = err_set(err, ERR_BAD_REQUEST, "exceeded max depth");
    else if (!ok || d.c.p < d.c.end)
        result = json_syntax_error(json, err);
    else if (d.wrong_type || d.wrong_value) {
        result = -1;
        if (err)
            err_move(err, &d.problem);
    }
    err_clear(&d.problem);
    return result;
}

/* The two strings, where they stand at the top of an object. */
int json_peek(struct arena *a, struct str json, struct json_type_meta *out, struct err *err)
{
    if (json_check(json, err) < 0)
        return -1;
    *out = (struct json_type_meta){0};
    struct json_cursor c = {json.p, json.p + json.n};
    json_space(&c);
    if (*c.p == 'n')
        return 0;
    if (*c.p != '{')
        return err_set(err, ERR_BAD_REQUEST,
                       "json: cannot unmarshal %s into Go value of type struct { APIVersion string "
                       "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
                       what_is(*c.p));
    c.p++;
    if (json_take(&c, '}'))
        return 0;
    do {
        struct str raw;
        bool plain;
        json_space(&c);
        json_scan_string(&c, &raw, &plain);
        json_take(&c, ':');
        json_space(&c);
        struct str key = plain ? raw : json_unescape(a, raw);
        struct str *to = str_is(key, "kind")         ? &out->kind
                         : str_is(key, "apiVersion") ? &out->api_version
                                                     : NULL;
        if (!to || *c.p == 'n') {
            json_skip(&c);
        } else if (*c.p == '"') {
            json_scan_string(&c, &raw, &plain);
            *to = plain ? raw : json_unescape(a, raw);
        } else {
            return err_set(err, ERR_BAD_REQUEST,
                           "json: cannot unmarshal %s into Go struct field ." STR_FMT " of type string",
                           what_is(*c.p), STR_ARG(key));
        }
    } while (json_take(&c, ','));
    return 0;
}
