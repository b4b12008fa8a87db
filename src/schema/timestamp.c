#include "schema/timestamp.h"

#include "base/clock.h"

enum { DAY_S = 86400 };

struct time time_from_ns(int64_t ns)
{
    int64_t s = ns / CLOCK_S, rest = ns % CLOCK_S;
    return rest < 0 ? (struct time){s - 1, (int32_t)(rest + CLOCK_S)} : (struct time){s, (int32_t)rest};
}

int64_t time_to_ns(struct time t)
{
    int64_t ns;
    if (__builtin_mul_overflow(t.s, CLOCK_S, &ns) || __builtin_add_overflow(ns, t.ns, &ns))
        return t.s < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

struct time time_now(void)
{
    struct time t = time_now_micro();
    t.ns = 0;
    return t;
}

struct time time_now_micro(void)
{
    struct time t = time_from_ns(clock_wall());
    t.ns = t.ns / 1000 * 1000;
    return t;
}

int time_cmp(struct time x, struct time y)
{
    return x.s != y.s ? (x.s > y.s) - (x.s < y.s) : (x.ns > y.ns) - (x.ns < y.ns);
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar, and back; years begin in March, so that the leap
 * day comes last. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date {
    int64_t year;
    int month, day;
};

static struct date date_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * of_year + 2) / 153);
    int day = (int)(of_year - (153 * month + 2) / 5 + 1);
    month += month < 10 ? 3 : -9;
    return (struct date){year + era * 400 + (month <= 2), month, day};
}

#define LAYOUT "2006-01-02T15:04:05Z07:00"

static int unlike(struct err *err, struct str all, struct str rest, const char *expected)
{
    return err_set(err, ERR_BAD_REQUEST,
                   "parsing time \"" STR_FMT "\" as \"" LAYOUT "\": cannot parse \"" STR_FMT "\" as \"%s\"",
                   STR_ARG(all), STR_ARG(rest), expected);
}

static int out_of_range(struct err *err, struct str all, const char *what)
{
    return err_set(err, ERR_BAD_REQUEST, "parsing time \"" STR_FMT "\": %s out of range", STR_ARG(all), what);
}

/* Takes exactly `n` digits. */
static bool take_digits(struct str *rest, unsigned n, int *out)
{
    *out = 0;
    if (rest->n < n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (rest->p[i] < '0' || rest->p[i] > '9')
            return false;
        *out = *out * 10 + (rest->p[i] - '0');
    }
    *rest = str_from_at(*rest, n);
    return true;
}

static bool take_letter(struct str *rest, char ch)
{
    if (!rest->n || *rest->p != ch)
        return false;
    *rest = str_from_at(*rest, 1);
    return true;
}

/* A fraction of a second: any number of digits, of which nine count. */
static int32_t take_fraction(struct str *rest)
{
    if (rest->n < 2 || (*rest->p != '.' && *rest->p != ',') || rest->p[1] < '0' || rest->p[1] > '9')
        return 0;
    int32_t ns = 0;
    unsigned i = 1;
    for (; i < rest->n && rest->p[i] >= '0' && rest->p[i] <= '9'; i++)
        ns = i <= 9 ? ns * 10 + (rest->p[i] - '0') : ns;
    for (unsigned k = i; k <= 9; k++)
        ns *= 10;
    *rest = str_from_at(*rest, i);
    return ns;
}

