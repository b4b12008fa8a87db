/* The DNS server over real sockets, with resolvers behind it that this test plays. Loopback only. */
#include "net/dns/server.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../api/world.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "client/in_process.h"
#include "kinds/discovery_v1.h"

/* A resolver at 127.0.0.N: answers every A question with 192.0.2.N, or refuses, or keeps silent. */
struct upstream {
    int udp, tcp;
    uint8_t last;
    enum { ANSWERS, TRUNCATES, REFUSES, SILENT } manner;
    pthread_t thread;
    _Atomic int asked;
};

static struct client *client;
static struct dns_server *server;
static const char *where; /* whom the client asks */
static uint16_t port, forward_port;
static char resolv[64];
static struct upstream first = {.last = 2}, second = {.last = 3};
static _Atomic bool ending;
static struct arena a;

static int bound(int type, const char *ip, uint16_t at)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(at)};
    int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, ip, &sa.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
        close(fd);
        return -1;
    }
    if (type == SOCK_STREAM)
        listen(fd, 8);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in sa;
    socklen_t n = sizeof sa;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    return ntohs(sa.sin_port);
}

/* The bytes of an answer to these. */
static size_t upstream_answer(struct upstream *u, const uint8_t *in, size_t n, bool tcp, uint8_t **out)
{
    ldns_pkt *p = NULL;
    size_t size = 0;
    if (ldns_wire2pkt(&p, in, n) != LDNS_STATUS_OK)
        return 0;
    u->asked++;
    char text[512], *name = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(p), 0)));
    ldns_rr *rr = NULL;
    ldns_pkt_set_qr(p, true);
    if (u->manner == REFUSES) {
        ldns_pkt_set_rcode(p, LDNS_RCODE_REFUSED);
    } else if (u->manner == TRUNCATES && !tcp) {
        ldns_pkt_set_tc(p, true);
    } else {
        snprintf(text, sizeof text, "%s 100 IN A 192.0.2.%d", name, u->last);
        ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL);
        ldns_pkt_push_rr(p, LDNS_SECTION_ANSWER, rr);
    }
    ldns_pkt2wire(out, p, &size);
    ldns_pkt_free(p);
    free(name);
    return size;
}

static void upstream_tcp(struct upstream *u)
{
    uint8_t in[1024], *out = NULL, length[2];
    int fd = accept(u->tcp, NULL, NULL);
    ssize_t n = recv(fd, in, sizeof in, 0);
    size_t size = n > 2 ? upstream_answer(u, in + 2, (size_t)n - 2, true, &out) : 0;
    length[0] = (uint8_t)(size >> 8);
    length[1] = (uint8_t)size;
    if (size && send(fd, length, 2, 0) == 2) /* in pieces, as TCP may */
        send(fd, out, size, 0);
    free(out);
    close(fd);
}

static void upstream_run(void *arg)
{
    struct upstream *u = arg;
    while (!ending) {
        struct pollfd fds[] = {{u->udp, POLLIN, 0}, {u->tcp, POLLIN, 0}};
        uint8_t in[1024], *out = NULL;
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        if (poll(fds, 2, 20) <= 0)
            continue;
        if (fds[1].revents)
            upstream_tcp(u);
        if (!fds[0].revents)
            continue;
        ssize_t n = recvfrom(u->udp, in, sizeof in, 0, (struct sockaddr *)&from, &size);
        if (u->manner == SILENT) {
            u->asked++;
            continue;
        }
        size_t answer = upstream_answer(u, in, (size_t)n, false, &out);
        sendto(u->udp, out, answer, 0, (struct sockaddr *)&from, size);
        free(out);
    }
}

static void upstream_start(struct upstream *u)
{
    char ip[16];
    snprintf(ip, sizeof ip, "127.0.0.%d", u->last);
    u->udp = bound(SOCK_DGRAM, ip, forward_port);
    forward_port = port_of(u->udp);
    u->tcp = bound(SOCK_STREAM, ip, forward_port);
    assert_true(u->tcp >= 0);
    u->asked = 0;
    u->manner = ANSWERS;
    u->thread = thread_start("upstream", upstream_run, u);
}

static int start(struct dns_server_options o)
{
    _cleanup_err_ struct err err = {0};
    o.port = port;
    o.domain = STR("cluster.local");
    o.service_address = STR("127.0.0.10");
    o.resolv_conf = resolv;
    o.forward_port = forward_port;
    assert_ok(dns_server_start(client, &o, &server, &err), err);
    return 0;
}

