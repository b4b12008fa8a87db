#include "schema/table/table.h"

#include "base/clock.h"
#include "kinds/apps_v1.h"
#include "kinds/batch_v1.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "kinds/networking_v1.h"
#include "kinds/rbac_v1.h"
#include "kinds/storage_v1.h"
#include "schema/field_ref.h"
#include "schema/json.h"
#include "schema/table/cells.h"
#include "test.h"

#define NOW INT64_C(1700000000)

/* The cells of an object given as JSON, at NOW. */
static void check(const struct resource *r, const char *json, const char *expected)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    void *typed = arena_alloc(&a, r->type->size);
    assert_ok(json_decode(&a, r->type, str_from(json), 0, typed, NULL, &err), err);
    table_write_cells_of(&b, r, typed, NOW * CLOCK_S);
    for (ptrdiff_t at; (at = str_find(buf_str(&b), STR("\\u003"))) >= 0;) { /* readable: \u003c is '<' */
        b.p[at] = b.p[at + 5] == 'c' ? '<' : '>';
        memmove(b.p + at + 1, b.p + at + 6, b.n - (size_t)at - 6);
        b.n -= 5;
    }
    if (!str_is(buf_str(&b), expected))
        fail_msg("%s:\n got " STR_FMT "\n not %s", json, STR_ARG(buf_str(&b)), expected);
}

/* A pod of one container in the state given, and what STATUS and RESTARTS say of it. */
static void check_pod(const char *parts, const char *ready, const char *status, const char *restarts)
{
    _cleanup_arena_ struct arena a = {0};
    struct str json = arena_printf(
        &a, "{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":\"2023-11-14T22:08:20Z\"%s", parts);
    struct str done = {0};
    if (str_is(str_from(status), "Completed"))
        done = STR(",\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Succeeded\","
                   "\"message\":"
                   "\"The pod has completed successfully.\"}]");
    if (str_is(str_from(status), "Evicted") || str_is(str_from(status), "Error"))
        done = STR(
            ",\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Failed\",\"message\":"
            "\"The pod failed.\"}]");
    struct str expected = arena_printf(
        &a, "[\"p\",\"%s\",\"%s\",\"%s\",\"5m\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]" STR_FMT, ready,
        status, restarts, STR_ARG(done));
    check(&pod_resource, json.p, expected.p);
}

#define SPEC  "},\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{"
#define SPEC2 "},\"spec\":{\"containers\":[{\"name\":\"c\"},{\"name\":\"d\"}]},\"status\":{"
#define INIT                                                                                                 \
    "},\"spec\":{\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}],\"containers\":[{\"name\":\"c\"}]}," \
    "\"status\":{"
#define SIDECAR                                                                                              \
    "},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"restartPolicy\":\"Always\"}],\"containers\":[{"       \
    "\"name\":\"c\"}]},\"status\":{"

static void test_status_of_pods(void **state)
{
    (void)state;
    check_pod(SPEC "\"phase\":\"Pending\"}}", "0/1", "Pending", "0");
    check_pod(SPEC "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"state\":{"
                   "\"running\":{}}}]}}",
              "1/1", "Running", "0");
    check_pod(SPEC "\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{"
                   "\"reason\":\"ContainerCreating\"}}}]}}",
              "0/1", "ContainerCreating", "0");
    check_pod(SPEC "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":3,"
                   "\"state\":{\"waiting\":{\"reason\":"
                   "\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":1,\"finishedAt\":"
                   "\"2023-11-14T22:11:20Z\"}}}]}}",
              "0/1", "CrashLoopBackOff", "3 (2m ago)");
    check_pod(SPEC "\"phase\":\"Succeeded\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":"
                   "{\"exitCode\":0,\"reason\":"
                   "\"Completed\"}}}]}}",
              "0/1", "Completed", "0");
    check_pod(SPEC "\"phase\":\"Failed\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{"
                   "\"exitCode\":1,\"reason\":"
                   "\"Error\"}}}]}}",
              "0/1", "Error", "0");
    check_pod(SPEC "\"phase\":\"Failed\",\"reason\":\"Evicted\"}}", "0/1", "Evicted", "0");
    check_pod(SPEC "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{"
                   "\"exitCode\":137}}}]}}",
              "0/1", "ExitCode:137", "0");
    check_pod(SPEC "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{"
                   "\"exitCode\":1,\"signal\":9}}}]}}",
              "0/1", "Signal:9", "0");
    check_pod(",\"deletionTimestamp\":\"2023-11-14T22:13:20Z\"" SPEC "\"phase\":\"Running\"}}", "0/1",
              "Terminating", "0");
    check_pod(",\"deletionTimestamp\":\"2023-11-14T22:13:20Z\"" SPEC
              "\"phase\":\"Running\",\"reason\":\"NodeLost\"}}",
              "0/1", "Unknown", "0");
    /* one of two is done: it depends on whether the pod is ready */
    check_pod(SPEC2 "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{"
                    "\"exitCode\":0,\"reason\":"
                    "\"Completed\"}}},{\"name\":\"d\",\"ready\":true,\"state\":{\"running\":{}}}]}}",
              "1/2", "NotReady", "0");
    check_pod(SPEC2 "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
                    "\"containerStatuses\":[{\"name\":\"c\","
                    "\"state\":{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}},{\"name\":\"d\","
                    "\"ready\":true,\"state\":{"
                    "\"running\":{}}}]}}",
              "1/2", "Running", "0");
    check_pod(
        SPEC
        "\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
        "\"SchedulingGated\"}]}}",
        "0/1", "SchedulingGated", "0");
}

