/* Who is known beyond certificates and our own tokens: other issuers' tokens, a webhook's, and who may be
 * nobody. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/jwt.h"
#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "cluster.h"
#include "hook.h"
#include "schema/config.h"
#include "server/access/oidc.h"

/* --- an issuer --- */

static struct hook issuer;
static struct jwt_key *keys[2];
static _Atomic int published; /* which of the keys */
static _Atomic bool broken;

static struct str issuer_answers(struct hook *h, struct arena *a, struct str path, struct str body,
                                 int *status)
{
    (void)body;
    if (broken) {
        *status = 500;
        return STR("{}");
    }
    if (str_starts(path, STR("/.well-known/openid-configuration")))
        return arena_printf(
            a, "{\"issuer\":\"https://127.0.0.1:%d\",\"jwks_uri\":\"https://127.0.0.1:%d/keys\"}", h->port,
            h->port);
    _cleanup_buf_ struct buf set = {0};
    jwt_keys_json(&keys[published], 1, &set);
    return arena_str(a, buf_str(&set));
}

static void keys_make(void)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct err err = {0};
        _cleanup_buf_ struct buf pem = {0};
        assert_ok(jwt_key_make(false, &pem, &err), err);
        assert_ok(jwt_key_parse(buf_str(&pem), &keys[i], &err), err);
    }
    published = 0;
    broken = false;
}

static void keys_drop(void)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        jwt_key_free(keys[i]);
}

/* Indents PEM as a block of YAML. */
static void put_block(struct buf *out, struct str pem, const char *indent)
{
    struct str line;
    while (str_cut(&pem, '\n', &line))
        if (line.n)
            buf_addf(out, "%s" STR_FMT "\n", indent, STR_ARG(line));
}

static struct buf issuer_config(const char *more)
{
    struct buf b = {0};
    buf_addf(&b,
             "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
             "jwt:\n- issuer:\n    url: https://127.0.0.1:%d\n    audiences: [sagong]\n    "
             "certificateAuthority: |\n",
             issuer.port);
    put_block(&b, buf_str(&issuer.ca.cert_pem), "      ");
    buf_addf(&b,
             "  claimMappings:\n    username: {claim: sub, prefix: 'oidc:'}\n    groups: {claim: teams, "
             "prefix: 'team:'}\n"
             "    uid: {claim: id}\n%s",
             more);
    return b;
}

/* A token of that issuer; `more` stands in front of the other claims: `"sub":"x",`. */
static struct str token_of(struct arena *a, const struct jwt_key *k, const char *audience, int64_t lives_s,
                           const char *more)
{
    struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    struct str payload =
        arena_printf(a, "{%s\"iss\":\"https://127.0.0.1:%d\",\"aud\":\"%s\",\"exp\":%lld}", more, issuer.port,
                     audience, (long long)(clock_wall() / CLOCK_S + lives_s));
    assert_ok(jwt_sign(k, payload, &b, &err), err);
    return arena_str(a, buf_str(&b));
}

/* Asks who the bearer of a token is. */
static struct answer whoami(struct cluster *c, struct str token)
{
    _cleanup_arena_ struct arena a = {0};
    struct str headers =
        arena_printf(&a, "authorization: Bearer " STR_FMT "\ncontent-type: application/json", STR_ARG(token));
    return ask(c, c->as_nobody, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", headers.p,
               "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}");
}

