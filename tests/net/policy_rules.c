/* What network policies become in the kernel's rules, without a kernel; and that the kernel takes it. */
#include "net/policy_rules.h"

#include <sched.h>
#include <unistd.h>

#include "net/nft.h"
#include "schema/json.h"
#include "test.h"

static struct arena a;
static const struct items none;

static int drop(void **state)
{
    (void)state;
    arena_free(&a);
    return 0;
}

static void *read_json(const struct resource *r, const char *json)
{
    _cleanup_err_ struct err err = {0};
    char *text = arena_c(&a, str_from(json));
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    void *typed = arena_alloc(&a, r->type->size);
    assert_ok(json_decode(&a, r->type, str_from(text), 0, typed, NULL, &err), err);
    return typed;
}

static struct network_policy *policy(const char *spec)
{
    return read_json(&network_policy_resource,
                     arena_printf(&a, "{'metadata':{'name':'p','namespace':'shop'},'spec':%s}", spec).p);
}

/* Pods of two namespaces: "shop" and "office", which has the label team=b. */
static struct policy_pods pods(void)
{
    static const struct {
        const char *ns, *app, *port;
    } all[] = {{"shop", "web", "http"}, {"shop", "db", "sql"}, {"office", "web", "http"}};
    struct str_entry *entry = arena_new(&a, struct str_entry);
    struct str_map *office = arena_new(&a, struct str_map), *shop = arena_new(&a, struct str_map);
    *entry = (struct str_entry){STR("team"), STR("b")};
    *office = (struct str_map){entry, 1};
    struct policy_pods out = {arena_new_n(&a, struct policy_pod, ARRAY_LEN(all)), ARRAY_LEN(all)};
    for (size_t i = 0; i < out.n; i++) {
        struct str json = arena_printf(
            &a,
            "{'metadata':{'name':'x','namespace':'%s','labels':{'app':'%s'}},'spec':{'containers':[{'name':"
            "'c','ports':[{'name':'%s','containerPort':%zu,'protocol':'TCP'}]}]},'status':{'podIPs':[{'ip':'"
            "10.244.0.%zu'},{'ip':'fd00:10:244::%zu'}]}}",
            all[i].ns, all[i].app, all[i].port, 8000 + i, i + 2, i + 2);
        out.at[i].pod = read_json(&pod_resource, json.p);
        out.at[i].namespace_labels = strcmp(all[i].ns, "office") == 0 ? office : shop;
        struct policy_ips *ips = arena_new(&a, struct policy_ips);
        assert_true(policy_pod_read(out.at[i].pod, ips));
        out.at[i].ips = ips;
    }
    return out;
}

static struct items rules_of(const char *spec, enum ip_family family)
{
    struct items out = {0};
    struct policy_pods all = pods();
    policy_rules(policy(spec), &all, family, &a, &out);
    return out;
}

static struct items rules(const char *spec)
{
    return rules_of(spec, IP_V4);
}

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

static void test_nothing_is_allowed_by_default(void **state)
{
    (void)state;
    struct items items = rules("{'podSelector':{},'policyTypes':['Ingress']}");
    assert_int_equal(items.n, 1);
    assert_str(text(&items, "in/shop/p"), "");
    items_free(&items);
}

static void test_an_empty_rule_allows_everything(void **state)
{
    (void)state;
    struct items items =
        rules("{'podSelector':{},'policyTypes':['Ingress','Egress'],'ingress':[{}],'egress':[{}]}");
    assert_str(text(&items, "in/shop/p"), "accept\n");
    assert_str(text(&items, "out/shop/p"), "accept\n");
    items_free(&items);
}

static void test_peers_are_pods_of_the_namespace_or_of_those_selected(void **state)
{
    (void)state;
    struct items items = rules("{'podSelector':{},'policyTypes':['Ingress'],'ingress':[{'from':[{'"
                               "podSelector':{'matchLabels':{'app':'web'}}}]},"
                               "{'from':[{'namespaceSelector':{'matchLabels':{'team':'b'}}}]}]}");
    assert_str(text(&items, "in/shop/p"),
               "ip saddr @peers/in/0/0/shop/p accept\nip saddr @peers/in/1/0/shop/p accept\n");
    assert_true(has(&items, "peers/in/0/0/shop/p { 10.244.0.2"));
    assert_false(has(&items, "peers/in/0/0/shop/p { 10.244.0.3")); /* another app */
    assert_false(has(&items, "peers/in/0/0/shop/p { 10.244.0.4")); /* another namespace */
    assert_true(has(&items, "peers/in/1/0/shop/p { 10.244.0.4"));
    items_free(&items);
}

