#include "schema/yaml_scalar.h"

#include <math.h>
#include <stdlib.h>

static bool any_of(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_is(s, *words))
            return true;
    return false;
}

static bool word(struct str s, struct value *out)
{
    static const char *const yes[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                      "True", "TRUE", "on",  "On",  "ON",  NULL};
    static const char *const no[] = {"n",     "N",     "no",  "No",  "NO",  "false",
                                     "False", "FALSE", "off", "Off", "OFF", NULL};
    static const char *const null[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const nan[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const inf[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL};
    static const char *const minus[] = {"-.inf", "-.Inf", "-.INF", NULL};
    if (any_of(s, null))
        *out = VALUE_NULL;
    else if (any_of(s, yes))
        *out = VALUE_BOOL(true);
    else if (any_of(s, no))
        *out = VALUE_BOOL(false);
    else if (any_of(s, nan))
        *out = VALUE_DOUBLE(NAN);
    else if (any_of(s, inf))
        *out = VALUE_DOUBLE(INFINITY);
    else if (any_of(s, minus))
        *out = VALUE_DOUBLE(-INFINITY);
    else
        return false;
    return true;
}

/* An integer in any of Go's notations: 12, 0x1f, 0o17, 017, 0b101, signed or not. */
static bool integer(struct str s, struct value *out)
{
    bool negative = s.n && *s.p == '-';
    if (s.n && (*s.p == '-' || *s.p == '+'))
        s = str_from_at(s, 1);
    unsigned base = 10;
    if (s.n > 1 && *s.p == '0') {
        char mark = s.p[1] | 0x20;
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        s = str_from_at(s, mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        unsigned digit = ch >= '0' && ch <= '9'                     ? (unsigned)(ch - '0')
                         : (ch | 0x20) >= 'a' && (ch | 0x20) <= 'f' ? (unsigned)((ch | 0x20) - 'a' + 10)
                                                                    : 99;
        if (digit >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    if (!s.n || (negative && v > (uint64_t)INT64_MAX + 1))
        return false;
    if (negative)
        *out = VALUE_INT((int64_t)(0 - v));
    else if (v <= INT64_MAX)
        *out = VALUE_INT((int64_t)v);
    else
        *out = VALUE_DOUBLE((double)v);
    return true;
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool decimal(struct str s, struct value *out)
{
    const char *p = s.p, *end = s.p + s.n, *from;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    from = p;
    p = digits(p, end);
    bool whole = p > from;
    if (p < end && *p == '.') {
        from = ++p;
        p = digits(p, end);
        if (!whole && p == from)
            return false;
    } else if (!whole) {
        return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        from = p;
        p = digits(p, end);
        if (p == from)
            return false;
    }
    char text[128];
    if (p < end || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    double d = strtod(text, NULL);
    if (isinf(d))
        return false;
    *out = VALUE_DOUBLE(d);
    return true;
}

struct value yaml_scalar(struct str text)
{
    struct value v;
    if (word(text, &v))
        return v;
    char first = *text.p;
    if (!memchr("+-.0123456789", first, 13) || text.n >= 128)
        return VALUE_STR(text);
    /* Digits may be grouped by underscores. */
    char plain[128];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '_' || first == '.')
            plain[n++] = text.p[i];
    struct str s = str_slice(plain, n);
    return (first != '.' && integer(s, &v)) || decimal(s, &v) ? v : VALUE_STR(text);
}
