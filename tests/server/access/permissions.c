/* Who may come in, as whom, and what they may do. */
#include "auth/service_account.h"
#include "base/clock.h"
#include "base/encode.h"
#include "cluster.h"

#include "test.h"

static struct cluster c;
static struct fetch *alice, *bob, *node;

#define RBAC "/apis/rbac.authorization.k8s.io/v1"

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){.tokens = "alice-token,alice,u1,\"dev,ops\"\n"
                                                          "bob-token,bob,u2\n"
                                                          "node-token,system:node:n1,u3,system:nodes\n"});
    alice = cluster_client(&c, "alice-token");
    bob = cluster_client(&c, "bob-token");
    node = cluster_client(&c, "node-token");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fetch_free(alice);
    fetch_free(bob);
    fetch_free(node);
    cluster_stop(&c);
    return 0;
}

static struct answer as(struct fetch *who, const char *method, const char *path, const char *body)
{
    return ask(&c, who, method, path, NULL, body);
}

static void nobody_sees_only_what_is_public(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer health = as(c.as_nobody, "GET", "/healthz", NULL);
    assert_status(health, 200);
    _cleanup_answer_ struct answer pods = as(c.as_nobody, "GET", "/api/v1/pods", NULL);
    assert_status(pods, 403);
    assert_str(at(&pods, "message"),
               "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API "
               "group \"\" at the cluster scope");
    assert_str(at(&pods, "details.kind"), "pods");
    _cleanup_answer_ struct answer api = as(c.as_nobody, "GET", "/apis", NULL);
    assert_status(api, 403);
    assert_str(at(&api, "message"), "forbidden: User \"system:anonymous\" cannot get path \"/apis\"");
}

static void wrong_tokens_are_nobodys(void **state)
{
    (void)state;
    static const char *const tokens[] = {"nonsense", "abcdef.0123456789abcdef", "a.b.c",
                                         "eyJhbGciOiJub25lIn0.e30."};
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        struct fetch *f = cluster_client(&c, tokens[i]);
        _cleanup_answer_ struct answer a = as(f, "GET", "/healthz", NULL);
        assert_status(a, 401);
        assert_str(at(&a, "reason"), "Unauthorized");
        assert_str(at(&a, "message"), "Unauthorized");
        fetch_free(f);
    }
}

/* A client with a certificate that `ca` signed. */
static struct fetch *with_certificate(const struct pki_pair *ca, const char *name, const char *group)
{
    struct pki_pair pair = {0};
    struct err err = {0};
    struct str organization = str_from(group);
    struct pki_request q = {.common_name = str_from(name),
                            .organizations = &organization,
                            .n_organizations = *group ? 1 : 0,
                            .client = true,
                            .lifetime_s = 3600};
    assert_ok(pki_issue(ca, &q, &pair, &err), err);
    struct fetch_options o = {.ca_pem = buf_str(&c.ca.cert_pem),
                              .cert_pem = buf_str(&pair.cert_pem),
                              .key_pem = buf_str(&pair.key_pem)};
    struct fetch *f;
    assert_ok(fetch_new(&o, &f, &err), err);
    pki_pair_free(&pair);
    return f;
}