static int setup(void **state)
{
    struct str masters = STR("system:masters");
    struct user user = {.name = STR("tester"), .groups = {&masters, 1}};
    _cleanup_err_ struct err err = {0};
    if (world_open(state) < 0)
        return -1;
    client = client_in_process(world_api(*state), &user);
    ending = false;
    forward_port = 0;
    upstream_start(&first);
    upstream_start(&second);
    snprintf(resolv, sizeof resolv, "/tmp/sagong-resolv-XXXXXX");
    close(mkstemp(resolv));
    assert_ok(
        file_replace(resolv,
                     STR("# ours is passed over\nnameserver 127.0.0.10\nnameserver 127.0.0.2\nnameserver "
                         "127.0.0.3\n"),
                     0600, &err),
        err);
    int probe = bound(SOCK_STREAM, "127.0.0.1", 0);
    port = port_of(probe);
    close(probe);
    where = "127.0.0.1";
    return start((struct dns_server_options){.listen = STR("127.0.0.1")});
}

static int teardown(void **state)
{
    dns_server_stop(server);
    ending = true;
    struct upstream *both[] = {&first, &second};
    for (size_t i = 0; i < 2; i++) {
        thread_join(both[i]->thread);
        close(both[i]->udp);
        close(both[i]->tcp);
    }
    unlink(resolv);
    client_free(client);
    arena_free(&a);
    return world_close(state);
}

/* --- a client --- */

static int dial(int type)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct timeval patience = {.tv_sec = 20};
    bool v6 = inet_pton(AF_INET6, where, &six.sin6_addr) == 1;
    assert_true(v6 || inet_pton(AF_INET, where, &four.sin_addr) == 1);
    int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (int i = 0; i < 500; i++) {
        if (connect(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
                    v6 ? sizeof six : sizeof four) == 0)
            break;
        clock_sleep(10 * CLOCK_MS);
    }
    return fd;
}

static size_t exchange(bool tcp, const uint8_t *out, size_t n, uint8_t in[65536])
{
    uint8_t message[1024] = {(uint8_t)(n >> 8), (uint8_t)n};
    size_t got = 0, want = 2;
    memcpy(message + 2, out, n);
    if (!tcp) {
        close(dial(SOCK_STREAM)); /* it listens to both, or to neither yet */
        int fd = dial(SOCK_DGRAM);
        send(fd, out, n, 0);
        ssize_t r = recv(fd, in, 65536, 0);
        close(fd);
        return r < 0 ? 0 : (size_t)r;
    }
    int fd = dial(SOCK_STREAM);
    send(fd, message, n + 2, 0);
    while (got < want) {
        ssize_t r = recv(fd, in + got, 65536 - got, 0);
        if (r <= 0)
            break;
        got += (size_t)r;
        if (got >= 2)
            want = 2 + ((size_t)in[0] << 8 | in[1]);
    }
    close(fd);
    if (got < 2)
        return 0;
    memmove(in, in + 2, got - 2);
    return got - 2;
}

struct question {
    const char *name;
    ldns_rr_type type;
    bool tcp;
    uint16_t edns;
};

/* The answer; freed by the caller. */
static ldns_pkt *ask_packet(struct question q)
{
    static uint8_t in[65536];
    ldns_pkt *query = NULL, *answer = NULL;
    uint8_t *wire = NULL;
    size_t n = 0;
    assert_int_equal(ldns_pkt_query_new_frm_str(&query, q.name, q.type, LDNS_RR_CLASS_IN, LDNS_RD),
                     LDNS_STATUS_OK);
    ldns_pkt_set_id(query, 4711);
    if (q.edns)
        ldns_pkt_set_edns_udp_size(query, q.edns);
    ldns_pkt2wire(&wire, query, &n);
    n = exchange(q.tcp, wire, n, in);
    assert_true(n > 0);
    assert_int_equal(ldns_wire2pkt(&answer, in, n), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_id(answer), 4711);
    assert_true(ldns_pkt_qr(answer));
    assert_int_equal(ldns_pkt_edns(answer), q.edns > 0);
    ldns_pkt_free(query);
    free(wire);
    return answer;
}

/* "NOERROR aa NAME TYPE DATA; ..." */
static const char *ask_text(struct question q)
{
    ldns_pkt *p = ask_packet(q);
    char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
    struct str s =
        arena_printf(&a, "%s%s%s", rcode, ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "");
    for (size_t i = 0; i < ldns_pkt_ancount(p); i++) {
        ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(p), i);
        char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *data = ldns_rdf2str(ldns_rr_rdf(rr, 0));
        s = arena_printf(&a, STR_FMT "; %s %s", STR_ARG(s), owner, data);
        free(owner);
        free(data);
    }
    for (size_t i = 0; i < ldns_pkt_nscount(p); i++) {
        char *type = ldns_rr_type2str(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_authority(p), i)));
        s = arena_printf(&a, STR_FMT "; %s", STR_ARG(s), type);
        free(type);
    }
    free(rcode);
    ldns_pkt_free(p);
    return s.p;
}