static void test_blocks_have_holes(void **state)
{
    (void)state;
    struct items items =
        rules("{'podSelector':{},'policyTypes':['Egress'],'egress':[{'to':[{'ipBlock':{'cidr':'0.0.0.0/"
              "0','except':['10.0.0.0/8','192.0.2.0/24']}},"
              "{'ipBlock':{'cidr':'10.1.0.0/16'}},{'ipBlock':{'cidr':'fd00::/"
              "8'}}],'ports':[{'protocol':'UDP','port':53},{'port':80,'endPort':90},{'protocol':'SCTP'}]}]}");
    assert_str(text(&items, "out/shop/p"),
               "ip daddr != 10.0.0.0/8 ip daddr != 192.0.2.0/24 udp dport 53 accept\n"
               "ip daddr != 10.0.0.0/8 ip daddr != 192.0.2.0/24 tcp dport 80-90 accept\n"
               "ip daddr != 10.0.0.0/8 ip daddr != 192.0.2.0/24 meta l4proto sctp accept\n"
               "ip daddr 10.1.0.0/16 udp dport 53 accept\n"
               "ip daddr 10.1.0.0/16 tcp dport 80-90 accept\n"
               "ip daddr 10.1.0.0/16 meta l4proto sctp accept\n");
    items_free(&items);
}

static void test_each_family_has_its_own_addresses(void **state)
{
    (void)state;
    static const char spec[] =
        "{'podSelector':{},'policyTypes':['Ingress'],'ingress':[{'from':[{'podSelector':{'matchLabels':{'app'"
        ":'web'}}},{'ipBlock':{'cidr':'10.0.0.0/8'}},{'ipBlock':{'cidr':'fd00::/8','except':['fd00:1::/32']}}"
        "]},{'ports':[{'port':'http'}]}]}";
    struct items items = rules_of(spec, IP_V6);
    assert_str(text(&items, "in/shop/p"),
               "ip6 saddr fd00::/8 ip6 saddr != fd00:1::/32 accept\nip6 saddr @peers/in/0/0/shop/p accept\n"
               "ip6 daddr . meta l4proto . th dport @ports/in/1/0/shop/p accept\n");
    assert_str(text(&items, "peers/in/0/0/shop/p"), "{ type ipv6_addr; }");
    assert_true(has(&items, "peers/in/0/0/shop/p { fd00:10:244::2"));
    assert_true(has(&items, "ports/in/1/0/shop/p { fd00:10:244::2 . tcp . 8000"));
    assert_false(has(&items, "peers/in/0/0/shop/p { 10.244.0.2"));
    items_free(&items);
}

static void test_a_named_port_is_each_pods_own(void **state)
{
    (void)state;
    struct items items =
        rules("{'podSelector':{'matchLabels':{'app':'web'}},'policyTypes':['Ingress','Egress'],'ingress':[{'"
              "ports':[{'port':'http'}]}],'egress':[{'ports':[{'port':'http'}]}]}");
    assert_str(text(&items, "in/shop/p"), "ip daddr . meta l4proto . th dport @ports/in/0/0/shop/p accept\n");
    assert_true(has(&items, "ports/in/0/0/shop/p { 10.244.0.2 . tcp . 8000"));
    assert_false(has(&items, "ports/in/0/0/shop/p { 10.244.0.4 . tcp . 8002")); /* not selected */
    assert_true(has(&items, "ports/out/0/0/shop/p { 10.244.0.4 . tcp . 8002"));
    items_free(&items);
}

