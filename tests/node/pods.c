/* Pods on a real node: how they begin, run and end. */
#include "pod_world.h"

static void registers_the_node(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    struct api_request *r = get(t->world, &node_resource, "", "worker");
    assert_code(r, 200);
    assert_field(t->world, r, "status.conditions.3.type", "Ready");
    assert_field(t->world, r, "status.conditions.3.status", "True");
    assert_field(t->world, r, "status.conditions.3.reason", "KubeletReady");
    assert_field(t->world, r, "status.addresses.0.address", "10.0.0.5");
    assert_field(t->world, r, "status.capacity.pods", "110");
    assert_field(t->world, r, "status.images.0.names.0", "docker.io/library/boat:1");
}

static void resources_of_others_stay(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    struct api_request *q = ask(t->world, API_PATCH, &node_resource, "", "worker");
    q->subresource = STR("status");
    q->patch_type = API_PATCH_MERGE;
    q->body = quoted(t->world, "{'status':{'capacity':{'example.com/boats':'3'}}}");
    assert_code(run(t->world, q), 200);
    stop_node(t);
    start_node(t); /* it writes its status anew */
    struct api_request *r = get(t->world, &node_resource, "", "worker");
    assert_field(t->world, r, "status.capacity.[example.com/boats]", "3");
    assert_field(t->world, r, "status.allocatable.[example.com/boats]", "3");
    assert_field(t->world, r, "status.capacity.pods", "110");
}

static void a_pod_becomes_ready(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    int64_t began = clock_mono();
    make(t, "p", CONTAINER("sleep 100"));
    await(t, "p", "status.containerStatuses.0.ready", "true");
    print_message("create to Ready: %lld ms\n", (long long)((clock_mono() - began) / CLOCK_MS));
    assert_pod(t, "p", "status.phase", "Running");
    assert_pod(t, "p", "status.qosClass", "BestEffort");
    assert_pod(t, "p", "status.hostIP", "10.0.0.5");
    assert_pod(t, "p", "status.containerStatuses.0.restartCount", "0");
    assert_pod(t, "p", "status.containerStatuses.0.started", "true");
    assert_true(str_starts(pod_field(t, "p", "status.containerStatuses.0.containerID"), STR("sagong://")));
}

static void a_deleted_pod_goes(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", CONTAINER("trap exit TERM; while true; do sleep 0.05; done"));
    await(t, "p", "status.phase", "Running");
    del(t->world, &pod_resource, "default", "p", "");
    await(t, "p", "status.phase", "gone");
    char pods[160];
    sprintf(pods, "%s/pods", t->data);
    assert_int_equal(rmdir(pods), 0); /* nothing is left of it */
}

/* Admission that counts what the node says of pod "p". */
static int count_statuses(void *arg, struct api_attributes *at, struct err *err)
{
    (void)err;
    if (str_is(at->request->name, "p") && str_is(at->request->subresource, "status"))
        __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
    return 0;
}

static void a_pod_that_is_over_and_kept_by_another_is_left_alone(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", "'restartPolicy':'Never'," CONTAINER("exit 0"));
    patch(t->world, &pod_resource, "default", "p", API_PATCH_MERGE,
          "{'metadata':{'finalizers':['example.com/kept']}}");
    await(t, "p", "status.phase", "Succeeded");
    await(t, "p", "status.conditions.0.status", "False"); /* and given back */
    int statuses = 0;
    api_add_admission(
        world_api(t->world),
        &(struct api_admission){.name = "statuses", .mutate = count_statuses, .arg = &statuses});
    del(t->world, &pod_resource, "default", "p", "");
    await(t, "p", "metadata.deletionGracePeriodSeconds", "0"); /* the node has done its part */
    patch(t->world, &pod_resource, "default", "p", API_PATCH_MERGE,
          "{'metadata':{'labels':{'looked':'at'}}}");
    make(t, "next", "'restartPolicy':'Never'," CONTAINER("exit 0"));
    await(t, "next", "status.phase", "Succeeded");
    assert_pod(t, "p", "status.containerStatuses.0.state.terminated.reason", "Completed");
    api_drop_admission(world_api(t->world), &statuses);
    patch(t->world, &pod_resource, "default", "p", API_PATCH_MERGE, "{'metadata':{'finalizers':null}}");
    await(t, "p", "status.phase", "gone");
    assert_true(statuses < 4); /* that it has seen the deletion, perhaps twice; it does not try on and on */
}