#define ask_for(...) ask_text((struct question){__VA_ARGS__})

static void becomes(const char *name, const char *expected)
{
    const char *is = "";
    for (int i = 0; i < 1000; i++) {
        is = ask_for(name, LDNS_RR_TYPE_A);
        if (strcmp(is, expected) == 0)
            return;
        clock_sleep(5 * CLOCK_MS);
    }
    fail_msg("%s is %s, expected %s", name, is, expected);
}

static void create_service(struct world *w, const char *spec)
{
    char json[512];
    snprintf(json, sizeof json, "{'metadata':{'name':'web'},'spec':%s}", spec);
    assert_code(create(w, &service_resource, "default", json), 201);
}

static void the_clusters_names_by_udp_and_tcp(void **state)
{
    create_service(*state, "{'clusterIP':'10.96.0.50','ports':[{'name':'http','port':80}]}");
    becomes("web.default.svc.cluster.local", "NOERROR aa; web.default.svc.cluster.local. 10.96.0.50");
    assert_string_equal(ask_for("WEB.default.svc.cluster.local", LDNS_RR_TYPE_A, .tcp = true),
                        "NOERROR aa; WEB.default.svc.cluster.local. 10.96.0.50"); /* as the client wrote it */
    assert_string_equal(ask_for("web.default.svc.cluster.local", LDNS_RR_TYPE_AAAA), "NOERROR aa; SOA");
    assert_string_equal(ask_for("nobody.default.svc.cluster.local", LDNS_RR_TYPE_A, .edns = 4096),
                        "NXDOMAIN aa; SOA");
    assert_int_equal(first.asked + second.asked, 0);
}

static void other_names_are_asked_of_the_nodes_resolvers_once(void **state)
{
    (void)state;
    assert_string_equal(ask_for("example.com", LDNS_RR_TYPE_A), "NOERROR; example.com. 192.0.2.2");
    assert_string_equal(ask_for("Example.com", LDNS_RR_TYPE_A, .edns = 1232),
                        "NOERROR; Example.com. 192.0.2.2");
    assert_int_equal(first.asked, 1); /* the second time it was known */
    assert_int_equal(second.asked, 0);
}

static void a_resolver_that_refuses_or_is_silent_is_passed_over(void **state)
{
    (void)state;
    first.manner = REFUSES;
    assert_string_equal(ask_for("one.example.com", LDNS_RR_TYPE_A), "NOERROR; one.example.com. 192.0.2.3");
    first.manner = SILENT;
    assert_string_equal(ask_for("two.example.com", LDNS_RR_TYPE_A), "NOERROR; two.example.com. 192.0.2.3");
    second.manner = REFUSES;
    assert_string_equal(ask_for("three.example.com", LDNS_RR_TYPE_A), "REFUSED");
}

static void nobody_to_ask(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    assert_ok(file_replace(resolv, STR("nameserver 127.0.0.10\n"), 0600, &err), err);
    assert_string_equal(ask_for("example.com", LDNS_RR_TYPE_A), "SERVFAIL");
}

static void long_answers_go_by_tcp(void **state)
{
    (void)state;
    first.manner = TRUNCATES;
    assert_string_equal(ask_for("long.example.com", LDNS_RR_TYPE_A), "NOERROR tc");
    assert_string_equal(ask_for("long.example.com", LDNS_RR_TYPE_A, .tcp = true),
                        "NOERROR; long.example.com. 192.0.2.2");
}

