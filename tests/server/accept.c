/* Which media type and rendering an Accept header gets. */
#include "server/accept.h"

#include "test.h"

static struct accept parse(const char *header, enum accept_offer offer)
{
    struct accept a;
    struct err err = {0};
    assert_ok(accept_parse(str_from(header), offer, &a, &err), err);
    return a;
}

static void nothing_said_means_json(void **state)
{
    (void)state;
    assert_int_equal(parse("", ACCEPT_OBJECTS).media, MEDIA_JSON);
    assert_int_equal(parse("*/*", ACCEPT_OBJECTS).media, MEDIA_JSON);
    assert_int_equal(parse("application/*", ACCEPT_OBJECTS).media, MEDIA_JSON);
}

static void quality_decides(void **state)
{
    (void)state;
    assert_int_equal(parse("application/json;q=0.5, application/yaml", ACCEPT_OBJECTS).media, MEDIA_YAML);
    assert_int_equal(parse("application/vnd.kubernetes.protobuf,application/json", ACCEPT_OBJECTS).media,
                     MEDIA_PROTOBUF);
    assert_int_equal(parse("text/html, application/yaml;q=0.9, */*;q=0.8", ACCEPT_OBJECTS).media, MEDIA_YAML);
}

static void kubectl_gets_its_table(void **state)
{
    (void)state;
    const char *header =
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,"
        "application/json";
    struct accept a = parse(header, ACCEPT_OBJECTS);
    assert_int_equal(a.rendering, RENDER_TABLE);
    assert_false(a.v1beta1);
    /* Where there are no tables, the plain form that it accepts as well. */
    assert_int_equal(parse(header, ACCEPT_PLAIN).rendering, RENDER_OBJECT);
    assert_int_equal(
        parse("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", ACCEPT_OBJECTS).rendering,
        RENDER_PARTIAL_LIST);
    assert_int_equal(
        parse("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
              ACCEPT_DISCOVERY)
            .rendering,
        RENDER_DISCOVERY);
}

static void a_table_has_no_protobuf(void **state)
{
    (void)state;
    struct accept a = parse("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, "
                            "application/json;as=Table;v=v1;g=meta.k8s.io",
                            ACCEPT_OBJECTS);
    assert_int_equal(a.media, MEDIA_JSON);
    assert_int_equal(a.rendering, RENDER_TABLE);
}

static void what_cannot_be_served_is_not_acceptable(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum accept_offer offer;
    } cases[] = {
        {"text/html", ACCEPT_OBJECTS},
        {"application/json;q=0", ACCEPT_OBJECTS},
        {"application/yaml", ACCEPT_STREAM},
        {"application/json;as=Table;v=v7;g=meta.k8s.io", ACCEPT_OBJECTS},
        {"application/json;as=Chair;v=v1;g=meta.k8s.io", ACCEPT_OBJECTS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct accept a;
        struct err err = {0};
        assert_int_equal(accept_parse(str_from(cases[i].header), cases[i].offer, &a, &err), -1);
        assert_int_equal(err.code, 406);
        err_clear(&err);
    }
}

static void bodies_are_of_known_types(void **state)
{
    (void)state;
    enum media_type m;
    enum api_patch_type p;
    struct err err = {0};
    assert_ok(content_type_parse(STR("application/json; charset=utf-8"), &m, &err), err);
    assert_int_equal(m, MEDIA_JSON);
    assert_ok(content_type_parse(STR(""), &m, &err), err);
    assert_int_equal(m, MEDIA_JSON);
    assert_int_equal(content_type_parse(STR("text/xml"), &m, &err), -1);
    assert_int_equal(err.code, 415);
    assert_ok(content_type_parse_patch(STR("application/apply-patch+yaml"), &p, &m, &err), err);
    assert_int_equal(p, API_PATCH_APPLY);
    assert_int_equal(m, MEDIA_YAML);
    assert_int_equal(content_type_parse_patch(STR("application/json"), &p, &m, &err), -1);
    assert_int_equal(err.code, 415);
    err_clear(&err);
}

static void gzip_is_asked_for(void **state)
{
    (void)state;
    assert_true(accept_gzip(STR("gzip")));
    assert_true(accept_gzip(STR("deflate, gzip;q=0.5")));
    assert_false(accept_gzip(STR("gzip;q=0")));
    assert_false(accept_gzip(STR("identity")));
    assert_false(accept_gzip(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_means_json),
        cmocka_unit_test(quality_decides),
        cmocka_unit_test(kubectl_gets_its_table),
        cmocka_unit_test(a_table_has_no_protobuf),
        cmocka_unit_test(what_cannot_be_served_is_not_acceptable),
        cmocka_unit_test(bodies_are_of_known_types),
        cmocka_unit_test(gzip_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
