/* What names of the cluster lead to, as records, over a real API. */
#include "net/dns/zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "../api/world.h"
#include "base/clock.h"
#include "client/in_process.h"
#include "kinds/discovery_v1.h"

static struct client *client;
static struct dns_zone *zone;
static struct arena a;

static int setup(void **state)
{
    struct str masters = STR("system:masters");
    struct user user = {.name = STR("tester"), .groups = {&masters, 1}};
    if (world_open(state) < 0)
        return -1;
    client = client_in_process(world_api(*state), &user);
    zone = dns_zone_start(client, &(struct dns_zone_options){.domain = STR("cluster.local"),
                                                             .server_address = STR("10.96.0.10")});
    return 0;
}

static int teardown(void **state)
{
    dns_zone_stop(zone);
    client_free(client);
    arena_free(&a);
    return world_close(state);
}

/* The answer as a zone file would have it, a line for each record, in order: "A 10.96.0.1"; or what became of
 * the question. */
static const char *look(const char *name, const char *type)
{
    static const char *const findings[] = {"NODATA", "NXDOMAIN", "foreign", "alias"};
    struct dns_name n;
    struct dns_answer answer;
    assert_true(dns_name_split(str_from(name), &n));
    enum dns_finding f = dns_zone_find(zone, &n, str_from(type), &a, &answer);
    struct str lines[16];
    size_t count = 0;
    for (size_t i = 0; i < answer.answers.n && count < ARRAY_LEN(lines); i++)
        lines[count++] = arena_printf(&a, STR_FMT " " STR_FMT "\n", STR_ARG(answer.answers.at[i].type),
                                      STR_ARG(answer.answers.at[i].data));
    for (size_t i = 0; i < answer.extra.n && count < ARRAY_LEN(lines); i++)
        lines[count++] =
            arena_printf(&a, STR_FMT " " STR_FMT " " STR_FMT "\n", STR_ARG(answer.extra.at[i].owner),
                         STR_ARG(answer.extra.at[i].type), STR_ARG(answer.extra.at[i].data));
    if (!count)
        return findings[f];
    qsort(lines, count, sizeof *lines, str_qsort); /* the server shuffles them */
    struct str all = f == DNS_ALIAS ? STR("alias ") : STR("");
    for (size_t i = 0; i < count; i++)
        all = arena_concat(&a, all, lines[i]);
    return arena_c(&a, all);
}

/* Waits until the zone has heard of what was written. */
static void becomes(const char *name, const char *type, const char *expected)
{
    const char *is = "";
    for (int i = 0; i < 2000; i++) {
        is = look(name, type);
        if (strcmp(is, expected) == 0)
            return;
        clock_sleep(5 * CLOCK_MS);
    }
    fail_msg("%s %s is %s, expected %s", name, type, is, expected);
}

static void create_web(struct world *w)
{
    assert_code(create(w, &service_resource, "default",
                       "{'metadata':{'name':'web'},'spec':{'clusterIP':'10.96.0.50','ports':[{'name':'http',"
                       "'port':80},{'name':'dns','port':53,'protocol':'UDP'}]}}"),
                201);
    becomes("web.default.svc.cluster.local", "A", "A 10.96.0.50\n");
}

static void a_service_has_an_address_and_its_ports(void **state)
{
    create_web(*state);
    assert_string_equal(look("web.default.svc.cluster.local.", "AAAA"), "NODATA");
    assert_string_equal(look("_http._tcp.web.default.svc.cluster.local", "SRV"),
                        "SRV 0 100 80 web.default.svc.cluster.local.\n"
                        "web.default.svc.cluster.local A 10.96.0.50\n");
    assert_string_equal(look("_dns._udp.web.default.svc.cluster.local", "A"), "A 10.96.0.50\n");
    assert_string_equal(look("_http._udp.web.default.svc.cluster.local", "SRV"), "NXDOMAIN");
    assert_string_equal(look("http.tcp.web.default.svc.cluster.local", "SRV"), "NXDOMAIN");
    assert_string_equal(look("50.0.96.10.in-addr.arpa", "PTR"), "PTR web.default.svc.cluster.local.\n");
    assert_string_equal(look("50.0.96.10.in-addr.arpa", "A"), "NODATA");
}

static void what_is_not_there_is_told_from_what_has_no_such_record(void **state)
{
    create_web(*state);
    assert_string_equal(look("nobody.default.svc.cluster.local", "A"), "NXDOMAIN");
    assert_string_equal(look("web.elsewhere.svc.cluster.local", "A"), "NXDOMAIN");
    assert_string_equal(look("elsewhere.svc.cluster.local", "A"), "NXDOMAIN");
    becomes("default.svc.cluster.local", "A", "NODATA");
    assert_string_equal(look("svc.cluster.local", "A"), "NODATA");
    assert_string_equal(look("_tcp.web.default.svc.cluster.local", "A"), "NODATA");
    assert_string_equal(look("a.b.c.web.default.svc.cluster.local", "A"), "NXDOMAIN");
    assert_string_equal(look("example.com", "A"), "foreign");
    assert_string_equal(look("local", "A"), "foreign");
    assert_string_equal(look("99.0.96.10.in-addr.arpa", "PTR"), "foreign");
    assert_string_equal(look("in-addr.arpa", "PTR"), "foreign");
}

