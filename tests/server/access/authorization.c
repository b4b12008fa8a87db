/* Who decides: the configured authorizers, in their order. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/kubeconfig.h"
#include "cluster.h"
#include "hook.h"
#include "schema/config.h"
#include "server/access/authz.h"

#define HEAD "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n"

static const char tokens[] = "ann-token,ann,1,\"staff\"\nbob-token,bob,2\neve-token,eve,3\n";

static int status_of(struct cluster *c, const char *token, const char *method, const char *path)
{
    char headers[128];
    snprintf(headers, sizeof headers, "authorization: Bearer %s", token);
    _cleanup_answer_ struct answer a = ask(c, c->as_nobody, method, path, headers, NULL);
    return a.status;
}

static void policies_of_attributes(void **state)
{
    (void)state;
    struct cluster c;
    static const char policies[] =
        "# a comment\n\n"
        "{\"apiVersion\":\"abac.authorization.kubernetes.io/"
        "v1beta1\",\"kind\":\"Policy\",\"spec\":{\"user\":\"ann\","
        "\"namespace\":\"*\",\"resource\":\"configmaps\",\"apiGroup\":\"*\",\"readonly\":true}}\n"
        "{\"apiVersion\":\"abac.authorization.kubernetes.io/"
        "v1beta1\",\"kind\":\"Policy\",\"spec\":{\"group\":\"staff\","
        "\"nonResourcePath\":\"/metrics*\"}}\n"
        "{\"apiVersion\":\"abac.authorization.kubernetes.io/"
        "v1beta1\",\"kind\":\"Policy\",\"spec\":{\"user\":\"bob\","
        "\"namespace\":\"default\",\"resource\":\"*\",\"apiGroup\":\"\"}}\n";
    cluster_start(&c, &(struct cluster_options){.tokens = tokens,
                                                .abac = policies,
                                                .authorization = HEAD "- {type: ABAC, name: files}\n"});
    assert_int_equal(status_of(&c, "ann-token", "GET", "/api/v1/configmaps"), 200);
    assert_int_equal(status_of(&c, "ann-token", "DELETE", "/api/v1/namespaces/default/configmaps/x"), 403);
    assert_int_equal(status_of(&c, "ann-token", "GET", "/api/v1/secrets"), 403);
    assert_int_equal(status_of(&c, "ann-token", "GET", "/metrics"), 200);
    assert_int_equal(status_of(&c, "bob-token", "GET", "/metrics"), 403);
    assert_int_equal(status_of(&c, "bob-token", "DELETE", "/api/v1/namespaces/default/configmaps/x"), 404);
    assert_int_equal(status_of(&c, "bob-token", "GET", "/api/v1/namespaces/kube-system/configmaps"), 403);
    assert_int_equal(status_of(&c, "eve-token", "GET", "/healthz"), 403); /* RBAC would have let her */
    _cleanup_answer_ struct answer why =
        ask(&c, c.as_nobody, "GET", "/api/v1/secrets", "authorization: Bearer eve-token", NULL);
    assert_true(str_ends(at(&why, "message"), STR("at the cluster scope: No policy matched.")));
    cluster_stop(&c);
}

static struct str judge(struct hook *h, struct arena *a, struct str path, struct str body, int *status)
{
    (void)h, (void)path;
    struct value review;
    struct err err = {0};
    assert_ok(value_parse(a, body, &review, &err), err);
    const struct value *spec = value_get(&review, STR("spec"));
    struct str user = value_get_str(spec, STR("user"));
    struct str resource = value_get_str(value_get(spec, STR("resourceAttributes")), STR("resource"));
    const char *says = "{\"allowed\":false}";
    if (str_is(user, "ann"))
        says = "{\"allowed\":true,\"reason\":\"she may\"}";
    else if (str_is(user, "bob") && str_is(resource, "secrets"))
        says = "{\"allowed\":false,\"denied\":true,\"reason\":\"not him\"}";
    else if (str_is(user, "eve"))
        *status = 500;
    return arena_printf(
        a, "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\",\"status\":%s}",
        says);
}

struct webhooked {
    struct cluster c;
    struct hook h;
    char path[40];
};

static void webhooked_start(struct webhooked *w, const char *failure_policy, const char *conditions)
{
    _cleanup_arena_ struct arena a = {0};
    struct err err = {0};
    strcpy(w->path, "/tmp/sagong-webhook-XXXXXX");
    assert_true(close(mkstemp(w->path)) == 0);
    hook_start(&w->h, "127.0.0.1", judge, NULL);
    struct kubeconfig way = {.server = arena_printf(&a, "https://127.0.0.1:%d/authorize", w->h.port),
                             .ca_pem = buf_str(&w->h.ca.cert_pem),
                             .token = STR("us")};
    assert_ok(kubeconfig_write(w->path, &way, &err), err);
    struct str config = arena_printf(&a,
                                     HEAD "- type: Webhook\n  name: judge\n  webhook:\n    timeout: 3s\n"
                                          "    subjectAccessReviewVersion: v1\n    failurePolicy: %s\n"
                                          "    connectionInfo: {type: KubeConfigFile, kubeConfigFile: %s}\n%s"
                                          "- {type: RBAC, name: rbac}\n",
                                     failure_policy, w->path, conditions);
    cluster_start(&w->c, &(struct cluster_options){.tokens = tokens, .authorization = config.p});
}

static void webhooked_stop(struct webhooked *w)
{
    cluster_stop(&w->c);
    hook_stop(&w->h);
    unlink(w->path);
}

