/* Tokens of service accounts: which audiences a node may ask for, how long they live, who issues them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/encode.h"
#include "cluster.h"
#include "test.h"

static struct cluster c;
static struct fetch *node;

static int stop(void **state)
{
    (void)state;
    if (node)
        fetch_free(node);
    node = NULL;
    cluster_stop(&c);
    return 0;
}

static struct answer post(struct fetch *who, const char *path, const char *body)
{
    return ask(&c, who, "POST", path, "content-type: application/json", body);
}

#define NS    "/api/v1/namespaces/default"
#define TOKEN NS "/serviceaccounts/sa/token"

/* A member of what a token claims. Arena-owned. */
static struct value claims_of(struct arena *a, struct str token)
{
    struct str head, payload;
    struct value v;
    _cleanup_buf_ struct buf text = {0};
    assert_true(str_cut(&token, '.', &head) && str_cut(&token, '.', &payload));
    assert_int_equal(decode_base64url(&text, payload), 0);
    assert_int_equal(value_parse(a, arena_str(a, buf_str(&text)), &v, NULL), 0);
    return v;
}

/* A request for a token bound to the pod, for these audiences (JSON). */
static struct str request(struct arena *a, struct answer *pod, const char *audiences, int64_t seconds)
{
    return arena_printf(
        a,
        "{\"spec\":{\"audiences\":%s,\"expirationSeconds\":%lld,\"boundObjectRef\":{\"apiVersion\":\"v1\","
        "\"kind\":\"Pod\",\"name\":\"" STR_FMT "\",\"uid\":\"" STR_FMT "\"}}}",
        audiences, (long long)seconds, STR_ARG(at(pod, "metadata.name")), STR_ARG(at(pod, "metadata.uid")));
}

static struct answer pod_with(const char *name, const char *volumes)
{
    _cleanup_arena_ struct arena a = {0};
    return create(
        &c, NS "/pods",
        arena_printf(
            &a,
            "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"nodeName\":\"n1\",\"serviceAccountName\":\"sa\","
            "\"automountServiceAccountToken\":false,\"volumes\":[%s],"
            "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
            name, volumes)
            .p);
}

static void begin(const struct cluster_options *o)
{
    struct cluster_options with = *o;
    with.tokens = "node-token,system:node:n1,1,system:nodes\n";
    cluster_start(&c, &with);
    node = cluster_client(&c, "node-token");
    _cleanup_answer_ struct answer account =
        create(&c, NS "/serviceaccounts", "{\"metadata\":{\"name\":\"sa\"}}");
    _cleanup_answer_ struct answer n = create(&c, "/api/v1/nodes", "{\"metadata\":{\"name\":\"n1\"}}");
}

