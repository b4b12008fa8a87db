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
    struct ip_prefix c;
    struct ipam *m = NULL;
    _cleanup_err_ struct err err = {0};
    assert_true(ip_prefix_parse(str_from(range), &c));
    assert_ok(ipam_open(dir, c, &m, &err), err);
    return m;
}

/* The number of the address it gets: of an IPv6 one the end. */
static uint32_t allocate(struct ipam *m, const char *owner)
{
    struct ip ip = {0};
    _cleanup_err_ struct err err = {0};
    assert_ok(ipam_allocate(m, str_from(owner), &ip, &err), err);
    return (uint32_t)ip.n;
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
    struct ip ip;
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

static void test_both_families_share_a_directory(void **state)
{
    (void)state;
    struct ipam *four = open_range("10.1.0.0/24"), *six = open_range("fd00:1::/64");
    assert_int_equal(allocate(four, "a"), 0x0a010002);
    assert_int_equal(allocate(six, "a"), 2); /* fd00:1:: is the range's own, fd00:1::1 the node's */
    allocate(six, "b");
    ipam_close(six);
    six = open_range("fd00:1::/64");
    struct ip ip;
    _cleanup_arena_ struct arena a = {0};
    assert_true(ipam_find(six, STR("b"), &ip));
    assert_str(ip_text(&a, ip), "fd00:1::3");
    assert_int_equal(ipam_release(six, STR("a"), NULL), 0);
    assert_true(ipam_find(four, STR("a"), &ip));
    ipam_close(four);
    ipam_close(six);
}

static void test_small_and_large_ipv6_ranges(void **state)
{
    (void)state;
    struct ipam *m = open_range("fd00:2::/125"); /* eight, less three */
    static const char *const owners[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++)
        allocate(m, owners[i]);
    struct ip ip;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(ipam_allocate(m, STR("f"), &ip, &err), -1);
    ipam_close(m);
    m = open_range("fd00:2::/48");
    assert_int_equal(allocate(m, "a"), 2); /* the same address, so the same pod's */
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
        with_dir(test_both_families_share_a_directory),
        with_dir(test_small_and_large_ipv6_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
