/* Audit events on their way to a webhook: in batches, at a limited pace, lost where too many wait; and
 * requests that wait for theirs. Events that are too large; lines for people; what webhooks' part in a change
 * is noted as. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "cluster.h"
#include "hook.h"
#include "server/audit/audit_queue.h"
#include "test.h"

static struct cluster c;
static struct hook hook;
static char dir[64], way[96], path[96];

/* What the webhook has been told. */
static struct {
    pthread_mutex_t mutex;
    struct arena arena;
    struct str bodies[256];
    size_t n;
    _Atomic int status, refuse; /* instead of 200; so many times */
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct str listen_to(struct hook *h, struct arena *a, struct str url, struct str body, int *status)
{
    (void)h;
    (void)a;
    (void)url;
    if (atomic_load(&told.refuse) > 0) {
        atomic_fetch_sub(&told.refuse, 1);
        *status = atomic_load(&told.status);
        return STR("{}");
    }
    _lock_(&told.mutex);
    if (told.n < ARRAY_LEN(told.bodies))
        told.bodies[told.n++] = arena_str(&told.arena, body);
    *status = 200;
    return STR("{}");
}

/* Events of all that it was told that contain `text`; lives as long as the test. */
static struct value events(const char *text)
{
    struct value all = VALUE_ARRAY, list;
    _lock_(&told.mutex);
    for (size_t i = 0; i < told.n; i++) {
        assert_int_equal(value_parse(&told.arena, told.bodies[i], &list, NULL), 0);
        assert_str(value_get_str(&list, STR("kind")), "EventList");
        assert_str(value_get_str(&list, STR("apiVersion")), "audit.k8s.io/v1");
        const struct value *items = value_get(&list, STR("items"));
        for (size_t k = 0; k < items->list.n; k++)
            if (str_find(value_json(&told.arena, &items->list.at[k]), str_from(text)) >= 0)
                value_append(&told.arena, &all, items->list.at[k]);
    }
    return all;
}

static struct value wait_for_events(const char *text, size_t n)
{
    for (int64_t end = clock_mono() + 20 * CLOCK_S;;) {
        struct value v = events(text);
        if (v.list.n >= n || clock_mono() > end) {
            assert_int_equal(v.list.n, n);
            return v;
        }
        clock_sleep(5 * CLOCK_MS);
    }
}

static int setup(void **state)
{
    (void)state;
    struct err err = {0};
    char url[64];
    snprintf(dir, sizeof dir, "/tmp/sagong-audit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(way, sizeof way, "%s/kubeconfig", dir);
    snprintf(path, sizeof path, "%s/audit.log", dir);
    hook_start(&hook, "127.0.0.1", listen_to, NULL);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/audit", hook.port);
    struct kubeconfig k = {.server = str_from(url), .ca_pem = buf_str(&hook.ca.cert_pem)};
    assert_ok(kubeconfig_write(way, &k, &err), err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hook_stop(&hook);
    file_remove_tree(dir, NULL);
    arena_free(&told.arena);
    told.arena = (struct arena){0};
    told.n = 0;
    return 0;
}

#define POLICY(level)                                                                                        \
    STR("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitManagedFields: true\n"                               \
        "rules:\n- {level: " level ", resources: [{group: '', resources: [configmaps]}]}\n")
#define MAPS "/api/v1/namespaces/default/configmaps"

static struct audit_options to_webhook(enum audit_mode mode, struct str policy)
{
    return (struct audit_options){
        .policy = policy,
        .webhook = way,
        .webhook_backoff_ns = 20 * CLOCK_MS,
        .webhook_backend = {.mode = mode, .buffer = 1000, .batch = 400, .wait_ns = 50 * CLOCK_MS}};
}

static void events_come_in_batches(void **state)
{
    (void)state;
    atomic_store(&told.status, 503);
    atomic_store(&told.refuse, 2); /* it is tried again */
    cluster_start(&c, &(struct cluster_options){.audit = to_webhook(AUDIT_BATCH, POLICY("RequestResponse"))});
    _cleanup_answer_ struct answer made =
        create(&c, MAPS, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"b\"}}");
    _cleanup_answer_ struct answer put =
        ask(&c, c.as_admin, "PUT", MAPS "/m", "content-type: application/json\naudit-id: the-put",
            made.response.body.p);
    assert_status(put, 200);
    struct value all = wait_for_events("\"stage\":\"ResponseComplete\"", 2);
    wait_for_events("\"stage\":\"RequestReceived\"", 2);
    /* What the body says of the object is in the reference. */
    struct value update = wait_for_events("\"auditID\":\"the-put\"", 2);
    const struct value *ref = value_get(&update.list.at[1], STR("objectRef"));
    assert_str(value_get_str(ref, STR("name")), "m");
    assert_true(str_eq(value_get_str(ref, STR("uid")), at(&made, "metadata.uid")));
    assert_true(str_eq(value_get_str(ref, STR("resourceVersion")), at(&made, "metadata.resourceVersion")));
    const struct value *sent = value_get(&all.list.at[0], STR("requestObject"));
    assert_str(value_get_str(value_get(sent, STR("data")), STR("a")), "b");
    cluster_stop(&c);
}

static void what_waits_at_the_end_is_delivered(void **state)
{
    (void)state;
    struct audit_options o = to_webhook(AUDIT_BATCH, POLICY("Metadata"));
    o.webhook_backend.wait_ns = 3600 * CLOCK_S;
    cluster_start(&c, &(struct cluster_options){.audit = o});
    _cleanup_answer_ struct answer made = create(&c, MAPS, "{\"metadata\":{\"name\":\"m\"}}");
    assert_int_equal(events("configmaps").list.n, 0);
    cluster_stop(&c);
    assert_int_equal(events("configmaps").list.n, 2);
}

static void a_webhook_that_is_away_loses_events_and_nothing_else(void **state)
{
    (void)state;
    atomic_store(&told.status, 400);
    atomic_store(&told.refuse, 1000); /* not tried again */
    cluster_start(&c, &(struct cluster_options){.audit = to_webhook(AUDIT_BATCH, POLICY("Metadata"))});
    _cleanup_answer_ struct answer made = create(&c, MAPS, "{\"metadata\":{\"name\":\"m\"}}");
    for (int64_t end = clock_mono() + 20 * CLOCK_S;;) {
        _cleanup_answer_ struct answer metrics = get(&c, "/metrics");
        if (str_find(metrics.response.body, STR("apiserver_audit_error_total{plugin=\"webhook\"} 2\n")) >= 0)
            break;
        assert_true(clock_mono() < end);
        clock_sleep(10 * CLOCK_MS);
    }
    atomic_store(&told.refuse, 0);
    cluster_stop(&c);
}

static void a_request_may_wait_for_its_events(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){.audit = to_webhook(AUDIT_BLOCKING, POLICY("Request"))});
    for (int i = 1; i <= 5; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"m%d\"}}", i);
        _cleanup_answer_ struct answer made = create(&c, MAPS, body);
        assert_int_equal(events("\"stage\":\"ResponseComplete\"").list.n, i); /* before the answer */
    }
    atomic_store(&told.status, 400);
    atomic_store(&told.refuse, 2);
    _cleanup_answer_ struct answer lost = create(&c, MAPS, "{\"metadata\":{\"name\":\"l\"}}");
    assert_status(lost, 201); /* not strictly */
    _cleanup_answer_ struct answer none = get(&c, MAPS "/absent");
    assert_status(none, 404);
    cluster_stop(&c);
}

