/* UDP clients follow the rules anew once the kernel has forgotten them. In a network namespace of this test's
 * own; needs root. */
#include "net/conntrack.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/process.h"
#include "net/nft.h"
#include "test.h"

/* A service's address, and where its backends are. */
struct world {
    enum ip_family family;
    const char *service, *backend;
};
static const struct world worlds[] = {{IP_V4, "10.0.0.1", "127.0.0.1"}, {IP_V6, "fd00::1", "fd00::2"}};

static int enter(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "skipped: making network namespaces needs root\n");
        exit(77);
    }
    const char *argv[] = {"sh", "-c",
                          "ip link set lo up && ip addr add 10.0.0.1/32 dev lo && "
                          "ip addr add fd00::1/128 dev lo nodad && ip addr add fd00::2/128 dev lo nodad",
                          NULL};
    return process_run(&(struct process_options){.argv = argv}, NULL);
}

static struct ip parsed(const char *text)
{
    struct ip ip = {0};
    assert_true(ip_parse(str_from(text), &ip));
    return ip;
}

static socklen_t socket_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    struct ip ip = parsed(text);
    *out = (struct sockaddr_storage){0};
    if (ip.family == IP_V6) {
        struct sockaddr_in6 *v6 = (void *)out;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        ip_bytes(ip, v6->sin6_addr.s6_addr);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (void *)out;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    ip_bytes(ip, (unsigned char *)&v4->sin_addr);
    return sizeof *v4;
}

static int bound(const struct world *w, uint16_t *port)
{
    struct sockaddr_storage at;
    struct timeval patience = {.tv_sec = 5};
    socklen_t n = socket_address(w->backend, 0, &at);
    int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(w->family == IP_V6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                     : ((struct sockaddr_in *)&at)->sin_port);
    return fd;
}

static void lead_to(const struct world *w, uint16_t port)
{
    _cleanup_buf_ struct buf script = {0};
    _cleanup_err_ struct err err = {0};
    const char *ip = nft_ip(w->family);
    nft_remove(ip, "t", &script);
    buf_addf(&script,
             "table %s t { chain out { type nat hook output priority -100; %s daddr %s udp dport 53 dnat to "
             "%s%s%s:%u; }\n}\n",
             ip, ip, w->service, w->family == IP_V6 ? "[" : "", w->backend, w->family == IP_V6 ? "]" : "",
             port);
    assert_ok(nft_apply(buf_str(&script), &err), err);
}

static void say(const struct world *w, int client)
{
    struct sockaddr_storage to;
    socklen_t n = socket_address(w->service, 53, &to);
    assert_int_equal(sendto(client, "x", 1, 0, (struct sockaddr *)&to, n), 1);
}

struct wanted {
    const struct world *world;
    uint16_t port;
};

static bool is_to(void *arg, const struct udp_flow *f)
{
    const struct wanted *w = arg;
    return ip_eq(f->to, parsed(w->world->service)) && f->to_port == 53 &&
           ip_eq(f->from, parsed(w->world->backend)) && f->from_port == w->port;
}

static void test_a_flow_keeps_its_way_until_it_is_forgotten(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        _cleanup_err_ struct err err = {0};
        const struct world *w = &worlds[i];
        struct wanted was = {w, 0}, is = {w, 0};
        uint16_t none;
        int old = bound(w, &was.port), new = bound(w, &is.port), client = bound(w, &none);
        char c;
        lead_to(w, was.port);
        say(w, client);
        assert_int_equal(recv(old, &c, 1, 0), 1);
        lead_to(w, is.port);
        assert_ok(conntrack_forget_udp(w->family, is_to, &is, &err), err); /* another's flow */
        say(w, client);
        assert_int_equal(recv(old, &c, 1, 0), 1);
        assert_ok(conntrack_forget_udp(w->family, is_to, &was, &err), err);
        say(w, client);
        assert_int_equal(recv(new, &c, 1, 0), 1);
        close(old);
        close(new);
        close(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_flow_keeps_its_way_until_it_is_forgotten)};
    return cmocka_run_group_tests_name("net/conntrack", tests, enter, NULL);
}
