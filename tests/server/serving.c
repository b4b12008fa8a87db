/* The server as clients see it: over a real socket. */
#include "cluster.h"

#include "schema/proto.h"
#include "test.h"

static struct cluster c;

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    return 0;
}

#define CONFIG_MAP(name)                                                                                     \
    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name                           \
    "\"},\"data\":{\"k\":\"v\"}}"
#define RBAC "/apis/rbac.authorization.k8s.io/v1"
#define MAPS "/api/v1/namespaces/default/configmaps"

static void a_new_cluster_has_what_it_needs(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/api/v1/namespaces/default",
        "/api/v1/namespaces/kube-system",
        "/api/v1/namespaces/kube-public",
        "/api/v1/namespaces/kube-node-lease",
        RBAC "/clusterroles/cluster-admin",
        RBAC "/clusterrolebindings/system:basic-user",
        RBAC "/clusterrolebindings/system:controller:job-controller",
        RBAC "/namespaces/kube-system/roles/extension-apiserver-authentication-reader",
        "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        _cleanup_answer_ struct answer a = get(&c, paths[i]);
        assert_status(a, 200);
    }
    _cleanup_answer_ struct answer view = get(&c, "/apis/rbac.authorization.k8s.io/v1/clusterroles/view");
    assert_str(at(&view, "aggregationRule.clusterRoleSelectors.0.matchLabels"),
               "{\"rbac.authorization.k8s.io/aggregate-to-view\":\"true\"}");
    assert_str(at(&view, "metadata.labels"),
               "{\"kubernetes.io/bootstrapping\":\"rbac-defaults\",\"rbac.authorization.k8s.io/"
               "aggregate-to-edit\":\"true\"}");
    assert_true(count(&view, "rules") > 5);
}

static void objects_come_and_go(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer made = create(&c, MAPS, CONFIG_MAP("come"));
    assert_str(at(&made, "kind"), "ConfigMap");
    assert_str(at(&made, "metadata.namespace"), "default");
    assert_true(at(&made, "metadata.uid").n == 36);
    _cleanup_answer_ struct answer got = get(&c, MAPS "/come");
    assert_status(got, 200);
    assert_str(at(&got, "data.k"), "v");
    assert_true(fetch_header_get(&got.response, STR("audit-id")).n == 36);
    assert_str(fetch_header_get(&got.response, STR("cache-control")), "no-cache, private");
    _cleanup_answer_ struct answer mine = ask(&c, c.as_admin, "GET", MAPS "/come", "audit-id: mine", NULL);
    assert_str(fetch_header_get(&mine.response, STR("audit-id")), "mine");
    assert_str(fetch_header_get(&got.response, STR("content-type")), "application/json");
    _cleanup_answer_ struct answer again = ask(&c, c.as_admin, "POST", MAPS, NULL, CONFIG_MAP("come"));
    assert_status(again, 409);
    assert_str(at(&again, "reason"), "AlreadyExists");
    _cleanup_answer_ struct answer patched =
        ask(&c, c.as_admin, "PATCH", MAPS "/come", "content-type: application/merge-patch+json",
            "{\"data\":{\"k\":\"w\"}}");
    assert_status(patched, 200);
    assert_str(at(&patched, "data.k"), "w");
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", MAPS "/come", NULL, NULL);
    assert_status(gone, 200);
    assert_str(at(&gone, "status"), "Success");
    assert_str(at(&gone, "details.kind"), "configmaps");
    _cleanup_answer_ struct answer missing = get(&c, MAPS "/come");
    assert_status(missing, 404);
    assert_str(at(&missing, "message"), "configmaps \"come\" not found");
    assert_str(at(&missing, "details.name"), "come");
}

