#include "schema/quantity.h"

/* Upstream caps what it cannot count in 64 bits, and rounds up to a billionth. */
#define MOST ((__int128)INT64_MAX)
enum { NANO = -9, EXACT_DIGITS = 18, KEPT_DIGITS = 36 };

static const char suffixes[] = "num kMGTPE"; /* 10^-9 to 10^18 in steps of three */

static int fail(struct err *err, const char *why)
{
    return err_set(err, ERR_BAD_REQUEST, "%s", why);
}

#define WRONG_FORMAT                                                                                         \
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define WRONG_SUFFIX "unable to parse quantity's suffix"

/* What a suffix multiplies by: 10^*ten × 2^*two. */
static bool read_suffix(struct str s, int32_t *ten, int32_t *two, enum quantity_format *format)
{
    *ten = *two = 0;
    *format = QUANTITY_DECIMAL_SI;
    if (!s.n)
        return true;
    if (s.n > 1 && (*s.p == 'e' || *s.p == 'E') && !str_is(s, "Ei")) {
        int64_t exponent;
        if (!str_to_i64(str_from_at(s, 1 + (s.p[1] == '+')), &exponent) || exponent < -1000 ||
            exponent > 1000)
            return false;
        *ten = (int32_t)exponent;
        *format = QUANTITY_DECIMAL_EXPONENT;
        return true;
    }
    const char *at = *s.p == ' ' ? NULL : strchr(suffixes, *s.p);
    if (s.n == 1 && at) {
        *ten = NANO + 3 * (int32_t)(at - suffixes);
        return true;
    }
    static const char binary[] = "KMGTPE";
    at = strchr(binary, *s.p);
    if (s.n != 2 || s.p[1] != 'i' || !at)
        return false;
    *two = 10 * (1 + (int32_t)(at - binary));
    *format = QUANTITY_BINARY_SI;
    return true;
}

/* Divides by ten so often, away from zero. */
static __int128 drop_digits(__int128 v, int32_t n)
{
    bool rest = false;
    for (; n > 0 && v; n--) {
        rest |= v % 10 != 0;
        v /= 10;
    }
    return v + rest;
}

static bool multiply(__int128 *v, int32_t tens)
{
    for (; tens > 0 && *v; tens--)
        if (__builtin_mul_overflow(*v, (__int128)10, v))
            return false;
    return true;
}

int quantity_parse(struct str s, struct quantity *out, struct err *err)
{
    *out = (struct quantity){0};
    const char *p = s.p ? s.p : "", *end = p + s.n;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *from = p;
    __int128 v = 0;
    int32_t scale = 0;
    unsigned digits = 0;
    bool point = false, more = false;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (digits < KEPT_DIGITS) {
            v = v * 10 + (*p - '0');
            digits += v != 0;
            scale -= point;
        } else {
            more |= *p != '0';
            scale += !point;
        }
    }
    /* Digits that do not fit any more still round up. */
    v += more;
    if (p == from)
        return fail(err, WRONG_FORMAT);
    struct str suffix = str_slice(p, (size_t)(end - p));
    while (p < end && *p && strchr("eEinumkKMGTP", *p))
        p++;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    if (p < end)
        return fail(err, WRONG_FORMAT);
    int32_t ten, two;
    if (!read_suffix(suffix, &ten, &two, &out->format))
        return fail(err, WRONG_SUFFIX);
    scale += ten;
    /* A decimal number of few digits is kept as it is, however large; others are capped. */
    bool exact = two == 0 && digits <= EXACT_DIGITS && scale >= NANO;
    if (two && __builtin_mul_overflow(v, (__int128)1 << two, &v))
        v = MOST, scale = 0;
    if (scale < NANO) {
        v = drop_digits(v, NANO - scale);
        scale = NANO;
    }
    struct quantity q = {v, scale, out->format};
    if (!exact && quantity_cmp(q, quantity_from(INT64_MAX, q.format)) > 0)
        q = quantity_from(INT64_MAX, q.format);
    if (q.format == QUANTITY_BINARY_SI && q.value && quantity_cmp(q, quantity_from(1, q.format)) < 0)
        q.format = QUANTITY_DECIMAL_SI;
    if (negative)
        q.value = -q.value;
    *out = q;
    return 0;
}

struct quantity quantity_of(struct str s)
{
    struct quantity q;
    return quantity_parse(s, &q, NULL) < 0 ? (struct quantity){0} : q;
}

struct quantity quantity_from(int64_t value, enum quantity_format format)
{
    return (struct quantity){value, 0, format};
}

struct quantity quantity_from_milli(int64_t milli, enum quantity_format format)
{
    return (struct quantity){milli, -3, format};
}

/* Whole units, when there is no fraction. */
static bool whole(struct quantity q, __int128 *out)
{
    for (; q.scale < 0 && q.value % 10 == 0; q.scale++)
        q.value /= 10;
    *out = q.value;
    return q.scale >= 0 ? multiply(out, q.scale) : q.value == 0;
}

static void write_integer(struct buf *out, __int128 v)
{
    char text[48], *to = text + sizeof text;
    unsigned __int128 size = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
    do
        *--to = (char)('0' + (int)(size % 10));
    while (size /= 10);
    if (v < 0)
        *--to = '-';
    buf_add(out, to, (size_t)(text + sizeof text - to));
}

