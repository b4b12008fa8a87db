/* Log lines, the end of a log, and what volumes are written like. */
#include "fixture.h"
#include "node/logs/log_file.h"
#include "node/volume/writer.h"

static void lines_are_taken_apart(void **state)
{
    (void)state;
    struct log_line l;
    assert_true(log_line_parse(STR("2026-01-02T03:04:05.000000001+00:00 stdout F hello  world"), &l));
    assert_str(l.stream, "stdout");
    assert_str(l.text, "hello  world");
    assert_false(l.partial);
    assert_true(log_line_parse(STR("t stderr P "), &l));
    assert_true(l.partial);
    assert_str(l.text, "");
    assert_false(log_line_parse(STR("nonsense"), &l));
    assert_false(log_line_parse(STR("t elsewhere F x"), &l));
}

static void the_end_of_a_log(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    char *dir = fixture_directory(), path[128];
    sprintf(path, "%s/0.log", dir);
    assert_int_equal(
        file_write(path, STR("t stdout F one\nt stderr P tw\nt stderr F o\nt stdout F three\n"), 0600, NULL),
        0);
    assert_str(log_file_end(path, 2, 100, &a), "two\nthree\n");
    assert_str(log_file_end(path, 80, 8, &a), "o\nthree\n");
    assert_str(log_file_end("/nowhere", 1, 1, &a), "");
    fixture_remove(dir);
}

static struct str read_in(struct arena *a, const char *dir, const char *name)
{
    _cleanup_buf_ struct buf b = {0};
    return file_read(arena_printf(a, "%s/%s", dir, name).p, 1000, &b, NULL) < 0 ? STR("absent")
                                                                                : arena_str(a, buf_str(&b));
}

static void volumes_change_as_one_step(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    char *dir = fixture_directory();
    struct volume_files f = {0};
    volume_files_add(&f, &a, STR("a"), STR("1"), 0644);
    volume_files_add(&f, &a, STR("b/c"), STR("2"), 0400);
    assert_ok(volume_write(dir, &f, -1, &err), err);
    assert_str(read_in(&a, dir, "a"), "1");
    assert_str(read_in(&a, dir, "b/c"), "2");
    char before[100] = {0}, after[100] = {0};
    const char *data = arena_printf(&a, "%s/..data", dir).p;
    assert_true(readlink(data, before, 99) > 0);
    assert_ok(volume_write(dir, &f, -1, &err), err); /* nothing new: the same directory */
    assert_true(readlink(data, after, 99) > 0);
    assert_string_equal(before, after);
    f.n = 0;
    volume_files_add(&f, &a, STR("a"), STR("3"), 0644);
    assert_ok(volume_write(dir, &f, -1, &err), err);
    assert_str(read_in(&a, dir, "a"), "3");
    assert_str(read_in(&a, dir, "b/c"), "absent");
    volume_files_add(&f, &a, STR("../out"), STR("4"), 0644);
    assert_int_equal(volume_write(dir, &f, -1, &err), -1);
    assert_str(read_in(&a, dir, "a"), "3");
    fixture_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_apart),
        cmocka_unit_test(the_end_of_a_log),
        cmocka_unit_test(volumes_change_as_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