int time_parse(struct str s, struct time *out, struct err *err)
{
    static const struct {
        const char *name;
        unsigned digits;
        char behind;
        const char *literal;
    } parts[] = {{"2006", 4, '-', "-"}, {"01", 2, '-', "-"}, {"02", 2, 'T', "T"},
                 {"15", 2, ':', ":"},   {"04", 2, ':', ":"}, {"05", 2, 0, ""}};
    int v[6];
    struct str rest = s;
    for (unsigned i = 0; i < 6; i++) {
        if (!take_digits(&rest, parts[i].digits, &v[i]))
            return unlike(err, s, rest, parts[i].name);
        if (parts[i].behind && !take_letter(&rest, parts[i].behind))
            return unlike(err, s, rest, parts[i].literal);
    }
    int32_t ns = take_fraction(&rest);
    struct str zone = rest;
    int sign = 0, hours = 0, minutes = 0;
    if (!take_letter(&rest, 'Z')) {
        sign = take_letter(&rest, '+') ? 1 : take_letter(&rest, '-') ? -1 : 0;
        if (!sign || !take_digits(&rest, 2, &hours) || !take_letter(&rest, ':') ||
            !take_digits(&rest, 2, &minutes))
            return unlike(err, s, zone, "Z07:00");
    }
    if (rest.n)
        return err_set(err, ERR_BAD_REQUEST, "parsing time \"" STR_FMT "\": extra text: \"" STR_FMT "\"",
                       STR_ARG(s), STR_ARG(rest));
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = v[0] % 4 == 0 && (v[0] % 100 != 0 || v[0] % 400 == 0);
    if (v[1] < 1 || v[1] > 12)
        return out_of_range(err, s, "month");
    if (v[2] < 1 || v[2] > month_days[v[1] - 1] + (leap && v[1] == 2))
        return out_of_range(err, s, "day");
    if (v[3] > 23)
        return out_of_range(err, s, "hour");
    if (v[4] > 59)
        return out_of_range(err, s, "minute");
    if (v[5] > 59)
        return out_of_range(err, s, "second");
    if (hours > 24)
        return out_of_range(err, s, "time zone offset hour");
    if (minutes > 60)
        return out_of_range(err, s, "time zone offset minute");
    int64_t at = days_of(v[0], v[1], v[2]) * DAY_S + v[3] * 3600 + v[4] * 60 + v[5] -
                 sign * (hours * 3600 + minutes * 60);
    if (at > TIME_MOST_S)
        return out_of_range(err, s, "year");
    /* Go's zero time is the first moment of the year 1; ours is all zero. */
    *out = at <= TIME_LEAST_S ? (struct time){0} : (struct time){at, ns};
    return 0;
}

int time_parse_micro(struct str s, struct time *out, struct err *err)
{
    enum { SECONDS_END = sizeof "2006-01-02T15:04:05" - 1, DIGITS = 6 };
    if (time_parse(s, out, err) < 0)
        return -1;
    struct str fraction = str_from_at(s, SECONDS_END), rest = str_from_at(fraction, 1);
    int micro;
    if (take_letter(&fraction, '.') && take_digits(&rest, DIGITS, &micro) &&
        !(rest.n && *rest.p >= '0' && *rest.p <= '9'))
        return 0;
    return err_set(err, ERR_BAD_REQUEST,
                   "parsing time \"" STR_FMT
                   "\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"" STR_FMT "\" as \".000000\"",
                   STR_ARG(s), STR_ARG(str_from_at(s, SECONDS_END)));
}

static char *put(char *to, unsigned v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + digits;
}

static char *put_seconds(char *to, struct time t)
{
    t.s = t.s < TIME_LEAST_S ? TIME_LEAST_S : t.s > TIME_MOST_S ? TIME_MOST_S : t.s;
    int64_t days = t.s / DAY_S, s = t.s % DAY_S;
    if (s < 0)
        s += DAY_S, days--;
    struct date d = date_of(days);
    to = put(to, (unsigned)d.year, 4);
    *to++ = '-';
    to = put(to, (unsigned)d.month, 2);
    *to++ = '-';
    to = put(to, (unsigned)d.day, 2);
    *to++ = 'T';
    to = put(to, (unsigned)(s / 3600), 2);
    *to++ = ':';
    to = put(to, (unsigned)(s / 60 % 60), 2);
    *to++ = ':';
    return put(to, (unsigned)(s % 60), 2);
}

void time_write(struct buf *out, struct time t)
{
    char *to = buf_room(out, 20);
    *put_seconds(to, t) = 'Z';
    out->n += 20;
}

void time_write_micro(struct buf *out, struct time t)
{
    char *to = put_seconds(buf_room(out, 27), t);
    *to++ = '.';
    to = put(to, (unsigned)t.ns / 1000, 6);
    *to = 'Z';
    out->n += 27;
}

struct str time_str(struct arena *a, struct time t)
{
    char text[20];
    *put_seconds(text, t) = 'Z';
    return arena_str(a, str_slice(text, sizeof text));
}

/* --- durations --- */

static int no_duration(struct err *err, const char *what, struct str unit, struct str s)
{
    if (unit.n)
        return err_set(err, ERR_BAD_REQUEST, "time: %s \"" STR_FMT "\" in duration \"" STR_FMT "\"", what,
                       STR_ARG(unit), STR_ARG(s));
    return err_set(err, ERR_BAD_REQUEST, "time: %s duration \"" STR_FMT "\"", what, STR_ARG(s));
}