static void lists_carry_everything(void **state)
{
    (void)state;
    char body[256], path[64];
    for (int i = 0; i < 100; i++) {
        snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"list-%03d\",\"labels\":{\"l\":\"%d\"}}}", i,
                 i % 2);
        _cleanup_answer_ struct answer a = create(&c, "/api/v1/namespaces/kube-public/configmaps", body);
    }
    (void)path;
    _cleanup_answer_ struct answer all = get(&c, "/api/v1/namespaces/kube-public/configmaps");
    assert_status(all, 200);
    assert_str(at(&all, "kind"), "ConfigMapList");
    assert_str(at(&all, "apiVersion"), "v1");
    assert_int_equal(count(&all, "items"), 100);
    assert_str(at(&all, "items.7.metadata.name"), "list-007");
    assert_str(at(&all, "items.7.kind"), "");
    _cleanup_answer_ struct answer odd =
        get(&c, "/api/v1/namespaces/kube-public/configmaps?labelSelector=l%3D1");
    assert_int_equal(count(&odd, "items"), 50);
    _cleanup_answer_ struct answer page = get(&c, "/api/v1/namespaces/kube-public/configmaps?limit=30");
    assert_int_equal(count(&page, "items"), 30);
    assert_str(at(&page, "metadata.remainingItemCount"), "70");
    struct str token = at(&page, "metadata.continue");
    assert_true(token.n > 0);
    struct str next = arena_printf(
        &c.arena, "/api/v1/namespaces/kube-public/configmaps?limit=100&continue=" STR_FMT, STR_ARG(token));
    _cleanup_answer_ struct answer rest = get(&c, next.p);
    assert_status(rest, 200);
    assert_int_equal(count(&rest, "items"), 70);
    assert_str(at(&rest, "items.0.metadata.name"), "list-030");
}

static void tables_and_metadata_are_rendered(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer t = ask(&c, c.as_admin, "GET", "/api/v1/namespaces",
                                           "accept: application/json;as=Table;v=v1;g=meta.k8s.io", NULL);
    assert_status(t, 200);
    assert_str(at(&t, "kind"), "Table");
    assert_str(at(&t, "columnDefinitions.0.name"), "Name");
    assert_str(at(&t, "rows.0.cells.0"), "default");
    assert_str(at(&t, "rows.0.object.kind"), "PartialObjectMetadata");
    _cleanup_answer_ struct answer p =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces",
            "accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", NULL);
    assert_status(p, 200);
    assert_str(at(&p, "kind"), "PartialObjectMetadataList");
    assert_str(at(&p, "items.0.metadata.name"), "default");
    assert_str(at(&p, "items.0.spec"), "");
    /* What is never stored has none. */
    _cleanup_answer_ struct answer review =
        ask(&c, c.as_admin, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "accept: application/json;as=Table;v=v1;g=meta.k8s.io",
            "{\"spec\":{\"nonResourceAttributes\":{\"path\":\"/\",\"verb\":\"get\"}}}");
    assert_status(review, 406);
}

static void protobuf_and_yaml_are_served(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer pb = ask(&c, c.as_admin, "GET", "/api/v1/namespaces/default",
                                            "accept: application/vnd.kubernetes.protobuf", NULL);
    assert_status(pb, 200);
    struct proto_envelope envelope;
    struct err err = {0};
    assert_ok(proto_open(pb.response.body, &envelope, &err), err);
    assert_str(envelope.kind, "Namespace");
    _cleanup_answer_ struct answer list =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces", "accept: application/vnd.kubernetes.protobuf", NULL);
    assert_ok(proto_open(list.response.body, &envelope, &err), err);
    assert_str(envelope.kind, "NamespaceList");
    assert_true(envelope.raw.n > 100);
    _cleanup_answer_ struct answer yaml =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces/default", "accept: application/yaml", NULL);
    assert_status(yaml, 200);
    assert_true(str_find(yaml.response.body, STR("kind: Namespace\n")) >= 0);
    assert_str(fetch_header_get(&yaml.response, STR("content-type")), "application/yaml");
}

