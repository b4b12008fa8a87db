/* Paths and what they ask for, as upstream's RequestInfo has it. */
#include "server/route.h"

#include "server/query.h"
#include "test.h"

struct case_ {
    const char *method, *path, *query;
    const char *verb, *group, *version, *ns, *resource, *name, *subresource;
};

static void check(const struct case_ *c)
{
    struct arena a = {0};
    struct query q;
    struct route r;
    assert_int_equal(query_parse(&a, str_from(c->query), &q), 0);
    assert_int_equal(route_parse(&a, str_from(c->method), str_from(c->path), &q, &r), 0);
    assert_true(r.is_resource);
    assert_str(r.verb, c->verb);
    assert_str(r.group, c->group);
    assert_str(r.version, c->version);
    assert_str(r.ns, c->ns);
    assert_str(r.resource, c->resource);
    assert_str(r.name, c->name);
    assert_str(r.subresource, c->subresource);
    arena_free(&a);
}

static void resources_are_taken_apart(void **state)
{
    (void)state;
    static const struct case_ cases[] = {
        {"GET", "/api/v1/namespaces", "", "list", "", "v1", "", "namespaces", "", ""},
        {"GET", "/api/v1/namespaces/other", "", "get", "", "v1", "other", "namespaces", "other", ""},
        {"PUT", "/api/v1/namespaces/other/finalize", "", "update", "", "v1", "other", "namespaces", "other",
         "finalize"},
        {"PATCH", "/api/v1/namespaces/other/status", "", "patch", "", "v1", "other", "namespaces", "other",
         "status"},
        {"GET", "/api/v1/namespaces/other/pods", "", "list", "", "v1", "other", "pods", "", ""},
        {"GET", "/api/v1/namespaces/other/pods/foo", "", "get", "", "v1", "other", "pods", "foo", ""},
        {"HEAD", "/api/v1/namespaces/other/pods/foo", "", "get", "", "v1", "other", "pods", "foo", ""},
        {"GET", "/api/v1/pods", "", "list", "", "v1", "", "pods", "", ""},
        {"GET", "/api/v1/pods", "watch=true", "watch", "", "v1", "", "pods", "", ""},
        {"GET", "/api/v1/pods", "watch=1", "watch", "", "v1", "", "pods", "", ""},
        {"GET", "/api/v1/pods", "watch=false", "list", "", "v1", "", "pods", "", ""},
        {"GET", "/api/v1/watch/namespaces/other/pods", "", "watch", "", "v1", "other", "pods", "", ""},
        {"GET", "/api/v1/watch/pods", "", "watch", "", "v1", "", "pods", "", ""},
        {"POST", "/api/v1/namespaces/other/pods", "", "create", "", "v1", "other", "pods", "", ""},
        {"POST", "/api/v1/namespaces/other/pods/foo/binding", "", "create", "", "v1", "other", "pods", "foo",
         "binding"},
        {"DELETE", "/api/v1/namespaces/other/pods/foo", "", "delete", "", "v1", "other", "pods", "foo", ""},
        {"DELETE", "/api/v1/namespaces/other/pods", "", "deletecollection", "", "v1", "other", "pods", "",
         ""},
        {"GET", "/apis/apps/v1/namespaces/other/deployments/web/scale", "", "get", "apps", "v1", "other",
         "deployments", "web", "scale"},
        {"GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", "", "get",
         "rbac.authorization.k8s.io", "v1", "", "clusterroles", "system:node", ""},
        {"GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", "", "get",
         "rbac.authorization.k8s.io", "v1", "", "clusterroles", "system:node", ""},
        {"GET", "/api/v1/namespaces/other/pods", "fieldSelector=metadata.name%3Dfoo", "list", "", "v1",
         "other", "pods", "foo", ""},
        {"GET", "/api/v1/namespaces/other/pods/", "", "list", "", "v1", "other", "pods", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(&cases[i]);
}

static void other_paths_are_no_resources(void **state)
{
    (void)state;
    static const char *const paths[] = {"/",
                                        "/api",
                                        "/api/v1",
                                        "/apis",
                                        "/apis/apps",
                                        "/apis/apps/v1",
                                        "/healthz",
                                        "/version",
                                        "/openapi/v3/apis/apps/v1",
                                        "/metrics",
                                        ""};
    struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct query q = {0};
        struct route r;
        assert_int_equal(route_parse(&a, STR("GET"), str_from(paths[i]), &q, &r), 0);
        assert_false(r.is_resource);
        assert_str(r.verb, "get");
        assert_str(r.path, paths[i]);
    }
    arena_free(&a);
}

static void a_proxied_path_is_kept(void **state)
{
    (void)state;
    struct arena a = {0};
    struct query q = {0};
    struct route r;
    struct str path = STR("/api/v1/namespaces/ns/services/web:80/proxy/a/b");
    assert_int_equal(route_parse(&a, STR("GET"), path, &q, &r), 0);
    assert_str(r.subresource, "proxy");
    assert_str(r.rest, "/a/b");
    assert_true(route_long_running(&r));
    arena_free(&a);
}

static void malformed_encoding_is_refused(void **state)
{
    (void)state;
    struct arena a = {0};
    struct query q = {0};
    struct route r;
    assert_int_equal(route_parse(&a, STR("GET"), STR("/api/v1/namespaces/a%zz/pods"), &q, &r), -1);
    assert_int_equal(query_parse(&a, STR("a=%4"), &q), -1);
    assert_int_equal(query_parse(&a, STR("a=b&&c&d=e+f%20g"), &q), 0);
    assert_str(query_get(&q, "a"), "b");
    assert_true(query_has(&q, "c"));
    assert_str(query_get(&q, "d"), "e f g");
    arena_free(&a);
}

static void values_convert_as_upstreams(void **state)
{
    (void)state;
    struct arena a = {0};
    struct query q;
    struct err err = {0};
    int64_t n = 7;
    assert_int_equal(query_parse(&a, STR("t=true&f=False&z=0&e=&n=12&bad=12x"), &q), 0);
    assert_true(query_bool(&q, "t"));
    assert_false(query_bool(&q, "f"));
    assert_false(query_bool(&q, "z"));
    assert_true(query_bool(&q, "e"));
    assert_false(query_bool(&q, "absent"));
    assert_ok(query_i64(&q, "absent", &n, &err), err);
    assert_int_equal(n, 7);
    assert_ok(query_i64(&q, "n", &n, &err), err);
    assert_int_equal(n, 12);
    assert_int_equal(query_i64(&q, "bad", &n, &err), -1);
    assert_int_equal(err.code, 400);
    err_clear(&err);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resources_are_taken_apart),   cmocka_unit_test(other_paths_are_no_resources),
        cmocka_unit_test(a_proxied_path_is_kept),      cmocka_unit_test(malformed_encoding_is_refused),
        cmocka_unit_test(values_convert_as_upstreams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