static void certificates_name_users_and_groups(void **state)
{
    (void)state;
    struct fetch *carol = with_certificate(&c.ca, "carol", "dev");
    for (int i = 0; i < 2; i++) { /* the second time it is known already */
        _cleanup_answer_ struct answer me =
            as(carol, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
        assert_status(me, 201);
        assert_str(at(&me, "status.userInfo.username"), "carol");
        assert_str(at(&me, "status.userInfo.groups"), "[\"dev\",\"system:authenticated\"]");
    }
    fetch_free(carol);
}

static void foreign_certificates_are_nobodys(void **state)
{
    (void)state;
    struct pki_pair other = {0};
    struct err err = {0};
    assert_ok(pki_make_ca(STR("test"), 3600, &other, &err), err); /* of the same name, even */
    struct fetch *mallory = with_certificate(&other, "admin", "system:masters");
    _cleanup_answer_ struct answer a = as(mallory, "GET", "/version", NULL);
    assert_status(a, 401);
    fetch_free(mallory);
    pki_pair_free(&other);
}

static void a_role_lets_in_where_it_is_bound(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer before = as(alice, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_status(before, 403);
    assert_str(at(&before, "message"),
               "configmaps is forbidden: User \"alice\" cannot list resource \"configmaps\" in API "
               "group \"\" in the namespace \"default\"");
    _cleanup_answer_ struct answer role = create(
        &c, RBAC "/namespaces/default/roles",
        "{\"metadata\":{\"name\":\"reader\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"],"
        "\"verbs\":[\"list\",\"get\"]}]}");
    _cleanup_answer_ struct answer binding =
        create(&c, RBAC "/namespaces/default/rolebindings",
               "{\"metadata\":{\"name\":\"readers\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
               "\"kind\":\"Role\","
               "\"name\":\"reader\"},\"subjects\":[{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":"
               "\"Group\",\"name\":\"dev\"}]}");
    /* At once: the answer to the write was given after it took effect. */
    _cleanup_answer_ struct answer after = as(alice, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_status(after, 200);
    _cleanup_answer_ struct answer elsewhere =
        as(alice, "GET", "/api/v1/namespaces/kube-system/configmaps", NULL);
    assert_status(elsewhere, 403);
    _cleanup_answer_ struct answer write =
        as(alice, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"x\"}}");
    assert_status(write, 403);
    _cleanup_answer_ struct answer other = as(bob, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_status(other, 403);
    _cleanup_answer_ struct answer gone =
        as(c.as_admin, "DELETE", RBAC "/namespaces/default/rolebindings/readers", NULL);
    assert_status(gone, 200);
    _cleanup_answer_ struct answer again = as(alice, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_status(again, 403);
}

static void nobody_gives_away_more_than_they_have(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer role = create(
        &c, RBAC "/clusterroles",
        "{\"metadata\":{\"name\":\"role-maker\"},\"rules\":[{\"apiGroups\":[\"rbac.authorization.k8s.io\"],"
        "\"resources\":[\"roles\",\"rolebindings\"],\"verbs\":[\"create\"]},{\"apiGroups\":[\"\"],"
        "\"resources\":[\"pods\"],"
        "\"verbs\":[\"get\"]}]}");
    _cleanup_answer_ struct answer binding = create(
        &c, RBAC "/clusterrolebindings",
        "{\"metadata\":{\"name\":\"role-makers\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
        "\"kind\":\"ClusterRole\",\"name\":\"role-maker\"},\"subjects\":[{\"apiGroup\":\"rbac.authorization."
        "k8s.io\","
        "\"kind\":\"User\",\"name\":\"bob\"}]}");
    _cleanup_answer_ struct answer same = as(bob, "POST", RBAC "/namespaces/default/roles",
                                             "{\"metadata\":{\"name\":\"mine\"},\"rules\":[{\"apiGroups\":["
                                             "\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]}");
    assert_status(same, 201);
    _cleanup_answer_ struct answer more =
        as(bob, "POST", RBAC "/namespaces/default/roles",
           "{\"metadata\":{\"name\":\"more\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"secrets\"],"
           "\"verbs\":[\"get\",\"list\"]}]}");
    assert_status(more, 403);
    assert_str(at(&more, "message"), "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"bob\" "
                                     "(groups=[\"system:authenticated\"]) is "
                                     "attempting to grant RBAC permissions not currently held:\n"
                                     "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}");
    _cleanup_answer_ struct answer bind = as(bob, "POST", RBAC "/namespaces/default/rolebindings",
                                             "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"apiGroup\":"
                                             "\"rbac.authorization.k8s.io\",\"kind\":\"ClusterRole\","
                                             "\"name\":\"cluster-admin\"},\"subjects\":[{\"apiGroup\":\"rbac."
                                             "authorization.k8s.io\",\"kind\":\"User\","
                                             "\"name\":\"bob\"}]}");
    assert_status(bind, 403);
}

static void service_accounts_come_with_tokens(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"robot\"}}");
    _cleanup_answer_ struct answer token =
        ask(&c, c.as_admin, "POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", NULL,
            "{\"kind\":\"TokenRequest\",\"apiVersion\":\"authentication.k8s.io/v1\",\"spec\":{}}");
    assert_status(token, 201);
    struct str text = arena_str(&c.arena, at(&token, "status.token"));
    assert_true(text.n > 100);
    struct fetch *robot = cluster_client(&c, text.p);
    _cleanup_answer_ struct answer me =
        as(robot, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    assert_status(me, 201);
    assert_str(at(&me, "status.userInfo.username"), "system:serviceaccount:default:robot");
    assert_str(at(&me, "status.userInfo.groups"),
               "[\"system:serviceaccounts\",\"system:serviceaccounts:default\",\"system:authenticated\"]");

    struct str body = arena_printf(&c.arena, "{\"spec\":{\"token\":\"" STR_FMT "\"}}", STR_ARG(text));
    _cleanup_answer_ struct answer review =
        as(c.as_admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", body.p);
    assert_status(review, 201);
    assert_str(at(&review, "status.authenticated"), "true");
    assert_str(at(&review, "status.user.username"), "system:serviceaccount:default:robot");

    /* One letter of the signature changed. */
    char *forged = arena_c(&c.arena, text);
    forged[text.n - 10] = forged[text.n - 10] == 'A' ? 'B' : 'A';
    struct fetch *liar = cluster_client(&c, forged);
    _cleanup_answer_ struct answer no = as(liar, "GET", "/version", NULL);
    assert_status(no, 401);
    fetch_free(liar);

    /* The token ends with its account, even if one of the same name follows. */
    _cleanup_answer_ struct answer gone =
        as(c.as_admin, "DELETE", "/api/v1/namespaces/default/serviceaccounts/robot", NULL);
    assert_status(gone, 200);
    _cleanup_answer_ struct answer anew =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"robot\"}}");
    _cleanup_answer_ struct answer late = as(robot, "GET", "/version", NULL);
    assert_status(late, 401);
    fetch_free(robot);
}

/* A Secret's token serves while the Secret is there and holds it. */
static void tokens_in_secrets_serve_as_long_as_those(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"old\"}}");
    struct service_account_claims claims = {.ns = STR("default"),
                                            .account = {STR("old"), at(&account, "metadata.uid")},
                                            .secret = {.name = STR("old-token")}};
    struct jwt_key *key;
    _cleanup_buf_ struct buf token = {0}, base64 = {0};
    _cleanup_err_ struct err err = {0};
    assert_ok(jwt_key_parse(buf_str(&c.key), &key, &err), err);
    assert_ok(service_account_issue_legacy(key, &claims, &token, &err), err);
    jwt_key_free(key);
    struct fetch *old = cluster_client(&c, arena_c(&c.arena, buf_str(&token)));
    _cleanup_answer_ struct answer early = as(old, "GET", "/version", NULL);
    assert_status(early, 401); /* no Secret holds it */

    encode_base64(&base64, buf_str(&token));
    _cleanup_answer_ struct answer secret = create(
        &c, "/api/v1/namespaces/default/secrets",
        arena_printf(&c.arena,
                     "{\"metadata\":{\"name\":\"old-token\",\"annotations\":{"
                     "\"kubernetes.io/service-account.name\":\"old\"}},"
                     "\"type\":\"kubernetes.io/service-account-token\",\"data\":{\"token\":\"" STR_FMT "\"}}",
                     STR_ARG(buf_str(&base64)))
            .p);
    _cleanup_answer_ struct answer me =
        as(old, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    assert_status(me, 201);
    assert_str(at(&me, "status.userInfo.username"), "system:serviceaccount:default:old");
    assert_true(str_eq(at(&me, "status.userInfo.uid"), at(&account, "metadata.uid")));
    struct str review =
        arena_printf(&c.arena, "{\"spec\":{\"token\":\"" STR_FMT "\"}}", STR_ARG(buf_str(&token)));
    _cleanup_answer_ struct answer reviewed =
        as(c.as_admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", review.p);
    assert_str(at(&reviewed, "status.authenticated"), "true");
    review = arena_printf(&c.arena, "{\"spec\":{\"token\":\"" STR_FMT "\",\"audiences\":[\"vault\"]}}",
                          STR_ARG(buf_str(&token)));
    _cleanup_answer_ struct answer for_others =
        as(c.as_admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", review.p);
    assert_str(at(&for_others, "status.authenticated"), "");

    /* That it is used is noted, and since when that is. */
    char day[16];
    time_t now = time(NULL);
    strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
    for (int64_t end = clock_mono() + 20 * CLOCK_S;;) {
        _cleanup_answer_ struct answer used = get(&c, "/api/v1/namespaces/default/secrets/old-token");
        _cleanup_answer_ struct answer since =
            get(&c, "/api/v1/namespaces/kube-system/configmaps/"
                    "kube-apiserver-legacy-service-account-token-tracking");
        const struct value *labels = value_get(value_get(&used.json, STR("metadata")), STR("labels"));
        if (labels && str_is(value_get_str(labels, STR("kubernetes.io/legacy-token-last-used")), day) &&
            str_is(at(&since, "data.since"), day))
            break;
        assert_true(clock_mono() < end);
        clock_sleep(10 * CLOCK_MS);
    }
    /* One that is marked serves no more. */
    _cleanup_answer_ struct answer marked =
        ask(&c, c.as_admin, "PATCH", "/api/v1/namespaces/default/secrets/old-token",
            "content-type: application/merge-patch+json",
            "{\"metadata\":{\"labels\":{\"kubernetes.io/legacy-token-invalid-since\":\"2026-01-02\"}}}");
    assert_status(marked, 200);
    _cleanup_answer_ struct answer invalid = as(old, "GET", "/version", NULL);
    assert_status(invalid, 401);
    _cleanup_answer_ struct answer again =
        ask(&c, c.as_admin, "PATCH", "/api/v1/namespaces/default/secrets/old-token",
            "content-type: application/merge-patch+json",
            "{\"metadata\":{\"labels\":{\"kubernetes.io/legacy-token-invalid-since\":null}}}");
    assert_status(again, 200);
    _cleanup_answer_ struct answer valid = as(old, "GET", "/version", NULL);
    assert_status(valid, 200);

    _cleanup_answer_ struct answer gone =
        as(c.as_admin, "DELETE", "/api/v1/namespaces/default/secrets/old-token", NULL);
    assert_status(gone, 200);
    _cleanup_answer_ struct answer late = as(old, "GET", "/version", NULL);
    assert_status(late, 401);
    fetch_free(old);
}

static void bootstrap_tokens_are_secrets(void **state)
{
    (void)state;
    static const char *const secret =
        "{\"metadata\":{\"name\":\"bootstrap-token-%s\"},\"type\":\"bootstrap.kubernetes.io/"
        "token\",\"stringData\":{"
        "\"token-id\":\"%s\",\"token-secret\":\"0123456789abcdef\",\"usage-bootstrap-authentication\":"
        "\"true\","
        "\"expiration\":\"%s\",\"auth-extra-groups\":\"system:bootstrappers:nodes\"}}";
    char body[1024];
    snprintf(body, sizeof body, secret, "aaaaaa", "aaaaaa", "2999-01-01T00:00:00Z");
    _cleanup_answer_ struct answer good = create(&c, "/api/v1/namespaces/kube-system/secrets", body);
    snprintf(body, sizeof body, secret, "bbbbbb", "bbbbbb", "2001-01-01T00:00:00Z");
    _cleanup_answer_ struct answer old = create(&c, "/api/v1/namespaces/kube-system/secrets", body);
    static const struct {
        const char *token;
        int status;
    } cases[] = {
        {"aaaaaa.0123456789abcdef", 201},
        {"aaaaaa.0123456789abcdee", 401},
        {"bbbbbb.0123456789abcdef", 401},
        {"cccccc.0123456789abcdef", 401},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch *f = cluster_client(&c, cases[i].token);
        _cleanup_answer_ struct answer me =
            as(f, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
        assert_status(me, cases[i].status);
        if (cases[i].status == 201)
            assert_str(at(&me, "status.userInfo.username"), "system:bootstrap:aaaaaa");
        fetch_free(f);
    }
}

static void impersonation_needs_permission(void **state)
{
    (void)state;
    const char *path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    _cleanup_answer_ struct answer me = ask(&c, c.as_admin, "POST", path,
                                            "content-type: application/json\nimpersonate-user: "
                                            "jane\nimpersonate-group: g1\nimpersonate-group: g2\n"
                                            "impersonate-extra-scopes: read",
                                            "{}");
    assert_status(me, 201);
    assert_str(at(&me, "status.userInfo.username"), "jane");
    assert_str(at(&me, "status.userInfo.groups"), "[\"g1\",\"g2\",\"system:authenticated\"]");
    assert_str(at(&me, "status.userInfo.extra"), "{\"scopes\":[\"read\"]}");
    _cleanup_answer_ struct answer no =
        ask(&c, alice, "POST", path, "content-type: application/json\nimpersonate-user: jane", "{}");
    assert_status(no, 403);
    assert_str(at(&no, "message"), "users \"jane\" is forbidden: User \"alice\" cannot impersonate resource "
                                   "\"users\" in API group \"\" at the "
                                   "cluster scope");
    _cleanup_answer_ struct answer headless =
        ask(&c, c.as_admin, "POST", path, "content-type: application/json\nimpersonate-group: g1", "{}");
    assert_status(headless, 500);
}

static void reviews_answer_for_others(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer yes = create(&c, "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                                "{\"spec\":{\"user\":\"x\",\"groups\":[\"system:masters\"],"
                                                "\"resourceAttributes\":{\"verb\":\"delete\","
                                                "\"resource\":\"nodes\"}}}");
    assert_str(at(&yes, "status.allowed"), "true");
    _cleanup_answer_ struct answer no = create(
        &c, "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "{\"spec\":{\"user\":\"x\",\"nonResourceAttributes\":{\"verb\":\"get\",\"path\":\"/metrics\"}}}");
    assert_str(at(&no, "status.allowed"), "false");
    _cleanup_answer_ struct answer self =
        as(alice, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
           "{\"spec\":{\"resourceAttributes\":{\"namespace\":\"default\",\"verb\":\"get\",\"resource\":"
           "\"secrets\"}}}");
    assert_status(self, 201);
    assert_str(at(&self, "status.allowed"), "false");
    _cleanup_answer_ struct answer may =
        as(alice, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
           "{\"spec\":{\"nonResourceAttributes\":{\"verb\":\"get\",\"path\":\"/apis\"}}}");
    assert_str(at(&may, "status.allowed"), "true");
    assert_str(at(&may, "status.reason"),
               "RBAC: allowed by ClusterRoleBinding \"system:discovery\" of ClusterRole "
               "\"system:discovery\" to Group \"system:authenticated\"");
    _cleanup_answer_ struct answer rules =
        as(alice, "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
           "{\"spec\":{\"namespace\":\"default\"}}");
    assert_status(rules, 201);
    assert_true(count(&rules, "status.resourceRules") >= 2);
    assert_true(count(&rules, "status.nonResourceRules") >= 2);
}

static void what_is_no_question_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *body, *why;
    } cases[] = {
        {"subjectaccessreviews", "{}",
         "SubjectAccessReview.authorization.k8s.io \"\" is invalid: [spec.resourceAttributes: Invalid value: "
         "null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: "
         "Invalid value: \"\": at least one of user or group must be specified]"},
        {"subjectaccessreviews",
         "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"groups\":[\"g\"],\"resourceAttributes\":{},"
         "\"nonResourceAttributes\":{\"path\":\"/x\"}}}",
         "SubjectAccessReview.authorization.k8s.io \"\" is invalid: [spec.nonResourceAttributes: Invalid "
         "value: "
         "{\"path\":\"/x\"}: cannot be specified in combination with resourceAttributes, metadata: Invalid "
         "value: {\"name\":\"x\"}: must be empty]"},
        {"selfsubjectaccessreviews",
         "{\"spec\":{\"resourceAttributes\":{\"fieldSelector\":{\"rawSelector\":\"a=b\",\"requirements\":["
         "{\"key\":\"\",\"operator\":\"In\"}]},\"labelSelector\":{}}}}",
         "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: "
         "[spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: \"a=b\": may not specified at "
         "the "
         "same time as requirements, spec.resourceAttributes.fieldSelector.requirements[0].key: Required "
         "value: must be specified, spec.resourceAttributes.fieldSelector.requirements[0].values: Required "
         "value: must be specified when `operator` is 'In' or 'NotIn', "
         "spec.resourceAttributes.labelSelector.requirements: Required value: when "
         "spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required]"},
        {"namespaces/default/localsubjectaccessreviews",
         "{\"spec\":{\"user\":\"x\",\"resourceAttributes\":{\"namespace\":\"other\"}}}",
         "LocalSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes.namespace: "
         "Invalid value: \"other\": must match metadata.namespace"},
        {"namespaces/default/localsubjectaccessreviews",
         "{\"spec\":{\"user\":\"x\",\"nonResourceAttributes\":{\"path\":\"/x\"}}}",
         "LocalSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.nonResourceAttributes: Invalid "
         "value: {\"path\":\"/x\"}: disallowed on this kind of request"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_answer_ struct answer no =
            as(c.as_admin, "POST", arena_printf(&a, "/apis/authorization.k8s.io/v1/%s", cases[i].kind).p,
               cases[i].body);
        assert_status(no, 422);
        assert_str(at(&no, "message"), cases[i].why);
    }
    _cleanup_answer_ struct answer elsewhere =
        as(c.as_admin, "POST", "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews",
           "{\"metadata\":{\"namespace\":\"other\"}}");
    assert_status(elsewhere, 400);
}

static void a_node_reads_only_what_its_pods_need(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer s1 =
        create(&c, "/api/v1/namespaces/kube-public/secrets", "{\"metadata\":{\"name\":\"needed\"}}");
    _cleanup_answer_ struct answer s2 =
        create(&c, "/api/v1/namespaces/kube-public/secrets", "{\"metadata\":{\"name\":\"other\"}}");
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/kube-public/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod = create(
        &c, "/api/v1/namespaces/kube-public/pods",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\",\"automountServiceAccountToken\":false,"
        "\"volumes\":[{\"name\":\"v\",\"secret\":{\"secretName\":\"needed\"}}],"
        "\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}");
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {
        {"GET", "/api/v1/namespaces/kube-public/secrets/needed", 200},
        {"GET", "/api/v1/namespaces/kube-public/secrets/other", 403},
        {"GET", "/api/v1/namespaces/kube-public/secrets", 403},
        {"GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", 200},
        {"GET", "/api/v1/pods", 403},
        {"GET", "/api/v1/nodes/n1", 404},
        {"GET", "/api/v1/nodes/n2", 403},
        {"GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", 404},
        {"GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2", 403},
        {"GET", "/api/v1/services", 200},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer a = as(node, cases[i].method, cases[i].path, NULL);
        if (a.status != cases[i].status)
            fail_msg("%s: %d, expected %d: " STR_FMT, cases[i].path, a.status, cases[i].status,
                     STR_ARG(a.response.body));
    }
    _cleanup_answer_ struct answer no = as(node, "GET", "/api/v1/namespaces/kube-public/secrets/other", NULL);
    assert_str(at(&no, "message"),
               "secrets \"other\" is forbidden: User \"system:node:n1\" cannot get resource \"secrets\" in "
               "API group \"\" in the namespace \"kube-public\": no relationship found between node "
               "'n1' and this object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sees_only_what_is_public),
        cmocka_unit_test(wrong_tokens_are_nobodys),
        cmocka_unit_test(certificates_name_users_and_groups),
        cmocka_unit_test(foreign_certificates_are_nobodys),
        cmocka_unit_test(a_role_lets_in_where_it_is_bound),
        cmocka_unit_test(nobody_gives_away_more_than_they_have),
        cmocka_unit_test(service_accounts_come_with_tokens),
        cmocka_unit_test(tokens_in_secrets_serve_as_long_as_those),
        cmocka_unit_test(bootstrap_tokens_are_secrets),
        cmocka_unit_test(impersonation_needs_permission),
        cmocka_unit_test(reviews_answer_for_others),
        cmocka_unit_test(what_is_no_question_is_refused),
        cmocka_unit_test(a_node_reads_only_what_its_pods_need),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
