#include "schema/schedule.h"

#include <time.h>

#include "base/clock.h"
#include "schema/quote.h"
#include "schema/timestamp.h"

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct bounds {
    int min, max;
    const char *const *names;
    int n_names;
};

/* A number, or where there are names one of these. */
static int number_parse(struct str s, const struct bounds *b, int *out, struct err *err)
{
    int64_t v;
    for (int i = 0; b && i < b->n_names; i++)
        if (str_eq_fold(s, str_from(b->names[i]))) {
            *out = b->min + i;
            return 0;
        }
    if (!str_to_i64(s, &v) || v > INT32_MAX || v < INT32_MIN) {
        size_t digit = s.n && (s.p[0] == '-' || s.p[0] == '+');
        bool number = s.n > digit;
        for (size_t i = digit; i < s.n; i++)
            number &= s.p[i] >= '0' && s.p[i] <= '9';
        _cleanup_arena_ struct arena a = {0};
        return err_set(
            err, ERR_INVALID, "failed to parse int from " STR_FMT ": strconv.Atoi: parsing " STR_FMT ": %s",
            STR_ARG(s), STR_ARG(quote_go_str(&a, s)), number ? "value out of range" : "invalid syntax");
    }
    if (v < 0)
        return err_set(err, ERR_INVALID, "negative number (%d) not allowed: " STR_FMT, (int)v, STR_ARG(s));
    *out = (int)v;
    return 0;
}