static void another_issuers_tokens_are_believed(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct cluster c;
    keys_make();
    hook_start(&issuer, "127.0.0.1", issuer_answers, NULL);
    struct buf config = issuer_config("  claimValidationRules:\n  - {claim: kind, requiredValue: person}\n");
    cluster_start(&c, &(struct cluster_options){.authentication = arena_c(&a, buf_str(&config))});
    const char *jane = "\"sub\":\"jane\",\"teams\":[\"a\",\"b\"],\"id\":\"7\",\"kind\":\"person\",";

    /* the first request may come before the keys: it waits for them */
    _cleanup_answer_ struct answer yes = whoami(&c, token_of(&a, keys[0], "sagong", 60, jane));
    assert_status(yes, 201);
    assert_str(at(&yes, "status.userInfo.username"), "oidc:jane");
    assert_str(at(&yes, "status.userInfo.uid"), "7");
    assert_str(at(&yes, "status.userInfo.groups.0"), "team:a");
    assert_str(at(&yes, "status.userInfo.groups.1"), "team:b");
    assert_str(at(&yes, "status.userInfo.groups.2"), "system:authenticated");
    _cleanup_answer_ struct answer alone = whoami(
        &c, token_of(&a, keys[0], "sagong", 60, "\"sub\":\"jane\",\"teams\":\"a\",\"kind\":\"person\","));
    assert_status(alone, 201);
    assert_int_equal(count(&alone, "status.userInfo.groups"), 2);

    const struct {
        const char *why, *audience, *claims;
        int64_t lives_s;
        int key;
    } refused[] = {
        {"expired", "sagong", jane, -1, 0},
        {"for someone else", "other", jane, 60, 0},
        {"not yet valid", "sagong", "\"nbf\":4102444800,\"sub\":\"jane\",\"kind\":\"person\",", 60, 0},
        {"nobody's", "sagong", "\"kind\":\"person\",", 60, 0},
        {"breaking a rule", "sagong", "\"sub\":\"jane\",\"kind\":\"robot\",", 60, 0},
        {"groups that are none", "sagong", "\"sub\":\"jane\",\"teams\":[7],\"kind\":\"person\",", 60, 0},
        {"signed by another key", "sagong", jane, 60, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        _cleanup_answer_ struct answer no = whoami(&c, token_of(&a, keys[refused[i].key], refused[i].audience,
                                                                refused[i].lives_s, refused[i].claims));
        if (no.status != 401)
            fail_msg("a token that is %s gets %d", refused[i].why, no.status);
        assert_str(at(&no, "message"), "Unauthorized");
    }
    int asked = issuer.asked;
    for (int i = 0; i < 5; i++) { /* bad tokens do not make us ask again and again */
        _cleanup_answer_ struct answer no = whoami(&c, token_of(&a, keys[1], "sagong", 60, jane));
        assert_status(no, 401);
    }
    assert_int_equal(issuer.asked, asked);
    cluster_stop(&c);
    buf_free(&config);
    hook_stop(&issuer);
    keys_drop();
}

static void claims_are_read_by_expressions(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct cluster c;
    struct buf b = {0};
    keys_make();
    hook_start(&issuer, "127.0.0.1", issuer_answers, NULL);
    buf_addf(&b,
             "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
             "jwt:\n- issuer:\n    url: https://127.0.0.1:%d\n    audiences: [sagong]\n    "
             "certificateAuthority: |\n",
             issuer.port);
    put_block(&b, buf_str(&issuer.ca.cert_pem), "      ");
    buf_add_lit(&b,
                "  claimValidationRules:\n"
                "  - {expression: 'claims.exp - claims.iat <= 86400', message: too long}\n"
                "  claimMappings:\n"
                "    username: {expression: '\"who:\" + claims.sub'}\n"
                "    groups: {expression: 'claims.roles.split(\",\")'}\n"
                "    uid: {expression: 'string(claims.number)'}\n"
                "    extra:\n    - {key: 'example.com/tenant', valueExpression: claims.tenant}\n"
                "  userValidationRules:\n"
                "  - {expression: '!user.groups.exists(g, g.startsWith(\"system:\"))', message: reserved}\n");
    cluster_start(&c, &(struct cluster_options){.authentication = arena_c(&a, buf_str(&b))});
    long long now = clock_wall() / CLOCK_S;
    struct str good = arena_printf(
        &a, "\"sub\":\"jane\",\"iat\":%lld,\"roles\":\"a,b\",\"number\":7,\"tenant\":\"t1\",", now);
    _cleanup_answer_ struct answer yes = whoami(&c, token_of(&a, keys[0], "sagong", 60, good.p));
    assert_status(yes, 201);
    assert_str(at(&yes, "status.userInfo.username"), "who:jane");
    assert_str(at(&yes, "status.userInfo.uid"), "7");
    assert_str(at(&yes, "status.userInfo.groups.1"), "b");
    assert_true(str_find(yes.response.body, STR("\"extra\":{\"example.com/tenant\":[\"t1\"]}")) > 0);
    struct str refused[] = {
        arena_printf(&a, "\"sub\":\"jane\",\"iat\":%lld,\"roles\":\"a\",\"number\":7,\"tenant\":\"t\",",
                     now - 90000),
        arena_printf(
            &a, "\"sub\":\"jane\",\"iat\":%lld,\"roles\":\"system:masters\",\"number\":7,\"tenant\":\"t\",",
            now),
        arena_printf(&a, "\"sub\":\"jane\",\"iat\":%lld,\"roles\":\"a\",\"number\":7,", now), /* no tenant */
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        _cleanup_answer_ struct answer no = whoami(&c, token_of(&a, keys[0], "sagong", 60, refused[i].p));
        assert_status(no, 401);
    }
    cluster_stop(&c);
    buf_free(&b);
    hook_stop(&issuer);
    keys_drop();
}

static void an_issuer_that_is_away_lets_nobody_in(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct cluster c;
    keys_make();
    broken = true;
    hook_start(&issuer, "127.0.0.1", issuer_answers, NULL);
    struct buf config = issuer_config("");
    cluster_start(&c, &(struct cluster_options){.authentication = arena_c(&a, buf_str(&config))});
    _cleanup_answer_ struct answer no = whoami(&c, token_of(&a, keys[0], "sagong", 60, "\"sub\":\"jane\","));
    assert_status(no, 401);
    _cleanup_answer_ struct answer others =
        get(&c, "/api/v1/namespaces"); /* who is known otherwise still is */
    assert_status(others, 200);
    cluster_stop(&c);
    buf_free(&config);
    hook_stop(&issuer);
    keys_drop();
}

static void a_wrong_configuration_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *jwt, *said;
    } wrong[] = {
        {"issuer: {url: 'http://x', audiences: [a]}\n  claimMappings: {username: {claim: sub, prefix: ''}}",
         "jwt[0].issuer.url: Invalid value: \"http://x\": URL scheme must be https"},
        {"issuer: {url: 'https://x'}\n  claimMappings: {username: {claim: sub, prefix: ''}}",
         "jwt[0].issuer.audiences: Required value"},
        {"issuer: {url: 'https://x', audiences: [a, b]}\n  claimMappings: {username: {claim: sub, prefix: "
         "''}}",
         "jwt[0].issuer.audienceMatchPolicy: Invalid value"},
        {"issuer: {url: 'https://x', audiences: [a]}\n  claimMappings: {username: {claim: sub}}",
         "jwt[0].claimMappings.username.prefix: Required value"},
        {"issuer: {url: 'https://x', audiences: [a]}\n  claimMappings: {}",
         "jwt[0].claimMappings.username: Required value: claim or expression is required"},
        {"issuer: {url: 'https://x', audiences: [a]}\n  claimMappings: {username: {expression: 'claims.'}}",
         "jwt[0].claimMappings.username: Invalid value: \"claims.\": compilation failed"},
        {"issuer: {url: 'https://x', audiences: [a]}\n  claimMappings: {username: {expression: '7'}}",
         "jwt[0].claimMappings.username: Invalid value: \"7\""},
        {"issuer: {url: 'https://x', audiences: [a]}\n  claimMappings: {username: {expression: "
         "claims.email}}",
         "claims.email_verified must be used in claimMappings.username.expression"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        void *config;
        struct oidc *o;
        struct str text =
            arena_printf(&a,
                         "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
                         "jwt:\n- %s\n",
                         wrong[i].jwt);
        assert_ok(config_decode(&a, &authentication_configuration_resource, NULL, text, &config, &err), err);
        assert_int_equal(
            oidc_new(&((struct authentication_configuration *)config)->jwt, STR("https://own"), &o, &err),
            -1);
        if (str_find(err.message, str_from(wrong[i].said)) < 0)
            fail_msg("says " STR_FMT, STR_ARG(err.message));
    }
}

