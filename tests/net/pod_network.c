/* The pod network, for real, in network namespaces of this test's own. Needs root. */
#include "net/pod_network.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "net/netlink.h"
#include "test.h"

static char dir[] = "/tmp/sagong-podnet-XXXXXX";

/* Two pods' namespaces beside the one this process now lives in. */
static char pod[2][64];

static void shell(const char *command)
{
    const char *argv[] = {"sh", "-c", command, NULL};
    _cleanup_err_ struct err err = {0};
    if (process_run(&(struct process_options){.argv = argv}, &err) < 0)
        fail_msg("%s: " STR_FMT, command, STR_ARG(err.message));
}

static int enter(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
        fprintf(stderr, "skipped: making network namespaces needs root\n");
        exit(77);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(dir) ||
        mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        char command[512];
        snprintf(pod[i], sizeof pod[i], "%s/pod%d", dir, i);
        snprintf(command, sizeof command, "touch %s && unshare --net=%s true", pod[i], pod[i]);
        shell(command);
    }
    shell("ip link set lo up");
    return 0;
}

static int leave(void **state)
{
    (void)state;
    umount2(dir, MNT_DETACH);
    return rmdir(dir);
}

static struct str service_ranges[] = {STR_INIT("10.96.0.0/12"), STR_INIT("fd00:10:96::/112")};

/* A node with these ranges; fails the test where that does not work. */
static struct pod_network *open_network(struct str first, struct str second)
{
    char state_dir[128];
    snprintf(state_dir, sizeof state_dir, "%s/ips", dir);
    struct pod_network *n = NULL;
    struct str ranges[] = {first, second};
    _cleanup_err_ struct err err = {0};
    assert_ok(pod_network_open(&(struct pod_network_options){.state_dir = state_dir,
                                                             .pod_cidrs = {ranges, second.n ? 2 : 1},
                                                             .service_cidrs = {service_ranges, 2}},
                               &n, &err),
              err);
    return n;
}

static void in_pod(int i, const char *command)
{
    char text[512];
    snprintf(text, sizeof text, "nsenter --net=%s %s", pod[i], command);
    shell(text);
}

static void close_network(struct pod_network *n)
{
    _cleanup_err_ struct err err = {0};
    assert_ok(pod_network_detach(n, STR("uid-0"), &err), err);
    assert_ok(pod_network_detach(n, STR("uid-0"), &err), err);
    assert_ok(pod_network_detach(n, STR("uid-1"), &err), err);
    pod_network_close(n);
    assert_ok(pod_network_remove(&err), err);
    shell("! ip link show sagong0 2>/dev/null && ! ip -o link | grep ' sg'");
}

static void attach(struct pod_network *n, int i, const char *first, const char *second)
{
    static const struct str uids[] = {STR_INIT("uid-0"), STR_INIT("uid-1")};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str_vec ips;
    assert_ok(pod_network_attach(n, pod[i], uids[i], &ips, &a, &err), err);
    assert_int_equal(ips.n, second ? 2 : 1);
    assert_str(ips.at[0], first);
    if (second)
        assert_str(ips.at[1], second);
}

static void test_pods_reach_each_other_and_the_node(void **state)
{
    (void)state;
    struct pod_network *n = open_network(STR("10.244.7.0/24"), (struct str){0});
    attach(n, 0, "10.244.7.2", NULL);
    attach(n, 1, "10.244.7.3", NULL);
    in_pod(0, "busybox ping -q -c1 -W2 10.244.7.3");
    shell("busybox ping -q -c1 -W2 10.244.7.2");
    in_pod(1, "busybox ping -q -c1 -W2 10.244.7.1");
    pod_network_close(n);

    /* An agent that starts anew finds the pod as it was. */
    n = open_network(STR("10.244.7.0/24"), (struct str){0});
    attach(n, 0, "10.244.7.2", NULL);
    in_pod(0, "busybox ping -q -c1 -W2 10.244.7.3");
    close_network(n);
}

static void test_pods_have_an_address_of_each_family(void **state)
{
    (void)state;
    struct str four = STR("10.244.7.0/24"), six = STR("fd00:10:244:7::/64");
    for (int again = 0; again < 2; again++) { /* the second time is an agent that starts anew */
        struct pod_network *n = open_network(four, six);
        attach(n, 0, "10.244.7.2", "fd00:10:244:7::2");
        attach(n, 1, "10.244.7.3", "fd00:10:244:7::3");
        in_pod(0, "busybox ping -q -c1 -W2 10.244.7.3");
        in_pod(0, "busybox ping -6 -q -c1 -W2 fd00:10:244:7::3"); /* at once: nobody waits for a DAD */
        in_pod(1, "busybox ping -6 -q -c1 -W2 fd00:10:244:7::1");
        shell("busybox ping -6 -q -c1 -W2 fd00:10:244:7::2");
        shell("ip -6 route get fd00:10:96::a | grep -q 'dev sagong0 .*src fd00:10:244:7::1 '");
        if (again)
            close_network(n);
        else
            pod_network_close(n);
    }
}