static void strictly_nothing_happens_unnoted(void **state)
{
    (void)state;
    cluster_start(&c,
                  &(struct cluster_options){.audit = to_webhook(AUDIT_BLOCKING_STRICT, POLICY("Metadata"))});
    atomic_store(&told.status, 403);
    atomic_store(&told.refuse, 1);
    _cleanup_answer_ struct answer refused = ask(
        &c, c.as_admin, "POST", MAPS, "content-type: application/json", "{\"metadata\":{\"name\":\"m\"}}");
    assert_status(refused, 500);
    assert_true(str_find(refused.response.body, STR("failed to store audit event")) >= 0);
    _cleanup_answer_ struct answer absent = get(&c, MAPS "/m");
    assert_status(absent, 404);
    _cleanup_answer_ struct answer metrics = get(&c, "/metrics");
    assert_true(str_find(metrics.response.body, STR("apiserver_audit_requests_rejected_total 1\n")) >= 0);
    cluster_stop(&c);
}

static void large_events_are_cut(void **state)
{
    (void)state;
    struct audit_options o = to_webhook(AUDIT_BLOCKING, POLICY("RequestResponse"));
    o.webhook_backend.event_most = 1500;
    static char body[4000];
    cluster_start(&c, &(struct cluster_options){.audit = o});
    int n = snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"");
    memset(body + n, 'x', 2000);
    memcpy(body + n + 2000, "\"}}", 4);
    _cleanup_answer_ struct answer made = create(&c, MAPS, body);
    struct value all = events("\"stage\":\"ResponseComplete\"");
    assert_int_equal(all.list.n, 1);
    assert_null(value_get(&all.list.at[0], STR("requestObject")));
    assert_null(value_get(&all.list.at[0], STR("responseObject")));
    const struct value *notes = value_get(&all.list.at[0], STR("annotations"));
    assert_str(value_get_str(notes, STR("audit.k8s.io/truncated")), "true");
    cluster_stop(&c);
}