static void a_job_s_pod_completes(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "good", "'restartPolicy':'Never'," CONTAINER("echo done > /dev/termination-log; exit 0"));
    make(t, "bad", "'restartPolicy':'Never'," CONTAINER("exit 3"));
    await(t, "good", "status.phase", "Succeeded");
    await(t, "bad", "status.phase", "Failed");
    assert_pod(t, "good", "status.containerStatuses.0.state.terminated.reason", "Completed");
    assert_pod(t, "good", "status.containerStatuses.0.state.terminated.message", "done\n");
    assert_pod(t, "bad", "status.containerStatuses.0.state.terminated.reason", "Error");
    assert_pod(t, "bad", "status.containerStatuses.0.state.terminated.exitCode", "3");
}

static void the_image_s_command_runs(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", "'restartPolicy':'Never','containers':[{'name':'c','image':'boat:1'}]");
    await(t, "p", "status.phase", "Succeeded");
    assert_str(log_of(t, "p", "c", 0), "from image");
}

static void a_crashing_container_backs_off(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", CONTAINER("exit 1"));
    await(t, "p", "status.containerStatuses.0.state.waiting.reason", "CrashLoopBackOff");
    assert_pod(t, "p", "status.containerStatuses.0.restartCount", "1");
    assert_pod(t, "p", "status.containerStatuses.0.lastState.terminated.exitCode", "1");
    assert_pod(t, "p", "status.phase", "Running");
    assert_true(str_starts(pod_field(t, "p", "status.containerStatuses.0.state.waiting.message"),
                           STR("back-off 10s restarting failed container=c pod=p_default(")));
}

static void exit_codes_decide_about_restarts(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    static const char rule[] =
        "'restartPolicy':'Never','containers':[{'name':'c','image':'boat:1','restartPolicy':'Never',"
        "'restartPolicyRules':[{'action':'Restart','exitCodes':{'operator':'In','values':[42]}}],"
        "'command':['sh','-c','exit %d']}]";
    char spec[512];
    snprintf(spec, sizeof spec, rule, 42);
    make(t, "again", spec);
    snprintf(spec, sizeof spec, rule, 1);
    make(t, "once", spec);
    await(t, "again", "status.containerStatuses.0.restartCount", "1");
    assert_pod(t, "again", "status.phase", "Running");
    await(t, "once", "status.phase", "Failed");
    assert_pod(t, "once", "status.containerStatuses.0.restartCount", "0");
}

static void a_missing_command_is_a_start_error(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'restartPolicy':'Never','containers':[{'name':'c','image':'boat:1','command':['/nothing']}]");
    await(t, "p", "status.phase", "Failed");
    assert_pod(t, "p", "status.containerStatuses.0.state.terminated.reason", "StartError");
    assert_pod(t, "p", "status.containerStatuses.0.state.terminated.exitCode", "128");
}

static void missing_images_are_told(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "never", "'containers':[{'name':'c','image':'nothing:1','imagePullPolicy':'Never'}]");
    make(t, "wrong", "'containers':[{'name':'c','image':'No Thing'}]");
    make(t, "pull", "'containers':[{'name':'c','image':'127.0.0.1:1/x:1'}]");
    await(t, "never", "status.containerStatuses.0.state.waiting.reason", "ErrImageNeverPull");
    await(t, "wrong", "status.containerStatuses.0.state.waiting.reason", "InvalidImageName");
    await(t, "pull", "status.containerStatuses.0.state.waiting.reason", "ImagePullBackOff");
    assert_pod(t, "pull", "status.phase", "Pending");
}

static void init_containers_run_first(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'volumes':[{'name':'v','emptyDir':{}}],'initContainers':["
         "{'name':'one','image':'boat:1','command':['sh','-c','echo 1 > "
         "/v/x'],'volumeMounts':[{'name':'v','mountPath':'/v'}]},"
         "{'name':'side','image':'boat:1','restartPolicy':'Always','command':['sleep','100']},"
         "{'name':'two','image':'boat:1','command':['sh','-c','echo 2 >> "
         "/v/x'],'volumeMounts':[{'name':'v','mountPath':'/v'}]}],"
         "'restartPolicy':'Never','containers':[{'name':'c','image':'boat:1','command':['cat','/v/"
         "x'],'volumeMounts':[{'name':'v','mountPath':'/v'}]}]");
    await(t, "p", "status.phase", "Succeeded");
    assert_str(log_of(t, "p", "c", 0), "1\n2");
}