static size_t count(struct str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* "a", "a-b", "*", each with "/step". */
static int range_parse(struct str item, const struct bounds *b, uint64_t *bits, bool *any, struct err *err)
{
    struct str step_text = item, range = {0};
    str_cut(&step_text, '/', &range);
    struct str end = range, begin = {0};
    str_cut(&end, '-', &begin);
    size_t hyphens = count(range, '-');
    int first, last, step = 1;
    bool stepped = step_text.p != NULL, all = str_is(begin, "*") || str_is(begin, "?");
    if (all) {
        first = b->min;
        last = b->max;
    } else {
        if (number_parse(begin, b, &first, err) < 0)
            return -1;
        if (hyphens > 1)
            return err_set(err, ERR_INVALID, "too many hyphens: " STR_FMT, STR_ARG(item));
        last = first;
        if (hyphens == 1 && number_parse(end, b, &last, err) < 0)
            return -1;
    }
    if (count(item, '/') > 1)
        return err_set(err, ERR_INVALID, "too many slashes: " STR_FMT, STR_ARG(item));
    if (stepped && number_parse(step_text, NULL, &step, err) < 0)
        return -1;
    if (stepped && hyphens == 0)
        last = b->max;
    *any |= all && step <= 1;
    if (first < b->min)
        return err_set(err, ERR_INVALID, "beginning of range (%d) below minimum (%d): " STR_FMT, first,
                       b->min, STR_ARG(item));
    if (last > b->max)
        return err_set(err, ERR_INVALID, "end of range (%d) above maximum (%d): " STR_FMT, last, b->max,
                       STR_ARG(item));
    if (first > last)
        return err_set(err, ERR_INVALID, "beginning of range (%d) beyond end of range (%d): " STR_FMT, first,
                       last, STR_ARG(item));
    if (step == 0)
        return err_set(err, ERR_INVALID, "step of range should be a positive number: " STR_FMT,
                       STR_ARG(item));
    for (int64_t i = first; i <= last; i += step)
        *bits |= UINT64_C(1) << i;
    return 0;
}

static int field_parse(struct str field, const struct bounds *b, uint64_t *bits, bool *any, struct err *err)
{
    *bits = 0;
    *any = false;
    for (struct str item; str_cut(&field, ',', &item);)
        if (item.n && range_parse(item, b, bits, any, err) < 0)
            return -1;
    return 0;
}

/* Takes the next word off the front; false when there is none. */
static bool word_cut(struct str *rest, struct str *word)
{
    struct str s = str_trim(*rest);
    size_t n = 0;
    while (n < s.n && !strchr(" \t\n\v\f\r", s.p[n]))
        n++;
    *word = str_slice(s.p, n);
    *rest = str_from_at(s, n);
    return n > 0;
}

/* The five fields of a text. */
static int fields_split(struct str text, struct str out[5], struct err *err)
{
    _cleanup_buf_ struct buf all = {0};
    struct str word;
    size_t n = 0;
    while (word_cut(&text, &word)) {
        buf_addf(&all, "%s" STR_FMT, n ? " " : "", STR_ARG(word));
        if (n < 5)
            out[n] = word;
        n++;
    }
    return n == 5 ? 0
                  : err_set(err, ERR_INVALID, "expected exactly 5 fields, found %zu: [" STR_FMT "]", n,
                            STR_ARG(buf_str(&all)));
}

static const struct {
    const char *name, *means;
} shorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

static int shorthand_parse(struct str *text, struct schedule *out, struct err *err)
{
    static const struct str every = STR_INIT("@every ");
    if (str_starts(*text, every)) {
        _cleanup_err_ struct err why = {0};
        int64_t ns;
        if (duration_parse(str_from_at(*text, every.n), &ns, &why) < 0)
            return err_set(err, ERR_INVALID, "failed to parse duration " STR_FMT ": " STR_FMT, STR_ARG(*text),
                           STR_ARG(why.message));
        out->every_s = ns < CLOCK_S ? 1 : ns / CLOCK_S;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(shorthands); i++)
        if (str_is(*text, shorthands[i].name)) {
            *text = str_from(shorthands[i].means);
            return 0;
        }
    return err_set(err, ERR_INVALID, "unrecognized descriptor: " STR_FMT, STR_ARG(*text));
}

/* "TZ=Europe/Berlin 0 0 * * *": the zone is checked and not kept, for the API lets nobody say it so. */
static int zone_skip(struct str *text, struct err *err)
{
    if (!str_starts(*text, STR("TZ=")) && !str_starts(*text, STR("CRON_TZ=")))
        return 0;
    struct str name;
    word_cut(text, &name);
    name = str_from_at(name, (size_t)str_index(name, '=') + 1);
    struct zone *zone = NULL;
    _cleanup_err_ struct err why = {0};
    if (name.n && zone_open(name, &zone, &why) < 0)
        return err_set(err, ERR_INVALID, "provided bad location " STR_FMT ": " STR_FMT, STR_ARG(name),
                       STR_ARG(why.message));
    zone_free(zone);
    *text = str_trim(*text);
    return 0;
}

int schedule_parse(struct str text, struct schedule *out, struct err *err)
{
    *out = (struct schedule){0};
    if (!text.n)
        return err_set(err, ERR_INVALID, "empty spec string");
    if (zone_skip(&text, err) < 0)
        return -1;
    if (str_starts(text, STR("@"))) {
        if (shorthand_parse(&text, out, err) < 0)
            return -1;
        if (out->every_s)
            return 0;
    }
    struct str f[5];
    if (fields_split(text, f, err) < 0)
        return -1;
    static const struct bounds minute = {0, 59, NULL, 0}, hour = {0, 23, NULL, 0}, day = {1, 31, NULL, 0},
                               month = {1, 12, months, 12}, weekday = {0, 6, weekdays, 7};
    bool any;
    if (field_parse(f[0], &minute, &out->minutes, &any, err) < 0 ||
        field_parse(f[1], &hour, &out->hours, &any, err) < 0 ||
        field_parse(f[2], &day, &out->days, &out->any_day, err) < 0 ||
        field_parse(f[3], &month, &out->months, &any, err) < 0 ||
        field_parse(f[4], &weekday, &out->weekdays, &out->any_weekday, err) < 0)
        return -1;
    return 0;
}

static bool has(uint64_t bits, int i)
{
    return bits >> i & 1;
}

/* Where both days are said, either will do; that is how cron has it. */
static bool day_matches(const struct schedule *s, const struct tm *t)
{
    bool day = has(s->days, t->tm_mday), weekday = has(s->weekdays, t->tm_wday);
    return s->any_day || s->any_weekday ? day && weekday : day || weekday;
}

int64_t schedule_next(const struct schedule *s, int64_t t)
{
    if (s->every_s)
        return t + s->every_s;
    time_t at = (time_t)(t - t % 60 + 60), end = at + 5 * 366 * 86400;
    while (at < end) {
        struct tm tm;
        gmtime_r(&at, &tm);
        if (!has(s->months, tm.tm_mon + 1)) {
            tm = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};
            at = timegm(&tm);
        } else if (!day_matches(s, &tm)) {
            at += 86400 - at % 86400;
        } else if (!has(s->hours, tm.tm_hour)) {
            at += 3600 - at % 3600;
        } else if (!has(s->minutes, tm.tm_min)) {
            at += 60;
        } else {
            return at;
        }
    }
    return 0;
}

int64_t schedule_next_in(const struct schedule *s, const struct zone *z, int64_t t)
{
    enum {
        JUMPS_MAX = 200
    }; /* a minute each, in the hour that is left out; no zone has more than two a year */
    if (!z || s->every_s)
        return schedule_next(s, t);
    int64_t local = t + zone_offset(z, t);
    for (int i = 0; i < JUMPS_MAX && (local = schedule_next(s, local)); i++) {
        int64_t at = zone_when(z, local, t);
        if (at != INT64_MIN)
            return at;
    }
    return 0;
}
