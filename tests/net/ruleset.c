/* From one set of rules to the next, as little as possible; and the kernel takes it. */
#include "net/ruleset.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/nft.h"
#include "test.h"

static struct items list(size_t n, const struct item *at)
{
    struct items items = {0};
    for (size_t i = 0; i < n; i++)
        items_add(&items, at[i].kind, at[i].name, at[i].text);
    items_sort(&items);
    return items;
}

static const struct item web[] = {
    {ITEM_ELEMENT, STR_INIT("services { 10.96.0.10 . tcp . 80"), STR_INIT("goto service/web")},
    {ITEM_CHAIN, STR_INIT("service/web"), STR_INIT("meta l4proto tcp dnat ip to 10.244.0.2:8080\n")},
    {ITEM_ELEMENT, STR_INIT("hairpins { 10.244.0.2 . 10.244.0.2"), {0}},
};
static const struct item web_moved[] = {
    {ITEM_ELEMENT, STR_INIT("services { 10.96.0.10 . tcp . 80"), STR_INIT("goto service/web")},
    {ITEM_CHAIN, STR_INIT("service/web"), STR_INIT("meta l4proto tcp dnat ip to 10.244.0.3:8080\n")},
};
static const struct items none;
static const char base[] = "  map services { type ipv4_addr . inet_proto . inet_service : verdict; }\n"
                           "  set hairpins { type ipv4_addr . ipv4_addr; }\n";

static void test_only_the_difference_is_written(void **state)
{
    (void)state;
    struct ruleset rs = {.family = IP_V4, .table = "sagong", .base = base};
    _cleanup_buf_ struct buf script = {0};
    _cleanup_(items_free) struct items before = list(3, web), after = list(2, web_moved);
    ruleset_change(&rs, &(struct items_change){&none, &before}, 1, &script);
    script.n = 0;
    ruleset_change(&rs, &(struct items_change){&before, &before}, 1, &script);
    assert_int_equal(script.n, 0);
    ruleset_change(&rs, &(struct items_change){&before, &after}, 1, &script);
    assert_str(buf_str(&script),
               "delete element ip sagong hairpins { 10.244.0.2 . 10.244.0.2 }\n"
               "flush chain ip sagong service/web\n"
               "add rule ip sagong service/web meta l4proto tcp dnat ip to 10.244.0.3:8080\n");
    ruleset_free(&rs);
}

static void test_what_two_owners_want_stays_until_both_are_gone(void **state)
{
    (void)state;
    struct ruleset rs = {.family = IP_V4, .table = "sagong", .base = base};
    _cleanup_buf_ struct buf script = {0};
    _cleanup_(items_free) struct items one = list(1, &web[2]);
    struct items_change both[] = {{&none, &one}, {&none, &one}};
    ruleset_change(&rs, both, 2, &script);
    assert_str(buf_str(&script), "add element ip sagong hairpins { 10.244.0.2 . 10.244.0.2 }\n");
    script.n = 0;
    ruleset_change(&rs, &(struct items_change){&one, &none}, 1, &script);
    assert_int_equal(script.n, 0);
    assert_false(rs.stale);
    ruleset_change(&rs, &(struct items_change){&one, &none}, 1, &script);
    assert_str(buf_str(&script), "delete element ip sagong hairpins { 10.244.0.2 . 10.244.0.2 }\n");
    ruleset_free(&rs);
}

static void test_the_kernel_takes_every_step(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
        skip();
    struct ruleset rs = {.family = IP_V4, .table = "sagong", .base = base};
    _cleanup_err_ struct err err = {0};
    _cleanup_(items_free) struct items before = list(3, web), after = list(2, web_moved);
    const struct items *steps[] = {&none, &before, &after, &before, &none};
    {
        _cleanup_buf_ struct buf script = {0};
        ruleset_begin(&rs, &script);
        assert_ok(nft_apply(buf_str(&script), &err), err);
    }
    for (size_t i = 1; i < sizeof steps / sizeof *steps; i++) {
        _cleanup_buf_ struct buf script = {0};
        ruleset_change(&rs, &(struct items_change){steps[i - 1], steps[i]}, 1, &script);
        assert_ok(nft_apply(buf_str(&script), &err), err);
    }
    _cleanup_buf_ struct buf script = {0};
    nft_remove("ip", "sagong", &script);
    assert_ok(nft_apply(buf_str(&script), &err), err);
    assert_int_equal(nft_apply(STR("add nonsense"), &err), -1);
    ruleset_free(&rs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_difference_is_written),
        cmocka_unit_test(test_what_two_owners_want_stays_until_both_are_gone),
        cmocka_unit_test(test_the_kernel_takes_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