static void test_status_of_pods_with_init_containers(void **state)
{
    (void)state;
    check_pod(INIT "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"running\":{"
                   "}}},{\"name\":\"j\"}]}}",
              "0/1", "Init:0/2", "0");
    check_pod(INIT "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
                   "\"terminated\":{\"exitCode\":0}}},"
                   "{\"name\":\"j\",\"state\":{\"waiting\":{\"reason\":\"PodInitializing\"}}}]}}",
              "0/1", "Init:1/2", "0");
    check_pod(INIT "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"restartCount\":2,"
                   "\"state\":{\"waiting\":{\"reason\":"
                   "\"CrashLoopBackOff\"}}}]}}",
              "0/1", "Init:CrashLoopBackOff", "2");
    check_pod(INIT "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
                   "\"terminated\":{\"exitCode\":3}}}]}}",
              "0/1", "Init:ExitCode:3", "0");
    check_pod(INIT "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
                   "\"terminated\":{\"exitCode\":3,\"reason\":"
                   "\"Error\"}}}]}}",
              "0/1", "Init:Error", "0");
    /* a sidecar counts among the containers, and its restarts remain */
    check_pod(SIDECAR "\"phase\":\"Running\",\"initContainerStatuses\":[{\"name\":\"i\",\"started\":true,"
                      "\"ready\":true,\"restartCount\":1,"
                      "\"state\":{\"running\":{}}}],\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,"
                      "\"restartCount\":2,\"state\":{"
                      "\"running\":{}}}]}}",
              "2/2", "Running", "3");
}

static void test_wide_cells_of_pods(void **state)
{
    (void)state;
    check(&pod_resource,
          "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\",\"readinessGates\":[{"
          "\"conditionType\":\"a\"},{\"conditionType\":"
          "\"b\"}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0."
          "1\"}],\"nominatedNodeName\":"
          "\"m\",\"conditions\":[{\"type\":\"a\",\"status\":\"True\"}]}}",
          "[\"p\",\"0/0\",\"Running\",\"0\",\"<unknown>\",\"10.0.0.1\",\"n\",\"m\",\"1/2\"]");
}