static void a_log_may_have_lines_for_people(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf log = {0};
    struct err err = {0};
    struct audit_options o = {.policy = POLICY("Metadata"), .log.path = path, .log_legacy = true};
    cluster_start(&c, &(struct cluster_options){.audit = o});
    _cleanup_answer_ struct answer made = ask(
        &c, c.as_admin, "POST", MAPS, "content-type: application/json\naudit-id: n-1\nimpersonate-user: me",
        "{\"metadata\":{\"name\":\"m\"}}");
    assert_status(made, 403);
    cluster_stop(&c);
    assert_ok(file_read(path, 1 << 20, &log, &err), err);
    static const char first[] =
        " AUDIT: id=\"n-1\" stage=\"RequestReceived\" ip=\"127.0.0.1\" method=\"create\" "
        "user=\"admin\" groups=\"system:masters\",\"system:authenticated\" as=\"<self>\" "
        "asgroups=<lookup> namespace=\"default\" uri=\"" MAPS "\" response=\"<deferred>\"\n";
    static const char second[] =
        " as=\"me\" asgroups=\"system:authenticated\" namespace=\"default\" uri=\"" MAPS
        "\" response=\"403\"\n";
    if (str_find(buf_str(&log), STR(first)) < 0 || str_find(buf_str(&log), STR(second)) < 0)
        fail_msg(STR_FMT, STR_ARG(buf_str(&log)));
}

static void set_aside_logs_are_packed(void **state)
{
    (void)state;
    char command[256];
    struct audit_options o = {.policy = POLICY("Request"),
                              .log = {.path = path, .max_size_mb = 1, .max_backups = 1, .compress = true}};
    static char body[900 * 1024];
    cluster_start(&c, &(struct cluster_options){.audit = o});
    int n = snprintf(body, sizeof body, "{\"metadata\":{\"generateName\":\"m-\"},\"data\":{\"a\":\"");
    memset(body + n, 'x', sizeof body - (size_t)n - 8);
    memcpy(body + sizeof body - 8, "\"}}", 4);
    for (int i = 0; i < 4; i++) {
        _cleanup_answer_ struct answer made = create(&c, MAPS, body);
        clock_sleep(2 * CLOCK_MS); /* names carry milliseconds */
    }
    cluster_stop(&c);
    snprintf(command, sizeof command,
             "test $(ls %s | grep -c '^audit-20.*') = 1 && gzip -dc %s/audit-*.log.gz | grep -q xxxx", dir,
             dir);
    assert_int_equal(system(command), 0);
}

