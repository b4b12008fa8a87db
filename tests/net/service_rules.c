/* What a service becomes in the kernel's rules, without a kernel. */
#include "net/service_rules.h"

#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "test.h"

static struct arena a;

static int drop(void **state)
{
    (void)state;
    arena_free(&a);
    return 0;
}

static struct service web(void)
{
    struct service s = {0};
    s.metadata.namespace = STR("default");
    s.metadata.name = STR("web");
    s.spec.type = SERVICE_TYPE_CLUSTER_IP;
    s.spec.cluster_ip = STR("10.96.0.10");
    struct str *ips = arena_new(&a, struct str);
    *ips = s.spec.cluster_ip;
    s.spec.cluster_ips = (struct str_vec){ips, 1};
    struct service_port *port = arena_new(&a, struct service_port);
    port->name = STR("http");
    port->protocol = STR("TCP");
    port->port = 80;
    s.spec.ports = (struct service_port_vec){port, 1};
    return s;
}

static struct endpoint endpoint(const char *ip, const char *node, bool ready, bool serving)
{
    struct endpoint e = {0};
    struct str *address = arena_new(&a, struct str), *name = arena_new(&a, struct str);
    bool *conditions = arena_new_n(&a, bool, 2);
    *address = str_from(ip);
    *name = str_from(node);
    conditions[0] = ready;
    conditions[1] = serving;
    e.addresses = (struct str_vec){address, 1};
    e.node_name = name;
    e.conditions.ready = &conditions[0];
    e.conditions.serving = &conditions[1];
    return e;
}

static struct endpoint_slice slice(struct endpoint *endpoints, size_t n)
{
    struct endpoint_slice s = {0};
    s.metadata.namespace = STR("default");
    s.metadata.name = STR("web-1");
    s.endpoints = (struct endpoint_vec){endpoints, n};
    struct discovery_endpoint_port *port = arena_new(&a, struct discovery_endpoint_port);
    port->name = arena_new(&a, struct str);
    *port->name = STR("http");
    port->port = arena_new(&a, int32_t);
    *port->port = 8080;
    s.ports = (struct discovery_endpoint_port_vec){port, 1};
    return s;
}

static struct items rules(const struct service *s, const struct endpoint_slice *slices, size_t n)
{
    struct items out = {0};
    const struct endpoint_slice *at[1] = {slices};
    service_rules(s, at, n, &(struct rules_place){STR("node-a"), STR("zone-1")}, IP_V4, &a, &out);
    return out;
}

/* The same for IPv6, of a service that has an address of each family. */
static struct items rules_v6(const struct service *s, const struct endpoint_slice *slices, size_t n)
{
    struct items out = {0};
    const struct endpoint_slice *at[2] = {slices, slices + 1};
    struct service both = *s;
    struct str ips[] = {STR("10.96.0.10"), STR("fd00:10:96::a")};
    both.spec.cluster_ips = (struct str_vec){ips, 2};
    service_rules(&both, at, n, &(struct rules_place){STR("node-a"), STR("zone-1")}, IP_V6, &a, &out);
    return out;
}

/* The text of the item of this name; fails when there is none. */
static struct str text(const struct items *items, const char *name)
{
    for (size_t i = 0; i < items->n; i++)
        if (str_is(items->at[i].name, name))
            return items->at[i].text;
    fail_msg("no item \"%s\"", name);
    return (struct str){0};
}

static bool has(const struct items *items, const char *name)
{
    for (size_t i = 0; i < items->n; i++)
        if (str_is(items->at[i].name, name))
            return true;
    return false;
}

static void test_a_cluster_address_leads_to_all_endpoints(void **state)
{
    (void)state;
    struct service s = web();
    struct endpoint e[] = {endpoint("10.244.1.3", "node-b", true, true),
                           endpoint("10.244.0.2", "node-a", true, true)};
    struct endpoint_slice one = slice(e, 2);
    struct items items = rules(&s, &one, 1);
    assert_str(text(&items, "services { 10.96.0.10 . tcp . 80"), "goto service/default/web/tcp/80");
    assert_str(text(&items, "service/default/web/tcp/80"),
               "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.1.3 "
               ". 8080 }\n");
    assert_true(has(&items, "cluster-ips { 10.96.0.10"));
    assert_true(has(&items, "hairpins { 10.244.0.2 . 10.244.0.2"));
    assert_false(has(&items, "hairpins { 10.244.1.3 . 10.244.1.3")); /* of another node */
    items_free(&items);
}

static void test_without_endpoints_only_the_address_remains_and_refuses(void **state)
{
    (void)state;
    struct service s = web();
    struct items items = rules(&s, NULL, 0);
    assert_int_equal(items.n, 1);
    assert_str(items.at[0].name, "cluster-ips { 10.96.0.10");
    items_free(&items);
}

