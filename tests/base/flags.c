#include "base/flags.h"

#include "test.h"

static const char *dir;
static bool node;
static int64_t count;
static struct flag_list names;
static struct flag table[4];
static struct flags flags;

static int fresh(void **state)
{
    (void)state;
    dir = "/var/lib";
    node = true;
    count = 3;
    names = (struct flag_list){0};
    table[0] = (struct flag){"data-dir", FLAG_STR, &dir, "DIR", "where it keeps its data"};
    table[1] = (struct flag){"node", FLAG_BOOL, &node, NULL, "run containers here"};
    table[2] = (struct flag){"count", FLAG_INT, &count, "N", "how many"};
    table[3] = (struct flag){"name", FLAG_LIST, &names, "NAME", "a name"};
    flags = (struct flags){"test [FLAG...]", "Tests.", table, 4};
    return 0;
}

static int parse(struct err *err, bool *help, int *argc, char **argv)
{
    for (*argc = 0; argv[*argc];)
        ++*argc;
    return flags_parse(&flags, argc, argv, help, err);
}

static void test_flags_and_arguments_mix(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    bool help;
    int argc;
    char *argv[] = {"test",   "one", "--data-dir", "/tmp", "two", "--no-node", "--count=7",
                    "--name", "a,b", "--name=c",   "--",   "--x", NULL};
    assert_ok(parse(&err, &help, &argc, argv), err);
    assert_int_equal(argc, 4);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "two");
    assert_string_equal(argv[3], "--x");
    assert_string_equal(dir, "/tmp");
    assert_false(node);
    assert_int_equal(count, 7);
    assert_int_equal(names.n, 3);
    assert_string_equal(names.at[2], "c");
    assert_false(help);
}

static void test_wrong_flags_say_what_is_right(void **state)
{
    (void)state;
    static const struct {
        char *word;
        const char *says;
    } wrong[] = {
        {"--data-dri=x", "unknown flag --data-dri; did you mean --data-dir?; see --help"},
        {"--zzz", "unknown flag --zzz; see --help"},
        {"--count=many", "--count is a number, not \"many\""},
        {"--node=perhaps", "--node is true or false, not \"perhaps\""},
        {"--data-dir", "--data-dir needs its DIR behind it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        _cleanup_err_ struct err err = {0};
        bool help;
        int argc;
        char *argv[] = {"test", wrong[i].word, NULL};
        assert_int_equal(parse(&err, &help, &argc, argv), -1);
        assert_str(err.message, wrong[i].says);
    }
}

static void test_the_command_line_wins_over_the_file(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    bool help;
    int argc;
    char *argv[] = {"test", "--count=7", NULL};
    assert_ok(parse(&err, &help, &argc, argv), err);
    assert_ok(flags_set(&flags, STR("count"), STR("9"), &err), err);
    assert_ok(flags_set(&flags, STR("node"), STR("false"), &err), err);
    assert_int_equal(count, 7);
    assert_false(node);
    assert_int_equal(flags_set(&flags, STR("colour"), STR("red"), &err), -1);
}

static void test_help_teaches(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf out = {0};
    flags_help(&flags, &out);
    assert_str(buf_str(&out), "Usage: test [FLAG...]\n\nTests.\n\nFlags:\n"
                              "  --data-dir DIR  where it keeps its data (/var/lib)\n"
                              "  --node          run containers here (on; --no-node)\n"
                              "  --count N       how many (3)\n"
                              "  --name NAME     a name\n");
}

#define with_flags(test) cmocka_unit_test_setup_teardown(test, fresh, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_flags(test_flags_and_arguments_mix),
        with_flags(test_wrong_flags_say_what_is_right),
        with_flags(test_the_command_line_wins_over_the_file),
        with_flags(test_help_teaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
