/* Cron schedules: when, and what is none. */
#include "schema/schedule.h"

#include "base/clock.h"
#include "schema/timestamp.h"
#include "test.h"

/* The next time after one, both as text. */
static struct str next(struct arena *a, const char *schedule, const char *after)
{
    struct schedule s;
    struct time t;
    struct err err = {0};
    assert_ok(schedule_parse(str_from(schedule), &s, &err), err);
    assert_ok(time_parse(str_from(after), &t, &err), err);
    int64_t at = schedule_next(&s, t.s);
    return at ? time_str(a, (struct time){at, 0}) : STR("never");
}

static void schedules_say_when(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *after, *next;
    } cases[] = {
        {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
        {"*/15 * * * *", "2026-01-01T00:15:30Z", "2026-01-01T00:30:00Z"},
        {"30 4 * * *", "2026-01-01T05:00:00Z", "2026-01-02T04:30:00Z"},
        {"0 0 1 1 ?", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"0 9-17/4 * * MON-FRI", "2026-01-02T17:30:00Z", "2026-01-05T09:00:00Z"},
        {"0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}, /* a Friday, or a 13th */
        {"0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"0 0 31 2 *", "2026-01-01T00:00:00Z", "never"},
        {"5,10 0 * * *", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"},
        {"@hourly", "2026-01-01T00:10:00Z", "2026-01-01T01:00:00Z"},
        {"@weekly", "2026-01-01T00:10:00Z", "2026-01-04T00:00:00Z"},
        {"@every 1h30m", "2026-01-01T00:10:00Z", "2026-01-01T01:40:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        assert_str(next(&a, cases[i].schedule, cases[i].after), cases[i].next);
    }
}

static void clocks_are_those_of_the_zone(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *schedule, *after, *next;
    } cases[] = {
        {"Europe/Berlin", "0 8 * * *", "2026-01-10T00:00:00Z", "2026-01-10T07:00:00Z"},
        {"Europe/Berlin", "0 8 * * *", "2026-07-10T00:00:00Z", "2026-07-10T06:00:00Z"},
        {"Asia/Kolkata", "30 0 1 * *", "2026-01-10T00:00:00Z", "2026-01-31T19:00:00Z"},
        /* Half past two is jumped over on 29 March, and comes twice on 25 October: the first counts. */
        {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
        {"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
        {"America/New_York", "@every 1h", "2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct zone *zone;
        struct schedule s;
        struct time t;
        struct err err = {0};
        if (zone_open(str_from(cases[i].zone), &zone, &err) < 0)
            skip(); /* tzdata is not installed */
        assert_ok(schedule_parse(str_from(cases[i].schedule), &s, &err), err);
        assert_ok(time_parse(str_from(cases[i].after), &t, &err), err);
        assert_str(time_str(&a, (struct time){schedule_next_in(&s, zone, t.s), 0}), cases[i].next);
        zone_free(zone);
    }
}

static void what_is_no_schedule_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *wrong;
    } bad[] = {
        {"", "empty spec string"},
        {"* * * *", "expected exactly 5 fields, found 4: [* * * *]"},
        {" *  * *\t* * *", "expected exactly 5 fields, found 6: [* * * * * *]"},
        {"60 * * * *", "end of range (60) above maximum (59): 60"},
        {"* 24 * * *", "end of range (24) above maximum (23): 24"},
        {"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
        {"* * * 13 *", "end of range (13) above maximum (12): 13"},
        {"* * * * 7", "end of range (7) above maximum (6): 7"},
        {"a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"},
        {"5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"},
        {"1-2-3 * * * *", "too many hyphens: 1-2-3"},
        {"1/2/3 * * * *", "too many slashes: 1/2/3"},
        {"*/0 * * * *", "step of range should be a positive number: */0"},
        {"-1 * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"},
        {"1/ * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"},
        {"99999999999999999999 * * * *",
         "failed to parse int from 99999999999999999999: strconv.Atoi: parsing "
         "\"99999999999999999999\": value out of range"},
        {"@never", "unrecognized descriptor: @never"},
        {"@every x", "failed to parse duration @every x: time: invalid duration \"x\""},
        {"TZ=Middle/Earth * * * * *", "provided bad location Middle/Earth: unknown time zone Middle/Earth"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct schedule s;
        struct err err = {0};
        assert_int_equal(schedule_parse(str_from(bad[i].schedule), &s, &err), -1);
        assert_str(err.message, bad[i].wrong);
        err_clear(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_say_when),
        cmocka_unit_test(clocks_are_those_of_the_zone),
        cmocka_unit_test(what_is_no_schedule_is_refused),
    };
    return cmocka_run_group_tests_name("schema/schedule", tests, NULL, NULL);
}
