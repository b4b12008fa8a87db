#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char dir[] = "/tmp/sagong-file-XXXXXX";

static const char *at(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/sagong-file-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    struct stat st;
    assert_ok(file_write(at("f"), STR("one"), 0600, &err), err);
    assert_ok(file_write(at("f"), STR("two\0three"), 0640, &err), err);
    assert_ok(file_read(at("f"), 100, &b, &err), err);
    assert_int_equal(b.n, 9);
    assert_int_equal(stat(at("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void test_limits_and_absence_are_errors(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    assert_ok(file_write(at("f"), STR("12345"), 0600, &err), err);
    assert_int_equal(file_read(at("f"), 4, &b, &err), -1);
    assert_int_equal(err.reason, ERR_TOO_LARGE);
    assert_int_equal(file_read(at("absent"), 4, &b, &err), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_write(at("no/dir"), STR("x"), 0600, &err), -1);
}

static void test_trees_are_made_and_removed(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    assert_ok(file_write(at("outside"), STR("x"), 0600, &err), err);
    assert_ok(file_mkdirs(at("a/b/c"), 0700, &err), err);
    assert_ok(file_mkdirs(at("a/b/c"), 0700, &err), err);
    assert_ok(file_write(at("a/b/f"), STR("x"), 0400, &err), err);
    char target[128];
    snprintf(target, sizeof target, "%s", at("outside"));
    assert_int_equal(symlink(dir, at("a/b/link")), 0); /* must be removed, not followed */
    assert_ok(file_remove_tree(at("a"), &err), err);
    assert_false(file_exists(at("a")));
    assert_true(file_exists(target));
    assert_ok(file_remove_tree(at("a"), &err), err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_is_read, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_limits_and_absence_are_errors, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_trees_are_made_and_removed, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