static void write_binary(struct buf *out, __int128 v)
{
    int steps = 0;
    for (; steps < 6 && v % 1024 == 0; steps++)
        v /= 1024;
    write_integer(out, v);
    if (steps) {
        buf_add_c(out, "KMGTPE"[steps - 1]);
        buf_add_c(out, 'i');
    }
}

void quantity_write(struct buf *out, struct quantity q)
{
    __int128 v = q.value, units;
    int32_t exponent = q.scale;
    if (v == 0) {
        buf_add_c(out, '0');
        return;
    }
    if (q.format == QUANTITY_BINARY_SI && whole(q, &units) && (units >= 1024 || units <= -1024)) {
        write_binary(out, units);
        return;
    }
    for (; v % 10 == 0; exponent++)
        v /= 10;
    bool si = q.format != QUANTITY_DECIMAL_EXPONENT;
    while (exponent % 3 != 0 || (si && exponent > 18)) {
        v *= 10;
        exponent--;
    }
    write_integer(out, v);
    if (exponent == 0)
        return;
    if (si)
        buf_add_c(out, suffixes[(exponent - NANO) / 3]);
    else
        buf_addf(out, "e%d", exponent);
}

struct str quantity_str(struct arena *a, struct quantity q)
{
    _cleanup_buf_ struct buf b = {0};
    quantity_write(&b, q);
    return arena_str(a, buf_str(&b));
}

/* Most quantities come in canonical form already: few digits, no zero in front or (before a suffix) too many
 * behind. */
static bool is_canonical(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    if (n == 0 || n > 15 || (s.p[0] == '0' && s.n > 1))
        return false;
    bool thousands = n > 3 && memcmp(s.p + n - 3, "000", 3) == 0;
    struct str suffix = str_from_at(s, n);
    if (!suffix.n)
        return !thousands;
    if (suffix.n == 1)
        return !thousands && memchr("numkMGTP", suffix.p[0], 8);
    /* Below 1024 there is nothing left to divide by. */
    return suffix.n == 2 && suffix.p[1] == 'i' && memchr("KMGTP", suffix.p[0], 5) && n <= 3;
}

int quantity_canonical(struct arena *a, struct str s, struct str *out, struct err *err)
{
    *out = s;
    if (is_canonical(s))
        return 0;
    struct quantity q;
    if (quantity_parse(s, &q, err) < 0)
        return -1;
    /* Written out, "740062.5Ki" has lost its unit, and others have more digits than are counted: what is kept
     * is what that would be read as, so that it stays the same for good. */
    *out = quantity_str(a, quantity_of(quantity_str(a, q)));
    return 0;
}

/* The same number with a smaller scale; false when it does not fit. */
static bool rescale(struct quantity *q, int32_t scale)
{
    if (!multiply(&q->value, q->scale - scale))
        return false;
    q->scale = scale;
    return true;
}

int quantity_cmp(struct quantity x, struct quantity y)
{
    int sx = quantity_sign(x), sy = quantity_sign(y);
    if (sx != sy || sx == 0)
        return sx - sy;
    int32_t scale = x.scale < y.scale ? x.scale : y.scale;
    if (!rescale(&x, scale))
        return sx;
    if (!rescale(&y, scale))
        return -sx;
    return (x.value > y.value) - (x.value < y.value);
}

int quantity_cmp_str(struct str x, struct str y)
{
    return quantity_cmp(quantity_of(x), quantity_of(y));
}

struct quantity quantity_add(struct quantity x, struct quantity y)
{
    enum quantity_format format = x.value ? x.format : y.format;
    int32_t scale = x.scale < y.scale ? x.scale : y.scale;
    struct quantity big = quantity_cmp(x, y) < 0 ? y : x, sum = {.scale = scale, .format = format};
    if (!x.value || !y.value)
        return (struct quantity){x.value ? x.value : y.value, x.value ? x.scale : y.scale, format};
    if (!rescale(&x, scale) || !rescale(&y, scale) || __builtin_add_overflow(x.value, y.value, &sum.value))
        return (struct quantity){big.value, big.scale, format}; /* next to it the other does not count */
    return sum;
}

struct quantity quantity_sub(struct quantity x, struct quantity y)
{
    y.value = -y.value;
    return quantity_add(x, y);
}

static int64_t scaled(struct quantity q, int32_t scale)
{
    bool negative = q.value < 0;
    q.value = negative ? -q.value : q.value;
    if (q.scale >= scale ? !rescale(&q, scale) : false)
        return negative ? INT64_MIN : INT64_MAX;
    __int128 v = drop_digits(q.value, scale - q.scale);
    v = v > MOST ? MOST : v;
    return (int64_t)(negative ? -v : v);
}

int64_t quantity_value(struct quantity q)
{
    return scaled(q, 0);
}

int64_t quantity_milli(struct quantity q)
{
    return scaled(q, -3);
}

int64_t quantity_value_of(struct str s)
{
    return quantity_value(quantity_of(s));
}

int64_t quantity_milli_of(struct str s)
{
    return quantity_milli(quantity_of(s));
}