static void test_endpoints_that_end_serve_when_no_other_does(void **state)
{
    (void)state;
    struct service s = web();
    struct endpoint e[] = {endpoint("10.244.0.2", "node-a", false, true),
                           endpoint("10.244.0.3", "node-a", true, true)};
    struct endpoint_slice both = slice(e, 2), ending = slice(e, 1);
    struct items items = rules(&s, &both, 1);
    assert_int_equal(str_find(text(&items, "service/default/web/tcp/80"), STR("10.244.0.2")), -1);
    items_free(&items);
    items = rules(&s, &ending, 1);
    assert_true(str_find(text(&items, "service/default/web/tcp/80"), STR("10.244.0.2")) > 0);
    items_free(&items);
}

static void test_what_comes_from_outside_is_masqueraded_unless_local(void **state)
{
    (void)state;
    struct service s = web();
    s.spec.type = SERVICE_TYPE_NODE_PORT;
    s.spec.external_traffic_policy = SERVICE_EXTERNAL_TRAFFIC_POLICY_CLUSTER;
    s.spec.ports.at[0].node_port = 30080;
    struct endpoint e[] = {endpoint("10.244.1.3", "node-b", true, true)};
    struct endpoint_slice one = slice(e, 1);
    struct items items = rules(&s, &one, 1);
    assert_str(text(&items, "node-ports { tcp . 30080"), "goto external/default/web/tcp/80");
    assert_str(text(&items, "external/default/web/tcp/80"),
               "jump mark-masquerade\ngoto service/default/web/tcp/80\n");
    items_free(&items);
    s.spec.external_traffic_policy = SERVICE_EXTERNAL_TRAFFIC_POLICY_LOCAL;
    items = rules(&s, &one, 1);
    assert_str(text(&items, "external/default/web/tcp/80"), /* nobody here may serve strangers */
               "iifname \"sg*\" goto service/default/web/tcp/80\nfib saddr type local jump mark-masquerade\n"
               "fib saddr type local goto service/default/web/tcp/80\ndrop\n");
    items_free(&items);
}

static void test_a_local_service_is_served_here_or_not_at_all(void **state)
{
    (void)state;
    struct service s = web();
    struct str local = SERVICE_INTERNAL_TRAFFIC_POLICY_LOCAL;
    s.spec.internal_traffic_policy = &local;
    struct endpoint e[] = {endpoint("10.244.0.2", "node-a", true, true),
                           endpoint("10.244.1.3", "node-b", true, true)};
    struct endpoint_slice both = slice(e, 2), other = slice(&e[1], 1);
    struct items items = rules(&s, &both, 1);
    assert_str(text(&items, "services { 10.96.0.10 . tcp . 80"), "goto internal/default/web/tcp/80");
    assert_int_equal(str_find(text(&items, "internal/default/web/tcp/80"), STR("10.244.1.3")), -1);
    items_free(&items);
    items = rules(&s, &other, 1);
    assert_str(text(&items, "internal/default/web/tcp/80"), "drop\n");
    items_free(&items);
}

static void test_a_load_balancer_lets_in_whom_it_may(void **state)
{
    (void)state;
    struct service s = web();
    struct str ranges[] = {STR("192.0.2.0/24"), STR(" 198.51.100.7/32")};
    struct load_balancer_ingress ingress = {.ip = STR("203.0.113.1")};
    s.spec.type = SERVICE_TYPE_LOAD_BALANCER;
    s.spec.external_traffic_policy = SERVICE_EXTERNAL_TRAFFIC_POLICY_CLUSTER;
    s.spec.load_balancer_source_ranges = (struct str_vec){ranges, 2};
    s.status.load_balancer.ingress = (struct load_balancer_ingress_vec){&ingress, 1};
    struct endpoint e[] = {endpoint("10.244.1.3", "node-b", true, true)};
    struct endpoint_slice one = slice(e, 1);
    struct items items = rules(&s, &one, 1);
    assert_str(text(&items, "services { 203.0.113.1 . tcp . 80"), "goto firewall/default/web/tcp/80");
    assert_str(text(&items, "firewall/default/web/tcp/80"),
               "ip saddr 192.0.2.0/24 goto external/default/web/tcp/80\n"
               "ip saddr 198.51.100.7/32 goto external/default/web/tcp/80\ndrop\n");
    items_free(&items);
    items = rules(&s, NULL, 0);
    assert_true(has(&items, "refused { 203.0.113.1 . tcp . 80"));
    items_free(&items);
}