static void a_webhook_decides_before_others(void **state)
{
    (void)state;
    struct webhooked w;
    webhooked_start(&w, "NoOpinion", "");
    assert_int_equal(status_of(&w.c, "ann-token", "GET", "/api/v1/secrets"), 200);
    int asked = w.h.asked;
    assert_int_equal(status_of(&w.c, "ann-token", "GET", "/api/v1/secrets"), 200);
    assert_int_equal(w.h.asked, asked); /* remembered */
    _cleanup_answer_ struct answer no =
        ask(&w.c, w.c.as_nobody, "GET", "/api/v1/secrets", "authorization: Bearer bob-token", NULL);
    assert_status(no, 403);
    assert_true(str_ends(at(&no, "message"), STR(": not him")));
    assert_int_equal(status_of(&w.c, "bob-token", "GET", "/api/v1/configmaps"), 403);
    assert_int_equal(status_of(&w.c, "bob-token", "GET", "/healthz"), 200); /* RBAC says so */
    assert_int_equal(status_of(&w.c, "eve-token", "GET", "/healthz"),
                     200); /* the webhook's failure is no opinion */

    /* reviews wait for it as well */
    _cleanup_answer_ struct answer review =
        ask(&w.c, w.c.as_admin, "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", NULL,
            "{\"apiVersion\":\"authorization.k8s.io/"
            "v1\",\"kind\":\"SubjectAccessReview\",\"spec\":{\"user\":\"ann\","
            "\"resourceAttributes\":{\"verb\":\"delete\",\"resource\":\"nodes\"}}}");
    assert_status(review, 201);
    assert_str(at(&review, "status.allowed"), "true");
    assert_str(at(&review, "status.reason"), "she may");
    _cleanup_answer_ struct answer denied =
        ask(&w.c, w.c.as_admin, "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", NULL,
            "{\"apiVersion\":\"authorization.k8s.io/"
            "v1\",\"kind\":\"SubjectAccessReview\",\"spec\":{\"user\":\"bob\","
            "\"resourceAttributes\":{\"verb\":\"list\",\"resource\":\"secrets\"}}}");
    assert_str(at(&denied, "status.denied"), "true");

    /* and so does acting as someone else */
    _cleanup_answer_ struct answer as = ask(&w.c, w.c.as_nobody, "GET", "/healthz",
                                            "authorization: Bearer ann-token\nimpersonate-user: zoe", NULL);
    assert_status(as, 200);
    webhooked_stop(&w);
}

static void a_webhook_that_fails_may_mean_no(void **state)
{
    (void)state;
    struct webhooked w;
    webhooked_start(&w, "Deny", "");
    assert_int_equal(status_of(&w.c, "eve-token", "GET", "/healthz"), 403);
    assert_int_equal(status_of(&w.c, "bob-token", "GET", "/healthz"), 200);
    webhooked_stop(&w);
}

static void a_webhook_is_asked_where_its_conditions_hold(void **state)
{
    (void)state;
    struct webhooked w;
    webhooked_start(&w, "Deny",
                    "    matchConditionSubjectAccessReviewVersion: v1\n    matchConditions:\n"
                    "    - expression: has(request.resourceAttributes)\n"
                    "    - expression: request.resourceAttributes.namespace == 'default'\n"
                    "    - expression: request.user != 'zoe'\n");
    assert_int_equal(status_of(&w.c, "ann-token", "GET", "/api/v1/namespaces/default/secrets"), 200);
    assert_int_equal(w.h.asked, 1);
    assert_int_equal(status_of(&w.c, "ann-token", "GET", "/api/v1/namespaces/kube-system/secrets"), 403);
    assert_int_equal(status_of(&w.c, "eve-token", "GET", "/healthz"), 200);
    assert_int_equal(w.h.asked, 1);
    webhooked_stop(&w);
}

static void a_wrong_configuration_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *list, *said;
    } wrong[] = {
        {"- {type: Magic, name: a}", "authorizers[0].type: Invalid value: \"Magic\""},
        {"- {type: RBAC}", "authorizers[0].name: Required value"},
        {"- {type: RBAC, name: a}\n- {type: RBAC, name: b}",
         "authorizers[1].type: Duplicate value: \"RBAC\""},
        {"- {type: RBAC, name: a}\n- {type: Node, name: a}", "authorizers[1].name: Duplicate value: \"a\""},
        {"- {type: Webhook, name: a}", "authorizers[0].webhook: Required value"},
        {"- {type: Webhook, name: a, webhook: {timeout: 1h, subjectAccessReviewVersion: v1, failurePolicy: "
         "Deny, "
         "connectionInfo: {type: KubeConfigFile, kubeConfigFile: /x}}}",
         "authorizers[0].webhook.timeout: Invalid value"},
        {"- {type: Webhook, name: a, webhook: {timeout: 1s, subjectAccessReviewVersion: v1, failurePolicy: "
         "Maybe, "
         "connectionInfo: {type: KubeConfigFile}}}",
         "authorizers[0].webhook.failurePolicy: Unsupported value: \"Maybe\""},
        {"  []", "authorizers: Required value"},
    };
    struct store *store;
    struct err opened = {0};
    assert_ok(store_open(&(struct store_options){0}, &store, &opened), opened);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        void *config;
        struct authz *z;
        assert_ok(config_decode(&a, &authorization_configuration_resource, NULL,
                                arena_printf(&a, HEAD "%s\n", wrong[i].list), &config, &err),
                  err);
        assert_int_equal(authz_new(&(struct authz_options){.store = store, .config = config}, &z, &err), -1);
        if (str_find(err.message, str_from(wrong[i].said)) < 0)
            fail_msg("says " STR_FMT, STR_ARG(err.message));
    }
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_of_attributes),
        cmocka_unit_test(a_webhook_decides_before_others),
        cmocka_unit_test(a_webhook_that_fails_may_mean_no),
        cmocka_unit_test(a_webhook_is_asked_where_its_conditions_hold),
        cmocka_unit_test(a_wrong_configuration_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