static void a_failed_init_container_fails_the_pod(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'restartPolicy':'Never','initContainers':[{'name':'i','image':'boat:1','command':['false']}]"
         "," CONTAINER("true"));
    await(t, "p", "status.phase", "Failed");
    assert_pod(t, "p", "status.initContainerStatuses.0.state.terminated.exitCode", "1");
    assert_pod(t, "p", "status.containerStatuses.0.state.waiting.reason", "PodInitializing");
}

static void environment_and_volumes(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    create(t->world, &config_map_resource, "default",
           "{'metadata':{'name':'m'},'data':{'KEY':'value','file':'text'}}");
    create(t->world, &secret_resource, "default", "{'metadata':{'name':'s'},'data':{'pw':'c2VjcmV0'}}");
    make(t, "p",
         "'restartPolicy':'Never','volumes':[{'name':'m','configMap':{'name':'m','items':[{'key':'file','"
         "path':'a/b','mode':256}]}},"
         "{'name':'s','secret':{'secretName':'s'}},{'name':'d','downwardAPI':{'items':[{'path':'labels','"
         "fieldRef':{'fieldPath':'metadata.labels'}}]}}],"
         "'containers':[{'name':'c','image':'boat:1','envFrom':[{'configMapRef':{'name':'m'}}],"
         "'env':[{'name':'A','value':'$(KEY)-$$(KEY)-$(NO)'},{'name':'PW','valueFrom':{'secretKeyRef':{'name'"
         ":'s','key':'pw'}}},"
         "{'name':'POD','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}},"
         "{'name':'LIMIT','valueFrom':{'resourceFieldRef':{'resource':'limits.memory','divisor':'1Mi'}}}],"
         "'resources':{'limits':{'memory':'64Mi','cpu':'500m'}},"
         "'volumeMounts':[{'name':'m','mountPath':'/m'},{'name':'s','mountPath':'/"
         "s'},{'name':'d','mountPath':'/d'},"
         "{'name':'m','mountPath':'/one','subPath':'a/b'}],"
         "'command':['sh','-c','echo $A $PW $POD $LIMIT; cat /m/a/b; echo; cat /s/pw; echo; cat /d/labels; "
         "echo; cat /one; echo; stat -L -c %a /m/a/b; hostname']}]");
    await(t, "p", "status.phase", "Succeeded");
    assert_str(log_of(t, "p", "c", 0),
               "value-$(KEY)-$(NO) secret p 64\ntext\nsecret\napp=\"boat\"\ntext\n400\np");
    assert_pod(t, "p", "status.qosClass", "Guaranteed");
}

static void a_missing_config_map_is_waited_for(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", "'containers':[{'name':'c','image':'boat:1','envFrom':[{'configMapRef':{'name':'none'}}]}]");
    await(t, "p", "status.containerStatuses.0.state.waiting.reason", "CreateContainerConfigError");
    assert_pod(t, "p", "status.containerStatuses.0.state.waiting.message", "configmap \"none\" not found");
}

static void probes_decide(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "ready",
         "'containers':[{'name':'c','image':'boat:1','command':['sh','-c','sleep 1.2; touch /ok; sleep 100'],"
         "'readinessProbe':{'exec':{'command':['test','-e','/ok']},'periodSeconds':1}}]");
    make(t, "live",
         "'containers':[{'name':'c','image':'boat:1','command':['sleep','100'],"
         "'livenessProbe':{'exec':{'command':['false']},'periodSeconds':1,'failureThreshold':1}}]");
    await(t, "ready", "status.phase", "Running");
    assert_pod(t, "ready", "status.containerStatuses.0.ready", "false");
    await(t, "ready", "status.containerStatuses.0.ready", "true");
    await(t, "live", "status.containerStatuses.0.restartCount", "1");
}

