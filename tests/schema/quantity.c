/* Quantities, case by case as resource.Quantity has them. */
#include "schema/quantity.h"
#include "test.h"

static void canonical(const char *from, const char *to)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str out;
    if (quantity_canonical(&a, str_from(from), &out, &err) < 0)
        fail_msg("%s: " STR_FMT, from, STR_ARG(err.message));
    assert_str(out, to);
    /* The shortcut for what is canonical already must agree with the long way. */
    struct quantity q;
    assert_int_equal(quantity_parse(str_from(from), &q, NULL), 0);
    assert_str(quantity_str(&a, q), to);
}

static void canonical_forms(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0", "0"},
        {"0n", "0"},
        {"-0", "0"},
        {"00", "0"},
        {"0Ki", "0"},
        {"1", "1"},
        {"1.", "1"},
        {".5", "500m"},
        {"0.5", "500m"},
        {"+1", "1"},
        {"-1", "-1"},
        {"1000m", "1"},
        {"1500m", "1500m"},
        {"1.5", "1500m"},
        {"100m", "100m"},
        {"1000", "1k"},
        {"1001", "1001"},
        {"1e3", "1e3"},
        {"1E3", "1e3"},
        {"12e6", "12e6"},
        {"1e-3", "1e-3"},
        {"10000e0", "10e3"},
        {"1k", "1k"},
        {"1000k", "1M"},
        {"1Ki", "1Ki"},
        {"1024Ki", "1Mi"},
        {"1024Mi", "1Gi"},
        {"1536Mi", "1536Mi"},
        {"1.5Gi", "1536Mi"},
        {"512Ki", "512Ki"},
        {"1023", "1023"},
        {"0.5Ki", "512"},
        {"0.1Ki", "102400m"},
        {"1n", "1n"},
        {"0.1n", "1n"},
        {"1.1n", "2n"},
        {"-0.1n", "-1n"},
        {"1u", "1u"},
        {"1000u", "1m"},
        {"1E", "1E"},
        {"8Ei", "9223372036854775807"},
        {"9999999999999999999999", "9223372036854775807"},
        {"-9999999999999999999999", "-9223372036854775807"},
        {"100E", "100E"},
        {"0.000000001", "1n"},
        {"0.0000000001", "1n"},
        {"123456789012345678", "123456789012345678"},
        {"1Ti", "1Ti"},
        {"3Pi", "3Pi"},
        {"1000Ki", "1000Ki"},
        {"64Mi", "64Mi"},
        {"2048", "2048"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        canonical(cases[i][0], cases[i][1]);
}

/* A canonical form is one that reading it again does not change. */
static void canonical_forms_stay(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"20306035.1037300884E", "9223372036854775807"}, /* more than is counted */
        {"-453033013807000478e10", "-9223372036854775807"},
        {"740062.50Ki", "757824k"}, /* no whole number of any binary unit */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str once, twice;
        assert_int_equal(quantity_canonical(&a, str_from(cases[i][0]), &once, NULL), 0);
        assert_str(once, cases[i][1]);
        assert_int_equal(quantity_canonical(&a, once, &twice, NULL), 0);
        assert_str(twice, cases[i][1]);
    }
}

static void what_is_no_quantity(void **state)
{
    (void)state;
    static const char wrong[] =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    static const struct {
        struct str text;
        const char *why;
    } cases[] = {{STR_INIT(""), wrong},
                 {STR_INIT("much"), wrong},
                 {STR_INIT("-"), wrong},
                 {STR_INIT("1 Gi"), wrong},
                 {STR_INIT("1.2.3"), wrong},
                 {STR_INIT("5%"), wrong},
                 {STR_INIT("1GiB"), wrong},
                 {STR_INIT("1\0"), wrong},
                 {STR_INIT("1m\0"), wrong},
                 {STR_INIT("1K"), "unable to parse quantity's suffix"},
                 {STR_INIT("1mm"), "unable to parse quantity's suffix"},
                 {STR_INIT("1i"), "unable to parse quantity's suffix"},
                 {STR_INIT("1e99999999"), "unable to parse quantity's suffix"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_err_ struct err err = {0};
        struct quantity q;
        struct str out;
        assert_int_equal(quantity_parse(cases[i].text, &q, &err), -1);
        assert_str(err.message, cases[i].why);
        assert_int_equal(quantity_canonical(NULL, cases[i].text, &out, NULL), -1);
    }
}

static void order(void **state)
{
    (void)state;
    static const char *const rising[] = {"-1E", "-1",  "-1m", "0",   "1n", "1m",   "0.5",  "1",
                                         "1k",  "1Ki", "1M",  "1Mi", "1E", "100E", "1e100"};
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
        for (size_t k = 0; k < sizeof rising / sizeof *rising; k++) {
            int got = quantity_cmp_str(str_from(rising[i]), str_from(rising[k]));
            assert_int_equal((got > 0) - (got < 0), (i > k) - (i < k));
        }
    assert_int_equal(quantity_cmp_str(STR("1000m"), STR("1")), 0);
    assert_int_equal(quantity_cmp_str(STR("1Ki"), STR("1024")), 0);
}

static void sums(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const char *const cases[][3] = {{"1", "1", "2"},
                                           {"500m", "500m", "1"},
                                           {"1Gi", "1Gi", "2Gi"},
                                           {"0", "1Gi", "1Gi"},
                                           {"1Gi", "0", "1Gi"},
                                           {"1", "-1", "0"},
                                           {"1Gi", "1M", "1074741824"},
                                           {"100m", "1n", "100000001n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(quantity_str(&a, quantity_add(quantity_of(str_from(cases[i][0])),
                                                 quantity_of(str_from(cases[i][1])))),
                   cases[i][2]);
    assert_str(quantity_str(&a, quantity_sub(quantity_of(STR("1")), quantity_of(STR("100m")))), "900m");
    /* Beyond what can be counted nothing breaks. */
    struct quantity huge = quantity_of(STR("1e300"));
    assert_int_equal(quantity_cmp(quantity_add(huge, quantity_of(STR("1n"))), huge), 0);
}

static void numbers(void **state)
{
    (void)state;
    assert_int_equal(quantity_value_of(STR("1.1")), 2);
    assert_int_equal(quantity_value_of(STR("-1.1")), -2);
    assert_int_equal(quantity_value_of(STR("1Gi")), 1 << 30);
    assert_int_equal(quantity_milli_of(STR("1.0001")), 1001);
    assert_int_equal(quantity_milli_of(STR("2")), 2000);
    assert_true(quantity_value_of(STR("1e300")) == INT64_MAX);
    assert_true(quantity_milli_of(STR("8E")) == INT64_MAX);
    assert_int_equal(quantity_value_of(STR("nonsense")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(canonical_forms),
                                       cmocka_unit_test(canonical_forms_stay),
                                       cmocka_unit_test(what_is_no_quantity),
                                       cmocka_unit_test(order),
                                       cmocka_unit_test(sums),
                                       cmocka_unit_test(numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