static void test_a_pod_asks_its_policies(void **state)
{
    (void)state;
    const struct network_policy *both[] = {policy("{'podSelector':{},'policyTypes':['Ingress','Egress']}"),
                                           policy("{'podSelector':{},'policyTypes':['Egress']}")};
    struct items items = {0};
    struct policy_ips ips = {0};
    policy_ips_add(&ips, STR("10.244.0.2"));
    policy_ips_add(&ips, STR("fd00:10:244::2"));
    policy_pod_rules(&ips, both, 2, IP_V4, &a, &items);
    assert_str(text(&items, "ingress { \"sg0af40002\""), "jump to/sg0af40002");
    assert_str(text(&items, "to/sg0af40002"), "ip saddr 10.244.0.2 return\njump in/shop/p\ndrop\n");
    assert_str(text(&items, "from/sg0af40002"),
               "ip daddr 10.244.0.2 return\njump out/shop/p\njump out/shop/p\ndrop\n");
    items_free(&items);
    policy_pod_rules(&ips, both, 2, IP_V6, &a, &items); /* the link is the same */
    assert_str(text(&items, "ingress { \"sg0af40002\""), "jump to/sg0af40002");
    assert_str(text(&items, "to/sg0af40002"), "ip6 saddr fd00:10:244::2 return\njump in/shop/p\ndrop\n");
    items_free(&items);
    policy_pod_rules(&ips, both, 0, IP_V4, &a, &items);
    assert_int_equal(items.n, 0); /* nobody says anything about it */
    ips.n = 1;
    policy_pod_rules(&ips, both, 2, IP_V6, &a, &items);
    assert_int_equal(items.n, 0); /* it has no address of this family */
}

static void test_who_has_to_do_with_whom(void **state)
{
    (void)state;
    struct policy_pods all = pods();
    struct network_policy *p =
        policy("{'podSelector':{'matchLabels':{'app':'db'}},'policyTypes':['Ingress'],'ingress':[{'from':[{'"
               "namespaceSelector':{'matchLabels':{'team':'b'}}}]}]}");
    assert_true(policy_selects(p, all.at[1].pod));
    assert_false(policy_selects(p, all.at[2].pod));
    assert_false(policy_names(p, &all.at[0]));
    assert_true(policy_names(p, &all.at[2]));
    assert_true(policy_names_namespaces(p));
}

static void test_the_kernel_takes_it(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
        skip();
    const char *spec = "{'podSelector':{},'policyTypes':['Ingress','Egress'],'ingress':[{'from':[{'"
                       "podSelector':{}},{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}},"
                       "{'ipBlock':{'cidr':'fd00::/8','except':['fd00:1::/32']}}],"
                       "'ports':[{'port':'http'},{'protocol':'SCTP','port':1},{'protocol':'UDP'},{'port':1,'"
                       "endPort':65535}]}],'egress':[{}]}";
    const struct network_policy *one[] = {policy(spec)};
    struct policy_ips ips = {0};
    policy_ips_add(&ips, STR("10.244.0.2"));
    policy_ips_add(&ips, STR("fd00:10:244::2"));
    for (size_t f = 0; f < NFT_FAMILIES; f++) {
        _cleanup_buf_ struct buf script = {0};
        _cleanup_err_ struct err err = {0};
        struct ruleset rs = {.family = nft_family[f], .table = "sagong-policy", .base = policy_base};
        struct items items[2] = {rules_of(spec, nft_family[f]), {0}};
        policy_pod_rules(&ips, one, 1, nft_family[f], &a, &items[1]);
        struct items_change add[] = {{&none, &items[0]}, {&none, &items[1]}},
                            take[] = {{&items[0], &none}, {&items[1], &none}};
        ruleset_begin(&rs, &script);
        ruleset_change(&rs, add, 2, &script);
        assert_ok(nft_apply(buf_str(&script), &err), err);
        script.n = 0;
        ruleset_change(&rs, take, 2, &script);
        assert_ok(nft_apply(buf_str(&script), &err), err);
        ruleset_free(&rs);
        items_free(&items[0]);
        items_free(&items[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_allowed_by_default),
        cmocka_unit_test(test_an_empty_rule_allows_everything),
        cmocka_unit_test(test_peers_are_pods_of_the_namespace_or_of_those_selected),
        cmocka_unit_test(test_blocks_have_holes),
        cmocka_unit_test(test_each_family_has_its_own_addresses),
        cmocka_unit_test(test_a_named_port_is_each_pods_own),
        cmocka_unit_test(test_a_pod_asks_its_policies),
        cmocka_unit_test(test_who_has_to_do_with_whom),
        cmocka_unit_test(test_the_kernel_takes_it),
    };
    return cmocka_run_group_tests_name("net/policy_rules", tests, NULL, drop);
}
