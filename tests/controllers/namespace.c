/* Namespaces: what each gets, and how one ends. */
#include "cluster.h"

static void every_namespace_gets_an_account_and_the_certificate(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'team'}}");
    becomes(&service_account_resource, "team/default", "metadata.name", "default");
    becomes(&config_map_resource, "team/kube-root-ca.crt", "data.{ca.crt}", "-----BEGIN CERTIFICATE-----\n");
    becomes(&service_account_resource, "kube-system/default", "metadata.name", "default");
}

static void they_come_back_when_deleted_or_changed(void **state)
{
    struct cluster *c = *state;
    becomes(&config_map_resource, "kube-root-ca.crt", "metadata.name", "kube-root-ca.crt");
    becomes(&service_account_resource, "default", "metadata.name", "default");
    struct str before = field(c, &service_account_resource, "default", "metadata.uid");
    erase(c, &service_account_resource, "default", PROPAGATE_DEFAULT);
    comes_anew(&service_account_resource, "default", before);
    patch(c, &config_map_resource, "kube-root-ca.crt", "", "{'data':{'ca.crt':'forged'}}");
    becomes(&config_map_resource, "kube-root-ca.crt", "data.{ca.crt}", "-----BEGIN CERTIFICATE-----\n");
    erase(c, &config_map_resource, "kube-root-ca.crt", PROPAGATE_DEFAULT);
    becomes(&config_map_resource, "kube-root-ca.crt", "data.{ca.crt}", "-----BEGIN CERTIFICATE-----\n");
}

static void a_deleted_namespace_is_emptied_and_goes(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'team'}}");
    create(c, "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'a','namespace':'team'}}");
    create(c, "{'kind':'Secret','apiVersion':'v1','metadata':{'name':'b','namespace':'team'}}");
    becomes(&service_account_resource, "team/default", "metadata.name", "default");
    erase(c, &namespace_resource, "team", PROPAGATE_DEFAULT);
    becomes(&namespace_resource, "team", "metadata.name", "");
    assert_int_equal(count(c, &config_map_resource, "team/"), 0);
    assert_int_equal(count(c, &secret_resource, "team/"), 0);
    assert_int_equal(count(c, &service_account_resource, "team/"), 0);
}

static void conditions_say_what_is_left_and_pods_go_first(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'team'}}");
    becomes(&service_account_resource, "team/default", "metadata.name", "default");
    create(c, "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'web','namespace':'team',"
              "'finalizers':['example.com/wait']},'spec':{'containers':[{'name':'web','image':'one'}]}}");
    create(c, "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'a','namespace':'team'}}");
    erase(c, &namespace_resource, "team", PROPAGATE_DEFAULT);
    becomes(&namespace_resource, "team", "status.phase", "Terminating");
    becomes(&namespace_resource, "team", "status.conditions[type=NamespaceContentRemaining].status", "True");
    becomes(&namespace_resource, "team", "status.conditions[type=NamespaceContentRemaining].message",
            "Some resources are remaining: pods. has 1 resource instances");
    becomes(
        &namespace_resource, "team", "status.conditions[type=NamespaceFinalizersRemaining].message",
        "Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances");
    assert_str(field(c, &config_map_resource, "team/a", "metadata.name"), "a"); /* its turn is later */
    patch(c, &pod_resource, "team/web", "", "{'metadata':{'finalizers':null}}");
    becomes(&namespace_resource, "team", "metadata.name", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(every_namespace_gets_an_account_and_the_certificate),
        cluster_test(they_come_back_when_deleted_or_changed),
        cluster_test(a_deleted_namespace_is_emptied_and_goes),
        cluster_test(conditions_say_what_is_left_and_pods_go_first),
    };
    return cmocka_run_group_tests_name("controllers/namespace", tests, NULL, NULL);
}
