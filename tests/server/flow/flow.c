/* Priority and fairness over the wire: requests are sorted by FlowSchemas, and each level has its seats and
 * queues. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster.h"
#include "server/bootstrap.h"

#define FLOWS  "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
#define LEVELS "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations"
#define TOKENS "ann-token,ann,1,\"staff\"\nbob-token,bob,2\n"

static struct str uid_of(struct cluster *c, const char *path)
{
    _cleanup_answer_ struct answer a = get(c, path);
    assert_status(a, 200);
    return arena_str(&c->arena, at(&a, "metadata.uid"));
}

static void expect_flow(struct cluster *c, struct fetch *who, const char *path, const char *schema,
                        const char *level)
{
    char of[200];
    _cleanup_answer_ struct answer a = ask(c, who, "GET", path, NULL, NULL);
    snprintf(of, sizeof of, FLOWS "/%s", schema);
    struct str wanted = uid_of(c, of);
    if (!str_eq(fetch_header_get(&a.response, STR("x-kubernetes-pf-flowschema-uid")), wanted))
        fail_msg("GET %s is not of the flow schema %s", path, schema);
    snprintf(of, sizeof of, LEVELS "/%s", level);
    assert_true(
        str_eq(fetch_header_get(&a.response, STR("x-kubernetes-pf-prioritylevel-uid")), uid_of(c, of)));
}

static void requests_are_sorted(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c,
                  &(struct cluster_options){
                      .tokens = "node-token,system:node:a,1,\"system:nodes\"\n"
                                "sa-token,system:serviceaccount:default:x,2,\"system:serviceaccounts\"\n"
                                "ks-token,system:serviceaccount:kube-system:y,3,\"system:serviceaccounts\"\n"
                                "bob-token,bob,4\n"});
    struct fetch *node = cluster_client(&c, "node-token"), *sa = cluster_client(&c, "sa-token"),
                 *ks = cluster_client(&c, "ks-token"), *bob = cluster_client(&c, "bob-token");
    expect_flow(&c, c.as_admin, "/api/v1/pods", "exempt", "exempt");
    expect_flow(&c, c.as_nobody, "/livez", "probes", "exempt");
    expect_flow(&c, node, "/api/v1/nodes/a", "system-node-high", "node-high");
    expect_flow(&c, node, "/api/v1/pods", "system-nodes", "system");
    expect_flow(&c, ks, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x",
                "system-leader-election", "leader-election");
    expect_flow(&c, ks, "/api/v1/namespaces/kube-system/configmaps/x", "workload-leader-election",
                "leader-election");
    expect_flow(&c, ks, "/api/v1/pods", "kube-system-service-accounts", "workload-high");
    expect_flow(&c, sa, "/api/v1/pods", "service-accounts", "workload-low");
    expect_flow(&c, bob, "/version", "global-default", "global-default");
    fetch_free(node);
    fetch_free(sa);
    fetch_free(ks);
    fetch_free(bob);
    cluster_stop(&c);
}

/* --- seats --- */

/* An admission that holds up config maps called "slow...", until it is told to let one go. */
enum { HELD_MOST = 16 };
static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct api_request *held[HELD_MOST];
static size_t n_held;

static int gate_hold(void *arg, struct api_attributes *at, struct err *err)
{
    (void)arg, (void)err;
    if (at->state || !str_is(at->resource->plural, "configmaps") ||
        str_find(at->request->body, STR("\"slow-")) < 0)
        return 0;
    at->state = at->request;
    _lock_(&gate_mutex);
    held[n_held++] = at->request;
    return 1;
}

static size_t gate_count(void)
{
    _lock_(&gate_mutex);
    return n_held;
}

static void gate_open(void)
{
    struct api_request *r;
    {
        _lock_(&gate_mutex);
        r = held[0];
        memmove(held, held + 1, --n_held * sizeof *held);
    }
    r->wake(r);
}

static void gate_wait(size_t n)
{
    for (int i = 0; gate_count() != n; i++) {
        assert_true(i < 1000);
        clock_sleep(5 * CLOCK_MS);
    }
}

/* A client that creates one config map and notes what came of it. */
struct writer {
    struct cluster *cluster;
    struct fetch *who;
    const char *name;
    pthread_t thread;
    _Atomic int status;
    bool told_to_wait; /* Retry-After: 1 */
};