static void a_node_gets_tokens_for_what_its_pods_name(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    begin(&(struct cluster_options){0});
    _cleanup_answer_ struct answer driver = create(&c, "/apis/storage.k8s.io/v1/csidrivers",
                                                   "{\"metadata\":{\"name\":\"csi.example.com\"},\"spec\":{"
                                                   "\"tokenRequests\":[{\"audience\":\"storage\"}]}}");
    _cleanup_answer_ struct answer volume =
        create(&c, "/api/v1/persistentvolumes",
               "{\"metadata\":{\"name\":\"pv\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":"
               "[\"ReadWriteOnce\"],"
               "\"csi\":{\"driver\":\"csi.example.com\",\"volumeHandle\":\"v\"}}}");
    _cleanup_answer_ struct answer claim =
        create(&c, NS "/persistentvolumeclaims",
               "{\"metadata\":{\"name\":\"pvc\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
               "\"volumeName\":\"pv\","
               "\"storageClassName\":\"\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}");
    _cleanup_answer_ struct answer
        projected = pod_with("projected",
                             "{\"name\":\"t\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{"
                             "\"audience\":\"vault\",\"path\":\"t\"}},{\"serviceAccountToken\":{\"path\":"
                             "\"u\"}}]}}"),
        in_line = pod_with("in-line", "{\"name\":\"t\",\"csi\":{\"driver\":\"csi.example.com\"}}"),
        claimed = pod_with("claimed", "{\"name\":\"t\",\"persistentVolumeClaim\":{\"claimName\":\"pvc\"}}"),
        plain = pod_with("plain", "");
    const struct {
        struct answer *pod;
        const char *audiences;
        int status;
        const char *says;
    } cases[] = {
        {&projected, "[\"vault\"]", 201, ""},
        {&projected, "[]", 201, ""},
        {&projected, "[\"storage\"]", 403,
         "serviceaccounts \"sa\" is forbidden: audience \"storage\" not found in pod spec volume, "
         "system:node:n1 is "
         "not authorized to request tokens for this audience"},
        {&projected, "[\"vault\",\"storage\"]", 403,
         "serviceaccounts \"sa\" is forbidden: node may only request 0 or 1 audiences"},
        {&in_line, "[\"storage\"]", 201, ""},
        {&in_line, "[\"vault\"]", 403, NULL},
        {&claimed, "[\"storage\"]", 201, ""},
        {&plain, "[\"storage\"]", 403, NULL},
        {&plain, "[]", 403, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer got =
            post(node, TOKEN, request(&a, cases[i].pod, cases[i].audiences, 3600).p);
        assert_status(got, cases[i].status);
        if (cases[i].says)
            assert_str(at(&got, "message"), cases[i].says);
    }
    /* Others are not bound by that. */
    _cleanup_answer_ struct answer admin =
        post(c.as_admin, TOKEN, request(&a, &plain, "[\"any\",\"more\"]", 3600).p);
    assert_status(admin, 201);
    /* And a node may be allowed more, for one account or all. */
    _cleanup_answer_ struct answer role = create(
        &c, "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "{\"metadata\":{\"name\":\"registry\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"registry\"],"
        "\"verbs\":[\"request-serviceaccounts-token-audience\"],\"resourceNames\":[\"sa\"]}]}");
    _cleanup_answer_ struct answer binding = create(
        &c, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "{\"metadata\":{\"name\":\"registry\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
        "\"kind\":"
        "\"ClusterRole\",\"name\":\"registry\"},\"subjects\":[{\"apiGroup\":\"rbac.authorization.k8s.io\","
        "\"kind\":\"Group\",\"name\":\"system:nodes\"}]}");
    _cleanup_answer_ struct answer yes = post(node, TOKEN, request(&a, &plain, "[\"registry\"]", 3600).p);
    assert_status(yes, 201);
}

static void lives_are_bounded(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    begin(&(struct cluster_options){.token_most_s = 7200});
    _cleanup_answer_ struct answer pod = pod_with("p", "");
    _cleanup_answer_ struct answer longer =
        post(c.as_admin, TOKEN, "{\"spec\":{\"expirationSeconds\":100000}}");
    assert_status(longer, 201);
    struct str warning = fetch_header_get(&longer.response, STR("warning"));
    assert_str(warning, "299 - \"requested expiration of 100000 seconds shortened to 7200 seconds\"");
    struct value v = claims_of(&a, at(&longer, "status.token"));
    assert_int_equal(value_get(&v, STR("exp"))->i - value_get(&v, STR("iat"))->i, 7200);
    /* What would outlive its word does so within the bound, and only if it is for this server. */
    _cleanup_answer_ struct answer extended = post(c.as_admin, TOKEN, request(&a, &pod, "[]", 3607).p);
    v = claims_of(&a, at(&extended, "status.token"));
    assert_int_equal(value_get(&v, STR("exp"))->i - value_get(&v, STR("iat"))->i, 7200);
    assert_non_null(value_get(value_get(&v, STR("kubernetes.io")), STR("warnafter")));
    _cleanup_answer_ struct answer other =
        post(c.as_admin, TOKEN, request(&a, &pod, "[\"elsewhere\"]", 3607).p);
    v = claims_of(&a, at(&other, "status.token"));
    assert_int_equal(value_get(&v, STR("exp"))->i - value_get(&v, STR("iat"))->i, 3607);
}

static void lives_may_be_exact(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    begin(&(struct cluster_options){.token_exact = true});
    _cleanup_answer_ struct answer pod = pod_with("p", "");
    _cleanup_answer_ struct answer got = post(c.as_admin, TOKEN, request(&a, &pod, "[]", 3607).p);
    struct value v = claims_of(&a, at(&got, "status.token"));
    assert_int_equal(value_get(&v, STR("exp"))->i - value_get(&v, STR("iat"))->i, 3607);
}

static int who_is(struct str token)
{
    _cleanup_arena_ struct arena a = {0};
    struct fetch *f = cluster_client(&c, arena_c(&a, token));
    _cleanup_answer_ struct answer got =
        post(f, "/apis/authentication.k8s.io/v1/selfsubjectreviews",
             "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}");
    fetch_free(f);
    return got.status;
}

static void issuers_change_and_audiences_are_said(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static struct str issuers[] = {STR_INIT("https://new.example.com"), STR_INIT("https://old.example.com")},
                      audiences[] = {STR_INIT("here"), STR_INIT("there")};
    _cleanup_buf_ struct buf key = {0};
    struct err err = {0};
    assert_ok(jwt_key_make(false, &key, &err), err);
    begin(&(struct cluster_options){.issuers = {&issuers[1], 1}, .key_pem = buf_str(&key)});
    _cleanup_answer_ struct answer before = post(c.as_admin, TOKEN, "{}");
    struct str old = arena_str(&a, at(&before, "status.token"));
    assert_int_equal(who_is(old), 201);
    stop(NULL);
    begin(&(struct cluster_options){.issuers = {issuers, 2},
                                    .audiences = {audiences, 2},
                                    .jwks_uri = STR("https://keys.example.com/jwks"),
                                    .key_pem = buf_str(&key)});
    _cleanup_answer_ struct answer now = post(c.as_admin, TOKEN, "{}");
    struct value v = claims_of(&a, at(&now, "status.token"));
    assert_str(value_get_str(&v, STR("iss")), "https://new.example.com");
    assert_str(value_json(&a, value_get(&v, STR("aud"))), "[\"here\",\"there\"]");
    assert_int_equal(who_is(at(&now, "status.token")), 201);
    _cleanup_answer_ struct answer one = post(c.as_admin, TOKEN, "{\"spec\":{\"audiences\":[\"there\"]}}");
    assert_int_equal(who_is(at(&one, "status.token")), 201);
    _cleanup_answer_ struct answer none = post(c.as_admin, TOKEN, "{\"spec\":{\"audiences\":[\"nowhere\"]}}");
    assert_int_equal(who_is(at(&none, "status.token")), 401);
    assert_int_equal(who_is(old), 401); /* its issuer is believed, but it is for nobody who is here */
    _cleanup_answer_ struct answer config = get(&c, "/.well-known/openid-configuration");
    assert_str(at(&config, "issuer"), "https://new.example.com");
    assert_str(at(&config, "jwks_uri"), "https://keys.example.com/jwks");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_teardown(t, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_node_gets_tokens_for_what_its_pods_name),
        TEST(lives_are_bounded),
        TEST(lives_may_be_exact),
        TEST(issuers_change_and_audiences_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