static void hooks_run(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    char host[160], path[200];
    sprintf(host, "%s/host", t->dir);
    sprintf(path, "%s/stopped", host);
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b,
             "'volumes':[{'name':'h','hostPath':{'path':'%s','type':'DirectoryOrCreate'}}],'containers':[{'"
             "name':'c',"
             "'image':'boat:1','command':['sh','-c','while true; do sleep 0.05; "
             "done'],'volumeMounts':[{'name':'h','mountPath':'/h'}],"
             "'lifecycle':{'postStart':{'exec':{'command':['touch','/h/"
             "started']}},'preStop':{'exec':{'command':['touch','/h/stopped']}}}}]",
             host);
    buf_add_c(&b, 0);
    make(t, "p", b.p);
    await(t, "p", "status.containerStatuses.0.ready", "true");
    del(t->world, &pod_resource, "default", "p", "");
    await(t, "p", "status.phase", "gone");
    assert_true(file_exists(path));
}

static void processes_can_be_shared(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         "'shareProcessNamespace':true,'restartPolicy':'Never','containers':["
         "{'name':'a','image':'boat:1','command':['sleep','4242']},"
         "{'name':'b','image':'boat:1','command':['sh','-c','while ! ps | grep -q [4]242; do sleep 0.05; "
         "done; echo seen']}]");
    await(t, "p", "status.containerStatuses.1.state.terminated.exitCode", "0");
    assert_str(log_of(t, "p", "b", 0), "seen");
    assert_pod(t, "p", "status.containerStatuses.0.ready", "true");
    del(t->world, &pod_resource, "default", "p", "");
    await(t, "p", "status.phase", "gone");
}

static void the_deadline_ends_a_pod(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", "'activeDeadlineSeconds':1," CONTAINER("sleep 100"));
    await(t, "p", "status.reason", "DeadlineExceeded");
    assert_pod(t, "p", "status.phase", "Failed");
}

static void too_large_a_pod_is_refused(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", "'containers':[{'name':'c','image':'boat:1','resources':{'requests':{'cpu':'1000'}}}]");
    await(t, "p", "status.reason", "OutOfcpu");
    assert_pod(t, "p", "status.phase", "Failed");
}

/* However close together they come, one gets the port. */
static void host_ports_go_to_one_pod(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    static const char spec[] =
        "'containers':[{'name':'c','image':'boat:1','command':['sleep','100'],'ports':[{"
        "'containerPort':80,'hostPort':8080}]}]";
    int refused = 0, taken = 0;
    make(t, "one", spec);
    make(t, "two", spec);
    int64_t deadline = clock_mono() + 10 * CLOCK_S;
    while (refused + taken < 2 && clock_mono() < deadline) {
        refused = taken = 0;
        for (const char *const *name = (const char *const[]){"one", "two", NULL}; *name; name++) {
            refused += str_is(pod_field(t, *name, "status.reason"), "NodePorts");
            taken += str_is(pod_field(t, *name, "status.phase"), "Running");
        }
        clock_sleep(20 * CLOCK_MS);
    }
    assert_int_equal(refused, 1);
    assert_int_equal(taken, 1);
}

static void a_new_agent_goes_on_with_the_same_processes(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", CONTAINER("echo once; while true; do sleep 0.05; done"));
    await(t, "p", "status.containerStatuses.0.ready", "true");
    struct str id = pod_field(t, "p", "status.containerStatuses.0.containerID");
    stop_node(t);
    start_node(t);
    clock_sleep(300 * CLOCK_MS);
    assert_true(str_eq(pod_field(t, "p", "status.containerStatuses.0.containerID"), id));
    assert_pod(t, "p", "status.containerStatuses.0.ready", "true");
    assert_pod(t, "p", "status.containerStatuses.0.restartCount", "0");
    del(t->world, &pod_resource, "default", "p", "");
    await(t, "p", "status.phase", "gone");
}

/* What the endpoint answers the API server: "200 body". */
static struct str asked(struct nodes *t, const char *path)
{
    static char text[4096];
    _cleanup_buf_ struct buf b = {0};
    int status = ask_endpoint(&t->ask, &t->ask.client, t->options.port, path, &b);
    snprintf(text, sizeof text, "%d " STR_FMT, status, STR_ARG(buf_str(&b)));
    return str_from(text);
}