static void writer_run(void *arg)
{
    struct writer *w = arg;
    char body[80];
    snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"%s\"}}", w->name);
    _cleanup_answer_ struct answer a =
        ask(w->cluster, w->who, "POST", "/api/v1/namespaces/default/configmaps", NULL, body);
    w->told_to_wait = str_eq(fetch_header_get(&a.response, STR("retry-after")), STR("1"));
    w->status = a.status;
}

static void writer_start(struct writer *w, struct cluster *c, struct fetch *who, const char *name)
{
    *w = (struct writer){.cluster = c, .who = who, .name = name};
    w->thread = thread_start("writer", writer_run, w);
}

static int writer_end(struct writer *w)
{
    thread_join(w->thread);
    return w->status;
}

/* A cluster in which ann's and bob's requests are of a level "tiny" of one seat. `response`: how it limits.
 */
struct tiny {
    struct cluster c;
    struct api_admission gate;
    struct fetch *ann, *bob;
};

static void tiny_start(struct tiny *t, const char *response)
{
    n_held = 0;
    t->gate = (struct api_admission){.name = "gate", .validate = gate_hold};
    cluster_start(&t->c, &(struct cluster_options){.tokens = TOKENS, .admission = &t->gate, .limit = 20});
    t->ann = cluster_client(&t->c, "ann-token");
    t->bob = cluster_client(&t->c, "bob-token");
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer bound =
        create(&t->c, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
               "{\"metadata\":{\"name\":\"tiny\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
               "\"kind\":\"ClusterRole\","
               "\"name\":\"cluster-admin\"},\"subjects\":[{\"apiGroup\":\"rbac.authorization.k8s.io\","
               "\"kind\":\"Group\","
               "\"name\":\"system:authenticated\"}]}");
    _cleanup_answer_ struct answer level = create(
        &t->c, LEVELS,
        arena_printf(&a,
                     "{\"metadata\":{\"name\":\"tiny\"},\"spec\":{\"type\":\"Limited\",\"limited\":{"
                     "\"nominalConcurrencyShares\":1,\"borrowingLimitPercent\":0,\"limitResponse\":%s}}}",
                     response)
            .p);
    _cleanup_answer_ struct answer schema = create(
        &t->c, FLOWS,
        "{\"metadata\":{\"name\":\"tiny\"},\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"tiny\"},"
        "\"matchingPrecedence\":50,\"distinguisherMethod\":{\"type\":\"ByUser\"},\"rules\":[{\"subjects\":["
        "{\"kind\":\"User\",\"user\":{\"name\":\"ann\"}},{\"kind\":\"User\",\"user\":{\"name\":\"bob\"}}],"
        "\"resourceRules\":[{\"verbs\":[\"create\"],\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"],"
        "\"namespaces\":[\"default\"]}]}]}}");
}

static void tiny_stop(struct tiny *t)
{
    fetch_free(t->ann);
    fetch_free(t->bob);
    cluster_stop(&t->c);
}

static void without_a_seat_they_are_sent_back(void **state)
{
    (void)state;
    struct tiny t;
    struct writer first, second, third;
    tiny_start(&t, "{\"type\":\"Reject\"}");
    writer_start(&first, &t.c, t.ann, "slow-1");
    gate_wait(1);
    writer_start(&second, &t.c, t.bob, "quick");
    assert_int_equal(writer_end(&second), 429);
    assert_true(second.told_to_wait);
    _cleanup_answer_ struct answer other = /* of another level */
        ask(&t.c, t.bob, "GET", "/api/v1/namespaces/default/configmaps", NULL, NULL);
    assert_status(other, 200);
    gate_open();
    assert_int_equal(writer_end(&first), 201);
    writer_start(&third, &t.c, t.bob, "quick");
    assert_int_equal(writer_end(&third), 201);
    tiny_stop(&t);
}

