#include "base/zone.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"

#define ZONE_DATABASE "/usr/share/zoneinfo"

enum { ZONE_FILE_MAX = 1 << 20, ZONE_HEADER = 44, ZONE_NAME_MAX = 128, DAY = 86400 };

/* "The n-th weekday of a month, at so many seconds of the day": when a part of the year begins. */
struct zone_rule {
    int month, week, weekday;
    int64_t second;
};

struct zone {
    int64_t *times; /* when an offset begins */
    int32_t *offsets;
    size_t n;
    int32_t first;      /* the offset before the first of them */
    bool ruled, summer; /* behind the last: as the footer says; with a part of the year of its own */
    int32_t standard, other;
    struct zone_rule begins, ends; /* of that part */
};

/* --- numbers --- */

static int64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = p[0] & 0x80 && n < 8 ? ~UINT64_C(0) : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* --- the footer: a POSIX TZ string, "CET-1CEST,M3.5.0,M10.5.0/3" --- */

static bool take_number(struct str *s, int64_t most, int64_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && *out <= most)
        *out = *out * 10 + (s->p[n++] - '0');
    *s = str_from_at(*s, n);
    return n && *out <= most;
}

static bool take(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = str_from_at(*s, 1);
    return true;
}

static bool take_name(struct str *s)
{
    size_t n = 0;
    if (take(s, '<')) {
        while (n < s->n && s->p[n] != '>')
            n++;
        *s = str_from_at(*s, n);
        return take(s, '>');
    }
    while (n < s->n && ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'))
        n++;
    *s = str_from_at(*s, n);
    return n >= 3;
}

/* "[-]h[:m[:s]]" in seconds. */
static bool take_time(struct str *s, int64_t *out)
{
    bool minus = take(s, '-');
    int64_t h, m = 0, sec = 0;
    if (!minus)
        take(s, '+');
    if (!take_number(s, 167, &h) || (take(s, ':') && !take_number(s, 59, &m)) ||
        (take(s, ':') && !take_number(s, 59, &sec)))
        return false;
    *out = (h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
    return true;
}

static bool take_rule(struct str *s, struct zone_rule *r)
{
    int64_t month, week, weekday;
    r->second = 2 * 3600;
    if (!take(s, ',') || !take(s, 'M') || !take_number(s, 12, &month) || !take(s, '.') ||
        !take_number(s, 5, &week) || !take(s, '.') || !take_number(s, 6, &weekday) || !month || !week)
        return false;
    r->month = (int)month;
    r->week = (int)week;
    r->weekday = (int)weekday;
    return !take(s, '/') || take_time(s, &r->second);
}

/* What it cannot read, it does without: then the last offset holds. */
static void parse_footer(struct str s, struct zone *z)
{
    int64_t west, other;
    if (!take_name(&s) || !take_time(&s, &west))
        return;
    z->standard = (int32_t)-west;
    if (s.n) {
        if (!take_name(&s))
            return;
        other = west - 3600;
        if (s.n && s.p[0] != ',' && !take_time(&s, &other))
            return;
        if (!take_rule(&s, &z->begins) || !take_rule(&s, &z->ends))
            return;
        z->other = (int32_t)-other;
        z->summer = true;
    }
    z->ruled = true;
}

/* Local seconds since 1970 of a rule's moment in a year. */
static int64_t rule_in(const struct zone_rule *r, int year)
{
    struct tm first = {.tm_year = year - 1900, .tm_mon = r->month - 1, .tm_mday = 1};
    time_t at = timegm(&first);
    int day = 1 + (r->weekday - first.tm_wday + 7) % 7 + (r->week - 1) * 7;
    struct tm next = {.tm_year = year - 1900, .tm_mon = r->month, .tm_mday = 1};
    int days = (int)((timegm(&next) - at) / DAY);
    while (day > days) /* the fifth is the last */
        day -= 7;
    return (int64_t)at + (int64_t)(day - 1) * DAY + r->second;
}

static int32_t ruled_offset(const struct zone *z, int64_t t)
{
    if (!z->summer)
        return z->standard;
    struct tm tm;
    time_t local = (time_t)(t + z->standard);
    gmtime_r(&local, &tm);
    int year = tm.tm_year + 1900;
    int64_t begins = rule_in(&z->begins, year) - z->standard, ends = rule_in(&z->ends, year) - z->other;
    bool in = begins < ends ? t >= begins && t < ends : t >= begins || t < ends; /* south of the equator */
    return in ? z->other : z->standard;
}

/* --- the file --- */

struct block {
    const unsigned char *p;
    size_t n_utc, n_std, n_leap, n_times, n_types, n_chars, size;
};

static bool block_at(struct str bytes, size_t at, size_t width, struct block *b)
{
    const unsigned char *p = (const unsigned char *)bytes.p + at;
    if (bytes.n < ZONE_HEADER || at > bytes.n - ZONE_HEADER || memcmp(p, "TZif", 4))
        return false;
    size_t *const counts[] = {&b->n_utc, &b->n_std, &b->n_leap, &b->n_times, &b->n_types, &b->n_chars};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        int64_t v = big_endian(p + 20 + 4 * i, 4);
        if (v < 0 || v > ZONE_FILE_MAX)
            return false;
        *counts[i] = (size_t)v;
    }
    b->p = p + ZONE_HEADER;
    b->size = b->n_times * (width + 1) + b->n_types * 6 + b->n_chars + b->n_leap * (width + 4) + b->n_std +
              b->n_utc;
    return b->n_types && b->size <= bytes.n - at - ZONE_HEADER;
}

static bool parse(struct str bytes, struct zone *z)
{
    struct block b;
    size_t width = 4, at = 0;
    if (!block_at(bytes, 0, width, &b))
        return false;
    if (bytes.p[4] >= '2') { /* what comes first is for readers of old */
        at = ZONE_HEADER + b.size;
        width = 8;
        if (!block_at(bytes, at, width, &b))
            return false;
        struct str rest = str_from_at(bytes, at + ZONE_HEADER + b.size), line;
        if (take(&rest, '\n') && str_cut(&rest, '\n', &line))
            parse_footer(line, z);
    }
    const unsigned char *index = b.p + b.n_times * width, *types = index + b.n_times;
    z->n = b.n_times;
    z->times = mem_zalloc((z->n + 1) * sizeof *z->times);
    z->offsets = mem_zalloc((z->n + 1) * sizeof *z->offsets);
    z->first = (int32_t)big_endian(types, 4);
    for (size_t i = 0; i < z->n; i++) {
        if (index[i] >= b.n_types)
            return false;
        z->times[i] = big_endian(b.p + i * width, width);
        z->offsets[i] = (int32_t)big_endian(types + 6 * index[i], 4);
        if (i && z->times[i] <= z->times[i - 1])
            return false;
    }
    return true;
}

int zone_parse(struct str bytes, struct zone **out, struct err *err)
{
    struct zone *z = mem_zalloc(sizeof *z);
    if (!parse(bytes, z)) {
        zone_free(z);
        return err_set(err, ERR_INVALID, "malformed time zone information");
    }
    *out = z;
    return 0;
}

static bool is_plain_name(struct str name)
{
    if (!name.n || name.n > ZONE_NAME_MAX || name.p[0] == '/' || str_find(name, STR("..")) >= 0)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] == '\\')
            return false;
    return true;
}

