/* RBAC rules: what they allow, and whether some cover others. */
#include "server/access/rules.h"

#include "server/access/roles.h"
#include "test.h"

#define WORDS(...)                                                                                           \
    {                                                                                                        \
        (struct str[]){__VA_ARGS__}, sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str)                \
    }

static struct attributes ask(const char *verb, const char *group, const char *resource, const char *sub,
                             const char *name)
{
    return (struct attributes){.verb = str_from(verb),
                               .is_resource = true,
                               .group = str_from(group),
                               .resource = str_from(resource),
                               .subresource = str_from(sub),
                               .name = str_from(name)};
}

static bool allows(const struct policy_rule *r, struct attributes a)
{
    return rule_allows(r, &a);
}

static void a_rule_allows_what_it_names(void **state)
{
    (void)state;
    struct policy_rule r = {.verbs = WORDS(STR("get"), STR("list")),
                            .api_groups = WORDS(STR("")),
                            .resources = WORDS(STR("pods"), STR("pods/log"))};
    assert_true(allows(&r, ask("get", "", "pods", "", "x")));
    assert_true(allows(&r, ask("get", "", "pods", "log", "x")));
    assert_false(allows(&r, ask("get", "", "pods", "exec", "x")));
    assert_false(allows(&r, ask("delete", "", "pods", "", "x")));
    assert_false(allows(&r, ask("get", "apps", "pods", "", "x")));
    r.resource_names = (struct str_vec)WORDS(STR("x"));
    assert_true(allows(&r, ask("get", "", "pods", "", "x")));
    assert_false(allows(&r, ask("get", "", "pods", "", "y")));
    assert_false(allows(&r, ask("list", "", "pods", "", "")));
}

static void stars_stand_for_all(void **state)
{
    (void)state;
    struct policy_rule scale = {
        .verbs = WORDS(STR("*")), .api_groups = WORDS(STR("*")), .resources = WORDS(STR("*/scale"))};
    assert_true(allows(&scale, ask("patch", "apps", "deployments", "scale", "x")));
    assert_false(allows(&scale, ask("patch", "apps", "deployments", "", "x")));
    struct policy_rule urls = {.verbs = WORDS(STR("get")),
                               .non_resource_urls = WORDS(STR("/healthz/*"), STR("/version"))};
    assert_true(allows(&urls, (struct attributes){.verb = STR("get"), .path = STR("/healthz/ping")}));
    assert_true(allows(&urls, (struct attributes){.verb = STR("get"), .path = STR("/version")}));
    assert_false(allows(&urls, (struct attributes){.verb = STR("get"), .path = STR("/healthz")}));
    assert_false(allows(&urls, ask("get", "", "pods", "", "")));
}

static void what_is_not_covered_is_told_compactly(void **state)
{
    (void)state;
    struct arena a = {0};
    struct policy_rule held[] = {
        {.verbs = WORDS(STR("get")), .api_groups = WORDS(STR("")), .resources = WORDS(STR("*"))}};
    struct policy_rule wanted[] = {{.verbs = WORDS(STR("get"), STR("list"), STR("watch")),
                                    .api_groups = WORDS(STR("")),
                                    .resources = WORDS(STR("secrets"))}};
    struct policy_rule_vec missing;
    rules_missing(&(struct policy_rule_vec){held, 1}, &(struct policy_rule_vec){wanted, 1}, &a, &missing);
    rules_compact(&missing, &a);
    assert_int_equal(missing.n, 1);
    struct buf text = {0};
    rule_describe(&missing.at[0], &text);
    assert_str(buf_str(&text), "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"list\" \"watch\"]}");
    buf_free(&text);
    arena_free(&a);
}

static void default_roles_allow_as_upstreams(void **state)
{
    (void)state;
    struct attributes pods = ask("list", "", "pods", "", ""), secrets = ask("get", "", "secrets", "", "x");
    struct attributes api = {.verb = STR("get"), .path = STR("/api/v1")};
    assert_true(role_default_allows("cluster-admin", &secrets));
    assert_true(role_default_allows("system:aggregate-to-view", &pods));
    assert_false(role_default_allows("system:aggregate-to-view", &secrets));
    assert_true(role_default_allows("system:discovery", &api));
    assert_false(role_default_allows("system:public-info-viewer", &api));
}

static void aggregated_roles_hold_what_they_gather(void **state)
{
    (void)state;
    struct arena a = {0};
    struct policy_rule_vec admin = {0}, view = {0}, missing;
    for (size_t i = 0; i < n_role_defaults; i++) {
        if (!strcmp(role_defaults[i].name, "admin"))
            role_default_rules(&role_defaults[i], &a, &admin);
        if (!strcmp(role_defaults[i].name, "view"))
            role_default_rules(&role_defaults[i], &a, &view);
    }
    assert_true(admin.n > view.n && view.n > 0);
    rules_missing(&admin, &view, &a, &missing);
    assert_int_equal(missing.n, 0);
    rules_missing(&view, &admin, &a, &missing);
    assert_true(missing.n > 0);
    arena_free(&a);
}

static void default_bindings_name_default_roles(void **state)
{
    (void)state;
    for (size_t b = 0; b < n_binding_defaults; b++) {
        bool found = false;
        for (size_t i = 0; i < n_role_defaults && !found; i++)
            found = !strcmp(role_defaults[i].name, binding_defaults[b].role) &&
                    !role_defaults[i].ns == !binding_defaults[b].ns;
        if (!found)
            fail_msg("binding %s names role %s, which is none", binding_defaults[b].name,
                     binding_defaults[b].role);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_allows_what_it_names),
        cmocka_unit_test(stars_stand_for_all),
        cmocka_unit_test(what_is_not_covered_is_told_compactly),
        cmocka_unit_test(default_roles_allow_as_upstreams),
        cmocka_unit_test(aggregated_roles_hold_what_they_gather),
        cmocka_unit_test(default_bindings_name_default_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
