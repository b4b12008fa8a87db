#include "base/str.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_slice(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_from_at(s, s.n - suffix.n), suffix);
}

static char str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_fold(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (str_lower(a.p[i]) != str_lower(b.p[i]))
            return false;
    return true;
}

struct str str_from_at(struct str s, size_t from)
{
    return from >= s.n ? (struct str){0} : str_slice(s.p + from, s.n - from);
}

ptrdiff_t str_index(struct str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

ptrdiff_t str_last_index(struct str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    if (needle.n == 0)
        return 0;
    const char *at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at ? at - s.p : -1;
}

static bool str_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && str_space(s.p[0]))
        s = str_slice(s.p + 1, s.n - 1);
    while (s.n && str_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_cut(struct str *rest, char sep, struct str *head)
{
    if (!rest->p)
        return false;
    ptrdiff_t at = str_index(*rest, sep);
    if (at < 0) {
        *head = *rest;
        *rest = (struct str){0};
    } else {
        *head = str_slice(rest->p, (size_t)at);
        *rest = str_slice(rest->p + at + 1, rest->n - (size_t)at - 1);
    }
    return true;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.n && s.p[0] == '-';
    bool sign = negative || (s.n && s.p[0] == '+');
    uint64_t v;
    if (!str_to_u64(sign ? str_from_at(s, 1) : s, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
        uint32_t code = more == 3 ? *p & 0x07 : more == 2 ? *p & 0x0f : *p & 0x1f;
        if (*p < 0xc2 || *p > 0xf4 || end - p <= more)
            return false;
        for (int i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (p[i] & 0x3f);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || code > 0x10ffff ||
            (code >= 0xd800 && code <= 0xdfff))
            return false;
        p += more + 1;
    }
    return true;
}

char *str_dup_c(struct str s)
{
    char *c = mem_alloc(s.n + 1);
    if (s.n)
        memcpy(c, s.p, s.n);
    c[s.n] = 0;
    return c;
}

/* wyhash's idea in small: multiply wide, fold, eight bytes at a time. */
static uint64_t str_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t str_hash(struct str s)
{
    uint64_t h = random_seed() ^ s.n;
    const char *p = s.p;
    size_t n = s.n;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = str_mix(h ^ w, 0x9e3779b97f4a7c15u);
    }
    uint64_t w = 0;
    if (n)
        memcpy(&w, p, n);
    return str_mix(h ^ w, 0xd6e8feb86659fd93u);
}

int str_qsort(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}