static void a_headless_service_is_its_ready_endpoints(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'db'},'spec':{'clusterIP':'None','ports':[{'name':'sql','port':5432}]}}"),
        201);
    assert_code(
        create(
            w, &endpoint_slice_resource, "default",
            "{'metadata':{'name':'db-1','labels':{'kubernetes.io/service-name':'db'}},'addressType':'IPv4',"
            "'ports':[{'name':'sql','port':5432,'protocol':'TCP'}],'endpoints':["
            "{'addresses':['10.244.0.2'],'hostname':'db-0'},{'addresses':['10.244.0.3'],'conditions':{'ready'"
            ":true}},"
            "{'addresses':['10.244.0.4'],'hostname':'db-2','conditions':{'ready':false}}]}"),
        201);
    becomes("db.default.svc.cluster.local", "A", "A 10.244.0.2\nA 10.244.0.3\n");
    assert_string_equal(look("db-0.db.default.svc.cluster.local", "A"), "A 10.244.0.2\n");
    assert_string_equal(look("10-244-0-3.db.default.svc.cluster.local", "A"), "A 10.244.0.3\n");
    assert_string_equal(look("db-2.db.default.svc.cluster.local", "A"), "NXDOMAIN");
    assert_string_equal(look("_sql._tcp.db.default.svc.cluster.local", "SRV"),
                        "10-244-0-3.db.default.svc.cluster.local A 10.244.0.3\n"
                        "SRV 0 50 5432 10-244-0-3.db.default.svc.cluster.local.\n"
                        "SRV 0 50 5432 db-0.db.default.svc.cluster.local.\n"
                        "db-0.db.default.svc.cluster.local A 10.244.0.2\n");
    assert_string_equal(look("2.0.244.10.in-addr.arpa", "PTR"), "PTR db-0.db.default.svc.cluster.local.\n");
    assert_code(del(w, &endpoint_slice_resource, "default", "db-1", "{}"), 200);
    becomes("db.default.svc.cluster.local", "A",
            "NXDOMAIN"); /* no ready endpoints: as the specification says */
}

static void addresses_of_version_6(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'six'},'spec':{'clusterIP':'None','ports':[{'name':'sql','port':1}]}}"),
        201);
    assert_code(
        create(
            w, &endpoint_slice_resource, "default",
            "{'metadata':{'name':'six-1','labels':{'kubernetes.io/service-name':'six'}},'addressType':'IPv6',"
            "'ports':[{'name':'sql','port':1}],'endpoints':[{'addresses':['fd00::5'],'hostname':'h'}]}"),
        201);
    becomes("six.default.svc.cluster.local", "AAAA", "AAAA fd00::5\n");
    assert_string_equal(look("six.default.svc.cluster.local", "A"), "NODATA");
    assert_string_equal(
        look("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "PTR"),
        "PTR h.six.default.svc.cluster.local.\n");
}

static void an_external_name_is_an_alias(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'out'},'spec':{'type':'ExternalName','externalName':'db.example.com'}}"),
        201);
    becomes("out.default.svc.cluster.local", "A", "alias CNAME db.example.com.\n");
    assert_string_equal(look("out.default.svc.cluster.local", "CNAME"), "CNAME db.example.com.\n");
    assert_code(patch(w, &service_resource, "default", "out", API_PATCH_MERGE,
                      "{'spec':{'externalName':'10.1.2.3'}}"),
                200);
    becomes("out.default.svc.cluster.local", "A", "A 10.1.2.3\n");
    assert_code(patch(w, &service_resource, "default", "out", API_PATCH_MERGE,
                      "{'spec':{'type':'ClusterIP','externalName':null,'clusterIP':'10.96.0.60','ports':[{'"
                      "port':80}]}}"),
                200);
    becomes("out.default.svc.cluster.local", "A", "A 10.96.0.60\n");
    assert_code(del(w, &service_resource, "default", "out", "{}"), 200);
    becomes("out.default.svc.cluster.local", "A", "NXDOMAIN");
}

static void pods_have_names_made_of_their_addresses(void **state)
{
    (void)state;
    becomes("10-244-0-2.default.pod.cluster.local", "A", "A 10.244.0.2\n");
    assert_string_equal(look("fd00--5.default.pod.cluster.local", "AAAA"), "AAAA fd00::5\n");
    assert_string_equal(look("10-244-0-2.default.pod.cluster.local", "AAAA"), "NODATA");
    assert_string_equal(look("10-244-0-2.elsewhere.pod.cluster.local", "A"), "NXDOMAIN");
    assert_string_equal(look("10-244-0-256.default.pod.cluster.local", "A"), "NXDOMAIN");
    assert_string_equal(look("x.10-244-0-2.default.pod.cluster.local", "A"), "NXDOMAIN");
}

static void the_zone_says_what_it_is(void **state)
{
    (void)state;
    assert_string_equal(look("dns-version.cluster.local", "TXT"), "TXT \"1.1.0\"\n");
    assert_string_equal(look("cluster.local", "NS"), "NS ns.dns.cluster.local.\n");
    assert_string_equal(look("ns.dns.cluster.local", "A"), "A 10.96.0.10\n");
    assert_string_equal(look("dns.cluster.local", "A"), "NODATA");
    assert_int_equal(strncmp(look("cluster.local", "SOA"), "SOA ns.dns.cluster.local. hostmaster.", 37), 0);
}

static void names_that_are_none(void **state)
{
    (void)state;
    struct dns_name n;
    assert_false(dns_name_split(STR("a..b"), &n));
    assert_true(dns_name_split(STR("."), &n));
    assert_int_equal(n.n, 0);
}

#define zone_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        zone_test(a_service_has_an_address_and_its_ports),
        zone_test(what_is_not_there_is_told_from_what_has_no_such_record),
        zone_test(a_headless_service_is_its_ready_endpoints),
        zone_test(addresses_of_version_6),
        zone_test(an_external_name_is_an_alias),
        zone_test(pods_have_names_made_of_their_addresses),
        zone_test(the_zone_says_what_it_is),
        cmocka_unit_test(names_that_are_none),
    };
    return cmocka_run_group_tests_name("net/dns_zone", tests, NULL, NULL);
}