int duration_parse(struct str s, int64_t *ns, struct err *err)
{
    static const struct {
        struct str name;
        int64_t ns;
    } units[] = {{STR_INIT("ns"), 1},
                 {STR_INIT("us"), CLOCK_US},
                 {STR_INIT("\xc2\xb5s"), CLOCK_US},
                 {STR_INIT("\xce\xbcs"), CLOCK_US},
                 {STR_INIT("ms"), CLOCK_MS},
                 {STR_INIT("s"), CLOCK_S},
                 {STR_INIT("m"), 60 * CLOCK_S},
                 {STR_INIT("h"), 3600 * CLOCK_S}};
    struct str rest = s;
    bool negative = take_letter(&rest, '-');
    if (!negative)
        take_letter(&rest, '+');
    *ns = 0;
    if (str_is(rest, "0"))
        return 0;
    if (!rest.n)
        return no_duration(err, "invalid", (struct str){0}, s);
    __int128 total = 0;
    while (rest.n) {
        __int128 whole = 0, fraction = 0, scale = 1;
        size_t n = 0, digits = 0;
        for (; n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9'; n++, digits++)
            whole = whole > INT64_MAX ? whole : whole * 10 + (rest.p[n] - '0');
        if (n < rest.n && rest.p[n] == '.')
            for (n++; n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9'; n++, digits++)
                if (scale < INT64_MAX / 10)
                    fraction = fraction * 10 + (rest.p[n] - '0'), scale *= 10;
        if (!digits)
            return no_duration(err, "invalid", (struct str){0}, s);
        rest = str_from_at(rest, n);
        for (n = 0; n < rest.n && rest.p[n] != '.' && (rest.p[n] < '0' || rest.p[n] > '9'); n++)
            ;
        struct str unit = str_slice(rest.p, n);
        if (!n)
            return no_duration(err, "missing unit in", (struct str){0}, s);
        int64_t of = 0;
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
            if (str_eq(unit, units[i].name))
                of = units[i].ns;
        if (!of)
            return no_duration(err, "unknown unit", unit, s);
        total += whole * of + fraction * of / scale;
        if (total > (__int128)INT64_MAX + negative)
            return no_duration(err, "invalid", (struct str){0}, s);
        rest = str_from_at(rest, n);
    }
    *ns = (int64_t)(negative ? -total : total);
    return 0;
}

/* "1.5", without zeros at the end. */
static void write_fraction(struct buf *out, uint64_t v, uint64_t unit)
{
    buf_addf(out, "%llu", (unsigned long long)(v / unit));
    v %= unit;
    if (v)
        buf_add_c(out, '.');
    for (; v; v %= unit) {
        unit /= 10;
        buf_add_c(out, (char)('0' + v / unit));
    }
}

void duration_write(struct buf *out, int64_t ns)
{
    uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (ns < 0)
        buf_add_c(out, '-');
    if (v == 0) {
        buf_add_lit(out, "0s");
    } else if (v < CLOCK_US) {
        buf_addf(out, "%lluns", (unsigned long long)v);
    } else if (v < CLOCK_MS) {
        write_fraction(out, v, CLOCK_US);
        buf_add_lit(out, "\xc2\xb5s");
    } else if (v < CLOCK_S) {
        write_fraction(out, v, CLOCK_MS);
        buf_add_lit(out, "ms");
    } else {
        uint64_t minutes = v / (60 * CLOCK_S);
        if (minutes >= 60)
            buf_addf(out, "%lluh", (unsigned long long)(minutes / 60));
        if (minutes)
            buf_addf(out, "%llum", (unsigned long long)(minutes % 60));
        write_fraction(out, v % (60 * CLOCK_S), CLOCK_S);
        buf_add_c(out, 's');
    }
}

/* "3m5s", or "3m" when there is nothing of the smaller unit. */
static void write_two(struct buf *out, int64_t big, char big_unit, int64_t small, char small_unit)
{
    buf_addf(out, "%lld%c", (long long)big, big_unit);
    if (small)
        buf_addf(out, "%lld%c", (long long)small, small_unit);
}

void duration_write_human(struct buf *out, int64_t ns)
{
    int64_t s = ns / CLOCK_S, minutes = s / 60, hours = minutes / 60, days = hours / 24;
    if (s < -1)
        buf_add_lit(out, "<invalid>");
    else if (s < 0)
        buf_add_lit(out, "0s");
    else if (s < 120)
        buf_addf(out, "%llds", (long long)s);
    else if (minutes < 10)
        write_two(out, minutes, 'm', s % 60, 's');
    else if (minutes < 180)
        buf_addf(out, "%lldm", (long long)minutes);
    else if (hours < 8)
        write_two(out, hours, 'h', minutes % 60, 'm');
    else if (hours < 48)
        buf_addf(out, "%lldh", (long long)hours);
    else if (hours < 192)
        write_two(out, days, 'd', hours % 24, 'h');
    else if (days < 2 * 365)
        buf_addf(out, "%lldd", (long long)days);
    else if (days < 8 * 365)
        write_two(out, days / 365, 'y', days % 365, 'd');
    else
        buf_addf(out, "%lldy", (long long)(days / 365));
}
