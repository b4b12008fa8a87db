#include "schema/validate.h"

#include "base/map.h"
#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "model.h"
#include "schema/copy.h"
#include "schema/default.h"
#include "test.h"

/* --- defaults --- */

static void test_defaults_fill_what_is_absent(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct gadget g = {0};
    struct part parts[2] = {{.name = STR("a")}, {.name = STR("b"), .port = 1}};
    g.parts = (struct part_vec){parts, 2};
    default_apply(&a, &gadget_type, &g);
    assert_true(*g.maybe);
    assert_int_equal(*g.count, 80);
    assert_str(g.color, "red");
    assert_true(g.limit.is_str);
    assert_str(g.limit.s, "25%");
    assert_int_equal(g.main.port, 80);
    assert_int_equal(g.spare->port, 80); /* made because it defaults to {}, then filled */
    assert_int_equal(parts[0].port, 80);
    assert_int_equal(parts[1].port, 1);
    assert_str(g.name, "");
}

static void test_defaults_leave_the_rest_alone(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct gadget *g = model_gadget(&a);
    *g->maybe = false; /* a present false is an answer */
    default_apply(&a, &gadget_type, g);
    assert_false(*g->maybe);
    assert_true(struct_eq(&gadget_type, g, model_gadget(&a)));
}

/* Every struct of the API by itself, made of nothing: its declared defaults must fit. */
static void each_type(const struct type *t, struct map *seen)
{
    _cleanup_arena_ struct arena a = {0};
    if (!t->openapi_name.n || map_put(seen, t->openapi_name, (void *)t))
        return;
    void *value = arena_alloc(&a, t->size);
    default_apply(&a, t, value);
    void *copy = struct_dup(&a, t, value);
    default_apply(&a, t, copy); /* and once is enough */
    assert_true(struct_eq(t, value, copy));
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        if (f->rules && f->rules->format.n && format_from(f->rules->format) == FORMAT_NONE &&
            !str_is(f->rules->format, "port"))
            fail_msg(STR_FMT "." STR_FMT ": no such format: " STR_FMT, STR_ARG(t->name), STR_ARG(f->name),
                     STR_ARG(f->rules->format));
        if (f->kind == VALUE_STRUCT)
            each_type(f->type, seen);
    }
}

static void test_all_declarations_fit(void **state)
{
    (void)state;
    _cleanup_map_ struct map seen = {0};
    for (size_t i = 0; i < n_builtin_resources; i++) {
        each_type(builtin_resources[i]->type, &seen);
        if (builtin_resources[i]->name_format.n)
            assert_true(format_from(builtin_resources[i]->name_format) != FORMAT_NONE);
    }
    assert_true(seen.n > 500);
}

/* --- validation --- */

static void expect(struct field_errors *e, const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(i < e->n);
        assert_str(arena_concat(&e->arena, arena_concat(&e->arena, e->at[i].field, STR(": ")), e->at[i].body),
                   lines[i]);
    }
    assert_int_equal(e->n, n);
}
#define EXPECT(e, ...)                                                                                       \
    expect((e), (const char *const[]){__VA_ARGS__},                                                          \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_a_valid_object_has_no_errors(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_field_errors_ struct field_errors e = {0};
    validate_struct(&e, NULL, &gadget_type, model_gadget(&a), VALIDATE_UNIQUE);
    assert_int_equal(e.n, 0);
}

static void test_rules_are_checked_where_the_field_stands(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_field_errors_ struct field_errors e = {0};
    struct gadget *g = model_gadget(&a);
    g->color = STR("green");
    *g->count = 70000;
    g->main.name = STR("");
    g->parts.at[1].port = 0;
    g->by_name.at[0].value.name = STR("a.b");
    g->tags.at[0] = STR("x");
    g->tags.at[1] = STR("abcdef");
    validate_struct(&e, PATH(NULL, "spec"), &gadget_type, g, 0);
    EXPECT(&e, "spec.count: Invalid value: 70000: must be between 1 and 65535, inclusive",
           "spec.color: Unsupported value: \"green\": supported values: \"blue\", \"red\"",
           "spec.main.name: Required value",
           "spec.parts[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
           "spec.byName[k].name: Invalid value: \"a.b\": must not contain dots",
           "spec.tags[0]: Too short: must be at least 2 characters",
           "spec.tags[1]: Too long: may not be more than 5 bytes");
}

static void test_lists_have_limits(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_field_errors_ struct field_errors e = {0};
    struct gadget *g = model_gadget(&a);
    struct str tags[] = {STR("aa"), STR("bb"), STR("aa"), STR("aa")};
    g->tags = (struct str_vec){tags, 4};
    validate_struct(&e, NULL, &gadget_type, g, 0);
    EXPECT(&e, "tags: Too many: 4: must have at most 3 items");
    field_errors_free(&e);
    g->tags.n = 3;
    validate_struct(&e, NULL, &gadget_type, g, VALIDATE_UNIQUE);
    EXPECT(&e, "tags[2]: Duplicate value: \"aa\"");
}

static void test_metadata_and_status_are_not_looked_at(void **state)
{
    (void)state;
    _cleanup_field_errors_ struct field_errors e = {0};
    struct container_status status = {0};
    struct container container = {0};
    struct pod pod = {.status = {.phase = STR("Nonsense"), .container_statuses = {&status, 1}},
                      .spec = {.restart_policy = STR("Maybe"), .containers = {&container, 1}}};
    validate_struct(&e, NULL, &pod_type, &pod, 0);
    EXPECT(&e, "spec.containers[0].name: Required value",
           "spec.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"Never\", "
           "\"OnFailure\"");
}

static void test_immutable_fields(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_field_errors_ struct field_errors e = {0};
    struct gadget *g = model_gadget(&a), *before = model_gadget(&a);
    g->main.port = 9;
    validate_update(&e, NULL, &gadget_type, g, before);
    assert_int_equal(e.n, 0);
    g->name = STR("other");
    validate_update(&e, NULL, &gadget_type, g, before);
    EXPECT(&e, "name: Invalid value: \"other\": field is immutable");
}

/* With real kinds: how values that are more than a string are shown. */
static void test_values_are_shown_as_json(void **state)
{
    (void)state;
    _cleanup_field_errors_ struct field_errors e = {0};
    struct str_entry labels[] = {{STR("app"), STR("web")}, {STR("app"), STR("db")}};
    struct label_selector selector = {.match_labels = {&labels[0], 1}},
                          before = {.match_labels = {&labels[1], 1}};
    struct deployment d = {.spec = {.selector = &selector}}, old = {.spec = {.selector = &before}};
    validate_update(&e, NULL, &deployment_type, &d, &old);
    EXPECT(&e, "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\"}}: field is immutable");
    field_errors_free(&e);
    struct container containers[] = {{.name = STR("a")}, {.name = STR("b")}, {.name = STR("a")}};
    struct pod pod = {.spec = {.containers = {containers, 3}}};
    validate_struct(&e, NULL, &pod_type, &pod, VALIDATE_UNIQUE);
    EXPECT(&e, "spec.containers[2]: Duplicate value: {\"name\":\"a\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_fill_what_is_absent),
        cmocka_unit_test(test_defaults_leave_the_rest_alone),
        cmocka_unit_test(test_all_declarations_fit),
        cmocka_unit_test(test_a_valid_object_has_no_errors),
        cmocka_unit_test(test_rules_are_checked_where_the_field_stands),
        cmocka_unit_test(test_lists_have_limits),
        cmocka_unit_test(test_metadata_and_status_are_not_looked_at),
        cmocka_unit_test(test_immutable_fields),
        cmocka_unit_test(test_values_are_shown_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
