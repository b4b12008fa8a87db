/* exec, attach, port-forward and proxy, up to the point where a node would be asked. What nodes do is in
 * tests/e2e/streams.bats and proxy.bats. */
#include "cluster.h"

#include "test.h"

static struct cluster c;
static struct fetch *reader, *writer;

#define PODS "/api/v1/namespaces/default/pods"

static int start(void **state)
{
    (void)state;
    cluster_start(&c,
                  &(struct cluster_options){.tokens = "reader-token,reader,u1\nwriter-token,writer,u2\n"});
    reader = cluster_client(&c, "reader-token");
    writer = cluster_client(&c, "writer-token");
    static const char *const objects[][2] = {
        {"/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}"},
        {PODS,
         "{\"metadata\":{\"name\":\"one\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"},
        {PODS,
         "{\"metadata\":{\"name\":\"two\"},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":\"i\"}],"
         "\"containers\":[{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\"}]}}"},
        {PODS, "{\"metadata\":{\"name\":\"lost\"},\"spec\":{\"nodeName\":\"gone\","
               "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"},
        {"/api/v1/namespaces/default/services",
         "{\"metadata\":{\"name\":\"svc\"},\"spec\":{\"selector\":{\"a\":\"b\"},\"ports\":[{\"port\":80}]}}"},
        {"/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
         "{\"metadata\":{\"name\":\"reader\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods/exec\"],"
         "\"verbs\":[\"get\"]}]}"},
        {"/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
         "{\"metadata\":{\"name\":\"writer\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods/exec\"],"
         "\"verbs\":[\"get\",\"create\"]}]}"},
        {"/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
         "{\"metadata\":{\"name\":\"reader\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
         "\"kind\":"
         "\"Role\",\"name\":\"reader\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"reader\"}]}"},
        {"/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
         "{\"metadata\":{\"name\":\"writer\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
         "\"kind\":"
         "\"Role\",\"name\":\"writer\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"writer\"}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        _cleanup_answer_ struct answer made = create(&c, objects[i][0], objects[i][1]);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fetch_free(reader);
    fetch_free(writer);
    cluster_stop(&c);
    return 0;
}

static void check(struct fetch *who, const char *method, const char *path, int status, const char *message)
{
    _cleanup_answer_ struct answer a = ask(&c, who, method, path, NULL, NULL);
    assert_status(a, status);
    assert_str(at(&a, "message"), message);
}

static void the_right_to_get_is_not_enough_to_run_commands(void **state)
{
    (void)state;
    check(reader, "GET", PODS "/one/exec?command=sh&stdout=1", 403,
          "pods \"one\" is forbidden: User \"reader\" cannot create resource \"pods/exec\" in API group \"\" "
          "in the namespace \"default\"");
    check(writer, "GET", PODS "/one/exec?command=sh&stdout=1", 400, "pod one does not have a host assigned");
    check(reader, "POST", PODS "/one/exec?command=sh&stdout=1", 403,
          "pods \"one\" is forbidden: User \"reader\" cannot create resource \"pods/exec\" in API group \"\" "
          "in the namespace \"default\"");
}

static void what_cannot_be_streamed_says_why(void **state)
{
    (void)state;
    check(c.as_admin, "POST", PODS "/none/exec?command=sh", 404, "pods \"none\" not found");
    check(c.as_admin, "POST", PODS "/one/attach?container=x", 400, "container x is not valid for pod one");
    check(c.as_admin, "POST", PODS "/two/attach", 400,
          "a container name must be specified for pod two, choose one of: [a b] or one of the init "
          "containers: [i]");
    check(c.as_admin, "POST", PODS "/two/exec?container=i&command=x", 400,
          "pod two does not have a host assigned");
    check(c.as_admin, "POST", PODS "/one/portforward", 400, "pod one does not have a host assigned");
    check(c.as_admin, "POST", PODS "/lost/portforward", 404, "no address is known of node \"gone\"");
    check(c.as_admin, "DELETE", PODS "/one/exec", 405,
          "the server does not allow this method on the requested resource");
}

static void what_cannot_be_proxied_says_why(void **state)
{
    (void)state;
    static const char services[] = "/api/v1/namespaces/default/services";
    char path[200];
    check(c.as_admin, "GET", PODS "/none/proxy/", 404, "pods \"none\" not found");
    check(c.as_admin, "GET", PODS "/one/proxy/", 400, "address not allowed");
    check(c.as_admin, "PUT", PODS "/a:b:c:d/proxy/", 400, "invalid pod request \"a:b:c:d\"");
    snprintf(path, sizeof path, "%s/svc:80/proxy/", services);
    check(c.as_admin, "GET", path, 503, "no endpoints available for service \"svc\"");
    snprintf(path, sizeof path, "%s/svc:81/proxy/", services);
    check(c.as_admin, "POST", path, 503, "no service port 81 found for service \"svc\"");
    snprintf(path, sizeof path, "%s/ftp:svc:80/proxy/", services);
    check(c.as_admin, "GET", path, 400, "invalid service request \"ftp:svc:80\"");
    check(c.as_admin, "GET", "/api/v1/nodes/none/proxy/healthz", 404, "nodes \"none\" not found");
    check(
        reader, "GET", PODS "/one/proxy/", 403,
        "pods \"one\" is forbidden: User \"reader\" cannot get resource \"pods/proxy\" in API group \"\" in "
        "the namespace \"default\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_to_get_is_not_enough_to_run_commands),
        cmocka_unit_test(what_cannot_be_streamed_says_why),
        cmocka_unit_test(what_cannot_be_proxied_says_why),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