static void test_workloads(void **state)
{
    (void)state;
#define TEMPLATE                                                                                             \
    "\"selector\":{\"matchLabels\":{\"app\":\"x\"}},\"template\":{\"spec\":{\"containers\":[{\"name\":"      \
    "\"a\",\"image\":\"i:1\"},{"                                                                             \
    "\"name\":\"b\",\"image\":\"j\"}]}}"
    check(&deployment_resource,
          "{\"metadata\":{\"name\":\"d\",\"creationTimestamp\":\"2023-11-12T22:13:20Z\"},\"spec\":{"
          "\"replicas\":3," TEMPLATE
          "},\"status\":{\"readyReplicas\":2,\"updatedReplicas\":3,\"availableReplicas\":1}}",
          "[\"d\",\"2/3\",3,1,\"2d\",\"a,b\",\"i:1,j\",\"app=x\"]");
    check(&replica_set_resource,
          "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"replicas\":2," TEMPLATE
          "},\"status\":{\"replicas\":1}}",
          "[\"r\",2,1,0,\"<unknown>\",\"a,b\",\"i:1,j\",\"app=x\"]");
    check(&daemon_set_resource,
          "{\"metadata\":{\"name\":\"d\"},\"spec\":{" TEMPLATE "},\"status\":{\"desiredNumberScheduled\":1}}",
          "[\"d\",1,0,0,0,0,\"<none>\",\"<unknown>\",\"a,b\",\"i:1,j\",\"app=x\"]");
    check(&stateful_set_resource, "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"replicas\":1," TEMPLATE "}}",
          "[\"s\",\"0/1\",\"<unknown>\",\"a,b\",\"i:1,j\"]");
    check(&job_resource,
          "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"completions\":2," TEMPLATE
          "},\"status\":{\"succeeded\":1,\"startTime\":"
          "\"2023-11-14T22:12:20Z\"}}",
          "[\"j\",\"Running\",\"1/2\",\"60s\",\"<unknown>\",\"a,b\",\"i:1,j\",\"app=x\"]");
    check(&cron_job_resource,
          "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"schedule\":\"* * * * "
          "*\",\"suspend\":false,\"jobTemplate\":{\"spec\":{\"template\":{}}}}}",
          "[\"c\",\"* * * * *\",\"<none>\",\"False\",0,\"<none>\",\"<unknown>\",\"\",\"\",\"<none>\"]");
}

static void test_network(void **state)
{
    (void)state;
    check(&service_resource,
          "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.1\","
          "\"selector\":{\"a\":\"b\"},\"ports\":[{"
          "\"port\":80,\"nodePort\":30080,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"}]}}",
          "[\"s\",\"NodePort\",\"10.96.0.1\",\"<none>\",\"80:30080/TCP,53/UDP\",\"<unknown>\",\"a=b\"]");
    check(&service_resource, "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"LoadBalancer\"}}",
          "[\"s\",\"LoadBalancer\",\"<none>\",\"<pending>\",\"<none>\",\"<unknown>\",\"<none>\"]");
    check(&service_resource,
          "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"a.b\"}}",
          "[\"s\",\"ExternalName\",\"<none>\",\"a.b\",\"<none>\",\"<unknown>\",\"<none>\"]");
    check(&endpoints_resource,
          "{\"metadata\":{\"name\":\"e\"},\"subsets\":[{\"addresses\":[{\"ip\":\"1.1.1.1\"},{\"ip\":\"::1\"},"
          "{\"ip\":\"3.3.3.3\"},{\"ip\":"
          "\"4.4.4.4\"}],\"ports\":[{\"port\":80}]}]}",
          "[\"e\",\"1.1.1.1:80,[::1]:80,3.3.3.3:80 + 1 more...\",\"<unknown>\"]");
    check(&endpoints_resource, "{\"metadata\":{\"name\":\"e\"}}", "[\"e\",\"<none>\",\"<unknown>\"]");
    check(&endpoint_slice_resource,
          "{\"metadata\":{\"name\":\"e\"},\"addressType\":\"IPv4\",\"ports\":[{\"port\":80},{\"name\":\"x\"}]"
          ",\"endpoints\":[{\"addresses\":["
          "\"1.1.1.1\"]}]}",
          "[\"e\",\"IPv4\",\"80,x\",\"1.1.1.1\",\"<unknown>\"]");
    check(&endpoint_slice_resource, "{\"metadata\":{\"name\":\"e\"},\"addressType\":\"IPv4\"}",
          "[\"e\",\"IPv4\",\"<unset>\",\"<unset>\",\"<unknown>\"]");
    check(
        &ingress_resource,
        "{\"metadata\":{\"name\":\"i\"},\"spec\":{\"ingressClassName\":\"n\",\"rules\":[{\"host\":\"a\"},{"
        "\"host\":\"b\"},{\"host\":\"c\"},{"
        "\"host\":\"d\"}],\"tls\":[{}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"9.9.9.9\"}]}}}",
        "[\"i\",\"n\",\"a,b,c + 1 more...\",\"9.9.9.9\",\"80, 443\",\"<unknown>\"]");
}