/* A node that forwards still hears its own routers, and takes no pod for one. */
static void test_who_may_be_a_router(void **state)
{
    (void)state;
    shell(
        "ip link add uplink type veth peer name peer && echo 1 >/proc/sys/net/ipv6/conf/uplink/accept_ra && "
        "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
    struct pod_network *n = open_network(STR("fd00:10:244:7::/64"), (struct str){0});
    attach(n, 0, "fd00:10:244:7::2", NULL);
    shell("cd /proc/sys/net/ipv6/conf && [ $(cat all/forwarding uplink/accept_ra default/accept_ra "
          "sg00000002/accept_ra | tr -d '\n') = 1210 ]");
    close_network(n);
    shell("ip link delete uplink");
}

static void test_ipv6_alone(void **state)
{
    (void)state;
    struct pod_network *n = open_network(STR("fd00:10:244:7::/64"), (struct str){0});
    attach(n, 0, "fd00:10:244:7::2", NULL);
    attach(n, 1, "fd00:10:244:7::3", NULL);
    in_pod(0, "busybox ping -6 -q -c1 -W2 fd00:10:244:7::3");
    in_pod(0, "sh -c '! ip -4 addr show dev eth0 | grep inet'");
    close_network(n);
}

/* Whatever became of the other end: of the pod's eth0, of the link that is called as the pod's is to be. */
static void test_what_was_left_over_is_replaced(void **state)
{
    (void)state;
    struct str four = STR("10.244.7.0/24"), six = STR("fd00:10:244:7::/64");
    shell("ip link add sg0af40702 type veth peer name old");
    struct pod_network *n = open_network(four, six);
    attach(n, 0, "10.244.7.2", "fd00:10:244:7::2");
    in_pod(0, "busybox ping -q -c1 -W2 10.244.7.1");
    pod_network_close(n);

    /* The agent's files are lost, not the pod's namespace: it gets another address through another link. */
    char command[512];
    snprintf(command, sizeof command, "rm -r %s/ips", dir);
    shell(command);
    n = open_network(four, six);
    attach(n, 1, "10.244.7.2", "fd00:10:244:7::2");
    attach(n, 0, "10.244.7.3", "fd00:10:244:7::3");
    in_pod(0, "busybox ping -q -c1 -W2 10.244.7.2");
    in_pod(0, "busybox ping -6 -q -c1 -W2 fd00:10:244:7::2");
    close_network(n);
}

static void test_a_namespace_that_is_not_there(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct pod_network *n = open_network(STR("10.244.7.0/24"), (struct str){0});
    struct str_vec ips;
    assert_int_equal(pod_network_attach(n, "/nowhere", STR("uid-2"), &ips, &a, &err), -1);
    assert_non_null(strstr(err.message.p, "/nowhere"));
    pod_network_close(n);
    assert_ok(pod_network_remove(&err), err);
}

static void test_wrong_ranges(void **state)
{
    (void)state;
    static const struct {
        struct str ranges[2];
        const char *why;
    } wrong[] = {
        {{STR_INIT("pods")}, "not a range of addresses: \"pods\""},
        {{STR_INIT("10.0.0.0/8")}, "a prefix of 12 to 30 bits, not 8"},
        {{STR_INIT("fd00::/127")}, "a prefix of at most 126 bits, not 127"},
        {{STR_INIT("10.1.0.0/24"), STR_INIT("10.2.0.0/24")}, "of one family"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct pod_network *n = NULL;
        _cleanup_err_ struct err err = {0};
        struct pod_network_options o = {
            .state_dir = dir,
            .pod_cidrs = {(struct str *)wrong[i].ranges, wrong[i].ranges[1].n ? 2 : 1},
            .service_cidrs = {service_ranges, 2}};
        assert_int_equal(pod_network_open(&o, &n, &err), -1);
        assert_int_equal(err.reason, ERR_BAD_REQUEST);
        assert_non_null(strstr(err.message.p, wrong[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pods_reach_each_other_and_the_node),
        cmocka_unit_test(test_pods_have_an_address_of_each_family),
        cmocka_unit_test(test_who_may_be_a_router),
        cmocka_unit_test(test_ipv6_alone),
        cmocka_unit_test(test_what_was_left_over_is_replaced),
        cmocka_unit_test(test_a_namespace_that_is_not_there),
        cmocka_unit_test(test_wrong_ranges),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
