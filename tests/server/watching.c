/* Watch streams, limits of number and time, and the end of a server. */
#include "cluster.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/thread.h"
#include "test.h"

static struct cluster c;

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){.limit = 0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    return 0;
}

#define MAPS "/api/v1/namespaces/default/configmaps"

/* Where the cluster is now. */
static struct str revision(void)
{
    _cleanup_answer_ struct answer a = get(&c, MAPS "?limit=1");
    return arena_str(&c.arena, at(&a, "metadata.resourceVersion"));
}

static void change(const char *name)
{
    char body[128], path[128];
    snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"a\":\"b\"}}}", name);
    snprintf(path, sizeof path, MAPS "/%s", name);
    _cleanup_answer_ struct answer made = create(&c, MAPS, body);
    _cleanup_answer_ struct answer changed =
        ask(&c, c.as_admin, "PATCH", path, "content-type: application/merge-patch+json",
            "{\"metadata\":{\"labels\":{\"a\":\"c\"}}}");
    assert_status(changed, 200);
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", path, NULL, NULL);
    assert_status(gone, 200);
}

/* All events of a watch that lasts a second, one a line. */
static struct answer watch(const char *query, struct str from, const char *headers)
{
    struct str path = arena_printf(&c.arena, MAPS "?watch=1&timeoutSeconds=1&resourceVersion=" STR_FMT "%s",
                                   STR_ARG(from), query);
    return ask(&c, c.as_admin, "GET", path.p, headers, NULL);
}

static bool line_has(struct answer *a, int n, const char *text)
{
    struct str rest = a->response.body, line = {0};
    for (int i = 0; i <= n; i++)
        if (!str_cut(&rest, '\n', &line))
            return false;
    return str_find(line, str_from(text)) >= 0;
}

static int lines(struct answer *a)
{
    int n = 0;
    for (size_t i = 0; i < a->response.body.n; i++)
        n += a->response.body.p[i] == '\n';
    return n;
}

static void events_follow_a_revision_in_order(void **state)
{
    (void)state;
    struct str from = revision();
    change("order");
    _cleanup_answer_ struct answer a = watch("", from, NULL);
    assert_status(a, 200);
    assert_str(fetch_header_get(&a.response, STR("content-type")), "application/json");
    assert_int_equal(lines(&a), 3);
    assert_true(
        line_has(&a, 0, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\""));
    assert_true(line_has(&a, 1, "{\"type\":\"MODIFIED\""));
    assert_true(line_has(&a, 2, "{\"type\":\"DELETED\""));
}

static void leaving_the_selection_is_a_deletion(void **state)
{
    (void)state;
    struct str from = revision();
    change("leaves");
    _cleanup_answer_ struct answer a = watch("&labelSelector=a%3Db", from, NULL);
    assert_int_equal(lines(&a), 2);
    assert_true(line_has(&a, 0, "ADDED"));
    assert_true(line_has(&a, 1, "DELETED"));
}

