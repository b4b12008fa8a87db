/* Pods' volumes, and what they tell a pod about itself. */
#include "node/eviction.h"
#include "node/pod/pods.h"
#include "pod_world.h"

#define SUB(name, value, script)                                                                             \
    make(t, name,                                                                                            \
         "'restartPolicy':'Never','volumes':[{'name':'v','emptyDir':{}}],'containers':[{'name':'c','image':" \
         "'boat:1','env':[{'name':'PART','value':'" value                                                    \
         "'}],'volumeMounts':[{'name':'v','mountPath':'/v'},"                                                \
         "{'name':'v','mountPath':'/part','subPathExpr':'$(PART)'}],'command':['sh','-c','" script "']}]")

#define WAITING "status.containerStatuses.0.state.waiting."

static void a_part_of_a_volume_can_be_mounted(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    SUB("good", "a/b", "echo hello > /part/x; cat /v/a/b/x");
    await(t, "good", "status.phase", "Succeeded");
    assert_str(log_of(t, "good", "c", 0), "hello");
    del(t->world, &pod_resource, "default", "good", "");
    await(t, "good", "status.phase", "gone");
}

static void a_part_stays_inside_its_volume(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    SUB("absolute", "/etc", "true");
    SUB("back", "..", "true");
    SUB("empty", "", "true");
    await(t, "absolute", WAITING "reason", "CreateContainerConfigError");
    assert_pod(t, "absolute", WAITING "message", "error SubPath `/etc` must not be an absolute path");
    await(t, "back", WAITING "reason", "CreateContainerConfigError");
    assert_pod(t, "back", WAITING "message", "unable to provision SubPath `..`: must not contain '..'");
    await(t, "empty", WAITING "reason", "CreateContainerConfigError");
    assert_pod(t, "empty", WAITING "message", "missing value for PART");
    /* A link that the pod made leads nowhere either. */
    make(t, "link",
         "'restartPolicy':'Never','volumes':[{'name':'v','emptyDir':{}}],'initContainers':[{'name':'i','"
         "image':"
         "'boat:1','command':['sh','-c','busybox ln -s /etc /v/out'],'volumeMounts':[{'name':'v','mountPath':"
         "'/v'}]}],'containers':[{'name':'c','image':'boat:1','command':['true'],'volumeMounts':[{'name':'v',"
         "'mountPath':'/part','subPath':'out'}]}]");
    await(t, "link", WAITING "reason", "CreateContainerConfigError");
}

