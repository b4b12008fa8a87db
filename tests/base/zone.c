/* Time zones. */
#include "base/zone.h"

#include "base/buf.h"
#include "test.h"

/* A file without transitions: all that it says is in its footer, as zic writes zones of today's rules only.
 */
static void file_of(struct buf *b, const char *footer)
{
    static const char header[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4",
                      type[] = "\0\0\x0e\x10\0\0ABC\0"; /* an hour east */
    for (int version = 1; version <= 2; version++) {
        buf_add(b, header, 44);
        buf_add(b, type, 10);
    }
    /* Both blocks have one type and four characters of names. */
    b->p[39] = b->p[54 + 39] = 1;
    buf_addf(b, "\n%s\n", footer);
}

static int64_t offset(const char *footer, int64_t t)
{
    _cleanup_buf_ struct buf b = {0};
    struct zone *z;
    struct err err = {0};
    file_of(&b, footer);
    assert_ok(zone_parse(buf_str(&b), &z, &err), err);
    int64_t o = zone_offset(z, t);
    zone_free(z);
    return o;
}

enum { JANUARY = 1767225600, JULY = 1782864000 }; /* of 2026 */

static void the_footer_has_the_rules(void **state)
{
    (void)state;
    static const struct {
        const char *footer;
        int64_t january, july;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200},
        {"EST5EDT,M3.2.0,M11.1.0", -18000, -14400},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 39600, 36000}, /* their summer is in January */
        {"<+0530>-5:30", 19800, 19800},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 0, 3600}, /* winter is the exception */
        {"nonsense1,2,3", 3600, 3600},           /* the last that is known holds */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(offset(cases[i].footer, JANUARY), cases[i].january);
        assert_int_equal(offset(cases[i].footer, JULY), cases[i].july);
    }
    /* Summer begins at one o'clock UTC on 29 March 2026. */
    assert_int_equal(offset(cases[0].footer, 1774745999), 3600);
    assert_int_equal(offset(cases[0].footer, 1774746000), 7200);
}

static void what_is_no_zone_is_refused(void **state)
{
    (void)state;
    struct zone *z;
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    static const char *const names[] = {"", "../../etc/passwd", "/etc/localtime", "Middle/Earth", "Europe"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(zone_open(str_from(names[i]), &z, &err), -1);
        err_clear(&err);
    }
    file_of(&b, "UTC0");
    for (size_t n = 0; n < 108; n++) { /* cut off anywhere */
        assert_int_equal(zone_parse(str_slice(b.p, n), &z, &err), -1);
        err_clear(&err);
    }
    b.p[20] = b.p[36] = 0x7f; /* counts beyond all bounds */
    assert_int_equal(zone_parse(buf_str(&b), &z, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_footer_has_the_rules),
        cmocka_unit_test(what_is_no_zone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
