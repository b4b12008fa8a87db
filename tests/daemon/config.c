#include "daemon/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

static const char *dir;
static bool node;
static int64_t count;
static struct flag_list registries;
static struct flag table[4];
static struct flags flags;
static char path[] = "/tmp/sagong-config-XXXXXX";

static int fresh(void **state)
{
    (void)state;
    dir = "/var/lib";
    node = true;
    count = 3;
    registries = (struct flag_list){0};
    table[0] = (struct flag){"data-dir", FLAG_STR, &dir, "DIR", "", false};
    table[1] = (struct flag){"node", FLAG_BOOL, &node, NULL, "", false};
    table[2] = (struct flag){"count", FLAG_INT, &count, "N", "", false};
    table[3] = (struct flag){"registries", FLAG_LIST, &registries, "HOST", "", false};
    flags = (struct flags){"test", "", table, 4};
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_flags_stand_in_the_file(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    assert_ok(file_write(path,
                         STR("data-dir: /srv\nnode: false\ncount: "
                             "7\nregistries:\n- a:5000\n- b\n"),
                         0600, &err),
              err);
    assert_ok(config_load(path, &flags, false, &err), err);
    assert_string_equal(dir, "/srv");
    assert_false(node);
    assert_int_equal(count, 7);
    assert_int_equal(registries.n, 2);
    assert_string_equal(registries.at[0], "a:5000");
}

static void test_an_absent_or_empty_file_says_nothing(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    assert_ok(config_load("/nowhere/config.yaml", &flags, false, &err), err);
    assert_ok(config_load(path, &flags, false, &err), err);
    assert_int_equal(count, 3);
}

static void test_what_is_for_other_commands_may_be_passed_over(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    assert_ok(file_write(path, STR("colour: red\ncount: 7\n"), 0600, &err), err);
    assert_ok(config_load(path, &flags, true, &err), err);
    assert_int_equal(count, 7);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"coun: 7\n", "unknown flag --coun; did you mean --count?"},
        {"count: many\n", "--count is a number"},
        {"count: {a: 1}\n", "count: a flag is a word"},
        {"- count\n", "flags stand as NAME: VALUE"},
        {"count: [1\n", path},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        _cleanup_err_ struct err err = {0};
        assert_ok(file_write(path, str_from(wrong[i].text), 0600, &err), err);
        assert_int_equal(config_load(path, &flags, false, &err), -1);
        if (str_find(err.message, str_from(wrong[i].says)) < 0)
            fail_msg("got \"" STR_FMT "\"", STR_ARG(err.message));
        assert_true(str_starts(err.message, str_from(path)));
    }
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, fresh, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_file(test_flags_stand_in_the_file),
        with_file(test_an_absent_or_empty_file_says_nothing),
        with_file(test_what_is_for_other_commands_may_be_passed_over),
        with_file(test_what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
