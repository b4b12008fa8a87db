/* The scheduler against a real API in memory. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "base/clock.h"
#include "client/in_process.h"
#include "client/informer.h"
#include "kinds/core_v1.h"
#include "kinds/scheduling_v1.h"
#include "scheduler/scheduler.h"
#include "schema/json.h"

struct cluster {
    struct store *store;
    struct api *api;
    struct client *client, *scheduler_client;
    struct scheduler *scheduler;
    struct arena arena;
};

static void *parse(struct cluster *c, const struct resource *r, const char *fmt, va_list args)
{
    struct str text = arena_vprintf(&c->arena, fmt, args);
    for (char *p = (char *)text.p; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    struct err err = {0};
    void *typed = arena_alloc(&c->arena, r->type->size);
    assert_ok(json_decode(&c->arena, r->type, text, 0, typed, NULL, &err), err);
    return typed;
}

static void create(struct cluster *c, const struct resource *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    void *typed = parse(c, r, fmt, args);
    va_end(args);
    struct err err = {0};
    struct str ns = r->flags & RESOURCE_NAMESPACED ? STR("default") : (struct str){0};
    assert_ok(client_create(c->client, r, ns, typed, NULL, &err), err);
}

static void node(struct cluster *c, const char *name, const char *cpu)
{
    create(c, &node_resource,
           "{'metadata':{'name':'%s'},'status':{'allocatable':{'cpu':'%s','memory':'8Gi','pods':'110'}}}",
           name, cpu);
}

/* Nobody here takes the taint off that new nodes get until they are ready: so pods tolerate it. */
static void pod(struct cluster *c, const char *name, const char *cpu, const char *more)
{
    create(c, &pod_resource,
           "{'metadata':{'name':'%s'},'spec':{'terminationGracePeriodSeconds':0,'tolerations':[{'operator':'"
           "Exists'}]%s,'containers':[{'name':'c',"
           "'image':'example.com/c:1','resources':{'requests':{'cpu':'%s'}}}]}}",
           name, more, cpu);
}

static struct object *get(struct cluster *c, const char *name)
{
    struct object *o = NULL;
    struct err err = {0};
    client_get(c->client, &pod_resource, STR("default"), str_from(name), &o, &err);
    err_clear(&err);
    return o;
}

static void start(struct cluster *c)
{
    struct err err = {0};
    assert_ok(scheduler_start(c->scheduler_client, &(struct scheduler_options){0}, &c->scheduler, &err), err);
}