static void with_queues_they_wait_their_turn(void **state)
{
    (void)state;
    struct tiny t;
    struct writer first, queued[3];
    tiny_start(&t, "{\"type\":\"Queue\",\"queuing\":{\"queues\":1,\"handSize\":1,\"queueLengthLimit\":2}}");
    writer_start(&first, &t.c, t.ann, "slow-1");
    gate_wait(1);
    writer_start(&queued[0], &t.c, t.ann, "slow-2");
    for (int i = 0; i < 1000; i++) { /* until it waits, as the metrics say */
        _cleanup_answer_ struct answer m = get(&t.c, "/metrics");
        if (str_find(m.response.body,
                     STR("apiserver_flowcontrol_current_inqueue_requests{priority_level=\"tiny\"} 1\n")) >= 0)
            break;
        assert_true(i < 999);
        clock_sleep(5 * CLOCK_MS);
    }
    assert_int_equal(gate_count(), 1); /* it has not come in */
    writer_start(&queued[1], &t.c, t.bob, "quick-1");
    clock_sleep(50 * CLOCK_MS);
    writer_start(&queued[2], &t.c, t.bob, "quick-2");
    assert_int_equal(writer_end(&queued[2]), 429); /* the queue is full */
    gate_open();
    assert_int_equal(writer_end(&first), 201);
    gate_wait(1);
    gate_open();
    assert_int_equal(writer_end(&queued[0]), 201);
    assert_int_equal(writer_end(&queued[1]), 201);
    tiny_stop(&t);
}

static void what_others_lend_is_borrowed(void **state)
{
    (void)state;
    struct tiny t;
    struct writer w[4];
    static const char *const names[] = {"slow-1", "slow-2", "slow-3", "slow-4"};
    tiny_start(&t, "{\"type\":\"Reject\"}");
    _cleanup_answer_ struct answer more =
        ask(&t.c, t.c.as_admin, "PATCH", LEVELS "/tiny", "content-type: application/merge-patch+json",
            "{\"spec\":{\"limited\":{\"borrowingLimitPercent\":300}}}");
    assert_status(more, 200);
    for (size_t i = 0; i < 4; i++) {
        writer_start(&w[i], &t.c, t.ann, names[i]);
        gate_wait(i + 1);
    }
    for (size_t i = 0; i < 4; i++)
        gate_open();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(writer_end(&w[i]), 201);
    tiny_stop(&t);
}

static void a_schema_of_no_level_takes_nobody(void **state)
{
    (void)state;
    struct tiny t;
    struct writer w;
    tiny_start(&t, "{\"type\":\"Reject\"}");
    _cleanup_answer_ struct answer gone = ask(&t.c, t.c.as_admin, "DELETE", LEVELS "/tiny", NULL, NULL);
    assert_status(gone, 200);
    writer_start(&w, &t.c, t.ann, "quick");
    assert_int_equal(writer_end(&w), 201);
    tiny_stop(&t);
}

static void mandatory_objects_are_put_right(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, &(struct cluster_options){0});
    _cleanup_answer_ struct answer mine =
        ask(&c, c.as_admin, "PATCH", FLOWS "/service-accounts", "content-type: application/merge-patch+json",
            "{\"metadata\":{\"annotations\":{\"apf.kubernetes.io/autoupdate-spec\":\"false\"}},"
            "\"spec\":{\"matchingPrecedence\":77}}");
    assert_status(mine, 200);
    _cleanup_answer_ struct answer not_mine =
        ask(&c, c.as_admin, "PATCH", FLOWS "/global-default", "content-type: application/merge-patch+json",
            "{\"spec\":{\"matchingPrecedence\":78}}");
    assert_status(not_mine, 200);
    struct err err = {0};
    assert_ok(bootstrap_run(c.api, &(struct bootstrap_options){0}, &err), err);
    _cleanup_answer_ struct answer kept = get(&c, FLOWS "/service-accounts"),
                                   put_right = get(&c, FLOWS "/global-default");
    assert_str(at(&kept, "spec.matchingPrecedence"), "77");
    assert_str(at(&put_right, "spec.matchingPrecedence"), "9900");
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_sorted),
        cmocka_unit_test(without_a_seat_they_are_sent_back),
        cmocka_unit_test(with_queues_they_wait_their_turn),
        cmocka_unit_test(what_others_lend_is_borrowed),
        cmocka_unit_test(a_schema_of_no_level_takes_nobody),
        cmocka_unit_test(mandatory_objects_are_put_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