static void what_does_not_fit_is_left_out_with_a_mark(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf slice = {0};
    create_service(w, "{'clusterIP':'None','ports':[{'port':80}]}");
    buf_add_lit(
        &slice,
        "{'metadata':{'name':'web-1','labels':{'kubernetes.io/service-name':'web'}},'addressType':'IPv4',"
        "'ports':[{'port':80}],'endpoints':[");
    for (int i = 0; i < 100; i++)
        buf_addf(&slice, "%s{'addresses':['10.244.0.%d']}", i ? "," : "", i + 2);
    buf_add_lit(&slice, "]}");
    buf_add_c(&slice, 0);
    assert_code(create(w, &endpoint_slice_resource, "default", slice.p), 201);
    size_t count[3] = {0};
    for (int tries = 0; tries < 1000 && !(count[0] && count[1] && count[2] == 100); tries++) {
        for (size_t i = 0; i < 3; i++) {
            ldns_pkt *p = ask_packet((struct question){"web.default.svc.cluster.local", LDNS_RR_TYPE_A,
                                                       i == 2, i == 1 ? 1232 : 0});
            count[i] = ldns_pkt_ancount(p);
            if (count[i])
                assert_int_equal(ldns_pkt_tc(p), count[i] < 100);
            assert_true(i == 2 || ldns_pkt_size(p) <= (i ? 1232 : 512));
            ldns_pkt_free(p);
        }
        clock_sleep(5 * CLOCK_MS);
    }
    assert_true(count[0] > 20 && count[0] < count[1] && count[1] < 100);
    assert_int_equal(count[2], 100);
}

static void aliases_are_followed(void **state)
{
    struct world *w = *state;
    create_service(w, "{'type':'ExternalName','externalName':'db.example.com'}");
    becomes("web.default.svc.cluster.local",
            "NOERROR aa; web.default.svc.cluster.local. db.example.com.; db.example.com. 192.0.2.2");
    first.manner = second.manner = REFUSES;
    assert_code(patch(w, &service_resource, "default", "web", API_PATCH_MERGE,
                      "{'spec':{'externalName':'web.default.svc.cluster.local'}}"),
                200);
    becomes("web.default.svc.cluster.local", "SERVFAIL"); /* for ever in a circle */
}

static void garbage(void **state)
{
    (void)state;
    static uint8_t in[65536];
    uint8_t torn[] = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 'x'};
    assert_int_equal(exchange(false, torn, sizeof torn, in), 12);
    assert_int_equal(in[0] << 8 | in[1], 0x102);
    assert_int_equal(in[2] & 0x80, 0x80);
    assert_int_equal(in[3] & 15, LDNS_RCODE_FORMERR);
    uint8_t update[] = {1, 2, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1};
    assert_true(exchange(false, update, sizeof update, in) >= 12);
    assert_int_equal(in[3] & 15, LDNS_RCODE_NOTIMPL);
    uint8_t chaos[] = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 16, 0, 3};
    assert_true(exchange(false, chaos, sizeof chaos, in) >= 12);
    assert_int_equal(in[3] & 15, LDNS_RCODE_REFUSED);
    uint8_t answer[] = {1, 2, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 1, 0, 1};
    assert_int_equal(exchange(true, answer, sizeof answer, in), 0); /* answers are not answered */
    assert_string_equal(ask_for("dns-version.cluster.local", LDNS_RR_TYPE_TXT),
                        "NOERROR aa; dns-version.cluster.local. \"1.1.0\"");
}

/* A node whose ranges begin so that it serves at loopback addresses. */
static void the_first_address_of_each_of_the_nodes_ranges(void **state)
{
    assert_code(create(*state, &node_resource, "",
                       "{'metadata':{'name':'here'},'spec':{'podCIDRs':['127.77.0.0/24','::/64']}}"),
                201);
    dns_server_stop(server);
    start((struct dns_server_options){.node_name = STR("here")});
    static const char *const addresses[] = {"127.77.0.1", "::1"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        where = addresses[i];
        assert_string_equal(ask_for("dns-version.cluster.local", LDNS_RR_TYPE_TXT),
                            "NOERROR aa; dns-version.cluster.local. \"1.1.0\"");
        assert_string_equal(ask_for("dns-version.cluster.local", LDNS_RR_TYPE_TXT, .tcp = true),
                            "NOERROR aa; dns-version.cluster.local. \"1.1.0\"");
    }
}

static void an_address_that_is_none(void **state)
{
    (void)state;
    struct dns_server *none;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(
        dns_server_start(client, &(struct dns_server_options){.listen = STR("nowhere")}, &none, &err), -1);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
}

#define server_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(the_clusters_names_by_udp_and_tcp),
        server_test(other_names_are_asked_of_the_nodes_resolvers_once),
        server_test(a_resolver_that_refuses_or_is_silent_is_passed_over),
        server_test(nobody_to_ask),
        server_test(long_answers_go_by_tcp),
        server_test(what_does_not_fit_is_left_out_with_a_mark),
        server_test(aliases_are_followed),
        server_test(garbage),
        server_test(the_first_address_of_each_of_the_nodes_ranges),
        server_test(an_address_that_is_none),
    };
    return cmocka_run_group_tests_name("net/dns_server", tests, NULL, NULL);
}
