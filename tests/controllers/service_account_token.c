/* Tokens in Secrets: those that a user asks for, and those that every service account got before 1.24. */
#include "cluster.h"

/* The first Secret whose name begins so; without its namespace, as accounts refer to it. */
static const char *secret_of(struct cluster *c, const char *prefix)
{
    const char *name = name_of(c, &secret_resource, prefix, 0), *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static void create_token(struct cluster *c, const char *name, const char *account)
{
    create(c,
           "{'kind':'Secret','apiVersion':'v1','metadata':{'name':'%s','annotations':{"
           "'kubernetes.io/service-account.name':'%s'}},'type':'kubernetes.io/service-account-token'}",
           name, account);
}

static void a_secret_that_names_an_account_is_filled(void **state)
{
    struct cluster *c = *state;
    create_token(c, "mine", "default");
    eventually(!str_empty(field(c, &secret_resource, "mine", "data.token")));
    assert_str(field(c, &secret_resource, "mine", "data.namespace"), "ZGVmYXVsdA==");
    assert_str(field(c, &secret_resource, "mine", "data.{ca.crt}"),
               "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==");
    struct str uid = field(c, &service_account_resource, "default", "metadata.uid");
    assert_true(str_eq(
        field(c, &secret_resource, "mine", "metadata.annotations.{kubernetes.io/service-account.uid}"), uid));
    assert_str(field(c, &service_account_resource, "default", "secrets"), ""); /* nobody asked for that */
}

static void what_is_taken_from_it_comes_back(void **state)
{
    struct cluster *c = *state;
    create_token(c, "mine", "default");
    eventually(!str_empty(field(c, &secret_resource, "mine", "data.token")));
    patch(c, &secret_resource, "mine", "", "{'data':{'token':null,'ca.crt':'eA=='}}");
    eventually(!str_empty(field(c, &secret_resource, "mine", "data.token")));
    becomes(&secret_resource, "mine", "data.{ca.crt}", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==");
}

static void it_goes_without_its_account(void **state)
{
    struct cluster *c = *state;
    create_token(c, "nobodys", "absent");
    becomes(&secret_resource, "nobodys", "metadata.name", "");
    create(c, "{'kind':'ServiceAccount','apiVersion':'v1','metadata':{'name':'robot'}}");
    create_token(c, "robots", "robot");
    eventually(!str_empty(field(c, &secret_resource, "robots", "data.token")));
    create(c, "{'kind':'Secret','apiVersion':'v1','metadata':{'name':'other','annotations':{"
              "'kubernetes.io/service-account.name':'robot'}}}");
    erase(c, &service_account_resource, "robot", PROPAGATE_DEFAULT);
    becomes(&secret_resource, "robots", "metadata.name", "");
    assert_str(field(c, &secret_resource, "other", "metadata.name"), "other"); /* of no such type */
}

static void an_account_gets_a_secret_where_that_is_asked_for(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'ServiceAccount','apiVersion':'v1','metadata':{'name':'robot'},"
              "'secrets':[{'name':'robot-dockercfg'}]}");
    eventually(!str_empty(field(c, &service_account_resource, "robot", "secrets[1].name")));
    assert_str(field(c, &service_account_resource, "robot", "secrets[0].name"), "robot-dockercfg");
    const char *name = secret_of(c, "robot-token-");
    assert_int_equal(strlen(name), strlen("robot-token-") + 5);
    assert_str(field(c, &service_account_resource, "robot", "secrets[1].name"), name);
    assert_false(str_empty(field(c, &secret_resource, name, "data.token")));
    cluster_rest(c);
    assert_int_equal(count(c, &secret_resource, "robot-token-"), 1);
}

static void another_comes_when_it_is_deleted(void **state)
{
    struct cluster *c = *state;
    eventually(count(c, &secret_resource, "default-token-") == 1);
    const char *name = secret_of(c, "default-token-");
    becomes(&service_account_resource, "default", "secrets[0].name", name);
    erase(c, &secret_resource, name, PROPAGATE_DEFAULT);
    eventually(count(c, &secret_resource, "default-token-") == 1 &&
               !str_is(field(c, &service_account_resource, "default", "secrets[0].name"), name));
    becomes(&service_account_resource, "default", "secrets[0].name", secret_of(c, "default-token-"));
    assert_str(field(c, &service_account_resource, "default", "secrets[1].name"), "");
}

static void what_nobody_uses_is_marked_and_then_deleted(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'ServiceAccount','apiVersion':'v1','metadata':{'name':'robot'}}");
    eventually(count(c, &secret_resource, "robot-token-") == 1 &&
               count(c, &secret_resource, "default-token-") == 1);
    const char *robots = secret_of(c, "robot-token-"), *used = secret_of(c, "default-token-");
    create_token(c, "mine", "robot"); /* a user's own stays */
    create(c,
           "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p'},'spec':{'containers':[{'name':'c',"
           "'image':'i'}],'volumes':[{'name':'t','secret':{'secretName':'%s'}}]}}",
           used);
    cluster_rest(c);
    assert_str(field(c, &secret_resource, robots, "metadata.labels"), ""); /* it is not known what is used */
    create(c, "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':"
              "'kube-apiserver-legacy-service-account-token-tracking','namespace':'kube-system'},"
              "'data':{'since':'2024-01-01'}}");
    eventually(!str_empty(field(c, &secret_resource, robots,
                                "metadata.labels.{kubernetes.io/legacy-token-invalid-since}")) ||
               str_empty(field(c, &secret_resource, robots, "metadata.name")));
    becomes(&secret_resource, robots, "metadata.name", "");
    /* Another is made, which would not live long either. */
    erase(c, &config_map_resource, "kube-system/kube-apiserver-legacy-service-account-token-tracking",
          PROPAGATE_DEFAULT);
    cluster_rest(c);
    assert_str(field(c, &secret_resource, used, "metadata.name"), used);
    assert_str(field(c, &secret_resource, used, "metadata.labels"), "");
    assert_str(field(c, &secret_resource, "mine", "metadata.labels"), "");
}

static void otherwise_it_gets_none(void **state)
{
    struct cluster *c = *state;
    cluster_rest(c);
    assert_int_equal(count(c, &secret_resource, ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(a_secret_that_names_an_account_is_filled),
        cluster_test(what_is_taken_from_it_comes_back),
        cluster_test(it_goes_without_its_account),
        legacy_test(an_account_gets_a_secret_where_that_is_asked_for),
        legacy_test(another_comes_when_it_is_deleted),
        legacy_test(what_nobody_uses_is_marked_and_then_deleted),
        cluster_test(otherwise_it_gets_none),
    };
    return cmocka_run_group_tests_name("controllers/service_account_token", tests, NULL, NULL);
}