static void test_nodes_and_events(void **state)
{
    (void)state;
    check(&node_resource,
          "{\"metadata\":{\"name\":\"n\",\"labels\":{\"node-role.kubernetes.io/"
          "control-plane\":\"\"}},\"spec\":{\"unschedulable\":true},"
          "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"addresses\":[{\"type\":"
          "\"InternalIP\",\"address\":"
          "\"1.2.3.4\"}],\"nodeInfo\":{\"kubeletVersion\":\"v1.36.0\",\"osImage\":\"Debian\"}}}",
          "[\"n\",\"Ready,SchedulingDisabled\",\"control-plane\",\"<unknown>\",\"v1.36.0\",\"1.2.3.4\",\"<"
          "none>\",\"Debian\","
          "\"<unknown>\",\"<unknown>\"]");
    check(&node_resource,
          "{\"metadata\":{\"name\":\"n\",\"labels\":{\"kubernetes.io/role\":\"b\",\"node-role.kubernetes.io/"
          "a\":\"\","
          "\"node-role.kubernetes.io/c\":\"\"}}}",
          "[\"n\",\"Unknown\",\"a,b,c\",\"<unknown>\",\"\",\"<none>\",\"<none>\",\"<unknown>\",\"<unknown>\","
          "\"<unknown>\"]");
    check(&event_resource,
          "{\"metadata\":{\"name\":\"e.1\"},\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\","
          "\"fieldPath\":\"spec.containers{c}\"},\"type\":"
          "\"Normal\",\"reason\":\"Pulled\",\"message\":\"done\\n\",\"source\":{\"component\":\"kubelet\","
          "\"host\":\"n\"},\"firstTimestamp\":"
          "\"2023-11-14T21:13:20Z\",\"lastTimestamp\":\"2023-11-14T22:13:00Z\",\"count\":4}",
          "[\"20s\",\"Normal\",\"Pulled\",\"pod/p\",\"spec.containers{c}\",\"kubelet, "
          "n\",\"done\",\"60m\",4,\"e.1\"]");
}

static void test_storage_and_config(void **state)
{
    (void)state;
    check(&config_map_resource,
          "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"},\"binaryData\":{\"b\":\"AA==\"}}",
          "[\"c\",2,\"<unknown>\"]");
    check(&secret_resource, "{\"metadata\":{\"name\":\"s\"},\"type\":\"Opaque\",\"data\":{\"b\":\"AA==\"}}",
          "[\"s\",\"Opaque\",1,\"<unknown>\"]");
    check(&persistent_volume_claim_resource,
          "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"volumeName\":\"v\",\"storageClassName\":\"fast\","
          "\"volumeMode\":\"Filesystem\"},\"status\":{"
          "\"phase\":\"Bound\",\"accessModes\":[\"ReadWriteMany\",\"ReadWriteOnce\"],\"capacity\":{"
          "\"storage\":\"1Gi\"}}}",
          "[\"p\",\"Bound\",\"v\",\"1Gi\",\"RWO,RWX\",\"fast\",\"<unset>\",\"<unknown>\",\"Filesystem\"]");
    check(&storage_class_resource,
          "{\"metadata\":{\"name\":\"s\",\"annotations\":{\"storageclass.kubernetes.io/"
          "is-default-class\":\"true\"}},\"provisioner\":\"x\"}",
          "[\"s (default)\",\"x\",\"Delete\",\"Immediate\",false,\"<unknown>\"]");
    check(&ingress_class_resource,
          "{\"metadata\":{\"name\":\"i\",\"annotations\":{\"ingressclass.kubernetes.io/"
          "is-default-class\":\"true\"}},\"spec\":{\"controller\":\"x\"}}",
          "[\"i (default)\",\"x\",\"<none>\",\"<unknown>\"]");
}

