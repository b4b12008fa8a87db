/* Routes to other nodes' pods, over a real API, in a network namespace of this test's own. Needs root. */
#include "net/routes.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../api/world.h"
#include "base/clock.h"
#include "base/process.h"
#include "client/in_process.h"

static struct client *client;
static struct routes *routes;

/* What a command says. */
static struct str said(struct arena *a, const char *command)
{
    _cleanup_buf_ struct buf out = {0};
    _cleanup_err_ struct err err = {0};
    const char *argv[] = {"sh", "-c", command, NULL};
    if (process_run(&(struct process_options){.argv = argv, .output = &out}, &err) < 0)
        fail_msg("%s: " STR_FMT, command, STR_ARG(err.message));
    return arena_str(a, buf_str(&out));
}

static void begin(void)
{
    static struct str clusters[] = {STR_INIT("10.244.0.0/16"), STR_INIT("fd00:10:244::/56")};
    _cleanup_err_ struct err err = {0};
    assert_ok(routes_start(client,
                           &(struct routes_options){.node_name = STR("here"), .cluster_cidrs = {clusters, 2}},
                           &routes, &err),
              err);
}

static int setup(void **state)
{
    struct str masters = STR("system:masters");
    struct user user = {.name = STR("tester"), .groups = {&masters, 1}};
    _cleanup_arena_ struct arena a = {0};
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "skipped: making network namespaces needs root\n");
        exit(77);
    }
    said(&a, "ip link add eth0 type veth peer name eth1 && ip link set eth1 up && ip addr add 10.9.0.1/24 "
             "dev eth0 && "
             "ip addr add fd00:9::1/64 dev eth0 nodad && ip link set eth0 up && ip route add 10.77.0.0/24 "
             "via 10.9.0.7");
    if (world_open(state) < 0)
        return -1;
    client = client_in_process(world_api(*state), &user);
    return 0;
}

static int teardown(void **state)
{
    client_free(client);
    return world_close(state);
}

/* Waits until the routes through gateways are these, "TO via GATEWAY" each, IPv4's first. */
static void become(const char *expected)
{
    _cleanup_arena_ struct arena a = {0};
    struct str are = {0};
    for (int i = 0; i < 400; i++) {
        are = said(&a, "{ ip -4 route; ip -6 route; } | grep -o '^[^ ]* via [^ ]*' | sort | tr '\\n' ','");
        if (str_is(are, expected))
            return;
        clock_sleep(20 * CLOCK_MS);
    }
    fail_msg("routes are " STR_FMT ", expected %s", STR_ARG(are), expected);
}

static void node(struct world *w, const char *name, const char *ranges, const char *addresses)
{
    _cleanup_arena_ struct arena a = {0};
    assert_code(
        create(w, &node_resource, "",
               arena_printf(&a,
                            "{'metadata':{'name':'%s'},'spec':{'podCIDRs':[%s]},'status':{'addresses':[%s]}}",
                            name, ranges, addresses)
                   .p),
        201);
}

static void test_each_family_by_the_nodes_address_of_it(void **state)
{
    struct world *w = *state;
    begin();
    node(w, "here", "'10.244.0.0/24','fd00:10:244::/64'", "{'type':'InternalIP','address':'10.9.0.1'}");
    node(w, "two", "'10.244.1.0/24','fd00:10:244:1::/64'",
         "{'type':'InternalIP','address':'10.9.0.2'},{'type':'InternalIP','address':'fd00:9::2'},"
         "{'type':'ExternalIP','address':'192.0.2.2'}");
    node(w, "four", "'10.244.4.0/24','fd00:10:244:4::/64'", "{'type':'InternalIP','address':'10.9.0.4'}");
    node(w, "far", "'10.244.5.0/24'", "{'type':'InternalIP','address':'198.51.100.1'}"); /* no way there */
    become("10.244.1.0/24 via 10.9.0.2,10.244.4.0/24 via 10.9.0.4,10.77.0.0/24 via 10.9.0.7,"
           "fd00:10:244:1::/64 via fd00:9::2,");
    _cleanup_arena_ struct arena a = {0};
    assert_true(str_find(said(&a, "nft list table ip6 sagong-pods"),
                         STR("ip6 saddr fd00:10:244::/56 ip6 daddr != fd00:10:244::/56")) > 0);

    /* A node that goes while nobody looks. */
    routes_stop(routes);
    assert_code(del(w, &node_resource, "", "four", NULL), 200);
    begin();
    become("10.244.1.0/24 via 10.9.0.2,10.77.0.0/24 via 10.9.0.7,fd00:10:244:1::/64 via fd00:9::2,");
    assert_code(del(w, &node_resource, "", "two", NULL), 200);
    become("10.77.0.0/24 via 10.9.0.7,"); /* somebody else's stays */
    node(w, "six", "'10.244.6.0/24','fd00:10:244:6::/64'",
         "{'type':'InternalIP','address':'fd00:9::6'},{'type':'InternalIP','address':'10.9.0.6'}");
    become("10.244.6.0/24 via 10.9.0.6,10.77.0.0/24 via 10.9.0.7,fd00:10:244:6::/64 via fd00:9::6,");
    routes_stop(routes);

    _cleanup_err_ struct err err = {0};
    assert_ok(routes_remove(&err), err);
    become("10.77.0.0/24 via 10.9.0.7,");
    assert_int_equal(said(&a, "nft list tables").n, 0);
}

static void test_wrong_ranges(void **state)
{
    (void)state;
    struct str wrong = STR("pods");
    _cleanup_err_ struct err err = {0};
    assert_int_equal(
        routes_start(client, &(struct routes_options){.cluster_cidrs = {&wrong, 1}}, &routes, &err), -1);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_family_by_the_nodes_address_of_it),
        cmocka_unit_test(test_wrong_ranges),
    };
    return cmocka_run_group_tests_name("net/routes", tests, setup, teardown);
}