static void the_endpoint_serves_logs(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(
        t, "p",
        CONTAINER("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; sleep 2; echo four; sleep 100"));
    make(t, "crash", CONTAINER("echo run; sleep 0.2; exit 1"));
    make(t, "wait", "'containers':[{'name':'c','image':'nothing:1','imagePullPolicy':'Never'}]");
    await(t, "p", "status.phase", "Running");
    clock_sleep(600 * CLOCK_MS);
    assert_str(asked(t, "/healthz"), "200 ok");
    assert_str(asked(t, "/containerLogs/default/p/c"), "200 one\ntwo\nthree\n");
    assert_str(asked(t, "/containerLogs/default/p/c?tailLines=1"), "200 three\n");
    assert_str(asked(t, "/containerLogs/default/p/c?tailLines=0"), "200 ");
    assert_str(asked(t, "/containerLogs/default/p/c?limitBytes=5"), "200 one\nt");
    assert_str(asked(t, "/containerLogs/default/p/c?stream=Stderr"), "200 two\n");
    assert_str(asked(t, "/containerLogs/default/p/c?sinceTime=2100-01-01T00:00:00Z"), "200 ");
    assert_true(
        str_find(asked(t, "/containerLogs/default/p/c?timestamps=true&tailLines=1"), STR("Z three")) > 0 ||
        str_find(asked(t, "/containerLogs/default/p/c?timestamps=true&tailLines=1"), STR("00:00 three")) > 0);
    /* Followed to the end, through what comes later. */
    assert_str(asked(t, "/containerLogs/default/p/c?follow=true&limitBytes=19"),
               "200 one\ntwo\nthree\nfour\n");
    await(t, "crash", "status.containerStatuses.0.restartCount", "1");
    assert_str(asked(t, "/containerLogs/default/crash/c?previous=true&follow=true"), "200 run\n");
    assert_str(asked(t, "/containerLogs/default/crash/c?follow=true"), "200 run\n");
    assert_str(asked(t, "/containerLogs/default/p/c?previous=true"),
               "400 previous terminated container \"c\" in pod \"p\" not found");
    assert_str(asked(t, "/containerLogs/default/none/c"), "404 pod \"none\" not found");
    assert_str(asked(t, "/containerLogs/default/p/x"), "400 container \"x\" is not valid for pod \"p\"");
    await(t, "wait", "status.containerStatuses.0.state.waiting.reason", "ErrImageNeverPull");
    assert_str(asked(t, "/containerLogs/default/wait/c"),
               "400 container \"c\" in pod \"wait\" is waiting to start: trying and failing to pull image");
    _cleanup_buf_ struct buf b = {0};
    assert_int_equal(ask_endpoint(&t->ask, NULL, t->options.port, "/pods", &b), 401);
    assert_int_equal(ask_endpoint(&t->ask, &t->ask.stranger, t->options.port, "/pods", &b), 403);
}

static void probes_over_http_and_tcp(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    /* On the host's network: the test has no pod network, and the agent probes from there. */
    char spec[1024];
    int port = fixture_port(1);
    snprintf(
        spec, sizeof spec,
        "'hostNetwork':true,'containers':[{'name':'c','image':'boat:1','command':['sh','-c','mkdir /tmp/w; "
        "echo ok > "
        "/tmp/w/healthz; httpd -f -p 127.0.0.1:%d -h "
        "/tmp/w'],'readinessProbe':{'httpGet':{'host':'127.0.0.1','port':%d,"
        "'path':'/healthz'},'periodSeconds':1},'startupProbe':{'tcpSocket':{'host':'127.0.0.1','port':%d},"
        "'periodSeconds':1}}]",
        port, port, port);
    make(t, "p", spec);
    await(t, "p", "status.containerStatuses.0.ready", "true");
}

static void resize(struct nodes *t, const char *pod, const char *cpu, const char *memory)
{
    char json[256];
    snprintf(json, sizeof json,
             "{'spec':{'containers':[{'name':'c','resources':{'requests':{'cpu':'%s','memory':'%s'},'limits':"
             "{'cpu':"
             "'%s','memory':'%s'}}}]}}",
             cpu, memory, cpu, memory);
    struct api_request *q = ask(t->world, API_PATCH, &pod_resource, "default", pod);
    q->subresource = STR("resize");
    q->patch_type = API_PATCH_STRATEGIC;
    q->body = quoted(t->world, json);
    assert_code(run(t->world, q), 200);
}

#define SIZED(more)                                                                                          \
    "'containers':[{'name':'c','image':'boat:1','command':['sleep','100'],'resources':{'requests':{'cpu':'"  \
    "100m',"                                                                                                 \
    "'memory':'32Mi'},'limits':{'cpu':'100m','memory':'32Mi'}}" more "}]"