static void test_roles(void **state)
{
    (void)state;
    check(&role_resource, "{\"metadata\":{\"name\":\"r\",\"creationTimestamp\":\"2023-11-14T22:08:20Z\"}}",
          "[\"r\",\"2023-11-14T22:08:20Z\"]");
    check(&cluster_role_binding_resource,
          "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"admin\"},"
          "\"subjects\":[{\"kind\":\"User\",\"name\":"
          "\"u\"},{\"kind\":\"ServiceAccount\",\"namespace\":\"n\",\"name\":\"s\"},{\"kind\":\"User\","
          "\"name\":\"v\"}]}",
          "[\"b\",\"ClusterRole/admin\",\"<unknown>\",\"u, v\",\"\",\"n/s\"]");
}

/* Printer columns as custom resources have them: paths with filters, dates, and nothing where nothing is. */
static void test_columns_by_json_path(void **state)
{
    (void)state;
    static const struct column columns[] = {
        {STR_INIT("Is Ready"), STR_INIT("string"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".status.conditions[?(@.type==\"Ready\")].status")},
        {STR_INIT("Since"), STR_INIT("date"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".status.conditions[0].lastTransitionTime")},
        {STR_INIT("Port"), STR_INIT("integer"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".spec.containers[0].ports[0].containerPort")},
        {STR_INIT("Ports"), STR_INIT("string"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".spec.containers[0].ports[0]")},
        {STR_INIT("None"), STR_INIT("string"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".spec.containers[7].name")},
        {STR_INIT("Wrong"), STR_INIT("boolean"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".spec.containers[0].name")},
        {STR_INIT("Since"), STR_INIT("date"), STR_INIT(""), STR_INIT(""), 0,
         STR_INIT(".metadata.creationTimestamp")},
    };
    struct resource r = pod_resource;
    r.flags |= RESOURCE_CUSTOM;
    r.columns = columns;
    r.n_columns = ARRAY_LEN(columns);
    check(&r,
          "{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":\"2023-11-14T22:13:10Z\"},\"spec\":{"
          "\"containers\":[{\"name\":\"c\","
          "\"ports\":[{\"containerPort\":80}]}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
          "\"True\","
          "\"lastTransitionTime\":\"2023-11-14T22:12:20Z\"}]}}",
          "[\"True\",\"60s\",80,\"{\\\"containerPort\\\":80}\",null,null,\"10s\"]");
}

/* Every column of every kind has a cell, of its path or of code, and nothing breaks on an empty object. */
static void test_every_column_has_a_cell(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        _cleanup_arena_ struct arena a = {0};
        _cleanup_buf_ struct buf b = {0};
        _cleanup_err_ struct err err = {0};
        for (size_t c = 0; c < r->n_columns; c++) {
            const struct cell_maker *maker = cell_find(r->type, r->columns[c].name);
            struct str path = maker ? str_from(maker->path) : r->columns[c].path;
            struct field_ref ref;
            if ((!maker && !path.n) ||
                (path.n && !field_ref_resolve(r->type, path, &ref) && !str_is(path, "involvedObject")))
                fail_msg(STR_FMT ": nothing makes column " STR_FMT, STR_ARG(r->kind),
                         STR_ARG(r->columns[c].name));
        }
        if (!r->has_metadata)
            continue;
        table_write_columns(&b, r);
        assert_ok(json_check(buf_str(&b), &err), err);
        b.n = 0;
        table_write_cells_of(&b, r, arena_alloc(&a, r->type->size), NOW);
        assert_ok(json_check(buf_str(&b), &err), err);
    }
}

static void test_column_definitions(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = {0};
    table_write_columns(&b, &namespace_resource);
    assert_true(str_starts(
        buf_str(&b), STR("[{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\",\"description\":\"")));
    assert_true(str_find(buf_str(&b),
                         STR("\"priority\":0},{\"name\":\"Status\",\"type\":\"string\",\"format\":\"\"")) >
                0);
    b.n = 0;
    table_write_columns(&b, &pod_resource);
    assert_true(str_find(buf_str(&b), STR("\"priority\":1},{\"name\":\"Readiness Gates\"")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_of_pods),
        cmocka_unit_test(test_status_of_pods_with_init_containers),
        cmocka_unit_test(test_wide_cells_of_pods),
        cmocka_unit_test(test_workloads),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_nodes_and_events),
        cmocka_unit_test(test_storage_and_config),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_columns_by_json_path),
        cmocka_unit_test(test_every_column_has_a_cell),
        cmocka_unit_test(test_column_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
