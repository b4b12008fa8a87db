/* A world for tests of pods: an API in memory, the agent, crun. Each test has a node of its own. */
#pragma once
#include "api/world.h"
#include "ask.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "client/in_process.h"
#include "fixture.h"
#include "node/agent.h"
#include "node/image/archive.h"
#include "node/logs/log_file.h"

struct nodes {
    struct world *world;
    struct client *client;
    struct node_agent *node;
    struct node_options options;
    struct ask ask;
    char *dir, data[128], run[128], logs[128], cgroup[64];
    struct err err;
};

static inline void start_node(struct nodes *t)
{
    static const struct str groups[] = {STR_INIT("system:masters")};
    struct user admin = {.name = STR("admin"), .groups = {(struct str *)groups, 1}};
    t->client = client_in_process(world_api(t->world), &admin);
    assert_ok(node_start(t->client, &t->options, &t->node, &t->err), t->err);
}

static inline void stop_node(struct nodes *t)
{
    node_stop(t->node);
    client_free(t->client);
}

static inline int setup(void **state)
{
    struct nodes *t = mem_zalloc(sizeof *t);
    log_set_level(LOG_WARN);
    void *world;
    world_open(&world);
    t->world = world;
    t->dir = fixture_directory();
    *state = t;
    if (geteuid() != 0 || !file_exists(BUSYBOX) || !fixture_has("crun") || !fixture_has("conmon"))
        return 0;
    char archive[128], images[160];
    sprintf(t->data, "%s/data", t->dir);
    sprintf(t->run, "%s/run", t->dir);
    sprintf(t->logs, "%s/logs", t->dir);
    sprintf(t->cgroup, "/sagong-test-%d", (int)getpid());
    sprintf(archive, "%s/image.tar", t->dir);
    sprintf(images, "%s/images", t->data);
    static struct str address = STR_INIT("10.0.0.5");
    t->options = (struct node_options){.name = STR("worker"),
                                       .addresses = {&address, 1},
                                       .data_dir = t->data,
                                       .run_dir = t->run,
                                       .log_dir = t->logs,
                                       .cgroup_root = t->cgroup,
                                       .no_network = true,
                                       .port = fixture_port(0),
                                       .listen = "127.0.0.1",
                                       .n_loops = 1};
    ask_open(&t->ask);
    t->options.cert_pem = buf_str(&t->ask.serving.cert_pem);
    t->options.key_pem = buf_str(&t->ask.serving.key_pem);
    t->options.client_ca_pem = buf_str(&t->ask.ca.cert_pem);
    t->options.loops = &t->ask.loop;
    fixture_image(archive, "boat:1", "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo from image\"]");
    struct image_store *store;
    struct arena a = {0};
    struct str_vec names;
    assert_ok(image_store_open(images, &store, &t->err), t->err);
    assert_ok(image_archive_load(store, archive, STR(""), &a, &names, &t->err), t->err);
    image_store_close(store);
    arena_free(&a);
    create(t->world, &namespace_resource, "", "{'metadata':{'name':'kube-node-lease'}}");
    start_node(t);
    return 0;
}

static inline int teardown(void **state)
{
    struct nodes *t = *state;
    if (t->node) {
        stop_node(t);
        ask_close(&t->ask);
        assert_ok(node_drain(&t->options, &t->err), t->err);
    }
    void *world = t->world;
    world_close(&world);
    fixture_remove(t->dir);
    err_clear(&t->err);
    free(t);
    return 0;
}

#define NEED_NODE(t) SKIP_UNLESS((t)->node, "root, crun, conmon and busybox-static")

/* A pod on our node. `spec` is what stands in it besides. */
static inline void make(struct nodes *t, const char *name, const char *spec)
{
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b,
             "{'metadata':{'name':'%s','labels':{'app':'boat'}},'spec':{'nodeName':'worker',"
             "'automountServiceAccountToken':false,'terminationGracePeriodSeconds':1,%s}}",
             name, spec);
    buf_add_c(&b, 0);
    assert_code(create(t->world, &pod_resource, "default", b.p), 201);
}

#define CONTAINER(script) "'containers':[{'name':'c','image':'boat:1','command':['sh','-c','" script "']}]"

static inline void await(struct nodes *t, const char *name, const char *path, const char *wanted)
{
    int64_t deadline = clock_mono() + 30 * CLOCK_S;
    struct str have;
    do {
        struct api_request *r = get(t->world, &pod_resource, "default", name);
        have = r->code == 200 ? field(t->world, r, path) : STR("gone");
        if (str_is(have, wanted))
            return;
        clock_sleep(20 * CLOCK_MS);
    } while (clock_mono() < deadline);
    fail_msg("%s is \"" STR_FMT "\", not \"%s\": " STR_FMT, path, STR_ARG(have), wanted,
             STR_ARG(shown(t->world, get(t->world, &pod_resource, "default", name))));
}

static inline struct str pod_field(struct nodes *t, const char *name, const char *path)
{
    return field(t->world, get(t->world, &pod_resource, "default", name), path);
}

#define assert_pod(t, name, path, expected) assert_str(pod_field(t, name, path), expected)

/* What the container wrote, without times. */
static inline struct str log_of(struct nodes *t, const char *pod, const char *container, int attempt)
{
    char path[512];
    static char text[8192];
    _cleanup_buf_ struct buf b = {0};
    struct str uid = pod_field(t, pod, "metadata.uid");
    sprintf(path, "%s/default_%s_" STR_FMT "/%s/%d.log", t->logs, pod, STR_ARG(uid), container, attempt);
    assert_ok(file_read(path, 1 << 20, &b, &t->err), t->err);
    struct str rest = buf_str(&b), line;
    struct log_line l;
    size_t n = 0;
    while (str_cut(&rest, '\n', &line))
        if (log_line_parse(line, &l))
            n += (size_t)snprintf(text + n, sizeof text - n, STR_FMT "%s", STR_ARG(l.text),
                                  l.partial ? "" : "\n");
    while (n && text[n - 1] == '\n')
        n--;
    return str_slice(text, n);
}

/* An event about the pod comes. */
static inline void await_event(struct nodes *t, const char *pod, const char *reason, const char *message)
{
    int64_t deadline = clock_mono() + 30 * CLOCK_S;
    do {
        _cleanup_objects_ struct objects all = {0};
        assert_ok(client_list(t->client, &event_resource, STR("default"), NULL, &all, &t->err), t->err);
        for (size_t i = 0; i < all.n; i++) {
            const struct event *e = object_typed(all.at[i]);
            if (str_is(e->involved_object.name, pod) && str_is(e->reason, reason) &&
                str_is(e->message, message))
                return;
        }
        clock_sleep(50 * CLOCK_MS);
    } while (clock_mono() < deadline);
    fail_msg("no event %s about %s: %s", reason, pod, message);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
