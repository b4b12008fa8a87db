/* Front proxies: users that they name in headers, certificates that do not make one a proxy, proxies that are
 * no users; and what extension servers are told of all that. */
#include "base/clock.h"
#include "cluster.h"
#include "test.h"

static struct cluster c;
static struct pki_pair ca, good, other, strange;
static struct fetch *proxy, *unnamed, *nobody, *both;

static struct fetch *client_with(const struct pki_pair *pair)
{
    struct fetch *f;
    struct err err = {0};
    struct fetch_options o = {.ca_pem = buf_str(&c.ca.cert_pem),
                              .cert_pem = buf_str(&pair->cert_pem),
                              .key_pem = buf_str(&pair->key_pem)};
    assert_ok(fetch_new(&o, &f, &err), err);
    return f;
}

static int start(void **state)
{
    (void)state;
    struct err err = {0};
    struct str masters = STR("system:masters");
    static struct str names[] = {STR_INIT("gate")}, users[] = {STR_INIT("X-User"), STR_INIT("X-Remote-User")},
                      groups[] = {STR_INIT("X-Group")}, uids[] = {STR_INIT("X-Uid")},
                      extras[] = {STR_INIT("X-Extra-")};
    struct pki_request q = {.common_name = STR("gate"),
                            .organizations = &masters,
                            .n_organizations = 1,
                            .client = true,
                            .lifetime_s = 3600};
    struct pki_pair strange_ca = {0};
    assert_ok(pki_make_ca(STR("proxies"), 3600, &ca, &err), err);
    assert_ok(pki_make_ca(STR("proxies"), 3600, &strange_ca, &err), err);
    assert_ok(pki_issue(&ca, &q, &good, &err), err);
    assert_ok(pki_issue(&strange_ca, &q, &strange, &err), err); /* the authority's name is the same */
    q.common_name = STR("fence");
    assert_ok(pki_issue(&ca, &q, &other, &err), err);
    pki_pair_free(&strange_ca);
    cluster_start(&c, &(struct cluster_options){.tokens = "token,somebody,1\n",
                                                .front_proxies = {.ca_pem = buf_str(&ca.cert_pem),
                                                                  .allowed_names = {names, 1},
                                                                  .username_headers = {users, 2},
                                                                  .group_headers = {groups, 1},
                                                                  .uid_headers = {uids, 1},
                                                                  .extra_prefixes = {extras, 1}}});
    proxy = client_with(&good);
    unnamed = client_with(&other);
    nobody = client_with(&strange);
    both = client_with(&c.admin);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fetch_free(proxy);
    fetch_free(unnamed);
    fetch_free(nobody);
    fetch_free(both);
    cluster_stop(&c);
    pki_pair_free(&ca);
    pki_pair_free(&good);
    pki_pair_free(&other);
    pki_pair_free(&strange);
    return 0;
}

static struct answer who_am_i(struct fetch *who, const char *headers)
{
    _cleanup_arena_ struct arena a = {0};
    struct str all =
        arena_printf(&a, "content-type: application/json%s%s", headers ? "\n" : "", headers ? headers : "");
    return ask(&c, who, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", all.p,
               "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}");
}

#define HEADERS                                                                                              \
    "x-user: jane\nx-group: a\nx-group: b\nx-uid: u-1\nx-extra-Acme%2Fteam: blue\nx-extra-acme%2fteam: red"

static void a_proxy_names_the_user(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) { /* and a connection that is used again */
        _cleanup_answer_ struct answer a = who_am_i(proxy, HEADERS);
        assert_status(a, 201);
        assert_str(at(&a, "status.userInfo.username"), "jane");
        assert_str(at(&a, "status.userInfo.uid"), "u-1");
        assert_int_equal(count(&a, "status.userInfo.groups"), 3);
        assert_str(at(&a, "status.userInfo.groups.0"), "a");
        assert_str(at(&a, "status.userInfo.groups.2"), "system:authenticated");
        const struct value *extra =
            value_get(value_get(value_get(&a.json, STR("status")), STR("userInfo")), STR("extra"));
        const struct value *team = value_get(extra, STR("acme/team"));
        assert_non_null(team);
        assert_int_equal(team->list.n, 2);
        assert_str(team->list.at[0].s, "blue");
    }
    /* Another of the headers that may name him; what he may do is his own. */
    _cleanup_answer_ struct answer second =
        ask(&c, proxy, "GET", "/api/v1/nodes", "x-remote-user: jim", NULL);
    assert_status(second, 403);
    assert_true(str_find(at(&second, "message"), STR("User \"jim\" cannot list")) >= 0);
}