int zone_open(struct str name, struct zone **out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf bytes = {0};
    const char *path = arena_printf(&a, ZONE_DATABASE "/" STR_FMT, STR_ARG(name)).p;
    if (!is_plain_name(name) || file_read(path, ZONE_FILE_MAX, &bytes, NULL) < 0)
        return err_set(err, ERR_NOT_FOUND, "unknown time zone " STR_FMT, STR_ARG(name));
    return zone_parse(buf_str(&bytes), out, err);
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->times);
    free(z->offsets);
    free(z);
}

int64_t zone_offset(const struct zone *z, int64_t t)
{
    size_t low = 0, high = z->n; /* the first that begins later */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (z->times[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == z->n && z->ruled)
        return ruled_offset(z, t);
    return low ? z->offsets[low - 1] : z->first;
}

int64_t zone_when(const struct zone *z, int64_t local, int64_t after)
{
    /* One of the offsets of the days around it. */
    const int64_t offsets[] = {zone_offset(z, local - 2 * DAY), zone_offset(z, local + 2 * DAY)};
    int64_t found = INT64_MIN;
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        int64_t t = local - offsets[i];
        if (zone_offset(z, t) == offsets[i] && t > after && (found == INT64_MIN || t < found))
            found = t;
    }
    return found;
}
