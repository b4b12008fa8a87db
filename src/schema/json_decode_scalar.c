/* JSON values without fields of their own: strings, numbers, times, quantities, raw JSON. */
#include "base/encode.h"
#include "schema/json_decoder.h"
#include "schema/quantity.h"
#include "schema/timestamp.h"
#include "schema/value.h"

#include <math.h>
#include <stdlib.h>

/* Integers up to this are doubles too. */
#define EXACT (INT64_C(1) << 53)

struct str decoder_keep(struct decoder *d, struct str raw, bool plain)
{
    if (!plain)
        return json_unescape(d->a, raw);
    return d->borrow || !raw.n ? raw : arena_str(d->a, raw);
}

bool decoder_unfit(struct decoder *d, const struct field *f, const struct step *step)
{
    const char *what = json_what_is(*d->c.p);
    return decoder_wrong_type(d, f, false, step, what, (struct str){0}) && json_skip(&d->c);
}

static bool decode_string(struct decoder *d, const struct field *f, struct str *to, const struct step *step)
{
    struct str raw;
    bool plain;
    if (*d->c.p != '"')
        return decoder_unfit(d, f, step);
    if (!json_scan_string(&d->c, &raw, &plain))
        return false;
    *to = decoder_keep(d, raw, plain);
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
        return decoder_unfit(d, f, step);
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
        return decoder_unfit(d, f, step);
    if (!json_scan_number(&d->c, &text, &integer))
        return false;
    int64_t v;
    if (!integer || !str_to_i64(text, &v) || v < least || v > most)
        return decoder_wrong_type(d, f, false, step, "number", text);
    *to = v;
    return true;
}

static bool decode_double(struct decoder *d, const struct field *f, double *to, const struct step *step)
{
    struct str text;
    bool integer;
    if (*d->c.p != '-' && (*d->c.p < '0' || *d->c.p > '9'))
        return decoder_unfit(d, f, step);
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
        return decoder_wrong_type(d, f, false, step, "number", text);
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
        return decoder_unfit(d, f, step);
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
        return decoder_wrong_value(d, &err);
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
    return !is_string || duration_parse(text, to, &err) == 0 || decoder_wrong_value(d, &err);
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
        return decoder_wrong_value(d, &err);
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
        *to = (struct int_or_str){.is_str = true, .s = decoder_keep(d, raw, plain)};
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
        decoder_strict(d, "duplicate", &(struct step){.up = step, .name = path});
    }
    *to = value_json(d->a, &tree);
    return true;
}

bool decoder_raw(struct decoder *d, struct str *to, const struct step *step)
{
    const char *from = d->c.p;
    if (d->own && !d->keeping) {
        json_pass(&d->c);
        *to = decoder_keep(d, str_slice(from, (size_t)(d->c.p - from)), true);
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
        return decoder_unfit(d, f, step);
    *to = *d->c.p == 't';
    return *to ? json_scan_word(&d->c, "true", 4) : json_scan_word(&d->c, "false", 5);
}

bool decoder_scalar(struct decoder *d, const struct field *f, void *at, const struct step *step)
{
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
        return decoder_raw(d, at, step);
    case VALUE_STRUCT:
        break;
    }
    return false;
}
