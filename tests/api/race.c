/* Many at once: what may be had once is had once. */
#include <stdio.h>

#include "base/map.h"
#include "base/thread.h"
#include "world.h"

enum { THREADS = 4, EACH = 100 };

struct runner {
    struct world *world;
    int number;
    int done; /* how many of its requests succeeded */
};

static void run_all(struct world *w, struct runner *runners, void (*body)(void *runner))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        runners[i] = (struct runner){.world = w, .number = i};
        threads[i] = thread_start("runner", body, &runners[i]);
    }
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
}

/* A request of a thread's own arena. */
static int call(struct runner *r, struct api_request *q, const char *json)
{
    struct arena a = {0};
    q->arena = &a;
    q->ns = STR("default");
    q->body = str_from(json);
    int code = api_call(world_api(r->world), q) == 0 ? q->code : q->err.code;
    api_finish(world_api(r->world), q);
    arena_free(&a);
    return code;
}

static void make_services(void *arg)
{
    struct runner *r = arg;
    for (int i = 0; i < EACH; i++) {
        char json[256];
        snprintf(
            json, sizeof json,
            "{\"metadata\":{\"name\":\"s%d-%d\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}}",
            r->number, i);
        r->done +=
            call(r, &(struct api_request){.verb = API_CREATE, .resource = &service_resource}, json) == 201;
    }
}

static void no_two_services_share_a_number(void **state)
{
    struct world *w = *state;
    struct runner runners[THREADS];
    struct map addresses = {0}, ports = {0};
    run_all(w, runners, make_services);
    struct api_request *r = list(w, &service_resource, "default", "", "");
    assert_int_equal(r->list->n, THREADS * EACH + 1);
    for (size_t i = 0; i < r->list->n; i++) {
        const struct service *s = object_typed(r->list->at[i]);
        assert_null(map_put(&addresses, s->spec.cluster_ip, w));
        int32_t port = s->spec.ports.at[0].node_port;
        if (!str_is(s->metadata.name, "kubernetes"))
            assert_null(
                map_put(&ports, str_slice((const char *)&s->spec.ports.at[0].node_port, sizeof port), w));
    }
    map_free(&addresses);
    map_free(&ports);
}

static void bind_all(void *arg)
{
    struct runner *r = arg;
    for (int i = 0; i < EACH; i++) {
        char name[32], json[128];
        snprintf(name, sizeof name, "p%d", i);
        snprintf(json, sizeof json, "{\"target\":{\"kind\":\"Node\",\"name\":\"n%d\"}}", r->number);
        struct api_request q = {.verb = API_CREATE,
                                .resource = &pod_resource,
                                .name = str_from(name),
                                .subresource = STR("binding")};
        r->done += call(r, &q, json) == 201;
    }
}

static void each_pod_is_bound_by_one(void **state)
{
    struct world *w = *state;
    struct runner runners[THREADS];
    int done = 0;
    for (int i = 0; i < EACH; i++) {
        char json[256];
        snprintf(json, sizeof json,
                 "{'metadata':{'name':'p%d'},'spec':{'containers':[{'name':'c','image':'i'}]}}", i);
        assert_code(create(w, &pod_resource, "default", json), 201);
    }
    run_all(w, runners, bind_all);
    for (int i = 0; i < THREADS; i++)
        done += runners[i].done;
    assert_int_equal(done, EACH);
}

static void label_all(void *arg)
{
    struct runner *r = arg;
    for (int i = 0; i < EACH; i++) {
        char json[128];
        int code;
        snprintf(json, sizeof json, "{\"data\":{\"k%d-%d\":\"\"}}", r->number, i);
        do { /* five tries are the API's, more are the client's */
            struct api_request q = {.verb = API_PATCH,
                                    .resource = &config_map_resource,
                                    .name = STR("shared"),
                                    .patch_type = API_PATCH_MERGE};
            code = call(r, &q, json);
        } while (code == 409);
        r->done += code == 200;
    }
}

static void no_patch_is_lost(void **state)
{
    struct world *w = *state;
    struct runner runners[THREADS];
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'shared'}}"), 201);
    run_all(w, runners, label_all);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(runners[i].done, EACH);
    struct api_request *r = get(w, &config_map_resource, "default", "shared");
    assert_int_equal(((const struct config_map *)object_typed(r->object))->data.n, THREADS * EACH);
}

static void set_latch(struct api_request *r)
{
    latch_set(r->caller);
}

/* Creates that are under way at the same time count against a quota too. */
static void a_quota_holds_for_many_at_once(void **state)
{
    struct world *w = *state;
    enum { ASKED = 8, ALLOWED = 3 };
    assert_code(create(w, &resource_quota_resource, "default",
                       "{'metadata':{'name':'q'},'spec':{'hard':{'configmaps':'3'}}}"),
                201);
    struct arena arenas[ASKED] = {0};
    struct api_request q[ASKED];
    struct latch woken[ASKED];
    for (int i = 0; i < ASKED; i++) {
        latch_init(&woken[i]);
        q[i] = (struct api_request){.arena = &arenas[i],
                                    .verb = API_CREATE,
                                    .resource = &config_map_resource,
                                    .ns = STR("default"),
                                    .body = arena_printf(&arenas[i], "{\"metadata\":{\"name\":\"a%d\"}}", i),
                                    .wake = set_latch,
                                    .caller = &woken[i]};
    }
    bool waits[ASKED];
    int let_in = 0;
    for (int i = 0; i < ASKED; i++) /* all are judged before the first is known to be stored */
        waits[i] = api_run(world_api(w), &q[i]) == API_PENDING;
    for (int i = 0; i < ASKED; i++) {
        while (waits[i]) {
            latch_wait(&woken[i], INT64_MAX);
            latch_reset(&woken[i]);
            waits[i] = api_run(world_api(w), &q[i]) == API_PENDING;
        }
        let_in += q[i].code == 201;
        if (q[i].code != 201)
            assert_str(q[i].err.message,
                       arena_printf(&arenas[i],
                                    "configmaps \"a%d\" is forbidden: exceeded quota: q, requested: "
                                    "configmaps=1, used: configmaps=3, limited: configmaps=3",
                                    i)
                           .p);
        api_finish(world_api(w), &q[i]);
        arena_free(&arenas[i]);
        latch_destroy(&woken[i]);
    }
    assert_int_equal(let_in, ALLOWED);
    /* What was refused holds nothing. */
    assert_code(del(w, &config_map_resource, "default", "a0", ""), 200);
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'late'}}"), 201);
}

static void ignore_wake(struct api_request *r)
{
    (void)r;
}

static void a_request_may_be_given_up(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < EACH; i++) { /* the store may be about to answer, or have answered: both are fine */
        struct arena a = {0};
        char json[128];
        snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"a%d\"}}", i);
        struct api_request q = {.arena = &a,
                                .verb = API_CREATE,
                                .resource = &config_map_resource,
                                .ns = STR("default"),
                                .body = str_from(json),
                                .wake = ignore_wake};
        api_run(world_api(w), &q);
        api_finish(world_api(w), &q);
        arena_free(&a);
    }
    assert_int_equal(list(w, &config_map_resource, "default", "", "")->list->n, EACH);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(no_two_services_share_a_number), TEST(each_pod_is_bound_by_one),  TEST(no_patch_is_lost),
        TEST(a_quota_holds_for_many_at_once), TEST(a_request_may_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