static void tables_and_metadata_are_watched(void **state)
{
    (void)state;
    struct str from = revision();
    change("table");
    _cleanup_answer_ struct answer t =
        watch("", from, "accept: application/json;as=Table;v=v1;g=meta.k8s.io");
    assert_true(line_has(&t, 0, "\"kind\":\"Table\""));
    assert_true(line_has(&t, 0, "\"columnDefinitions\":[{"));
    assert_true(line_has(&t, 1, "\"columnDefinitions\":null"));
    _cleanup_answer_ struct answer p =
        watch("", from, "accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
    assert_true(line_has(&p, 0, "\"kind\":\"PartialObjectMetadata\""));
}

static void protobuf_frames_have_lengths(void **state)
{
    (void)state;
    struct str from = revision();
    change("framed");
    _cleanup_answer_ struct answer a =
        watch("", from, "accept: application/vnd.kubernetes.protobuf;stream=watch");
    assert_str(fetch_header_get(&a.response, STR("content-type")),
               "application/vnd.kubernetes.protobuf;stream=watch");
    struct str rest = a.response.body;
    static const char *const types[] = {"ADDED", "MODIFIED", "DELETED"};
    for (int i = 0; i < 3; i++) {
        assert_true(rest.n > 4);
        const unsigned char *p = (const unsigned char *)rest.p;
        size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        assert_true(n <= rest.n - 4);
        struct str frame = str_slice(rest.p + 4, n);
        assert_int_equal(frame.p[0], 1 << 3 | 2);
        assert_true(str_starts(str_from_at(frame, 2), str_from(types[i])));
        assert_true(str_find(frame, str_slice("k8s\0", 4)) > 0);
        rest = str_from_at(rest, 4 + n);
    }
    assert_int_equal(rest.n, 0);
}

static void a_streaming_list_ends_with_a_bookmark(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer made = create(&c, MAPS, "{\"metadata\":{\"name\":\"there\"}}");
    _cleanup_answer_ struct answer a =
        ask(&c, c.as_admin, "GET",
            MAPS "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&"
                 "resourceVersionMatch=NotOlderThan",
            NULL, NULL);
    assert_status(a, 200);
    int n = lines(&a);
    assert_true(n >= 2);
    assert_true(line_has(&a, n - 1,
                         "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\""));
    assert_true(line_has(&a, n - 1, "\"k8s.io/initial-events-end\":\"true\""));
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", MAPS "/there", NULL, NULL);
}

static void a_watch_does_not_speak_yaml(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = watch("", STR("0"), "accept: application/yaml");
    assert_status(a, 406);
}

/* A watcher that is told of what happens while it waits. */
struct live {
    struct latch seen;
    struct str from;
};

static int saw(void *arg, struct str bytes)
{
    struct live *l = arg;
    if (str_find(bytes, STR("\"name\":\"live\"")) < 0)
        return 0;
    latch_set(&l->seen);
    return 1;
}

static void live_main(void *arg)
{
    struct live *l = arg;
    struct fetch_response r = {0};
    char path[128];
    snprintf(path, sizeof path, MAPS "?watch=1&timeoutSeconds=20&resourceVersion=" STR_FMT, STR_ARG(l->from));
    struct fetch_request q = {.url = cluster_url(&c, path), .data = saw, .arg = l};
    fetch_do(c.as_admin, &q, &r, NULL);
    fetch_response_clear(&r);
}

static void events_arrive_as_they_happen(void **state)
{
    (void)state;
    struct live l = {.from = revision()};
    latch_init(&l.seen);
    pthread_t t = thread_start("watcher", live_main, &l);
    clock_sleep(50 * CLOCK_MS);
    change("live");
    assert_true(latch_wait(&l.seen, clock_mono() + 5 * CLOCK_S));
    thread_join(t);
    latch_destroy(&l.seen);
}

/* Admission that makes one change wait until it is let go. */
static struct {
    struct api_request *_Atomic waits;
    _Atomic bool armed;
} gate;

static int gate_validate(void *arg, struct api_attributes *at, struct err *err)
{
    (void)arg, (void)err;
    if (!gate.armed || !str_is(at->resource->plural, "configmaps")) /* others write at the same time */
        return 0;
    gate.armed = false;
    gate.waits = at->request;
    return 1;
}

static void what_takes_too_long_is_given_up(void **state)
{
    (void)state;
    struct cluster slow;
    struct api_admission admission = {.name = "gate", .validate = gate_validate};
    cluster_start(&slow, &(struct cluster_options){.timeout_ns = 50 * CLOCK_MS, .admission = &admission});
    gate.armed = true;
    _cleanup_answer_ struct answer late =
        ask(&slow, slow.as_admin, "POST", MAPS, NULL, "{\"metadata\":{\"name\":\"late\"}}");
    assert_status(late, 504);
    assert_str(at(&late, "reason"), "Timeout");
    assert_non_null(gate.waits);
    gate.waits->wake(gate.waits); /* it goes on, and its answer is dropped */
    for (int i = 0; i < 500; i++) {
        _cleanup_answer_ struct answer a = get(&slow, MAPS "/late");
        if (a.status == 200)
            break;
        assert_true(i < 499);
        clock_sleep(10 * CLOCK_MS);
    }
    _cleanup_answer_ struct answer next = create(&slow, MAPS, "{\"metadata\":{\"name\":\"next\"}}");
    cluster_stop(&slow);
}

/* Clients see the end of their watch, not a broken connection. */
static void stop_main(void *arg)
{
    cluster_stop(arg);
}

static void a_server_that_stops_ends_its_watches(void **state)
{
    (void)state;
    struct cluster own;
    cluster_start(&own, &(struct cluster_options){0});
    struct arena a = {0};
    struct str url = arena_str(&a, cluster_url(&own, "/api/v1/namespaces?watch=1&timeoutSeconds=60"));
    struct fetch *f;
    struct err err = {0};
    struct fetch_options o = {.ca_pem = arena_str(&a, buf_str(&own.ca.cert_pem)),
                              .cert_pem = arena_str(&a, buf_str(&own.admin.cert_pem)),
                              .key_pem = arena_str(&a, buf_str(&own.admin.key_pem))};
    assert_ok(fetch_new(&o, &f, &err), err);
    int64_t began = clock_mono();
    pthread_t t = thread_start("stopper", stop_main, &own);
    struct fetch_response r = {0};
    struct fetch_request q = {.url = url};
    fetch_do(f, &q, &r, &err); /* whole, or refused where the server was faster */
    thread_join(t);
    assert_true(clock_mono() - began < 5 * CLOCK_S);
    fetch_response_clear(&r);
    err_clear(&err);
    fetch_free(f);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_follow_a_revision_in_order),
        cmocka_unit_test(leaving_the_selection_is_a_deletion),
        cmocka_unit_test(tables_and_metadata_are_watched),
        cmocka_unit_test(protobuf_frames_have_lengths),
        cmocka_unit_test(a_streaming_list_ends_with_a_bookmark),
        cmocka_unit_test(a_watch_does_not_speak_yaml),
        cmocka_unit_test(events_arrive_as_they_happen),
        cmocka_unit_test(what_takes_too_long_is_given_up),
        cmocka_unit_test(a_server_that_stops_ends_its_watches),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
