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
    assert_ok(process_run(&(struct process_options){.argv = argv}, &err), err);
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

static struct pod_network *open_network(void)
{
    char state_dir[128];
    snprintf(state_dir, sizeof state_dir, "%s/ips", dir);
    struct pod_network *n = NULL;
    _cleanup_err_ struct err err = {0};
    assert_ok(pod_network_open(&(struct pod_network_options){.state_dir = state_dir,
                                                             .pod_cidr = STR("10.244.7.0/24"),
                                                             .service_cidr = STR("10.96.0.0/12")},
                               &n, &err),
              err);
    return n;
}

static void test_pods_reach_each_other_and_the_node(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct pod_network *n = open_network();
    struct str_vec ips;
    assert_ok(pod_network_attach(n, pod[0], STR("uid-0"), &ips, &a, &err), err);
    assert_int_equal(ips.n, 1);
    assert_str(ips.at[0], "10.244.7.2");
    assert_ok(pod_network_attach(n, pod[1], STR("uid-1"), &ips, &a, &err), err);
    assert_str(ips.at[0], "10.244.7.3");
    char command[512];
    snprintf(command, sizeof command,
             "nsenter --net=%s busybox ping -q -c1 -W2 10.244.7.3 && busybox ping -q -c1 -W2 10.244.7.2",
             pod[0]);
    shell(command);
    snprintf(command, sizeof command, "nsenter --net=%s busybox ping -q -c1 -W2 10.244.7.1", pod[1]);
    shell(command);
    pod_network_close(n);

    /* An agent that starts anew finds the pod as it was. */
    n = open_network();
    assert_ok(pod_network_attach(n, pod[0], STR("uid-0"), &ips, &a, &err), err);
    assert_str(ips.at[0], "10.244.7.2");
    snprintf(command, sizeof command, "nsenter --net=%s busybox ping -q -c1 -W2 10.244.7.3", pod[0]);
    shell(command);

    assert_ok(pod_network_detach(n, STR("uid-0"), &err), err);
    assert_ok(pod_network_detach(n, STR("uid-0"), &err), err);
    shell("! ip link show sg0af40702 2>/dev/null");
    assert_ok(pod_network_detach(n, STR("uid-1"), &err), err);
    pod_network_close(n);
    assert_ok(pod_network_remove(&err), err);
    shell("! ip link show sagong0 2>/dev/null");
}

static void test_a_namespace_that_is_not_there(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct pod_network *n = open_network();
    struct str_vec ips;
    assert_int_equal(pod_network_attach(n, "/nowhere", STR("uid-2"), &ips, &a, &err), -1);
    assert_non_null(strstr(err.message.p, "/nowhere"));
    pod_network_close(n);
    assert_ok(pod_network_remove(&err), err);
}

static void test_wrong_ranges(void **state)
{
    (void)state;
    struct pod_network *n = NULL;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(pod_network_open(&(struct pod_network_options){.state_dir = dir,
                                                                    .pod_cidr = STR("pods"),
                                                                    .service_cidr = STR("10.96.0.0/12")},
                                      &n, &err),
                     -1);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
    assert_int_equal(pod_network_open(&(struct pod_network_options){.state_dir = dir,
                                                                    .pod_cidr = STR("10.0.0.0/8"),
                                                                    .service_cidr = STR("10.96.0.0/12")},
                                      &n, &err),
                     -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pods_reach_each_other_and_the_node),
        cmocka_unit_test(test_a_namespace_that_is_not_there),
        cmocka_unit_test(test_wrong_ranges),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