/* The pod may be mended while its container waits. */
static void a_missing_part_may_come_later(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'restartPolicy':'Never','volumes':[{'name':'v','emptyDir':{}}],'containers':[{'name':'c','image':"
         "'boat:1','env':[{'name':'PART','valueFrom':{'fieldRef':{'fieldPath':'metadata.annotations["
         "\\u0027part\\u0027]'}}}],"
         "'volumeMounts':[{'name':'v','mountPath':'/part','subPathExpr':'$(PART)/$(PART)'}],"
         "'command':['pwd']}]");
    await(t, "p", WAITING "message", "missing value for PART");
    patch(t->world, &pod_resource, "default", "p", API_PATCH_MERGE,
          "{'metadata':{'annotations':{'part':'now'}}}");
    await(t, "p", "status.phase", "Succeeded");
}

/* Limits that are not said are what the node can give. */
static void unsaid_limits_are_the_node_s(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'restartPolicy':'Never','containers':[{'name':'c','image':'boat:1','env':["
         "{'name':'CPU','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu'}}},"
         "{'name':'MEM','valueFrom':{'resourceFieldRef':{'resource':'limits.memory','divisor':'1Ki'}}}],"
         "'command':['sh','-c','echo $CPU ${MEM}Ki']}]");
    await(t, "p", "status.phase", "Succeeded");
    struct api_request *node = get(t->world, &node_resource, "", "worker");
    char expected[64];
    sprintf(expected, STR_FMT " " STR_FMT, STR_ARG(field(t->world, node, "status.allocatable.cpu")),
            STR_ARG(field(t->world, node, "status.allocatable.memory")));
    assert_str(log_of(t, "p", "c", 0), expected);
}

static void labels_change_under_a_running_pod(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'restartPolicy':'Never','volumes':[{'name':'d','projected':{'defaultMode':256,'sources':["
         "{'downwardAPI':{'items':[{'path':'labels','fieldRef':{'fieldPath':'metadata.labels'}}]}}]}}],"
         "'containers':[{'name':'c','image':'boat:1','volumeMounts':[{'name':'d','mountPath':'/d'}],"
         "'command':['sh','-c','stat -L -c %a /d/labels; while ! grep -q crew /d/labels; do sleep 0.1; done; "
         "cat "
         "/d/labels']}]");
    await(t, "p", "status.phase", "Running");
    patch(t->world, &pod_resource, "default", "p", API_PATCH_MERGE, "{'metadata':{'labels':{'crew':'all'}}}");
    await(t, "p", "status.phase", "Succeeded");
    assert_str(log_of(t, "p", "c", 0), "400\napp=\"boat\"\ncrew=\"all\"");
}

static void too_much_in_a_volume_evicts(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "good",
         "'volumes':[{'name':'v','emptyDir':{'sizeLimit':'8Mi'}}],'containers':[{'name':'c','image':'boat:1',"
         "'resources':{'limits':{'ephemeral-storage':'8Mi'}},'volumeMounts':[{'name':'v','mountPath':'/v'}],"
         "'command':['sleep','100']}]");
    make(t, "full",
         "'volumes':[{'name':'v','emptyDir':{'sizeLimit':'1Mi'}}],'containers':[{'name':'c','image':'boat:1',"
         "'volumeMounts':[{'name':'v','mountPath':'/v'}],'command':['sh','-c','dd if=/dev/zero of=/v/x bs=1M "
         "count=2; sleep 100']}]");
    make(t, "fat",
         "'containers':[{'name':'c','image':'boat:1','resources':{'limits':{'ephemeral-storage':'1Mi'}},"
         "'command':['sh','-c','dd if=/dev/zero of=/tmp/x bs=1M count=2; sleep 100']}]");
    for (const char *const *name = (const char *const[]){"good", "full", "fat", NULL}; *name; name++)
        await(t, *name, "status.phase", "Running");
    int64_t deadline = clock_mono() + 10 * CLOCK_S;
    do { /* until what they write is there */
        clock_sleep(50 * CLOCK_MS);
        eviction_look(t->node);
    } while ((str_is(pod_field(t, "full", "status.phase"), "Running") ||
              str_is(pod_field(t, "fat", "status.phase"), "Running")) &&
             clock_mono() < deadline);
    await(t, "full", "status.phase", "Failed");
    assert_pod(t, "full", "status.reason", "Evicted");
    assert_pod(t, "full", "status.message", "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
    await(t, "fat", "status.phase", "Failed");
    assert_pod(t, "fat", "status.message",
               "Container c exceeded its local ephemeral storage limit \"1Mi\". ");
    assert_pod(t, "good", "status.phase", "Running");
}

static void a_pod_goes_for_the_node_s_sake(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", CONTAINER("sleep 100"));
    await(t, "p", "status.phase", "Running");
    pods_evict(t->node->pods, pod_field(t, "p", "metadata.uid"),
               STR("The node was low on resource: memory. "), true);
    await(t, "p", "status.phase", "Failed");
    assert_pod(t, "p", "status.reason", "Evicted");
    struct str all = shown(t->world, get(t->world, &pod_resource, "default", "p"));
    assert_true(str_find(all, STR("\"reason\":\"TerminationByKubelet\"")) >= 0);
    assert_true(str_find(all, STR("\"type\":\"DisruptionTarget\"")) >= 0);
    await_event(t, "p", "Evicted", "The node was low on resource: memory. ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_part_of_a_volume_can_be_mounted), T(a_part_stays_inside_its_volume),
        T(a_missing_part_may_come_later),     T(unsaid_limits_are_the_node_s),
        T(labels_change_under_a_running_pod), T(too_much_in_a_volume_evicts),
        T(a_pod_goes_for_the_node_s_sake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
