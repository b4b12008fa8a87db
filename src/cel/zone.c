#include "cel/zone.h"

#include "base/file.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* [+-]h?h:mm */
static bool fixed_offset(struct str s, int32_t *seconds)
{
    bool minus = s.n && *s.p == '-';
    if (s.n && (*s.p == '+' || *s.p == '-'))
        s = str_from_at(s, 1);
    ptrdiff_t colon = str_index(s, ':');
    int64_t hours, minutes;
    if (colon < 1 || colon > 2 || s.n != (size_t)colon + 3 || !is_digit(*s.p) || !is_digit(s.p[colon + 1]) ||
        !str_to_i64(str_slice(s.p, (size_t)colon), &hours) ||
        !str_to_i64(str_from_at(s, (size_t)colon + 1), &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (int32_t)(hours * 3600 + minutes * 60) * (minus ? -1 : 1);
    return true;
}

static uint64_t big_endian(const char *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

/* A header of TZif (RFC 8536, 3.1): how many of what follow, and how long that is. */
struct block {
    size_t leaps, times, types, chars, size;
};

static bool read_block(struct str file, unsigned width, struct block *b)
{
    if (file.n < 44 || memcmp(file.p, "TZif", 4) != 0)
        return false;
    size_t utc = big_endian(file.p + 20, 4), std = big_endian(file.p + 24, 4);
    b->leaps = big_endian(file.p + 28, 4);
    b->times = big_endian(file.p + 32, 4);
    b->types = big_endian(file.p + 36, 4);
    b->chars = big_endian(file.p + 40, 4);
    b->size = 44 + b->times * (width + 1) + b->types * 6 + b->chars + b->leaps * (width + 4) + std + utc;
    return b->types && b->size <= file.n;
}

static bool file_offset(struct str file, int64_t at, int32_t *seconds)
{
    struct block b;
    if (!read_block(file, 4, &b) || file.p[4] < '2')
        return false;
    file = str_from_at(file, b.size); /* what follows has 64 bits */
    if (!read_block(file, 8, &b))
        return false;
    const char *times = file.p + 44, *kinds = times + b.times * 8, *types = kinds + b.times;
    size_t lo = 0, hi = b.times;
    while (lo < hi) { /* the first transition after `at` */
        size_t mid = (lo + hi) / 2;
        if ((int64_t)big_endian(times + mid * 8, 8) <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    size_t kind = lo ? (unsigned char)kinds[lo - 1] : 0;
    if (kind >= b.types)
        return false;
    *seconds = (int32_t)big_endian(types + kind * 6, 4);
    return true;
}

int cel_zone_offset(struct str name, int64_t at, int32_t *seconds)
{
    *seconds = 0;
    if (!name.n || str_is(name, "UTC") || fixed_offset(name, seconds))
        return 0;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i], lower = (char)(c | 32);
        bool fine = (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '_' || c == '-' || c == '+' ||
                    (c == '/' && i);
        if (!fine)
            return -1;
    }
    if (name.n > 64)
        return -1;
    char path[128] = "/usr/share/zoneinfo/";
    memcpy(path + strlen(path), name.p, name.n);
    _cleanup_buf_ struct buf file = {0};
    if (file_read(path, 1 << 20, &file, NULL) < 0)
        return -1;
    return file_offset(buf_str(&file), at, seconds) ? 0 : -1;
}
