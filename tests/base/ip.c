/* Addresses and prefixes: what is read, how it is written, what is inside. */
#include "base/ip.h"

#include "test.h"

static struct arena arena;

static struct str again(const char *text)
{
    struct ip ip;
    return ip_parse(str_from(text), &ip) ? ip_text(&arena, ip) : STR("none");
}

static struct str prefix_again(const char *text)
{
    struct ip_prefix p;
    return ip_prefix_parse(str_from(text), &p) ? ip_prefix_text(&arena, p) : STR("none");
}

static void addresses_are_written_in_one_way(void **state)
{
    (void)state;
    static const struct {
        const char *text, *same;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"FD00:0:0:0:0:0:0:A", "fd00::a"},
        {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"}, /* one zero is not left out */
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},      /* the longest run is */
        {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},    /* the first of equals */
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"::1.2.3.4", "::102:304"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(again(cases[i].text), cases[i].same);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",  "1.2.3",        "1.2.3.04",       "1.2.3.256",     "1.2.3.4 ",
                                        "x", "fe80::1%eth0", "::ffff:1.2.3.4", "1:2:3:4:5:6:7", "1:::2",
                                        ":1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_str(again(wrong[i]), "none");
}

static void prefixes_lose_their_host_bits(void **state)
{
    (void)state;
    assert_str(prefix_again("10.244.3.7/16"), "10.244.0.0/16");
    assert_str(prefix_again("10.1.2.3/32"), "10.1.2.3/32");
    assert_str(prefix_again("10.1.2.3/0"), "0.0.0.0/0");
    assert_str(prefix_again("fd00:10:244:5::9/64"), "fd00:10:244:5::/64");
    assert_str(prefix_again("fd00::9/0"), "::/0");
    assert_str(prefix_again("fd00::9/128"), "fd00::9/128");
    static const char *const wrong[] = {"10.0.0.0", "10.0.0.0/33", "fd00::/129",
                                        "fd00::/",  "/8",          "10.0.0.0/x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_str(prefix_again(wrong[i]), "none");
}

static struct ip_prefix prefix(const char *text)
{
    struct ip_prefix p;
    assert_true(ip_prefix_parse(str_from(text), &p));
    return p;
}

static bool has(const char *cidr, const char *text)
{
    struct ip ip;
    assert_true(ip_parse(str_from(text), &ip));
    return ip_prefix_has(prefix(cidr), ip);
}

static void a_prefix_holds_its_own_family_alone(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("fd00::/64", "fd00::ffff:0:0:1"));
    assert_false(has("fd00::/64", "fd00:0:0:1::"));
    assert_true(has("::/0", "fd00::1"));
    assert_false(has("::/0", "10.0.0.1"));
    assert_true(ip_prefix_overlaps(prefix("10.0.0.0/8"), prefix("10.9.0.0/16")));
    assert_true(ip_prefix_overlaps(prefix("10.9.0.0/16"), prefix("10.0.0.0/8")));
    assert_false(ip_prefix_overlaps(prefix("fd00::/65"), prefix("fd00:0:0:0:8000::/65")));
    assert_false(ip_prefix_overlaps(prefix("0.0.0.0/0"), prefix("::/0")));
}

static void addresses_are_counted(void **state)
{
    (void)state;
    assert_str(ip_text(&arena, ip_prefix_at(prefix("10.96.0.0/12"), 10)), "10.96.0.10");
    assert_str(ip_text(&arena, ip_prefix_at(prefix("fd00:10:96::/112"), 10)), "fd00:10:96::a");
    assert_str(ip_text(&arena, ip_prefix_last(prefix("10.96.0.0/12"))), "10.111.255.255");
    assert_str(ip_text(&arena, ip_prefix_last(prefix("fd00::/64"))), "fd00::ffff:ffff:ffff:ffff");
    unsigned char bytes[16];
    ip_bytes(prefix("fd00::/16").base, bytes);
    assert_true(ip_eq(ip_from_bytes(IP_V6, bytes), prefix("fd00::/16").base));
}

static void hosts_stand_in_front_of_ports(void **state)
{
    (void)state;
    assert_str(ip_host(&arena, STR("10.0.0.1")), "10.0.0.1");
    assert_str(ip_host(&arena, STR("fd00::1")), "[fd00::1]");
    assert_str(ip_host(&arena, STR("web.default.svc")), "web.default.svc");
}

static int drop_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_written_in_one_way),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(prefixes_lose_their_host_bits),
        cmocka_unit_test(a_prefix_holds_its_own_family_alone),
        cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(hosts_stand_in_front_of_ports),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