static void hint(struct endpoint *e, const char *node, const char *zone)
{
    e->hints = arena_new(&a, struct endpoint_hints);
    if (node) {
        struct for_node *n = arena_new(&a, struct for_node);
        n->name = str_from(node);
        e->hints->for_nodes = (struct for_node_vec){n, 1};
    }
    struct for_zone *z = arena_new(&a, struct for_zone);
    z->name = str_from(zone);
    e->hints->for_zones = (struct for_zone_vec){z, 1};
}

/* Which of the three endpoints serve. */
static void serve(struct endpoint e[3], bool first, bool second, bool third)
{
    struct service s = web();
    struct endpoint_slice all = slice(e, 3);
    struct items items = rules(&s, &all, 1);
    struct str chain = text(&items, "service/default/web/tcp/80");
    assert_int_equal(str_find(chain, STR("10.244.0.2")) >= 0, first);
    assert_int_equal(str_find(chain, STR("10.244.1.3")) >= 0, second);
    assert_int_equal(str_find(chain, STR("10.244.2.4")) >= 0, third);
    items_free(&items);
}

static void test_hints_prefer_the_node_then_the_zone(void **state)
{
    (void)state;
    struct endpoint e[] = {endpoint("10.244.0.2", "node-a", true, true),
                           endpoint("10.244.1.3", "node-b", true, true),
                           endpoint("10.244.2.4", "node-c", true, true)};
    serve(e, true, true, true);
    hint(&e[0], "node-a", "zone-1");
    hint(&e[1], "node-b", "zone-1");
    serve(e, true, true, true); /* the third has no hint: none counts */
    hint(&e[2], "node-c", "zone-2");
    serve(e, true, false, false);
    hint(&e[0], "node-z", "zone-1");
    serve(e, true, true, false); /* none for this node, but two for its zone */
    hint(&e[0], NULL, "zone-2");
    hint(&e[1], NULL, "zone-2");
    hint(&e[2], NULL, "zone-2");
    serve(e, true, true, true); /* none for here */
}

static void test_where_datagrams_end_up_is_noted(void **state)
{
    (void)state;
    struct service s = web();
    s.spec.type = SERVICE_TYPE_NODE_PORT;
    s.spec.ports.at[0].protocol = STR("UDP");
    s.spec.ports.at[0].node_port = 30053;
    struct endpoint e[] = {endpoint("10.244.0.2", "node-a", true, true)};
    struct endpoint_slice one = slice(e, 1);
    struct str udp = STR("UDP");
    one.ports.at[0].protocol = &udp;
    struct items items = rules(&s, &one, 1);
    assert_int_equal(items.at[0].kind, ITEM_FLOW);
    assert_str(items.at[0].name, "0.0.0.0 30053 10.244.0.2 8080");
    assert_str(items.at[1].name, "10.96.0.10 80 10.244.0.2 8080");
    items_free(&items);
}

static void test_services_of_other_proxies_are_left_alone(void **state)
{
    (void)state;
    static const char *const keys[] = {"service.kubernetes.io/service-proxy-name",
                                       "service.kubernetes.io/headless"};
    for (size_t i = 0; i < 2; i++) {
        struct service s = web();
        struct str_entry label = {str_from(keys[i]), STR("x")};
        s.metadata.labels = (struct str_map){&label, 1};
        struct items items = rules(&s, NULL, 0);
        assert_int_equal(items.n, 0);
    }
}

static void test_affinity_remembers_clients(void **state)
{
    (void)state;
    struct service s = web();
    s.spec.session_affinity = SERVICE_AFFINITY_CLIENT_IP;
    struct endpoint e[] = {endpoint("10.244.1.3", "node-b", true, true)};
    struct endpoint_slice one = slice(e, 1);
    struct items items = rules(&s, &one, 1);
    assert_str(text(&items, "clients/default/web/tcp/80/10.244.1.3/8080"),
               "{ type ipv4_addr; flags dynamic,timeout; timeout 10800s; }");
    assert_true(str_find(text(&items, "service/default/web/tcp/80"),
                         STR("ip saddr @clients/default/web/tcp/80/10.244.1.3/8080 goto")) == 0);
    items_free(&items);
}