static void a_scale_says_what_it_is(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer made = create(
        &c, "/apis/apps/v1/namespaces/kube-public/deployments",
        "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"
        ","
        "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
        "\"image\":\"i\"}]}}}}");
    const char *path = "/apis/apps/v1/namespaces/kube-public/deployments/d/scale";
    _cleanup_answer_ struct answer scale = get(&c, path);
    assert_status(scale, 200);
    assert_str(at(&scale, "kind"), "Scale");
    assert_str(at(&scale, "apiVersion"), "autoscaling/v1");
    assert_str(at(&scale, "spec.replicas"), "2");
    _cleanup_answer_ struct answer more =
        ask(&c, c.as_admin, "PATCH", path, "content-type: application/merge-patch+json",
            "{\"spec\":{\"replicas\":5}}");
    assert_status(more, 200);
    _cleanup_answer_ struct answer after = get(&c, "/apis/apps/v1/namespaces/kube-public/deployments/d");
    assert_str(at(&after, "spec.replicas"), "5");
}

static void wrong_types_are_told(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer accept =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces", "accept: text/html", NULL);
    assert_status(accept, 406);
    assert_str(at(&accept, "reason"), "NotAcceptable");
    _cleanup_answer_ struct answer body = ask(&c, c.as_admin, "POST", MAPS, "content-type: text/xml", "<x/>");
    assert_status(body, 415);
    assert_str(at(&body, "reason"), "UnsupportedMediaType");
    _cleanup_answer_ struct answer patch =
        ask(&c, c.as_admin, "PATCH", "/api/v1/namespaces/default", "content-type: application/json", "{}");
    assert_status(patch, 415);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {
        {"GET", "/nonsense", 404},
        {"GET", "/api/v7", 404},
        {"GET", "/apis/nonsense", 404},
        {"GET", "/apis/apps/v9", 404},
        {"GET", "/api/v1/nonsense", 404},
        {"GET", "/apis/nonsense/v1/things", 404},
        {"PUT", "/api/v1/namespaces", 405},
        {"POST", "/api/v1/namespaces/default", 405},
        {"DELETE", "/api/v1/namespaces/default/pods/x/log", 405},
        {"POST", "/version", 405},
        {"GET", "/api/v1/namespaces?limit=many", 400},
        {"GET", "/api/v1/namespaces/%zz", 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer a = ask(&c, c.as_admin, cases[i].method, cases[i].path, NULL, NULL);
        if (a.status != cases[i].status)
            fail_msg("%s %s: %d, expected %d: " STR_FMT, cases[i].method, cases[i].path, a.status,
                     cases[i].status, STR_ARG(a.response.body));
    }
}

static void discovery_lists_everything(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer core = get(&c, "/api");
    assert_str(at(&core, "kind"), "APIVersions");
    assert_str(at(&core, "versions.0"), "v1");
    _cleanup_answer_ struct answer groups = get(&c, "/apis");
    assert_str(at(&groups, "kind"), "APIGroupList");
    assert_true(count(&groups, "groups") >= 15);
    _cleanup_answer_ struct answer scaling = get(&c, "/apis/autoscaling");
    assert_str(at(&scaling, "preferredVersion.version"), "v2");
    assert_int_equal(count(&scaling, "versions"), 2);
    _cleanup_answer_ struct answer v1 = get(&c, "/api/v1");
    assert_str(at(&v1, "kind"), "APIResourceList");
    assert_str(at(&v1, "groupVersion"), "v1");
    assert_true(str_find(v1.response.body, STR("\"name\":\"pods/log\"")) >= 0);
    _cleanup_answer_ struct answer apps = get(&c, "/apis/apps/v1");
    assert_true(str_find(apps.response.body,
                         STR("\"name\":\"deployments/scale\",\"singularName\":\"\",\"namespaced\":true,"
                             "\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"")) >= 0);
}

static void aggregated_discovery_is_cached_by_its_tag(void **state)
{
    (void)state;
    const char *accept =
        "accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    _cleanup_answer_ struct answer a = ask(&c, c.as_admin, "GET", "/apis", accept, NULL);
    assert_status(a, 200);
    assert_str(at(&a, "kind"), "APIGroupDiscoveryList");
    assert_true(
        str_find(fetch_header_get(&a.response, STR("content-type")), STR("as=APIGroupDiscoveryList")) >= 0);
    struct str tag = fetch_header_get(&a.response, STR("etag"));
    assert_true(tag.n > 10);
    struct str again = arena_printf(&c.arena, "%s\nif-none-match: " STR_FMT, accept, STR_ARG(tag));
    _cleanup_answer_ struct answer b = ask(&c, c.as_admin, "GET", "/apis", again.p, NULL);
    assert_status(b, 304);
    assert_int_equal(b.response.body.n, 0);
    _cleanup_answer_ struct answer core = ask(&c, c.as_admin, "GET", "/api", accept, NULL);
    assert_str(at(&core, "items.0.versions.0.version"), "v1");
    assert_str(at(&core, "items.0.versions.0.freshness"), "Current");
}

static void openapi_is_cached_by_its_tag(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer index = get(&c, "/openapi/v3");
    assert_status(index, 200);
    struct str url = {0};
    const struct value *apps = value_get(value_get(&index.json, STR("paths")), STR("apis/apps/v1"));
    url = value_get_str(apps, STR("serverRelativeURL"));
    assert_true(str_starts(url, STR("/openapi/v3/apis/apps/v1?hash=")));
    struct str path = arena_str(&c.arena, url);
    _cleanup_answer_ struct answer v3 = get(&c, path.p);
    assert_status(v3, 200);
    assert_true(str_starts(at(&v3, "openapi"), STR("3.0")));
    struct str tag = fetch_header_get(&v3.response, STR("etag"));
    struct str header = arena_printf(&c.arena, "if-none-match: " STR_FMT, STR_ARG(tag));
    _cleanup_answer_ struct answer again = ask(&c, c.as_admin, "GET", path.p, header.p, NULL);
    assert_status(again, 304);
    _cleanup_answer_ struct answer none = get(&c, "/openapi/v3/apis/nonsense/v1");
    assert_status(none, 404);

    _cleanup_answer_ struct answer v2 = get(&c, "/openapi/v2");
    assert_str(at(&v2, "swagger"), "2.0");
    _cleanup_answer_ struct answer packed = ask(
        &c, c.as_admin, "GET", "/openapi/v2",
        "accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf\naccept-encoding: gzip", NULL);
    assert_status(packed, 200);
    assert_str(fetch_header_get(&packed.response, STR("content-encoding")), "gzip");
    assert_str(fetch_header_get(&packed.response, STR("content-type")),
               "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    _cleanup_answer_ struct answer wrong =
        ask(&c, c.as_admin, "GET", "/openapi/v3", "accept: text/html", NULL);
    assert_status(wrong, 406);
}

static void health_has_checks(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer ready = ask(&c, c.as_nobody, "GET", "/readyz", NULL, NULL);
    assert_status(ready, 200);
    assert_str(ready.response.body, "ok");
    _cleanup_answer_ struct answer verbose = get(&c, "/readyz?verbose&exclude=log");
    assert_true(str_starts(verbose.response.body, STR("[+]ping ok\n[+]log excluded: ok\n[+]etcd ok\n")));
    assert_true(str_ends(verbose.response.body, STR("readyz check passed\n")));
    _cleanup_answer_ struct answer one = get(&c, "/livez/etcd");
    assert_status(one, 200);
    _cleanup_answer_ struct answer none = get(&c, "/livez/nonsense");
    assert_status(none, 404);
}

static void the_version_and_metrics_are_told(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer v = ask(&c, c.as_nobody, "GET", "/version", NULL, NULL);
    assert_status(v, 200);
    assert_str(at(&v, "minor"), "36");
    assert_true(str_starts(at(&v, "gitVersion"), STR("v1.36.")));
    struct str commit = at(&v, "gitCommit"); /* empty where it was not built from a repository */
    for (size_t i = 0; i < commit.n; i++)
        assert_non_null(memchr("0123456789abcdef", commit.p[i], 16));
    _cleanup_answer_ struct answer m = get(&c, "/metrics");
    assert_status(m, 200);
    assert_true(str_find(m.response.body, STR("apiserver_request_total{code=\"200\",component=\"apiserver\","
                                              "dry_run=\"\",group=\"\",resource=\"\",scope=\"\","
                                              "subresource=\"\",verb=\"GET\",version=\"\"}")) >= 0);
    assert_true(str_find(m.response.body, STR("process_resident_memory_bytes ")) >= 0);
    assert_true(
        str_find(m.response.body, STR("apiserver_request_duration_seconds_bucket{component=\"apiserver\","
                                      "dry_run=\"\",group=\"\",resource=\"\",scope=\"\",subresource=\"\","
                                      "verb=\"GET\",version=\"\",le=\"1.25\"} ")) >= 0);
    assert_true(str_find(m.response.body, STR("apiserver_storage_objects{resource=\"namespaces\"} 4\n")) >=
                0);
    _cleanup_answer_ struct answer keys = get(&c, "/openid/v1/jwks");
    assert_status(keys, 200);
    assert_int_equal(count(&keys, "keys"), 1);
    _cleanup_answer_ struct answer openid = get(&c, "/.well-known/openid-configuration");
    assert_str(at(&openid, "issuer"), "https://kubernetes.default.svc.cluster.local");
}

static void large_answers_are_compressed(void **state)
{
    (void)state;
    struct buf body = {0};
    buf_add_lit(&body, "{\"metadata\":{\"name\":\"large\"},\"data\":{\"k\":\"");
    for (int i = 0; i < 200 * 1024; i++)
        buf_add_c(&body, 'x');
    buf_add_lit(&body, "\"}}");
    buf_add_c(&body, 0);
    _cleanup_answer_ struct answer made = create(&c, MAPS, body.p);
    buf_free(&body);
    static const char *const paths[] = {MAPS "/large", MAPS};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        _cleanup_answer_ struct answer a =
            ask(&c, c.as_admin, "GET", paths[i], "accept-encoding: gzip", NULL);
        assert_status(a, 200);
        assert_str(fetch_header_get(&a.response, STR("content-encoding")), "gzip");
        assert_true(a.response.body.n < 10000);
        assert_memory_equal(a.response.body.p, "\x1f\x8b", 2);
    }
    _cleanup_answer_ struct answer plain = get(&c, MAPS "/large");
    assert_str(fetch_header_get(&plain.response, STR("content-encoding")), "");
    assert_int_equal(at(&plain, "data.k").n, 200 * 1024);
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", MAPS "/large", NULL, NULL);
}

static int stop_at_once(void *arg, struct str bytes)
{
    (void)arg, (void)bytes;
    return 1;
}

/* Rendered in several turns of the loop; clients that leave in between take nothing with them. */
static void long_lists_are_rendered_in_turns(void **state)
{
    (void)state;
    char value[8192], body[9000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"turn-%d\",\"annotations\":{\"k\":\"%s\"}}}", i,
                 value);
        _cleanup_answer_ struct answer made =
            create(&c, "/api/v1/namespaces/kube-node-lease/configmaps", body);
    }
    const char *path = "/api/v1/namespaces/kube-node-lease/configmaps";
    const char *partial = "accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    _cleanup_answer_ struct answer all = ask(&c, c.as_admin, "GET", path, partial, NULL);
    assert_int_equal(count(&all, "items"), 200);
    _cleanup_answer_ struct answer packed = ask(
        &c, c.as_admin, "GET", path, arena_printf(&c.arena, "%s\naccept-encoding: gzip", partial).p, NULL);
    assert_str(fetch_header_get(&packed.response, STR("content-encoding")), "gzip");
    for (int i = 0; i < 5; i++) {
        struct fetch_response r = {0};
        struct http_header accept = {STR("accept"), str_from_at(str_from(partial), sizeof "accept: " - 1)};
        struct fetch_request q = {
            .url = cluster_url(&c, path), .headers = &accept, .n_headers = 1, .data = stop_at_once};
        fetch_do(c.as_admin, &q, &r, NULL);
        fetch_response_clear(&r);
    }
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", path, NULL, NULL);
    assert_status(gone, 200);
}

static void json_is_indented_for_people(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = get(&c, "/api/v1/namespaces/default?pretty=true");
    assert_true(
        str_starts(a.response.body, STR("{\n  \"kind\": \"Namespace\",\n  \"apiVersion\": \"v1\",\n")));
    _cleanup_answer_ struct answer list =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces", "user-agent: curl/8", NULL);
    assert_true(str_starts(list.response.body, STR("{\n  \"kind\": \"NamespaceList\",\n")));
}

static void warnings_stand_in_headers(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = ask(&c, c.as_admin, "POST", MAPS "?dryRun=All&fieldValidation=Warn",
                                           NULL, "{\"metadata\":{\"name\":\"warned\"},\"nonsense\":1}");
    assert_status(a, 201);
    assert_str(fetch_header_get(&a.response, STR("warning")), "299 - \"unknown field \\\"nonsense\\\"\"");
}

static void logs_need_a_pod_and_sane_options(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer none = get(&c, "/api/v1/namespaces/default/pods/none/log");
    assert_status(none, 404);
    assert_str(at(&none, "message"), "pods \"none\" not found");
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/kube-system/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod =
        create(&c, "/api/v1/namespaces/kube-system/pods",
               "{\"metadata\":{\"name\":\"two\"},\"spec\":{\"serviceAccountName\":\"default\","
               "\"automountServiceAccountToken\":false,\"containers\":["
               "{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\"}]}}");
    _cleanup_answer_ struct answer choose = get(&c, "/api/v1/namespaces/kube-system/pods/two/log");
    assert_status(choose, 400);
    assert_str(at(&choose, "message"),
               "a container name must be specified for pod two, choose one of: [a b]");
    _cleanup_answer_ struct answer wrong = get(&c, "/api/v1/namespaces/kube-system/pods/two/log?container=z");
    assert_str(at(&wrong, "message"), "container z is not valid for pod two");
    _cleanup_answer_ struct answer empty = get(&c, "/api/v1/namespaces/kube-system/pods/two/log?container=a");
    assert_status(empty, 200); /* it has no node yet */
    assert_int_equal(empty.response.body.n, 0);
    _cleanup_answer_ struct answer tail = get(&c, "/api/v1/namespaces/kube-system/pods/two/log?tailLines=-1");
    assert_status(tail, 422);
}

static void kinds_that_are_old_say_so(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer old = get(&c, "/api/v1/namespaces/default/endpoints"),
                                   new = get(&c, "/apis/discovery.k8s.io/v1/endpointslices");
    assert_str(fetch_header_get(&old.response, STR("warning")),
               "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"");
    assert_true(str_empty(fetch_header_get(&new.response, STR("warning"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_that_are_old_say_so),
        cmocka_unit_test(a_new_cluster_has_what_it_needs),
        cmocka_unit_test(objects_come_and_go),
        cmocka_unit_test(lists_carry_everything),
        cmocka_unit_test(tables_and_metadata_are_rendered),
        cmocka_unit_test(protobuf_and_yaml_are_served),
        cmocka_unit_test(a_scale_says_what_it_is),
        cmocka_unit_test(wrong_types_are_told),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(discovery_lists_everything),
        cmocka_unit_test(aggregated_discovery_is_cached_by_its_tag),
        cmocka_unit_test(openapi_is_cached_by_its_tag),
        cmocka_unit_test(health_has_checks),
        cmocka_unit_test(the_version_and_metrics_are_told),
        cmocka_unit_test(large_answers_are_compressed),
        cmocka_unit_test(long_lists_are_rendered_in_turns),
        cmocka_unit_test(json_is_indented_for_people),
        cmocka_unit_test(warnings_stand_in_headers),
        cmocka_unit_test(logs_need_a_pod_and_sane_options),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
