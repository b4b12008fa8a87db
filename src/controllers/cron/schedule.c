#include "controllers/cron/schedule.h"

#include <time.h>

#include "base/clock.h"
#include "schema/timestamp.h"

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct bounds {
    const char *what;
    int min, max;
    const char *const *names;
    int n_names;
};

static bool number_parse(struct str s, const struct bounds *b, int *out)
{
    int64_t v;
    for (int i = 0; i < b->n_names; i++)
        if (str_eq_fold(s, str_from(b->names[i]))) {
            *out = b->min + i;
            return true;
        }
    if (!str_to_i64(s, &v) || v < 0 || v > 1000)
        return false;
    *out = (int)v;
    return true;
}

/* "a", "a-b", "*", each with "/step". */
static int range_parse(struct str item, const struct bounds *b, uint64_t *bits, bool *any, struct err *err)
{
    struct str step_text = item, range = {0};
    str_cut(&step_text, '/', &range);
    int first, last, step = 1;
    bool stepped = step_text.p != NULL;
    if (str_is(range, "*") || str_is(range, "?")) {
        first = b->min;
        last = b->max;
        *any |= !stepped || str_is(step_text, "1");
    } else {
        struct str end = range, begin = {0};
        bool has_end = str_index(range, '-') >= 0;
        str_cut(&end, '-', &begin);
        if (!number_parse(begin, b, &first) || (has_end && !number_parse(end, b, &last)))
            return err_set(err, ERR_INVALID, "failed to parse int from " STR_FMT, STR_ARG(range));
        if (!has_end)
            last = stepped ? b->max : first;
    }
    const struct bounds any_step = {"step", 0, 1000, NULL, 0};
    if (stepped && (!number_parse(step_text, &any_step, &step) || step == 0))
        return err_set(err, ERR_INVALID, "step of range should be a positive number: " STR_FMT,
                       STR_ARG(item));
    if (first < b->min || last > b->max)
        return err_set(err, ERR_INVALID, "%s of range (" STR_FMT ") is out of bounds", b->what,
                       STR_ARG(item));
    if (first > last)
        return err_set(err, ERR_INVALID, "beginning of range (%d) beyond end of range (%d): " STR_FMT, first,
                       last, STR_ARG(item));
    for (int i = first; i <= last; i += step)
        *bits |= UINT64_C(1) << i;
    return 0;
}

static int field_parse(struct str field, const struct bounds *b, uint64_t *bits, bool *any, struct err *err)
{
    *bits = 0;
    *any = false;
    for (struct str item; str_cut(&field, ',', &item);)
        if (range_parse(item, b, bits, any, err) < 0)
            return -1;
    return 0;
}

/* Splits at white space; false when there are not just five. */
static bool fields_split(struct str text, struct str out[5])
{
    int n = 0;
    for (size_t i = 0; i < text.n;) {
        while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t'))
            i++;
        size_t start = i;
        while (i < text.n && text.p[i] != ' ' && text.p[i] != '\t')
            i++;
        if (i == start)
            break;
        if (n == 5)
            return false;
        out[n++] = str_slice(text.p + start, i - start);
    }
    return n == 5;
}

static const struct {
    const char *name, *means;
} shorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

int schedule_parse(struct str text, struct schedule *out, struct err *err)
{
    *out = (struct schedule){0};
    text = str_trim(text);
    if (str_starts(text, STR("@every "))) {
        int64_t ns;
        if (duration_parse(str_from_at(text, strlen("@every ")), &ns, err) < 0)
            return -1;
        out->every_s = ns < CLOCK_S ? 1 : ns / CLOCK_S;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(shorthands); i++)
        if (str_is(text, shorthands[i].name))
            text = str_from(shorthands[i].means);
    struct str f[5];
    if (!fields_split(text, f))
        return err_set(err, ERR_INVALID, "expected exactly 5 fields: " STR_FMT, STR_ARG(text));
    static const struct bounds minute = {"minute", 0, 59, NULL, 0}, hour = {"hour", 0, 23, NULL, 0},
                               day = {"day of month", 1, 31, NULL, 0}, month = {"month", 1, 12, months, 12},
                               weekday = {"day of week", 0, 6, weekdays, 7};
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
