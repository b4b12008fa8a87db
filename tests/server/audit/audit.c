/* The audit log: what the policy wants noted of requests, line by line, and files that rotate. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cluster.h"
#include "server/audit/audit_log.h"
#include "server/audit/audit_policy.h"
#include "test.h"

static struct cluster c;
static char dir[64], path[96];

static const char policy[] =
    "apiVersion: audit.k8s.io/v1\n"
    "kind: Policy\n"
    "omitStages: [RequestReceived]\n"
    "rules:\n"
    "- {level: None, nonResourceURLs: ['/healthz*', /version]}\n"
    "- {level: RequestResponse, resources: [{group: '', resources: [configmaps]}], namespaces: [default]}\n"
    "- {level: Request, verbs: [create], resources: [{group: '', resources: [secrets, '*/token']}]}\n"
    "- {level: Metadata, omitStages: [ResponseComplete], users: [quiet]}\n"
    "- {level: Metadata}\n";

static int start(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/sagong-audit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/audit.log", dir);
    cluster_start(&c, &(struct cluster_options){.tokens = "loud,loud,1,\"a,system:masters\"\n"
                                                          "quiet,quiet,2,system:masters\nsmall,small,3\n",
                                                .audit = {.policy = STR(policy), .log.path = path}});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    file_remove_tree(dir, NULL);
    return 0;
}

/* The lines of the log that contain `text`, as a JSON array. */
static struct value lines(struct arena *a, const char *text)
{
    _cleanup_buf_ struct buf log = {0};
    struct value all = VALUE_ARRAY, v;
    struct err err = {0};
    assert_ok(file_read(path, 1 << 22, &log, &err), err);
    struct str rest = arena_str(a, buf_str(&log)), line;
    while (rest.n && str_cut(&rest, '\n', &line))
        if (str_find(line, str_from(text)) >= 0) {
            assert_int_equal(value_parse(a, line, &v, NULL), 0);
            value_append(a, &all, v);
        }
    return all;
}

static struct str in(const struct value *v, const char *dotted)
{
    static struct arena a; /* of the process */
    struct str rest = str_from(dotted), part;
    while (v && str_cut(&rest, '.', &part))
        v = value_get(v, part);
    return !v ? (struct str){0} : v->kind == JSON_STRING ? v->s : value_json(&a, v);
}

