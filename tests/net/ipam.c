#include "net/ipam.h"

#include <stdlib.h>

#include "base/file.h"
#include "test.h"

static char dir[] = "/tmp/sagong-ipam-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL);
}

static struct ipam *open_range(const char *range)
{
    struct cidr c;
    struct ipam *m = NULL;
    _cleanup_err_ struct err err = {0};
    assert_true(cidr_parse(str_from(range), &c));
    assert_ok(ipam_open(dir, c, &m, &err), err);
    return m;
}

static uint32_t allocate(struct ipam *m, const char *owner)
{
    uint32_t ip = 0;
    _cleanup_err_ struct err err = {0};
    assert_ok(ipam_allocate(m, str_from(owner), &ip, &err), err);
    return ip;
}

static void test_one_address_per_owner(void **state)
{
    (void)state;
    struct ipam *m = open_range("10.1.0.0/24");
    uint32_t a = allocate(m, "a"), b = allocate(m, "b");
    assert_int_equal(a, 0x0a010002); /* .0 is the range's own, .1 the node's */
    assert_int_equal(b, 0x0a010003);
    assert_int_equal(allocate(m, "a"), a);
    ipam_close(m);
}

static void test_allocations_outlive_the_process(void **state)
{
    (void)state;
    struct ipam *m = open_range("10.1.0.0/24");
    uint32_t a = allocate(m, "a");
    ipam_close(m);
    m = open_range("10.1.0.0/24");
    assert_int_equal(allocate(m, "a"), a);
    assert_int_not_equal(allocate(m, "b"), a);
    ipam_close(m);
}

static void test_an_address_rests_before_it_is_used_again(void **state)
{
    (void)state;
    struct ipam *m = open_range("10.1.0.0/24");
    uint32_t a = allocate(m, "a");
    assert_int_equal(ipam_release(m, STR("a"), NULL), 0);
    assert_int_equal(ipam_release(m, STR("a"), NULL), 0);
    assert_int_not_equal(allocate(m, "b"), a);
    ipam_close(m);
}

static void test_a_full_range_says_so(void **state)
{
    (void)state;
    struct ipam *m = open_range("10.1.0.0/29"); /* eight, less base, node and broadcast */
    static const char *const owners[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++)
        allocate(m, owners[i]);
    uint32_t ip;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(ipam_allocate(m, STR("f"), &ip, &err), -1);
    assert_int_equal(err.reason, ERR_UNAVAILABLE);
    assert_int_equal(ipam_release(m, STR("c"), NULL), 0);
    allocate(m, "f");
    ipam_close(m);
}

static void test_a_new_range_forgets_the_old(void **state)
{
    (void)state;
    struct ipam *m = open_range("10.1.0.0/24");
    allocate(m, "a");
    ipam_close(m);
    m = open_range("10.2.0.0/24");
    assert_int_equal(allocate(m, "a"), 0x0a020002);
    ipam_close(m);
}

#define with_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_dir(test_one_address_per_owner),
        with_dir(test_allocations_outlive_the_process),
        with_dir(test_an_address_rests_before_it_is_used_again),
        with_dir(test_a_full_range_says_so),
        with_dir(test_a_new_range_forgets_the_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
