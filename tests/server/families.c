/* Services of two address families as clients see them, over IPv6. */
#include "cluster.h"
#include "test.h"

static struct cluster c;

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){
                          .service_cidr = "10.96.0.0/16", .second_cidr = "fd00:96::/112", .host = "[::1]"});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    return 0;
}

#define SERVICES "/api/v1/namespaces/default/services"
#define SERVICE(name, more)                                                                                  \
    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name                             \
    "\"},\"spec\":{\"ports\":[{\"port\":80}]" more "}}"
#define BOTH ",\"ipFamilyPolicy\":\"RequireDualStack\""

static struct answer as_admin(const char *method, const char *path, const char *type, const char *body)
{
    return ask(&c, c.as_admin, method, path, type, body);
}

static void a_service_gets_both(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = create(&c, SERVICES, SERVICE("a", BOTH));
    assert_str(at(&a, "spec.ipFamilies"), "[\"IPv4\",\"IPv6\"]");
    assert_int_equal(count(&a, "spec.clusterIPs"), 2);
    assert_true(str_starts(at(&a, "spec.clusterIPs.1"), STR("fd00:96::")));
    /* What is not said is nobody's. */
    assert_int_equal(str_find(at(&a, "metadata.managedFields.0.fieldsV1"), STR("clusterIP")), -1);
}

static void the_second_comes_and_goes_by_patch(void **state)
{
    (void)state;
    static const char merge[] = "content-type: application/merge-patch+json",
                      strategic[] = "content-type: application/strategic-merge-patch+json";
    _cleanup_answer_ struct answer a = create(&c, SERVICES, SERVICE("b", "")),
                                   more = as_admin("PATCH", SERVICES "/b", strategic,
                                                   "{\"spec\":{\"ipFamilyPolicy\":\"PreferDualStack\"}}");
    assert_status(more, 200);
    assert_int_equal(count(&more, "spec.clusterIPs"), 2);
    assert_true(str_eq(at(&more, "spec.clusterIPs.0"), at(&a, "spec.clusterIP")));
    _cleanup_answer_ struct answer dropped =
        as_admin("PATCH", SERVICES "/b", merge, "{\"spec\":{\"clusterIPs\":null}}");
    assert_status(dropped, 200);
    assert_true(str_eq(at(&dropped, "spec.clusterIPs"), at(&more, "spec.clusterIPs")));
    _cleanup_answer_ struct answer less =
        as_admin("PATCH", SERVICES "/b", merge, "{\"spec\":{\"ipFamilyPolicy\":\"SingleStack\"}}");
    assert_status(less, 200);
    assert_str(at(&less, "spec.ipFamilies"), "[\"IPv4\"]");
    assert_int_equal(count(&less, "spec.clusterIPs"), 1);
}

static void applying_again_changes_nothing(void **state)
{
    (void)state;
    static const char apply[] = "content-type: application/apply-patch+yaml",
                      path[] = SERVICES "/d?fieldManager=me";
    _cleanup_answer_ struct answer a = as_admin("PATCH", path, apply, SERVICE("d", BOTH));
    assert_status(a, 201);
    _cleanup_answer_ struct answer again = as_admin("PATCH", path, apply, SERVICE("d", BOTH));
    assert_status(again, 200);
    assert_true(str_eq(at(&again, "metadata.resourceVersion"), at(&a, "metadata.resourceVersion")));
    _cleanup_answer_ struct answer less =
        as_admin("PATCH", path, apply, SERVICE("d", ",\"ipFamilyPolicy\":\"SingleStack\""));
    assert_status(less, 200);
    assert_int_equal(count(&less, "spec.clusterIPs"), 1);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a =
        as_admin("POST", SERVICES, NULL, SERVICE("e", ",\"ipFamilies\":[\"IPv6\",\"IPv4\"]"));
    assert_status(a, 422);
    assert_str(at(&a, "reason"), "Invalid");
    assert_str(at(&a, "details.causes.0.field"), "spec.ipFamilyPolicy");
    assert_str(at(&a, "details.causes.0.reason"), "FieldValueInvalid");
    assert_str(
        at(&a, "details.causes.0.message"),
        "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
        "families are specified");
}

static void unusual_addresses_are_warned_of_in_headers(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a =
        as_admin("POST", SERVICES, NULL, SERVICE("f", ",\"clusterIP\":\"FD00:96::f\""));
    assert_status(a, 201);
    assert_str(
        fetch_header_get(&a.response, STR("warning")),
        "299 - \"spec.clusterIPs[0]: IPv6 address \\\"FD00:96::f\\\" should be in RFC 5952 canonical format "
        "(\\\"fd00:96::f\\\")\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_gets_both),
        cmocka_unit_test(the_second_comes_and_goes_by_patch),
        cmocka_unit_test(applying_again_changes_nothing),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(unusual_addresses_are_warned_of_in_headers),
    };
    return cmocka_run_group_tests_name("server/families", tests, start, stop);
}