static void requests_are_noted_as_the_policy_says(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct fetch *loud = cluster_client(&c, "loud");
    _cleanup_answer_ struct answer made =
        ask(&c, loud, "POST", "/api/v1/namespaces/default/configmaps?fieldManager=me",
            "content-type: application/yaml\naudit-id: n-1\nuser-agent: test/1",
            "metadata: {name: x}\ndata: {a: b}\n");
    assert_status(made, 201);
    struct value found = lines(&a, "\"auditID\":\"n-1\"");
    assert_int_equal(found.list.n, 1);
    const struct value *e = &found.list.at[0];
    static const struct {
        const char *at, *says;
    } all[] = {
        {"kind", "Event"},
        {"apiVersion", "audit.k8s.io/v1"},
        {"level", "RequestResponse"},
        {"stage", "ResponseComplete"},
        {"requestURI", "/api/v1/namespaces/default/configmaps?fieldManager=me"},
        {"verb", "create"},
        {"user.username", "loud"},
        {"user.groups", "[\"a\",\"system:masters\",\"system:authenticated\"]"},
        {"sourceIPs", "[\"127.0.0.1\"]"},
        {"userAgent", "test/1"},
        {"objectRef",
         "{\"apiVersion\":\"v1\",\"name\":\"x\",\"namespace\":\"default\",\"resource\":\"configmaps\"}"},
        {"responseStatus", "{\"code\":201,\"metadata\":{}}"},
        {"requestObject", "{\"data\":{\"a\":\"b\"},\"metadata\":{\"name\":\"x\"}}"},
        {"responseObject.data", "{\"a\":\"b\"}"},
        {"responseObject.kind", "ConfigMap"},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_str(in(e, all[i].at), all[i].says);
    const struct value *notes = value_get(e, STR("annotations"));
    assert_str(value_get_str(notes, STR("authorization.k8s.io/decision")), "allow");
    assert_int_equal(in(e, "stageTimestamp").n, sizeof "2006-01-02T15:04:05.000000Z" - 1);
    fetch_free(loud);
}

static void levels_stages_and_failures(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer secret =
        create(&c, "/api/v1/namespaces/default/secrets", "{\"metadata\":{\"name\":\"s\"}}");
    struct value found = lines(&a, "namespaces/default/secrets");
    assert_int_equal(found.list.n, 1);
    assert_str(in(&found.list.at[0], "requestObject.metadata.name"), "s");
    assert_null(value_get(&found.list.at[0], STR("responseObject")));

    struct fetch *small = cluster_client(&c, "small"), *quiet = cluster_client(&c, "quiet"),
                 *wrong = cluster_client(&c, "wrong");
    _cleanup_answer_ struct answer no = ask(&c, small, "GET", "/api/v1/nodes/n", NULL, NULL);
    assert_status(no, 403);
    found = lines(&a, "/api/v1/nodes/n");
    assert_int_equal(found.list.n, 1);
    assert_str(in(&found.list.at[0], "responseStatus.reason"), "Forbidden");
    assert_str(in(&found.list.at[0], "responseStatus.code"), "403");
    assert_str(
        value_get_str(value_get(&found.list.at[0], STR("annotations")), STR("authorization.k8s.io/decision")),
        "forbid");
    assert_null(value_get(&found.list.at[0], STR("requestObject")));

    _cleanup_answer_ struct answer silent = ask(&c, quiet, "GET", "/api/v1/namespaces", NULL, NULL);
    _cleanup_answer_ struct answer healthy = ask(&c, c.as_admin, "GET", "/healthz/ping", NULL, NULL);
    _cleanup_answer_ struct answer unknown = ask(&c, wrong, "GET", "/api/v1/pods", NULL, NULL);
    assert_status(unknown, 401);
    assert_int_equal(lines(&a, "\"quiet\"").list.n, 0);
    assert_int_equal(lines(&a, "/healthz").list.n, 0);
    found = lines(&a, "/api/v1/pods");
    assert_int_equal(found.list.n, 1);
    assert_str(in(&found.list.at[0], "responseStatus.code"), "401");
    assert_str(in(&found.list.at[0], "user"), "{}");

    _cleanup_answer_ struct answer other =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces/other/pods", "impersonate-user: eve", NULL);
    assert_status(other, 403);
    found = lines(&a, "/namespaces/other/pods");
    assert_str(in(&found.list.at[0], "user.username"), "admin");
    assert_str(in(&found.list.at[0], "impersonatedUser.username"), "eve");

    _cleanup_answer_ struct answer watch =
        ask(&c, c.as_admin, "GET", "/api/v1/namespaces?watch=1&timeoutSeconds=1", NULL, NULL);
    found = lines(&a, "watch=1");
    assert_int_equal(found.list.n, 2);
    assert_str(in(&found.list.at[0], "stage"), "ResponseStarted");
    assert_str(in(&found.list.at[1], "stage"), "ResponseComplete");
    fetch_free(small);
    fetch_free(quiet);
    fetch_free(wrong);
}

static void bad_policies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *says;
    } cases[] = {
        {"[]", "rules: Required value"},
        {"[{level: Everything}]", "rules[0].level: Unsupported value: \"Everything\""},
        {"[{level: None, nonResourceURLs: [a]}]", "rules[0].nonResourceURLs[0]: Invalid value: \"a\""},
        {"[{level: None, nonResourceURLs: [/a], namespaces: [b]}]",
         "rules cannot apply to both regular resources and non-resource URLs"},
        {"[{level: None, resources: [{resourceNames: [x]}]}]",
         "using resourceNames requires at least one resource"},
        {"[{level: None, userz: [x]}]", "unknown field"},
        {"[{level: None, omitStages: [Later]}]", "omitStages"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        const struct policy *p;
        struct str text =
            arena_printf(&a, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: %s\n", cases[i].rules);
        assert_int_equal(audit_policy_parse(&a, text, &p, &err), -1);
        if (str_find(err.message, str_from(cases[i].says)) < 0)
            fail_msg("no %s in " STR_FMT, cases[i].says, STR_ARG(err.message));
    }
}

static void a_log_is_set_aside_when_it_is_full(void **state)
{
    (void)state;
    char where[128], find[256];
    struct err err = {0};
    struct audit_log *l;
    snprintf(where, sizeof where, "%s/small.log", dir);
    struct audit_log_options o = {.path = where, .max_size_mb = 1, .max_backups = 2};
    assert_ok(audit_log_open(&o, &l, &err), err);
    static char text[300 * 1024];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 20; i++) {
        audit_log_write(l, str_slice(text, sizeof text));
        clock_sleep(2 * CLOCK_MS); /* names carry milliseconds */
    }
    audit_log_close(l);
    struct stat st;
    assert_int_equal(stat(where, &st), 0);
    assert_true(st.st_size <= 1024 * 1024);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(find, sizeof find, "test $(ls %s | grep -c '^small-20.*\\.log$') = 2", dir);
    assert_int_equal(system(find), 0);
    o.path = "/nowhere/at/all.log";
    assert_int_equal(audit_log_open(&o, &l, &err), -1);
    err_clear(&err);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_noted_as_the_policy_says),
        TEST(levels_stages_and_failures),
        TEST(bad_policies_are_refused),
        TEST(a_log_is_set_aside_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
