/* Times and durations as Go reads and writes them. */
#include "schema/timestamp.h"
#include "base/clock.h"
#include "test.h"

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t s;
        int32_t ns;
        const char *back;
    } cases[] = {
        {"1970-01-01T00:00:01Z", 1, 0, "1970-01-01T00:00:01Z"},
        {"2026-01-02T03:04:05Z", 1767323045, 0, "2026-01-02T03:04:05Z"},
        {"2026-01-02T03:04:05.123456789Z", 1767323045, 123456789, "2026-01-02T03:04:05Z"},
        {"2026-01-02T05:04:05+02:00", 1767323045, 0, "2026-01-02T03:04:05Z"},
        {"2026-01-01T22:04:05-05:00", 1767323045, 0, "2026-01-02T03:04:05Z"},
        {"2024-02-29T00:00:00Z", 1709164800, 0, "2024-02-29T00:00:00Z"},
        {"1969-12-31T23:59:59Z", -1, 0, "1969-12-31T23:59:59Z"},
        {"9999-12-31T23:59:59Z", 253402300799, 0, "9999-12-31T23:59:59Z"},
        {"0001-01-01T00:00:01Z", -62135596799, 0, "0001-01-01T00:00:01Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct time t;
        assert_ok(time_parse(str_from(cases[i].text), &t, &err), err);
        assert_true(t.s == cases[i].s);
        assert_int_equal(t.ns, cases[i].ns);
        assert_str(time_str(&a, t), cases[i].back);
    }
    struct time zero;
    assert_int_equal(time_parse(STR("0001-01-01T00:00:00Z"), &zero, NULL), 0);
    assert_true(time_is_zero(zero));
}

static void what_is_no_time(void **state)
{
    (void)state;
#define AS "\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \""
    static const char *const cases[][2] = {
        {"x", "parsing time \"x" AS "x\" as \"2006\""},
        {"", "parsing time \"" AS "\" as \"2006\""},
        {"2026", "parsing time \"2026" AS "\" as \"-\""},
        {"2026-1-02T03:04:05Z", "parsing time \"2026-1-02T03:04:05Z" AS "1-02T03:04:05Z\" as \"01\""},
        {"2026-01-02 03:04:05Z", "parsing time \"2026-01-02 03:04:05Z" AS " 03:04:05Z\" as \"T\""},
        {"2026-01-02T03:04:05", "parsing time \"2026-01-02T03:04:05" AS "\" as \"Z07:00\""},
        {"2026-01-02T03:04:05Zx", "parsing time \"2026-01-02T03:04:05Zx\": extra text: \"x\""},
        {"2026-13-02T03:04:05Z", "parsing time \"2026-13-02T03:04:05Z\": month out of range"},
        {"2025-02-29T03:04:05Z", "parsing time \"2025-02-29T03:04:05Z\": day out of range"},
        {"2026-01-02T24:04:05Z", "parsing time \"2026-01-02T24:04:05Z\": hour out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_err_ struct err err = {0};
        struct time t;
        assert_int_equal(time_parse(str_from(cases[i][0]), &t, &err), -1);
        assert_str(err.message, cases[i][1]);
    }
}

static void micro_times_have_six_digits(void **state)
{
    (void)state;
    struct time t;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(time_parse_micro(STR("2026-01-02T03:04:05.000120Z"), &t, &err), 0);
    assert_int_equal(t.ns, 120000);
    assert_int_equal(time_parse_micro(STR("2026-01-02T03:04:05.000120+01:00"), &t, &err), 0);
    assert_int_equal(time_parse_micro(STR("2026-01-02T03:04:05.0001201Z"), &t, &err), -1);
    assert_int_equal(time_parse_micro(STR("2026-01-02T03:04:05Z"), &t, &err), -1);
    assert_str(err.message,
               "parsing time \"2026-01-02T03:04:05Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot "
               "parse \"Z\" as \".000000\"");
}

/* Every day of 400 years comes back as itself. */
static void the_calendar_repeats(void **state)
{
    (void)state;
    for (int64_t day = -150000; day < 150000; day += 7) {
        _cleanup_arena_ struct arena a = {0};
        struct time t = {day * 86400 + 12345, 0}, back;
        assert_int_equal(time_parse(time_str(&a, t), &back, NULL), 0);
        assert_true(time_cmp(t, back) == 0);
    }
}

static void now_is_whole(void **state)
{
    (void)state;
    assert_int_equal(time_now().ns, 0);
    assert_int_equal(time_now_micro().ns % 1000, 0);
    assert_true(time_to_ns(time_from_ns(-1)) == -1);
    assert_int_equal(time_from_ns(-1).ns, 999999999);
    _cleanup_buf_ struct buf out = {0};
    time_write_micro(&out, (struct time){1767323045, 120000});
    assert_str(buf_str(&out), "2026-01-02T03:04:05.000120Z");
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
        const char *back;
    } cases[] = {{"0", 0, "0s"},
                 {"1h2m3.5s", 3723500 * CLOCK_MS, "1h2m3.5s"},
                 {"90s", 90 * CLOCK_S, "1m30s"},
                 {"1h", 3600 * CLOCK_S, "1h0m0s"},
                 {"300ms", 300 * CLOCK_MS, "300ms"},
                 {"1.5us", 1500, "1.5\xc2\xb5s"},
                 {"-1m", -60 * CLOCK_S, "-1m0s"},
                 {"12ns", 12, "12ns"},
                 {"-9223372036854775808ns", INT64_MIN, "-2562047h47m16.854775808s"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_err_ struct err err = {0};
        _cleanup_buf_ struct buf out = {0};
        int64_t ns;
        assert_ok(duration_parse(str_from(cases[i].text), &ns, &err), err);
        assert_true(ns == cases[i].ns);
        duration_write(&out, ns);
        assert_str(buf_str(&out), cases[i].back);
    }
    static const char *const wrong[][2] = {
        {"", "time: invalid duration \"\""},
        {"5", "time: missing unit in duration \"5\""},
        {"5x", "time: unknown unit \"x\" in duration \"5x\""},
        {".s", "time: invalid duration \".s\""},
        {"9999999999h", "time: invalid duration \"9999999999h\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_err_ struct err err = {0};
        int64_t ns;
        assert_int_equal(duration_parse(str_from(wrong[i][0]), &ns, &err), -1);
        assert_str(err.message, wrong[i][1]);
    }
}

static void ages(void **state)
{
    (void)state;
    static const struct {
        int64_t s;
        const char *text;
    } cases[] = {{-5, "<invalid>"},   {0, "0s"},        {119, "119s"},    {120, "2m"},      {185, "3m5s"},
                 {659, "10m"},        {10799, "179m"},  {10800, "3h"},    {12060, "3h21m"}, {28800, "8h"},
                 {172799, "47h"},     {172800, "2d"},   {180000, "2d2h"}, {691200, "8d"},   {63072000, "2y"},
                 {70000000, "2y80d"}, {252288000, "8y"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_buf_ struct buf out = {0};
        duration_write_human(&out, cases[i].s * CLOCK_S);
        assert_str(buf_str(&out), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(times),
                                       cmocka_unit_test(what_is_no_time),
                                       cmocka_unit_test(the_calendar_repeats),
                                       cmocka_unit_test(now_is_whole),
                                       cmocka_unit_test(micro_times_have_six_digits),
                                       cmocka_unit_test(durations),
                                       cmocka_unit_test(ages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