/* --- nobody --- */

static void only_some_paths_are_open_to_nobody(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(
        &c, &(struct cluster_options){.authentication =
                                          "apiVersion: apiserver.config.k8s.io/v1\n"
                                          "kind: AuthenticationConfiguration\n"
                                          "anonymous:\n  enabled: true\n  conditions:\n  - path: /livez\n"});
    _cleanup_answer_ struct answer live = ask(&c, c.as_nobody, "GET", "/livez", NULL, NULL);
    assert_status(live, 200);
    _cleanup_answer_ struct answer ready = ask(&c, c.as_nobody, "GET", "/readyz", NULL, NULL);
    assert_status(ready, 401);
    cluster_stop(&c);
}

/* --- a webhook --- */

static struct str webhook_answers(struct hook *h, struct arena *a, struct str path, struct str body,
                                  int *status)
{
    (void)h, (void)path;
    struct value review;
    struct err err = {0};
    assert_ok(value_parse(a, body, &review, &err), err);
    struct str token = value_get_str(value_get(&review, STR("spec")), STR("token"));
    const char *says = "{\"authenticated\":false,\"error\":\"who?\"}";
    if (str_is(token, "good"))
        says = "{\"authenticated\":true,\"user\":{\"username\":\"walter\",\"groups\":[\"hooked\"],"
               "\"extra\":{\"example.com/k\":[\"v\"]}}}";
    else if (str_is(token, "elsewhere"))
        says = "{\"authenticated\":true,\"user\":{\"username\":\"walter\"},\"audiences\":[\"elsewhere\"]}";
    else if (str_is(token, "down"))
        *status = 500;
    return arena_printf(
        a, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"status\":%s}", says);
}

