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

enum { SERVICE_IP = 10 << 24 | 1, LOCALHOST = 127 << 24 | 1 };

static int enter(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "skipped: making network namespaces needs root\n");
        exit(77);
    }
    const char *argv[] = {"sh", "-c", "ip link set lo up && ip addr add 10.0.0.1/32 dev lo", NULL};
    return process_run(&(struct process_options){.argv = argv}, NULL);
}

static int bound(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(LOCALHOST)};
    struct timeval patience = {.tv_sec = 5};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void lead_to(uint16_t port)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    assert_ok(
        nft_apply(
            arena_printf(&a,
                         "add table ip t\ndelete table ip t\ntable ip t { chain out { type nat hook output "
                         "priority -100; ip daddr 10.0.0.1 udp dport 53 dnat to 127.0.0.1:%u; }\n}\n",
                         port),
            &err),
        err);
}

static void say(int client)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(SERVICE_IP)};
    assert_int_equal(sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
}

static bool is_to(void *arg, const struct udp_flow *f)
{
    return f->to == SERVICE_IP && f->to_port == 53 && f->from == LOCALHOST &&
           f->from_port == *(uint16_t *)arg;
}

static void test_a_flow_keeps_its_way_until_it_is_forgotten(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    uint16_t old_port, new_port, none;
    int old = bound(&old_port), new = bound(&new_port), client = bound(&none);
    char c;
    lead_to(old_port);
    say(client);
    assert_int_equal(recv(old, &c, 1, 0), 1);
    lead_to(new_port);
    assert_ok(conntrack_forget_udp(is_to, &new_port, &err), err); /* another's flow */
    say(client);
    assert_int_equal(recv(old, &c, 1, 0), 1);
    assert_ok(conntrack_forget_udp(is_to, &old_port, &err), err);
    say(client);
    assert_int_equal(recv(new, &c, 1, 0), 1);
    close(old);
    close(new);
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_flow_keeps_its_way_until_it_is_forgotten)};
    return cmocka_run_group_tests_name("net/conntrack", tests, enter, NULL);
}
