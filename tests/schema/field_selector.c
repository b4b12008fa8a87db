#include "schema/field_selector.h"

#include "kinds/batch_v1.h"
#include "kinds/core_v1.h"
#include "test.h"

static bool matches(const struct resource *r, const void *typed, const char *text)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct field_selector s;
    assert_ok(field_selector_parse(&a, r, str_from(text), &s, &err), err);
    return field_selector_matches(&s, typed);
}

static void test_declared_fields_are_compared_as_text(void **state)
{
    (void)state;
    struct pod pod = {.metadata = {.name = STR("web"), .namespace = STR("default")},
                      .spec = {.node_name = STR("n1"), .host_network = true},
                      .status = {.phase = STR("Running")}};
    static const struct {
        const char *text;
        bool match;
    } cases[] = {
        {"", true},
        {"metadata.name=web", true},
        {"metadata.name==web,metadata.namespace=default", true},
        {"metadata.name!=web", false},
        {"spec.nodeName=n1", true},
        {"spec.host=n1", true},
        {"spec.nodeName=", false},
        {"spec.nodeName!=", true},
        {"spec.hostNetwork=true", true},
        {"status.phase!=Running,spec.nodeName=n1", false},
        {",,status.phase=Running,", true},
        {"status.nominatedNodeName=", true},
        {"status.podIPs=", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (matches(&pod_resource, &pod, cases[i].text) != cases[i].match)
            fail_msg("%s: matches wrongly", cases[i].text);
}

static void test_aliases(void **state)
{
    (void)state;
    struct event ev = {.source = {.component = STR("kubelet")},
                       .reporting_component = STR("other"),
                       .involved_object = {.kind = STR("Pod"), .name = STR("p")}};
    assert_true(matches(&event_resource, &ev, "source=kubelet,involvedObject.name=p"));
    ev.source.component = STR("");
    assert_true(matches(&event_resource, &ev, "source=other,reportingComponent=other"));
    struct job job = {.status = {.succeeded = 3}};
    assert_true(matches(&job_resource, &job, "status.successful=3"));
    struct node node = {.spec = {.unschedulable = true}};
    assert_true(matches(&node_resource, &node, "spec.unschedulable=true"));
}

static void test_errors_have_upstreams_words(void **state)
{
    (void)state;
    static const struct {
        const struct resource *r;
        const char *text, *message;
    } cases[] = {
        {&pod_resource, "spec.foo=1", "field label not supported: spec.foo"},
        {&config_map_resource, "data=1",
         "\"data\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""},
        {&job_resource, "x=1", "field label \"x\" not supported for Job"},
        {&pod_resource, "a,b", "invalid selector: 'a,b'; can't understand 'a'"},
        {&pod_resource, "metadata.name=a=b", "invalid field selector: unescaped character in value: 61"},
        {&pod_resource, "metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"},
        {&pod_resource, "metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct field_selector s;
        assert_int_equal(field_selector_parse(&a, cases[i].r, str_from(cases[i].text), &s, &err), -1);
        assert_str(err.message, cases[i].message);
        assert_int_equal(err.code, 400);
    }
}

static void test_escapes_come_back(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    struct field_selector s;
    assert_ok(field_selector_parse(&a, &pod_resource, STR("spec.nodeName!=x,metadata.name=a\\,b\\=c\\\\"), &s,
                                   &err),
              err);
    assert_str(*field_selector_exact(&s, STR("metadata.name")), "a,b=c\\");
    assert_null(field_selector_exact(&s, STR("spec.nodeName")));
    field_selector_write(&b, &s);
    assert_str(buf_str(&b), "metadata.name=a\\,b\\=c\\\\,spec.nodeName!=x");
}

static void test_every_declared_field_exists(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    for (size_t i = 0; i < n_builtin_resources; i++)
        for (size_t j = 0; j < builtin_resources[i]->n_selectables; j++) {
            struct field_selector s;
            struct str text = arena_concat(&a, builtin_resources[i]->selectables[j].path, STR("=x"));
            assert_ok(field_selector_parse(&a, builtin_resources[i], text, &s, &err), err);
            if (!s.at[0].ref.leaf)
                fail_msg(STR_FMT ": no field " STR_FMT, STR_ARG(builtin_resources[i]->kind),
                         STR_ARG(s.at[0].key));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declared_fields_are_compared_as_text), cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_errors_have_upstreams_words),          cmocka_unit_test(test_escapes_come_back),
        cmocka_unit_test(test_every_declared_field_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
