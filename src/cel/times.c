/* Timestamps and durations: arithmetic within their ranges, and their parts, in UTC or a named zone. */
#include "base/zone.h"
#include "cel/eval.h"
#include "schema/timestamp.h"

enum { NS = 1000000000 };

/* --- arithmetic --- */

static int time_plus(struct run *r, struct time t, __int128 ns, struct cel_value *out)
{
    __int128 all = (__int128)t.s * NS + t.ns + ns;
    __int128 s = all / NS - (all % NS < 0);
    if (s < TIME_LEAST_S || s > TIME_MOST_S)
        return run_error(r, "timestamp overflow");
    *out = (struct cel_value){.kind = CEL_TIMESTAMP, .time = {(int64_t)s, (int32_t)(all - s * NS)}};
    return 0;
}

static int time_add(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return time_plus(r, args[0].time, args[1].i, out);
}

static int add_time(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return time_plus(r, args[1].time, args[0].i, out);
}

static int time_sub(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return time_plus(r, args[0].time, -(__int128)args[1].i, out);
}

static int time_between(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    __int128 ns = ((__int128)args[0].time.s - args[1].time.s) * NS + args[0].time.ns - args[1].time.ns;
    if (ns > INT64_MAX || ns < INT64_MIN)
        return run_error(r, "duration overflow");
    *out = (struct cel_value){.kind = CEL_DURATION, .i = (int64_t)ns};
    return 0;
}

static int duration_add(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_DURATION;
    return __builtin_add_overflow(args[0].i, args[1].i, &out->i) ? run_error(r, "duration overflow") : 0;
}

static int duration_sub(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_DURATION;
    return __builtin_sub_overflow(args[0].i, args[1].i, &out->i) ? run_error(r, "duration overflow") : 0;
}

static int duration_negate(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_DURATION;
    return __builtin_sub_overflow(INT64_C(0), args[0].i, &out->i) ? run_error(r, "duration overflow") : 0;
}

/* --- parts --- */

struct parts {
    int year, month, day, day_of_week, day_of_year, hour, minute, second, millisecond;
};

/* Days since 1970 as a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
 * algorithms"). */
static void date_of(int64_t days, struct parts *p)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    p->day = (int)(doy - (153 * mp + 2) / 5) + 1;
    p->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    p->year = (int)((int64_t)yoe + era * 400) + (p->month <= 2);
    bool leap = (p->year % 4 == 0 && p->year % 100 != 0) || p->year % 400 == 0;
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    p->day_of_year = before[p->month - 1] + p->day - 1 + (leap && p->month > 2);
    p->day_of_week = (int)((days % 7 + 11) % 7);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* [+-]h?h:mm */
static bool fixed_offset(struct str s, int64_t *seconds)
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
    *seconds = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
    return true;
}

/* How many seconds a zone's clocks ("UTC", "+02:00", "-7:30", "Europe/Berlin") are ahead of UTC at a time. */
static int offset_in(struct run *r, struct str name, int64_t at, int64_t *seconds)
{
    struct zone *z;
    *seconds = 0;
    if (!name.n || str_is(name, "UTC") || fixed_offset(name, seconds))
        return 0;
    if (zone_open(name, &z, NULL) < 0)
        return run_error(r, "unknown time zone " STR_FMT, STR_ARG(name));
    *seconds = zone_offset(z, at);
    zone_free(z);
    return 0;
}

static int parts_of(struct run *r, const struct cel_value *t, struct str zone, struct parts *p)
{
    int64_t offset;
    if (offset_in(r, zone, t->time.s, &offset) < 0)
        return -1;
    int64_t s = t->time.s + offset, days = s / 86400 - (s % 86400 < 0), rest = s - days * 86400;
    date_of(days, p);
    p->hour = (int)(rest / 3600);
    p->minute = (int)(rest / 60 % 60);
    p->second = (int)(rest % 60);
    p->millisecond = t->time.ns / 1000000;
    return 0;
}

#define PART(name, of)                                                                                       \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        struct parts p;                                                                                      \
        if (parts_of(r, &args[0], STR("UTC"), &p) < 0)                                                       \
            return -1;                                                                                       \
        *out = cel_from_int(of);                                                                             \
        return 0;                                                                                            \
    }                                                                                                        \
    static int name##_in(struct run *r, const struct cel_value *args, struct cel_value *out)                 \
    {                                                                                                        \
        struct parts p;                                                                                      \
        if (parts_of(r, &args[0], args[1].s, &p) < 0)                                                        \
            return -1;                                                                                       \
        *out = cel_from_int(of);                                                                             \
        return 0;                                                                                            \
    }
PART(full_year, p.year)
PART(month, p.month - 1)
PART(day_of_year, p.day_of_year)
PART(day_of_month, p.day - 1)
PART(date, p.day)
PART(day_of_week, p.day_of_week)
PART(hours, p.hour)
PART(minutes, p.minute)
PART(seconds, p.second)
PART(milliseconds, p.millisecond)

#define WHOLE(name, ns)                                                                                      \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = cel_from_int(args[0].i / (ns));                                                               \
        return 0;                                                                                            \
    }
WHOLE(whole_hours, INT64_C(3600) * NS)
WHOLE(whole_minutes, INT64_C(60) * NS)
WHOLE(whole_seconds, INT64_C(1) * NS)

static int duration_millis(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(args[0].i / 1000000);
    return 0;
}

#define GETTER(name, call)                                                                                   \
    {"timestamp:" name "() int", call},                                                                      \
    {                                                                                                        \
        "timestamp:" name "(string) int", call##_in                                                          \
    }

static const struct function table[] = {
    {"_+_(timestamp, duration) timestamp", time_add},
    {"_+_(duration, timestamp) timestamp", add_time},
    {"_+_(duration, duration) duration", duration_add},
    {"_-_(timestamp, timestamp) duration", time_between},
    {"_-_(timestamp, duration) timestamp", time_sub},
    {"_-_(duration, duration) duration", duration_sub},
    {"-_(duration) duration", duration_negate},
    GETTER("getFullYear", full_year),
    GETTER("getMonth", month),
    GETTER("getDayOfYear", day_of_year),
    GETTER("getDayOfMonth", day_of_month),
    GETTER("getDate", date),
    GETTER("getDayOfWeek", day_of_week),
    GETTER("getHours", hours),
    GETTER("getMinutes", minutes),
    GETTER("getSeconds", seconds),
    GETTER("getMilliseconds", milliseconds),
    {"duration:getHours() int", whole_hours},
    {"duration:getMinutes() int", whole_minutes},
    {"duration:getSeconds() int", whole_seconds},
    {"duration:getMilliseconds() int", duration_millis},
};
LIBRARY(cel_times, table);
