/* string.format(list): %s, %d, %f, %e, %b, %o, %x, %X, with a precision (cel-go, ext/strings, version 1). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/encode.h"
#include "cel/eval.h"
#include "cel/text.h"

int string_format(struct run *r, const struct cel_value *args, struct cel_value *out);

struct clause {
    int precision; /* -1: none */
    char verb;
};

static int wrong(struct run *r, const char *said, const struct cel_value *v)
{
    return run_error(r, "error during formatting: %s, was given " STR_FMT, said,
                     STR_ARG(value_type(v)->name));
}

/* What an integer's clause says of what it cannot show. */
static const char *wrong_integer(char verb)
{
    return verb == 'b'   ? "only integers and bools can be formatted as binary"
           : verb == 'd' ? "decimal clause can only be used on integers"
           : verb == 'o' ? "octal clause can only be used on integers"
                         : "only integers, byte buffers, and strings can be formatted as hex";
}

static void write_binary(struct buf *out, uint64_t u)
{
    unsigned bits = u ? 64 - (unsigned)__builtin_clzll(u) : 1;
    while (bits--)
        buf_add_c(out, u >> bits & 1 ? '1' : '0');
}

static void write_based(struct buf *out, char verb, bool negative, uint64_t u)
{
    if (negative)
        buf_add_c(out, '-');
    if (verb == 'b')
        write_binary(out, u);
    else if (verb == 'o')
        buf_addf(out, "%" PRIo64, u);
    else if (verb == 'x')
        buf_addf(out, "%" PRIx64, u);
    else
        buf_addf(out, "%" PRIX64, u);
}

static int write_integer(struct run *r, struct buf *out, const struct clause *c, const struct cel_value *v)
{
    if (c->verb == 'b' && v->kind == CEL_BOOL) {
        buf_add_c(out, v->b ? '1' : '0');
    } else if ((c->verb == 'x' || c->verb == 'X') && (v->kind == CEL_STRING || v->kind == CEL_BYTES)) {
        size_t from = out->n;
        encode_hex(out, v->s);
        for (size_t i = from; c->verb == 'X' && i < out->n; i++)
            out->p[i] = (char)(out->p[i] >= 'a' ? out->p[i] - 32 : out->p[i]);
    } else if (v->kind == CEL_INT && c->verb == 'd') {
        buf_add_i64(out, v->i);
    } else if (v->kind == CEL_UINT && c->verb == 'd') {
        buf_addf(out, "%" PRIu64, v->u);
    } else if (v->kind == CEL_INT) {
        write_based(out, c->verb, v->i < 0, v->i < 0 ? -(uint64_t)v->i : (uint64_t)v->i);
    } else if (v->kind == CEL_UINT) {
        write_based(out, c->verb, false, v->u);
    } else if (c->verb == 'd' && v->kind == CEL_DOUBLE && !isfinite(v->d)) {
        buf_add_str(out, str_from(isnan(v->d) ? "NaN" : v->d > 0 ? "Infinity" : "-Infinity"));
    } else {
        return wrong(r, wrong_integer(c->verb), v);
    }
    return 0;
}

static int write_real(struct run *r, struct buf *out, const struct clause *c, const struct cel_value *v)
{
    double d = v->kind == CEL_INT ? (double)v->i : v->kind == CEL_UINT ? (double)v->u : v->d;
    if (!value_is_number(v))
        return wrong(r,
                     c->verb == 'f' ? "fixed-point clause can only be used on doubles"
                                    : "scientific clause can only be used on doubles",
                     v);
    int precision = c->precision < 0 ? 6 : c->precision;
    if (!isfinite(d))
        buf_add_str(out, str_from(isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity"));
    else if (c->verb == 'f')
        buf_addf(out, "%.*f", precision, d);
    else
        buf_addf(out, "%.*e", precision, d);
    return 0;
}

/* "%.3f": moves behind it. */
static int read_clause(struct run *r, struct str *rest, struct clause *c)
{
    *c = (struct clause){.precision = -1};
    if (rest->n && *rest->p == '.') {
        c->precision = 0;
        *rest = str_from_at(*rest, 1);
        while (rest->n && *rest->p >= '0' && *rest->p <= '9') {
            c->precision = c->precision * 10 + (*rest->p - '0');
            if (c->precision > 100)
                return run_error(r, "precision exceeds maximum of 100");
            *rest = str_from_at(*rest, 1);
        }
    }
    if (!rest->n)
        return run_error(r, "unexpected end of string");
    c->verb = *rest->p;
    *rest = str_from_at(*rest, 1);
    return 0;
}

static int write_clause(struct run *r, struct buf *out, const struct clause *c, const struct cel_value *v)
{
    switch (c->verb) {
    case 's':
        return text_write(out, v)
                   ? 0
                   : run_error(r,
                               "error during formatting: string clause can only be used on strings, "
                               "bools, bytes, ints, doubles, maps, lists, types, durations, and "
                               "timestamps, was given " STR_FMT,
                               STR_ARG(value_type(v)->name));
    case 'd':
    case 'b':
    case 'o':
    case 'x':
    case 'X':
        return write_integer(r, out, c, v);
    case 'f':
    case 'e':
        return write_real(r, out, c, v);
    default:
        return run_error(r, "could not parse formatting clause: unrecognized formatting clause \"%c\"",
                         c->verb);
    }
}

int string_format(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf made = {0};
    struct str rest = args[0].s;
    size_t used = 0, n = value_count(&args[1]);
    while (rest.n) {
        ptrdiff_t at = str_index(rest, '%');
        size_t plain = at < 0 ? rest.n : (size_t)at;
        buf_add_str(&made, str_slice(rest.p, plain));
        rest = str_from_at(rest, plain);
        if (!rest.n)
            break;
        rest = str_from_at(rest, 1);
        if (rest.n && *rest.p == '%') {
            buf_add_c(&made, '%');
            rest = str_from_at(rest, 1);
            continue;
        }
        struct clause c;
        if (read_clause(r, &rest, &c) < 0)
            return -1;
        if (used >= n)
            return run_error(r, "index %zu out of range", used);
        struct cel_value v = value_list_item(r->arena, &args[1], used++);
        if (write_clause(r, &made, &c, &v) < 0)
            return -1;
        if (made.n > (r->limit + 1) * 10)
            return run_charge(r, r->limit + 1);
    }
    *out = cel_from_str(arena_str(r->arena, buf_str(&made)));
    return 0;
}