static void test_each_family_leads_to_its_own_endpoints(void **state)
{
    (void)state;
    struct service s = web();
    s.spec.type = SERVICE_TYPE_LOAD_BALANCER;
    s.spec.external_traffic_policy = SERVICE_EXTERNAL_TRAFFIC_POLICY_CLUSTER;
    s.spec.ports.at[0].node_port = 30080;
    struct load_balancer_ingress ingress[] = {{.ip = STR("203.0.113.1")}, {.ip = STR("2001:db8::1")}};
    struct str ranges[] = {STR("192.0.2.0/24"), STR("2001:db8:1::/48")};
    s.status.load_balancer.ingress = (struct load_balancer_ingress_vec){ingress, 2};
    s.spec.load_balancer_source_ranges = (struct str_vec){ranges, 2};
    struct endpoint e4[] = {endpoint("10.244.0.2", "node-a", true, true)},
                    e6[] = {endpoint("fd00:10:244::2", "node-a", true, true),
                            endpoint("fd00:10:244:1::2", "node-b", true, true)};
    struct endpoint_slice slices[] = {slice(e4, 1), slice(e6, 2)};
    struct items items = rules_v6(&s, slices, 2);
    assert_str(text(&items, "service/default/web/tcp/80"),
               "meta l4proto tcp dnat ip6 to numgen random mod 2 map { 0 : fd00:10:244::2 . 8080, 1 : "
               "fd00:10:244:1::2 . 8080 }\n");
    assert_str(text(&items, "services { fd00:10:96::a . tcp . 80"), "goto service/default/web/tcp/80");
    assert_str(text(&items, "services { 2001:db8::1 . tcp . 80"), "goto firewall/default/web/tcp/80");
    assert_str(text(&items, "firewall/default/web/tcp/80"),
               "ip6 saddr 2001:db8:1::/48 goto external/default/web/tcp/80\ndrop\n");
    assert_str(text(&items, "node-ports { tcp . 30080"), "goto external/default/web/tcp/80");
    assert_true(has(&items, "hairpins { fd00:10:244::2 . fd00:10:244::2"));
    for (size_t i = 0; i < items.n; i++)
        assert_int_equal(str_find(items.at[i].name, STR("10.")), -1);
    items_free(&items);
    s.spec.load_balancer_source_ranges.n = 1; /* those of the other family say nothing about this one */
    items = rules_v6(&s, slices, 2);
    assert_str(text(&items, "services { 2001:db8::1 . tcp . 80"), "goto external/default/web/tcp/80");
    items_free(&items);
    items = rules_v6(&s, slices, 1); /* endpoints of the other family alone */
    assert_true(has(&items, "cluster-ips { fd00:10:96::a"));
    assert_true(has(&items, "refused { 2001:db8::1 . tcp . 80"));
    assert_false(has(&items, "services { fd00:10:96::a . tcp . 80"));
    assert_false(has(&items, "node-ports { tcp . 30080"));
    items_free(&items);
    struct items none = {0};
    const struct endpoint_slice *at[] = {&slices[1]};
    service_rules(&s, at, 1, &(struct rules_place){0}, IP_V6, &a, &none);
    assert_int_equal(none.n, 0); /* it has no address of this family */
}

static void test_affinity_of_ipv6_clients(void **state)
{
    (void)state;
    struct service s = web();
    s.spec.session_affinity = SERVICE_AFFINITY_CLIENT_IP;
    struct endpoint e[] = {endpoint("fd00::2", "node-b", true, true)};
    struct endpoint_slice one[2] = {slice(e, 1)};
    struct items items = rules_v6(&s, one, 1);
    assert_str(text(&items, "clients/default/web/tcp/80/fd00--2/8080"),
               "{ type ipv6_addr; flags dynamic,timeout; timeout 10800s; }");
    assert_str(text(&items, "endpoint/default/web/tcp/80/fd00--2/8080"),
               "update @clients/default/web/tcp/80/fd00--2/8080 { ip6 saddr }\n"
               "meta l4proto tcp dnat ip6 to [fd00::2]:8080\n");
    items_free(&items);
}

static void test_headless_and_external_names_ask_for_nothing(void **state)
{
    (void)state;
    struct service s = web();
    s.spec.cluster_ip = STR("None");
    struct items items = rules(&s, NULL, 0);
    assert_int_equal(items.n, 0);
    s = web();
    s.spec.type = SERVICE_TYPE_EXTERNAL_NAME;
    items = rules(&s, NULL, 0);
    assert_int_equal(items.n, 0);
    items_free(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cluster_address_leads_to_all_endpoints),
        cmocka_unit_test(test_without_endpoints_only_the_address_remains_and_refuses),
        cmocka_unit_test(test_endpoints_that_end_serve_when_no_other_does),
        cmocka_unit_test(test_what_comes_from_outside_is_masqueraded_unless_local),
        cmocka_unit_test(test_a_local_service_is_served_here_or_not_at_all),
        cmocka_unit_test(test_a_load_balancer_lets_in_whom_it_may),
        cmocka_unit_test(test_hints_prefer_the_node_then_the_zone),
        cmocka_unit_test(test_where_datagrams_end_up_is_noted),
        cmocka_unit_test(test_services_of_other_proxies_are_left_alone),
        cmocka_unit_test(test_affinity_remembers_clients),
        cmocka_unit_test(test_each_family_leads_to_its_own_endpoints),
        cmocka_unit_test(test_affinity_of_ipv6_clients),
        cmocka_unit_test(test_headless_and_external_names_ask_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