static void nobody_else_does(void **state)
{
    (void)state;
    struct fetch *const others[] = {unnamed, nobody};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        _cleanup_answer_ struct answer a = who_am_i(others[i], HEADERS);
        assert_status(a, 401);
    }
    _cleanup_answer_ struct answer admin = who_am_i(both, HEADERS); /* a client's certificate is a client's */
    assert_str(at(&admin, "status.userInfo.username"), "admin");
    struct fetch *token = cluster_client(&c, "token");
    _cleanup_answer_ struct answer holder = who_am_i(token, HEADERS);
    assert_str(at(&holder, "status.userInfo.username"), "somebody");
    fetch_free(token);
    /* A proxy's certificate is no client's, though it says system:masters. */
    _cleanup_answer_ struct answer itself = who_am_i(proxy, NULL);
    assert_status(itself, 401);
}

static void a_named_user_may_act_as_another_as_far_as_he_may(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer no = who_am_i(proxy, "x-user: jane\nimpersonate-user: root");
    assert_status(no, 403);
    _cleanup_answer_ struct answer yes =
        who_am_i(proxy, "x-user: jane\nx-group: system:masters\nimpersonate-user: root");
    assert_str(at(&yes, "status.userInfo.username"), "root");
}

#define TRUST "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"

static bool published(struct answer *a)
{
    return a->status == 200 &&
           str_is(at(a, "data.requestheader-allowed-names"), "[\"gate\",\"front-proxy-client\"]");
}

static void extension_servers_are_told(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = get(&c, TRUST);
    assert_true(published(&a));
    assert_str(at(&a, "data.requestheader-username-headers"), "[\"X-User\",\"X-Remote-User\"]");
    assert_str(at(&a, "data.requestheader-group-headers"), "[\"X-Group\",\"X-Remote-Group\"]");
    assert_str(at(&a, "data.requestheader-uid-headers"), "[\"X-Uid\",\"X-Remote-Uid\"]");
    assert_str(at(&a, "data.requestheader-extra-headers-prefix"), "[\"X-Extra-\",\"X-Remote-Extra-\"]");
    assert_true(str_find(at(&a, "data.requestheader-client-ca-file"), buf_str(&ca.cert_pem)) >= 0);
    assert_true(str_find(at(&a, "data.requestheader-client-ca-file"), buf_str(&c.ca.cert_pem)) >= 0);
    assert_true(str_eq(at(&a, "data.client-ca-file"), buf_str(&c.ca.cert_pem)));
    /* And told again when it is gone, or changed. */
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", TRUST, NULL, NULL);
    assert_status(gone, 200);
    for (int i = 0;; i++) {
        _cleanup_answer_ struct answer again = get(&c, TRUST);
        if (published(&again))
            break;
        assert_true(i < 2000);
        clock_sleep(10 * CLOCK_MS);
    }
    _cleanup_answer_ struct answer put =
        ask(&c, c.as_admin, "PATCH", TRUST, "content-type: application/merge-patch+json",
            "{\"data\":{\"requestheader-allowed-names\":\"[]\",\"mine\":\"stays\"}}");
    assert_status(put, 200);
    for (int i = 0;; i++) {
        _cleanup_answer_ struct answer again = get(&c, TRUST);
        if (published(&again)) {
            assert_str(at(&again, "data.mine"), "stays");
            break;
        }
        assert_true(i < 2000);
        clock_sleep(10 * CLOCK_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_names_the_user),
        cmocka_unit_test(nobody_else_does),
        cmocka_unit_test(a_named_user_may_act_as_another_as_far_as_he_may),
        cmocka_unit_test(extension_servers_are_told),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