static int setup(void **state)
{
    struct cluster *c = mem_zalloc(sizeof *c);
    struct err err = {0};
    assert_ok(store_open(&(struct store_options){0}, &c->store, &err), err);
    assert_ok(api_new(&(struct api_options){.store = c->store}, &c->api, &err), err);
    assert_ok(api_bootstrap(c->api, &err), err);
    struct str masters = STR("system:masters");
    struct user tester = {.name = STR("tester"), .groups = {&masters, 1}};
    struct user self = {.name = STR("system:kube-scheduler")};
    c->client = client_in_process(c->api, &tester);
    c->scheduler_client = client_in_process(c->api, &self);
    create(c, &service_account_resource, "{'metadata':{'name':'default'}}");
    start(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct cluster *c = *state;
    scheduler_stop(c->scheduler);
    client_free(c->scheduler_client);
    client_free(c->client);
    api_free(c->api);
    store_close(c->store);
    arena_free(&c->arena);
    free(c);
    return 0;
}

/* Waits for it, ten seconds at most. */
#define eventually(cond)                                                                                     \
    do {                                                                                                     \
        int64_t deadline_ = clock_mono() + 10 * CLOCK_S;                                                     \
        while (!(cond)) {                                                                                    \
            if (clock_mono() > deadline_)                                                                    \
                fail_msg("never: %s", #cond);                                                                \
            clock_sleep(CLOCK_MS);                                                                           \
        }                                                                                                    \
    } while (0)

static bool is_on(struct cluster *c, const char *name, const char *node_name)
{
    _cleanup_object_ struct object *o = get(c, name);
    return o && str_is(((const struct pod *)object_typed(o))->spec.node_name, node_name);
}

/* "True", or "REASON: MESSAGE" of PodScheduled. */
static bool condition_is(struct cluster *c, const char *name, const char *want)
{
    _cleanup_object_ struct object *o = get(c, name);
    const struct pod *p = o ? object_typed(o) : NULL;
    for (size_t i = 0; p && i < p->status.conditions.n; i++) {
        const struct pod_condition *k = &p->status.conditions.at[i];
        if (!str_eq(k->type, POD_CONDITION_TYPE_POD_SCHEDULED))
            continue;
        char text[512];
        snprintf(text, sizeof text, STR_FMT ": " STR_FMT, STR_ARG(k->reason), STR_ARG(k->message));
        return str_is(k->status, "True") ? !strcmp(want, "True") : !strcmp(want, text);
    }
    return false;
}

static bool event_is_there(struct cluster *c, const char *about, const char *reason, const char *message)
{
    _cleanup_objects_ struct objects events = {0};
    struct err err = {0};
    assert_ok(client_list(c->client, &event_resource, STR("default"), NULL, &events, &err), err);
    for (size_t i = 0; i < events.n; i++) {
        const struct event *e = object_typed(events.at[i]);
        if (str_is(e->involved_object.name, about) && str_is(e->reason, reason) &&
            str_starts(e->message, str_from(message)))
            return true;
    }
    return false;
}

static void test_a_pod_gets_a_node(void **state)
{
    struct cluster *c = *state;
    node(c, "a", "2");
    pod(c, "p", "1", "");
    eventually(is_on(c, "p", "a"));
    assert_true(condition_is(c, "p", "True"));
    eventually(event_is_there(c, "p", "Scheduled", "Successfully assigned default/p to a"));
}

static void test_a_pod_that_fits_nowhere_waits_for_a_node(void **state)
{
    struct cluster *c = *state;
    pod(c, "p", "4", "");
    eventually(condition_is(c, "p", "Unschedulable: no nodes available to schedule pods"));
    node(c, "a", "2");
    node(c, "b", "4");
    eventually(is_on(c, "p", "b"));
    pod(c, "q", "4", "");
    static const char message[] =
        "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 "
        "Preemption is not helpful for scheduling.";
    char want[512];
    snprintf(want, sizeof want, "Unschedulable: %s", message);
    eventually(condition_is(c, "q", want));
    eventually(event_is_there(c, "q", "FailedScheduling", message));
    struct err err = {0};
    assert_ok(
        client_delete(c->client, &pod_resource, STR("default"), STR("p"), &DELETE_OPTIONS_DEFAULT, &err),
        err);
    eventually(is_on(c, "q", "b"));
}

static void test_others_pods_are_left_alone(void **state)
{
    struct cluster *c = *state;
    node(c, "a", "2");
    pod(c, "p", "1", ",'schedulerName':'mine'");
    pod(c, "q", "1", "");
    eventually(is_on(c, "q", "a"));
    assert_true(is_on(c, "p", ""));
}

static void test_a_gate_holds_a_pod_back(void **state)
{
    struct cluster *c = *state;
    node(c, "a", "2");
    pod(c, "p", "1", ",'schedulingGates':[{'name':'example.com/g'}]");
    pod(c, "q", "1", "");
    eventually(is_on(c, "q", "a"));
    assert_true(is_on(c, "p", ""));
    struct err err = {0};
    assert_ok(client_patch(c->client, &pod_resource, STR("default"), STR("p"), STR(""), PATCH_MERGE,
                           STR("{\"spec\":{\"schedulingGates\":null}}"), NULL, &err),
              err);
    eventually(is_on(c, "p", "a"));
}

static void test_a_more_important_pod_takes_the_place(void **state)
{
    struct cluster *c = *state;
    create(c, &priority_class_resource, "{'metadata':{'name':'high'},'value':1000}");
    node(c, "a", "2");
    pod(c, "low", "2", "");
    eventually(is_on(c, "low", "a"));
    pod(c, "high", "2", ",'priorityClassName':'high'");
    eventually(is_on(c, "high", "a"));
    assert_null(get(c, "low"));
    _cleanup_object_ struct object *high = get(c, "high");
    assert_str(((const struct pod *)object_typed(high))->status.nominated_node_name,
               ""); /* it is there now */
    eventually(event_is_there(c, "low", "Preempted", "Preempted by pod "));
    clock_sleep(20 * CLOCK_MS); /* what was written about the first try must not come after the bind */
    assert_true(condition_is(c, "high", "True"));
}

static void test_no_node_is_filled_beyond_its_room(void **state)
{
    struct cluster *c = *state;
    enum { NODES = 5, PODS = 60 };
    char name[16];
    for (int i = 0; i < NODES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        node(c, name, "10");
    }
    for (int i = 0; i < PODS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        pod(c, name, "1", "");
    }
    int on[NODES] = {0}, bound = 0;
    for (int64_t deadline = clock_mono() + 20 * CLOCK_S; bound < 10 * NODES && clock_mono() < deadline;) {
        _cleanup_objects_ struct objects pods = {0};
        struct err err = {0};
        assert_ok(client_list(c->client, &pod_resource, STR("default"), NULL, &pods, &err), err);
        bound = 0;
        memset(on, 0, sizeof on);
        for (size_t i = 0; i < pods.n; i++) {
            struct str where = ((const struct pod *)object_typed(pods.at[i]))->spec.node_name;
            if (where.n)
                on[where.p[1] - '0']++;
            bound += where.n > 0;
        }
        clock_sleep(CLOCK_MS);
    }
    for (int i = 0; i < NODES; i++)
        assert_int_equal(on[i], 10);
}

static void test_a_new_scheduler_goes_on_where_the_old_one_was(void **state)
{
    struct cluster *c = *state;
    node(c, "a", "2");
    pod(c, "p", "1500m", "");
    eventually(is_on(c, "p", "a"));
    scheduler_stop(c->scheduler);
    pod(c, "q", "1", "");
    node(c, "b", "1");
    start(c);
    eventually(is_on(c, "q", "b")); /* and not "a", where p is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_pod_gets_a_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pod_that_fits_nowhere_waits_for_a_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_pods_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_gate_holds_a_pod_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_more_important_pod_takes_the_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_node_is_filled_beyond_its_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_scheduler_goes_on_where_the_old_one_was, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