static void a_webhook_knows_tokens(void **state)
{
    (void)state;
    struct cluster c;
    struct hook h;
    struct err err = {0};
    char path[] = "/tmp/sagong-webhook-XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    hook_start(&h, "127.0.0.1", webhook_answers, NULL);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/authenticate", h.port);
    struct kubeconfig way = {.server = str_from(url), .ca_pem = buf_str(&h.ca.cert_pem), .token = STR("us")};
    assert_ok(kubeconfig_write(path, &way, &err), err);
    cluster_start(&c, &(struct cluster_options){.token_webhook = path});

    _cleanup_answer_ struct answer yes = whoami(&c, STR("good"));
    assert_status(yes, 201);
    assert_str(at(&yes, "status.userInfo.username"), "walter");
    assert_str(at(&yes, "status.userInfo.groups.0"), "hooked");
    assert_str(at(&yes, "status.userInfo.groups.1"), "system:authenticated");
    int asked = h.asked;
    _cleanup_answer_ struct answer again = whoami(&c, STR("good")); /* remembered */
    assert_status(again, 201);
    assert_int_equal(h.asked, asked);
    static const char *const bad[] = {"bad", "elsewhere", "down"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        _cleanup_answer_ struct answer no = whoami(&c, str_from(bad[i]));
        assert_status(no, 401);
    }
    /* and others can ask about them */
    _cleanup_answer_ struct answer review =
        ask(&c, c.as_admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", NULL,
            "{\"apiVersion\":\"authentication.k8s.io/"
            "v1\",\"kind\":\"TokenReview\",\"spec\":{\"token\":\"elsewhere\","
            "\"audiences\":[\"elsewhere\",\"more\"]}}");
    assert_status(review, 201);
    assert_str(at(&review, "status.authenticated"), "true");
    assert_str(at(&review, "status.user.username"), "walter");
    assert_int_equal(count(&review, "status.audiences"), 1);
    assert_str(at(&review, "status.audiences.0"), "elsewhere");
    cluster_stop(&c);
    hook_stop(&h);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_issuers_tokens_are_believed),
        cmocka_unit_test(claims_are_read_by_expressions),
        cmocka_unit_test(an_issuer_that_is_away_lets_nobody_in),
        cmocka_unit_test(a_wrong_configuration_is_refused),
        cmocka_unit_test(only_some_paths_are_open_to_nobody),
        cmocka_unit_test(a_webhook_knows_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