/* Labels what it is asked about. */
static struct str label(struct hook *h, struct arena *a, struct str url, struct str body, int *status)
{
    (void)h;
    (void)url;
    struct value review;
    *status = 200;
    assert_int_equal(value_parse(a, body, &review, NULL), 0);
    return arena_printf(
        a,
        "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":{\"uid\":"
        "\"" STR_FMT "\",\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":"
        "\"W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2xhYmVscyIsInZhbHVlIjp7ImEiOiJiIn19XQ==\"}}",
        STR_ARG(value_get_str(value_get(&review, STR("request")), STR("uid"))));
}

#define WEBHOOK(name, policy)                                                                                \
    "{\"name\":\"" name                                                                                      \
    "\",\"admissionReviewVersions\":[\"v1\"],\"sideEffects\":\"None\",\"failurePolicy\":\"" policy           \
    "\",\"clientConfig\":{\"url\":\"https://127.0.0.1:%d/\",\"caBundle\":\"" STR_FMT                         \
    "\"},\"rules\":[{\"operations\":["                                                                       \
    "\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"configmaps\"]}]}"

static void what_webhooks_did_is_noted(void **state)
{
    (void)state;
    struct hook labels;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf ca = {0};
    hook_start(&labels, "127.0.0.1", label, NULL);
    encode_base64(&ca, buf_str(&labels.ca.cert_pem));
    cluster_start(&c, &(struct cluster_options){.audit = to_webhook(AUDIT_BLOCKING, POLICY("Request"))});
    struct str mutating = arena_printf(
                   &a,
                   "{\"metadata\":{\"name\":\"m\"},\"webhooks\":[" WEBHOOK(
                       "away.example.com", "Ignore") "," WEBHOOK("label.example.com", "Fail") "]}",
                   1, STR_ARG(buf_str(&ca)), labels.port, STR_ARG(buf_str(&ca))),
               validating = arena_printf(
                   &a,
                   "{\"metadata\":{\"name\":\"v\"},\"webhooks\":[" WEBHOOK("away.example.com", "Ignore") "]}",
                   1, STR_ARG(buf_str(&ca)));
    _cleanup_answer_ struct answer one =
        create(&c, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", mutating.p);
    _cleanup_answer_ struct answer two =
        create(&c, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", validating.p);
    _cleanup_answer_ struct answer made = create(&c, MAPS, "{\"metadata\":{\"name\":\"m\"}}");
    assert_str(at(&made, "metadata.labels.a"), "b");
    struct value all = events("\"stage\":\"ResponseComplete\"");
    const struct value *notes = value_get(&all.list.at[0], STR("annotations"));
    static const struct {
        const char *key, *value;
    } noted[] = {
        {"failed-open.mutation.webhook.admission.k8s.io/round_0_index_0", "away.example.com"},
        {"failed-open.validating.webhook.admission.k8s.io/round_0_index_0", "away.example.com"},
        {"mutation.webhook.admission.k8s.io/round_0_index_0",
         "{\"configuration\":\"m\",\"webhook\":\"away.example.com\",\"mutated\":false}"},
        {"mutation.webhook.admission.k8s.io/round_0_index_1",
         "{\"configuration\":\"m\",\"webhook\":\"label.example.com\",\"mutated\":true}"},
        {"patch.webhook.admission.k8s.io/round_0_index_1",
         "{\"configuration\":\"m\",\"webhook\":\"label.example.com\",\"patch\":[{\"op\":\"add\",\"path\":"
         "\"/metadata/labels\",\"value\":{\"a\":\"b\"}}],\"patchType\":\"JSONPatch\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(noted); i++)
        assert_str(value_get_str(notes, str_from(noted[i].key)), noted[i].value);
    cluster_stop(&c);
    hook_stop(&labels);
}

/* --- the queue alone --- */

static struct {
    struct latch open;
    _Atomic int batches, events, most;
} gate;

static int deliver(void *arg, const struct str *list, size_t n, struct err *err)
{
    (void)arg;
    (void)list;
    (void)err;
    latch_wait(&gate.open, INT64_MAX);
    gate.batches++;
    gate.events += (int)n;
    if ((int)n > gate.most)
        gate.most = (int)n;
    return 0;
}

static void too_many_are_lost_and_counted(void **state)
{
    (void)state;
    struct audit_backend_options o = {.buffer = 100, .batch = 30};
    latch_init(&gate.open);
    gate.batches = gate.events = gate.most = 0;
    struct audit_queue *q = audit_queue_new("test", &o, deliver, NULL);
    int taken = 0;
    for (int i = 0; i < 1000; i++)
        taken += audit_queue_add(q, STR("{}"), NULL);
    assert_true(taken >= 100 && taken <= 100 + 4 * 30);
    assert_int_equal(audit_queue_lost(q), 1000 - taken);
    latch_set(&gate.open);
    audit_queue_free(q);
    assert_int_equal(gate.events, taken);
    assert_true(gate.most <= 30);
    latch_destroy(&gate.open);
}

static void batches_keep_their_pace(void **state)
{
    (void)state;
    struct audit_backend_options o = {.buffer = 100, .batch = 1, .qps = 20, .burst = 2};
    latch_init(&gate.open);
    latch_set(&gate.open);
    gate.events = 0;
    int64_t start = clock_mono();
    struct audit_queue *q = audit_queue_new("test", &o, deliver, NULL);
    for (int i = 0; i < 6; i++)
        assert_true(audit_queue_add(q, STR("{}"), NULL));
    while (gate.events < 6 && clock_mono() < start + 20 * CLOCK_S)
        clock_sleep(CLOCK_MS);
    assert_true(clock_mono() - start >= 4 * CLOCK_S / 20); /* two at once, then twenty a second */
    audit_queue_free(q);
    latch_destroy(&gate.open);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_batches),
        TEST(what_waits_at_the_end_is_delivered),
        TEST(a_webhook_that_is_away_loses_events_and_nothing_else),
        TEST(a_request_may_wait_for_its_events),
        TEST(strictly_nothing_happens_unnoted),
        TEST(large_events_are_cut),
        TEST(a_log_may_have_lines_for_people),
        TEST(set_aside_logs_are_packed),
        TEST(what_webhooks_did_is_noted),
        TEST(too_many_are_lost_and_counted),
        TEST(batches_keep_their_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
