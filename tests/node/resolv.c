/* A pod's resolv.conf by its DNS policy. */
#include "node/pod/resolv.h"

#include "test.h"

static struct arena a;

static int drop(void **state)
{
    (void)state;
    arena_free(&a);
    return 0;
}

static struct pod_resolv make(struct str policy, const struct pod_dns_config *config, bool host_network)
{
    struct pod pod = {.metadata = {.namespace = STR("shop")},
                      .spec = {.dns_policy = policy,
                               .dns_config = (struct pod_dns_config *)config,
                               .host_network = host_network}};
    struct str dns = STR("10.96.0.10");
    struct resolv_conf host;
    resolv_conf_parse(STR("# a comment\n"
                          "nameserver 192.0.2.1\n"
                          "search old.example\n"
                          "search corp.example  shop.svc.cluster.local\n"
                          "options rotate timeout:1\n"
                          "sortlist 10.0.0.0\n"),
                      &a, &host);
    struct pod_resolv out;
    pod_resolv_make(&pod,
                    &(struct pod_resolv_options){
                        .host = &host, .cluster_dns = {&dns, 1}, .cluster_domain = STR("cluster.local")},
                    &a, &out);
    return out;
}

static const char *const cluster_text =
    "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
    "nameserver 10.96.0.10\n"
    "options ndots:5\n";
static const char *const host_text = "search corp.example shop.svc.cluster.local\n"
                                     "nameserver 192.0.2.1\n"
                                     "options rotate timeout:1\n";

static void the_policy_says_whom_to_ask(void **state)
{
    (void)state;
    assert_str(make(STR("ClusterFirst"), NULL, false).text, cluster_text);
    assert_str(make(STR("ClusterFirst"), NULL, true).text, host_text);
    assert_str(make(STR("ClusterFirstWithHostNet"), NULL, true).text, cluster_text);
    assert_str(make(STR("Default"), NULL, false).text, host_text);
    assert_str(make(STR("None"), NULL, false).text, "");
}

static void the_configuration_is_merged(void **state)
{
    (void)state;
    struct str servers[] = {STR("1.1.1.1"), STR("10.96.0.10")},
               searches[] = {STR("resolv.conf.local"), STR("cluster.local")}, two = STR("2");
    struct pod_dns_config_option options[] = {{STR("ndots"), &two}, {STR("edns0"), NULL}};
    struct pod_dns_config config = {
        .nameservers = {servers, 2}, .searches = {searches, 2}, .options = {options, 2}};
    assert_str(make(STR("None"), &config, false).text,
               "search resolv.conf.local cluster.local\nnameserver 1.1.1.1\nnameserver 10.96.0.10\noptions "
               "ndots:2 edns0\n");
    assert_str(
        make(STR("ClusterFirst"), &config, false).text,
        "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example resolv.conf.local\n"
        "nameserver 10.96.0.10\nnameserver 1.1.1.1\noptions ndots:2 edns0\n");
}

static void limits_are_kept_and_told(void **state)
{
    (void)state;
    struct str servers[] = {STR("1.1.1.1"), STR("2.2.2.2"), STR("3.3.3.3")}, searches[40];
    struct pod_dns_config config = {.nameservers = {servers, 3}, .searches = {searches, 40}};
    for (size_t i = 0; i < 40; i++)
        searches[i] = arena_printf(&a, "s%zu", i);
    struct pod_resolv r = make(STR("ClusterFirst"), &config, false);
    assert_int_equal(str_find(r.text, STR("3.3.3.3")), -1);
    assert_int_equal(str_find(r.text, STR("s28")), -1);
    assert_true(str_find(r.text, STR(" s27\n")) > 0);
    assert_true(str_starts(
        r.warnings,
        STR("Nameserver limits were exceeded, some nameservers have been omitted, the applied "
            "nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2\nSearch Line limits were exceeded, ")));
    for (size_t i = 0; i < 40; i++)
        searches[i] = arena_printf(&a, "%0200zu", i);
    r = make(STR("None"), &config, false);
    assert_true(str_find(r.text, STR("\n")) <= 2048 + (ptrdiff_t)sizeof "search");
    assert_true(r.warnings.n);
}

static void without_a_cluster_dns_the_nodes_serves(void **state)
{
    (void)state;
    struct pod pod = {.spec = {.dns_policy = STR("ClusterFirst")}};
    struct resolv_conf host;
    struct pod_resolv out;
    resolv_conf_parse(STR("nameserver 192.0.2.1"), &a, &host);
    pod_resolv_make(&pod, &(struct pod_resolv_options){.host = &host}, &a, &out);
    assert_true(out.missing);
    assert_str(out.text, "nameserver 192.0.2.1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_policy_says_whom_to_ask),
        cmocka_unit_test(the_configuration_is_merged),
        cmocka_unit_test(limits_are_kept_and_told),
        cmocka_unit_test(without_a_cluster_dns_the_nodes_serves),
    };
    return cmocka_run_group_tests_name("node/resolv", tests, NULL, drop);
}
