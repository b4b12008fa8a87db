#include "cel/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/timestamp.h"

void text_write_double(struct buf *out, double d)
{
    char text[40];
    int digits = 1;
    if (isnan(d) || isinf(d)) {
        buf_add_str(out, str_from(isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf"));
        return;
    }
    for (; digits < 17; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, d);
        if (strtod(text, NULL) == d)
            break;
    }
    snprintf(text, sizeof(text), "%.*e", digits - 1, d);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 6)
        buf_add_str(out, str_from(text));
    else
        buf_addf(out, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, d);
}

/* Without an exponent. */
static void write_plain_double(struct buf *out, double d)
{
    if (isnan(d) || isinf(d)) {
        buf_add_str(out, str_from(isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity"));
        return;
    }
    char text[400];
    int decimals = 0;
    for (; decimals < 40; decimals++) {
        snprintf(text, sizeof(text), "%.*f", decimals, d);
        if (strtod(text, NULL) == d)
            break;
    }
    buf_add_str(out, str_from(text));
}

/* A fraction of a second, without zeros at its end. */
static void write_fraction(struct buf *out, int64_t ns)
{
    if (!ns)
        return;
    char text[12];
    int n = snprintf(text, sizeof(text), ".%09" PRId64, ns);
    while (text[n - 1] == '0')
        n--;
    buf_add(out, text, (size_t)n);
}

static void write_duration(struct buf *out, int64_t ns)
{
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    buf_addf(out, "%s%" PRIu64, ns < 0 ? "-" : "", size / 1000000000);
    write_fraction(out, (int64_t)(size % 1000000000));
    buf_add_c(out, 's');
}

static void write_time(struct buf *out, struct time t)
{
    size_t start = out->n;
    time_write(out, t);
    if (t.ns && out->n > start) {
        out->n--; /* the Z comes behind the fraction */
        write_fraction(out, t.ns);
        buf_add_c(out, 'Z');
    }
}

static int by_text(const void *x, const void *y)
{
    return str_qsort(x, y);
}

static bool write_map(struct buf *out, const struct cel_value *v)
{
    _cleanup_arena_ struct arena a = {0};
    size_t n = 0, cap = v->in == CEL_IN_LAZY ? 0 : value_count(v), cursor = 0;
    bool fine = v->kind == CEL_MAP;
    struct str *lines = arena_new_n(&a, struct str, cap + 1);
    struct cel_value key, value;
    while (n < cap && value_next(&a, v, &cursor, &key, &value)) {
        _cleanup_buf_ struct buf line = {0};
        fine &= text_write(&line, &key);
        buf_add_lit(&line, ": ");
        fine &= text_write(&line, &value);
        lines[n++] = arena_str(&a, buf_str(&line));
    }
    qsort(lines, n, sizeof(*lines), by_text);
    buf_add_c(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_lit(out, ", ");
        buf_add_str(out, lines[i]);
    }
    buf_add_c(out, '}');
    return fine;
}

static bool write_list(struct buf *out, const struct cel_value *v)
{
    _cleanup_arena_ struct arena a = {0};
    bool fine = true;
    buf_add_c(out, '[');
    for (size_t i = 0, n = value_count(v); i < n; i++) {
        struct cel_value item = value_list_item(&a, v, i);
        if (i)
            buf_add_lit(out, ", ");
        fine &= text_write(out, &item);
    }
    buf_add_c(out, ']');
    return fine;
}

bool text_write(struct buf *out, const struct cel_value *v)
{
    switch ((enum cel_kind)v->kind) {
    case CEL_NULL:
        buf_add_lit(out, "null");
        return true;
    case CEL_BOOL:
        buf_add_str(out, v->b ? STR("true") : STR("false"));
        return true;
    case CEL_INT:
        buf_add_i64(out, v->i);
        return true;
    case CEL_UINT:
        buf_addf(out, "%" PRIu64, v->u);
        return true;
    case CEL_DOUBLE:
        write_plain_double(out, v->d);
        return true;
    case CEL_STRING:
    case CEL_BYTES:
        buf_add_str(out, v->s);
        return true;
    case CEL_TIMESTAMP:
        write_time(out, v->time);
        return true;
    case CEL_DURATION:
        write_duration(out, v->i);
        return true;
    case CEL_LIST:
        return write_list(out, v);
    case CEL_MAP:
    case CEL_OBJECT:
        return write_map(out, v);
    case CEL_TYPE:
        buf_add_str(out, v->of->name);
        return true;
    case CEL_OPAQUE:
        text_write_ip(out, v);
        return v->type == &cel_ip || v->type == &cel_cidr;
    case CEL_OPTIONAL:
    case CEL_ERROR:
    case CEL_DYN:
    case CEL_PARAM:
        break;
    }
    return false;
}