static void resources_change_in_place(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", SIZED(""));
    await(t, "p", "status.containerStatuses.0.ready", "true");
    struct str id = pod_field(t, "p", "status.containerStatuses.0.containerID");
    char group[256];
    sprintf(group, "%s/pod" STR_FMT "/" STR_FMT, t->cgroup, STR_ARG(pod_field(t, "p", "metadata.uid")),
            STR_ARG(str_from_at(id, sizeof "sagong://" - 1)));
    const char *file = cgroup_is_unified() ? "memory.max" : "memory.limit_in_bytes";
    assert_int_equal(cgroup_read("memory", group, file), 32 << 20);
    resize(t, "p", "200m", "64Mi");
    await(t, "p", "status.containerStatuses.0.resources.limits.memory", "64Mi");
    assert_int_equal(cgroup_read("memory", group, file), 64 << 20);
    resize(t, "p", "50m", "48Mi");
    await(t, "p", "status.containerStatuses.0.resources.limits.cpu", "50m");
    assert_int_equal(cgroup_read("memory", group, file), 48 << 20);
    assert_pod(t, "p", "status.containerStatuses.0.restartCount", "0");
    assert_true(str_eq(pod_field(t, "p", "status.containerStatuses.0.containerID"), id));
}

static void a_resize_may_ask_for_a_restart(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", SIZED(",'resizePolicy':[{'resourceName':'memory','restartPolicy':'RestartContainer'}]"));
    await(t, "p", "status.containerStatuses.0.ready", "true");
    resize(t, "p", "100m", "64Mi");
    await(t, "p", "status.containerStatuses.0.restartCount", "1");
    await(t, "p", "status.containerStatuses.0.resources.limits.memory", "64Mi");
}

static void a_resize_that_cannot_be_is_told(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p", SIZED(""));
    await(t, "p", "status.containerStatuses.0.ready", "true");
    resize(t, "p", "1000", "32Mi");
    int64_t deadline = clock_mono() + 10 * CLOCK_S;
    while (str_find(shown(t->world, get(t->world, &pod_resource, "default", "p")),
                    STR("\"reason\":\"Infeasible\"")) < 0 &&
           clock_mono() < deadline)
        clock_sleep(20 * CLOCK_MS);
    assert_true(str_find(shown(t->world, get(t->world, &pod_resource, "default", "p")),
                         STR("Node didn't have enough resource: cpu, requested: 1000000")) >= 0);
    assert_pod(t, "p", "status.containerStatuses.0.resources.limits.cpu", "100m"); /* it goes on as it was */
}

static void fifty_pods_at_once(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    char name[16];
    int64_t began = clock_mono();
    for (int i = 0; i < 50; i++) {
        sprintf(name, "p%d", i);
        make(t, name, CONTAINER("while true; do sleep 1; done"));
    }
    for (int i = 0; i < 50; i++) {
        sprintf(name, "p%d", i);
        await(t, name, "status.containerStatuses.0.ready", "true");
    }
    print_message("50 pods Ready: %lld ms\n", (long long)((clock_mono() - began) / CLOCK_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(registers_the_node),
        T(resources_of_others_stay),
        T(a_pod_becomes_ready),
        T(a_deleted_pod_goes),
        T(a_pod_that_is_over_and_kept_by_another_is_left_alone),
        T(a_job_s_pod_completes),
        T(the_image_s_command_runs),
        T(a_crashing_container_backs_off),
        T(exit_codes_decide_about_restarts),
        T(a_missing_command_is_a_start_error),
        T(missing_images_are_told),
        T(init_containers_run_first),
        T(a_failed_init_container_fails_the_pod),
        T(environment_and_volumes),
        T(a_missing_config_map_is_waited_for),
        T(probes_decide),
        T(hooks_run),
        T(processes_can_be_shared),
        T(the_deadline_ends_a_pod),
        T(too_large_a_pod_is_refused),
        T(host_ports_go_to_one_pod),
        T(a_new_agent_goes_on_with_the_same_processes),
        T(the_endpoint_serves_logs),
        T(probes_over_http_and_tcp),
        T(resources_change_in_place),
        T(a_resize_may_ask_for_a_restart),
        T(a_resize_that_cannot_be_is_told),
        T(fifty_pods_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
