/* Scenarios: managers take turns at one object, by applying or by updating it; after each turn the object and
 * its owners are as upstream has them. */
#include "schema/apply/apply.h"

#include <stdlib.h>

#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "schema/json.h"
#include "test.h"

enum how { APPLY, FORCE, UPDATE };

struct turn {
    const char *manager;
    enum how how;
    const char *config; /* of an update: the whole new object */
    const char *object; /* afterwards; NULL: as before */
    /* "manager op fields", sorted by manager; or the conflict that is answered. NULL: as before */
    const char *owners, *conflict;
};

struct scenario {
    const char *name;
    const struct type *type;
    struct turn turns[8];
};

#define CM(inner) "{\"data\":{" inner "}}"

static const struct scenario scenarios[] = {
    {"what an applier no longer names goes",
     &config_map_type,
     {
         {"a", APPLY, CM("\"x\":\"1\",\"y\":\"2\""), CM("\"x\":\"1\",\"y\":\"2\""),
          "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}", NULL},
         {"a", APPLY, CM("\"x\":\"1\""), CM("\"x\":\"1\""), "a Apply {\"f:data\":{\"f:x\":{}}}", NULL},
         {"a", APPLY, "{}", "{}", "", NULL},
     }},
    {"what another applier owns too stays",
     &config_map_type,
     {
         {"a", APPLY, CM("\"x\":\"1\",\"y\":\"2\""), NULL, "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}",
          NULL},
         {"b", APPLY, CM("\"x\":\"1\""), NULL,
          "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}; b Apply {\"f:data\":{\"f:x\":{}}}", NULL},
         {"a", APPLY, CM("\"y\":\"2\""), CM("\"x\":\"1\",\"y\":\"2\""),
          "a Apply {\"f:data\":{\"f:y\":{}}}; b Apply {\"f:data\":{\"f:x\":{}}}", NULL},
         {"b", APPLY, "{}", CM("\"y\":\"2\""), "a Apply {\"f:data\":{\"f:y\":{}}}", NULL},
     }},
    {"another value conflicts, unless forced",
     &config_map_type,
     {
         {"a", APPLY, CM("\"x\":\"1\",\"y\":\"2\""), NULL, "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}",
          NULL},
         {"b", APPLY, CM("\"x\":\"3\""), NULL, NULL,
          "Apply failed with 1 conflict: conflict with \"a\": .data.x"},
         {"b", APPLY, CM("\"x\":\"3\",\"y\":\"4\""), NULL, NULL,
          "Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.x\n- .data.y"},
         {"b", FORCE, CM("\"x\":\"3\""), CM("\"x\":\"3\",\"y\":\"2\""),
          "a Apply {\"f:data\":{\"f:y\":{}}}; b Apply {\"f:data\":{\"f:x\":{}}}", NULL},
         {"a", APPLY, CM("\"y\":\"2\""), NULL, NULL, NULL},
     }},
    {"updates take what they change and never ask",
     &config_map_type,
     {
         {"a", APPLY, CM("\"x\":\"1\",\"y\":\"2\""), NULL, "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}",
          NULL},
         {"u", UPDATE, CM("\"x\":\"3\",\"y\":\"2\""), CM("\"x\":\"3\",\"y\":\"2\""),
          "a Apply {\"f:data\":{\"f:y\":{}}}; u Update {\"f:data\":{\"f:x\":{}}}", NULL},
         {"a", APPLY, CM("\"x\":\"1\",\"y\":\"2\""), NULL, NULL,
          "Apply failed with 1 conflict: conflict with \"u\" using v1: .data.x"},
         {"a", FORCE, CM("\"x\":\"1\",\"y\":\"2\""), CM("\"x\":\"1\",\"y\":\"2\""),
          "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}", NULL},
         {"u", UPDATE, CM("\"x\":\"1\""), CM("\"x\":\"1\""), "a Apply {\"f:data\":{\"f:x\":{}}}", NULL},
     }},
    {"what an updater owns is not taken out by an applier",
     &config_map_type,
     {
         {"a", APPLY, CM("\"x\":\"1\""), NULL, "a Apply {\"f:data\":{\"f:x\":{}}}", NULL},
         {"u", UPDATE, CM("\"x\":\"1\",\"y\":\"2\""), CM("\"x\":\"1\",\"y\":\"2\""),
          "a Apply {\"f:data\":{\"f:x\":{}}}; u Update {\"f:data\":{\"f:y\":{}}}", NULL},
         {"a", APPLY, "{}", CM("\"y\":\"2\""), "u Update {\"f:data\":{\"f:y\":{}}}", NULL},
     }},
    {"the same value is shared by those who apply it",
     &config_map_type,
     {
         {"u", UPDATE, CM("\"x\":\"1\""), NULL, "u Update {\"f:data\":{\".\":{},\"f:x\":{}}}", NULL},
         {"a", APPLY, CM("\"x\":\"1\""), NULL,
          "a Apply {\"f:data\":{\"f:x\":{}}}; u Update {\"f:data\":{\".\":{},\"f:x\":{}}}", NULL},
         {"u", UPDATE, "{}", "{}", "", NULL},
     }},
    {"items of lists by their key; the applier's order counts",
     &pod_type,
     {
         {"a", APPLY,
          "{\"spec\":{\"containers\":[{\"name\":\"p\",\"image\":\"1\"},{\"name\":\"q\",\"image\":\"1\"}]}}",
          "{\"spec\":{\"containers\":[{\"image\":\"1\",\"name\":\"p\"},{\"image\":\"1\",\"name\":\"q\"}]}}",
          "a Apply "
          "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"p\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":"
          "{}},"
          "\"k:{\\\"name\\\":\\\"q\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{}}}}}",
          NULL},
         {"b", APPLY, "{\"spec\":{\"containers\":[{\"name\":\"r\",\"image\":\"2\"}]}}",
          "{\"spec\":{\"containers\":[{\"image\":\"1\",\"name\":\"p\"},{\"image\":\"1\",\"name\":\"q\"},"
          "{\"image\":\"2\",\"name\":\"r\"}]}}",
          NULL, NULL},
         {"a", APPLY,
          "{\"spec\":{\"containers\":[{\"name\":\"q\",\"image\":\"1\"},{\"name\":\"p\",\"image\":\"1\"}]}}",
          "{\"spec\":{\"containers\":[{\"image\":\"1\",\"name\":\"q\"},{\"image\":\"2\",\"name\":\"r\"},"
          "{\"image\":\"1\",\"name\":\"p\"}]}}",
          NULL, NULL},
         {"a", APPLY, "{\"spec\":{\"containers\":[{\"name\":\"p\",\"image\":\"3\"}]}}",
          "{\"spec\":{\"containers\":[{\"image\":\"2\",\"name\":\"r\"},{\"image\":\"3\",\"name\":\"p\"}]}}",
          "a Apply "
          "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"p\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":"
          "{}}}}}; "
          "b Apply "
          "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"r\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":"
          "{}}}}}",
          NULL},
     }},
    {"values of sets",
     &pod_type,
     {
         {"a", APPLY, "{\"metadata\":{\"finalizers\":[\"x\",\"y\"]}}",
          "{\"metadata\":{\"finalizers\":[\"x\",\"y\"]}}",
          "a Apply {\"f:metadata\":{\"f:finalizers\":{\"v:\\\"x\\\"\":{},\"v:\\\"y\\\"\":{}}}}", NULL},
         {"b", APPLY, "{\"metadata\":{\"finalizers\":[\"y\",\"z\"]}}",
          "{\"metadata\":{\"finalizers\":[\"x\",\"y\",\"z\"]}}", NULL, NULL},
         {"a", APPLY, "{\"metadata\":{\"finalizers\":[\"x\"]}}",
          "{\"metadata\":{\"finalizers\":[\"x\",\"y\",\"z\"]}}",
          "a Apply {\"f:metadata\":{\"f:finalizers\":{\"v:\\\"x\\\"\":{}}}}; "
          "b Apply {\"f:metadata\":{\"f:finalizers\":{\"v:\\\"y\\\"\":{},\"v:\\\"z\\\"\":{}}}}",
          NULL},
         {"b", APPLY, "{}", "{\"metadata\":{\"finalizers\":[\"x\"]}}", NULL, NULL},
     }},
    {"an atomic list belongs to one who sets it",
     &pod_type,
     {
         {"a", APPLY, "{\"spec\":{\"containers\":[{\"name\":\"p\",\"args\":[\"x\"]}]}}", NULL, NULL, NULL},
         {"b", APPLY, "{\"spec\":{\"containers\":[{\"name\":\"p\",\"args\":[\"x\",\"y\"]}]}}", NULL, NULL,
          "Apply failed with 1 conflict: conflict with \"a\": .spec.containers[name=\"p\"].args"},
         {"b", FORCE, "{\"spec\":{\"containers\":[{\"name\":\"p\",\"args\":[\"y\"]}]}}",
          "{\"spec\":{\"containers\":[{\"args\":[\"y\"],\"name\":\"p\"}]}}", NULL, NULL},
     }},
    {"an applied null is owned, an applied zero too",
     &deployment_type,
     {
         {"a", APPLY, "{\"spec\":{\"replicas\":0,\"paused\":null}}",
          "{\"spec\":{\"paused\":null,\"replicas\":0}}",
          "a Apply {\"f:spec\":{\"f:paused\":{},\"f:replicas\":{}}}", NULL},
         {"b", APPLY, "{\"spec\":{\"replicas\":1}}", NULL, NULL,
          "Apply failed with 1 conflict: conflict with \"a\": .spec.replicas"},
     }},
    {"what is nobody's is never taken out",
     &deployment_type,
     {
         {"a", APPLY, "{\"spec\":{\"strategy\":{\"type\":\"Recreate\"}}}", NULL,
          "a Apply {\"f:spec\":{\"f:strategy\":{\"f:type\":{}}}}", NULL},
         {"a", APPLY, "{\"spec\":{\"strategy\":{}}}", "{\"spec\":{\"strategy\":null}}",
          "a Apply {\"f:spec\":{\"f:strategy\":{}}}", NULL},
     }},
};

/* --- the machinery --- */

struct world {
    struct arena arena;
    const struct type *type;
    struct value object;
    struct managed managed;
    struct time now;
};

static const struct type *one_version(void *arg, struct str api_version)
{
    (void)api_version;
    return ((struct world *)arg)->type;
}

static int no_compare(void *arg, struct str api_version, struct comparison *out)
{
    (void)arg, (void)api_version, (void)out;
    return 1;
}

static struct value parsed(struct world *w, const char *json)
{
    struct value v;
    struct err err = {0};
    assert_ok(value_parse(&w->arena, str_from(json), &v, &err), err);
    return v;
}

static int by_manager(const void *x, const void *y)
{
    return str_cmp(((const struct managed_entry *)x)->owner.manager,
                   ((const struct managed_entry *)y)->owner.manager);
}

static struct str owners(struct world *w)
{
    _cleanup_buf_ struct buf b = {0};
    if (w->managed.n)
        qsort(w->managed.at, w->managed.n, sizeof *w->managed.at, by_manager);
    for (size_t i = 0; i < w->managed.n; i++) {
        const struct managed_entry *e = &w->managed.at[i];
        buf_addf(&b, "%s" STR_FMT " %s ", i ? "; " : "", STR_ARG(e->owner.manager),
                 e->owner.applied ? "Apply" : "Update");
        field_set_write(&b, &e->set);
    }
    return arena_str(&w->arena, buf_str(&b));
}

static void take_turn(struct world *w, const struct turn *t)
{
    struct owner owner = {str_from(t->manager), STR("v1"), STR(""), t->how != UPDATE};
    struct value config = parsed(w, t->config);
    w->now.s++;
    if (t->how == UPDATE) {
        struct comparison c;
        typed_tree_compare(&w->arena, w->type, &w->object, &config, &c);
        managed_update(&w->arena, &w->managed, &owner, &c, &(struct versions){no_compare, NULL}, w->now);
        w->object = config;
        return;
    }
    struct managed before = w->managed;
    before.at = arena_dup(&w->arena, before.at, before.n * sizeof *before.at);
    struct apply x = {.arena = &w->arena,
                      .type = w->type,
                      .owner = owner,
                      .force = t->how == FORCE,
                      .versions = &(struct apply_versions){one_version, NULL, w},
                      .now = w->now,
                      .live = w->object,
                      .config = config,
                      .managed = w->managed};
    struct err err = {0};
    assert_ok(typed_tree_check(w->type, &config, false, &err), err);
    int result = apply_run(&x, NULL);
    assert_int_equal(result, t->conflict ? -1 : 0);
    if (t->conflict) {
        assert_int_equal(managed_conflict_error(&x.conflicts, &err), -1);
        assert_str(err.message, t->conflict);
        assert_int_equal(err.code, 409);
        assert_string_equal(err.details.causes[0].type, "FieldManagerConflict");
        err_clear(&err);
        w->managed = before;
        return;
    }
    w->managed = x.managed;
    w->object = x.result.kind == JSON_NULL ? VALUE_OBJECT : x.result;
}

/* What is left of an object without what is null in it: its meaning. */
static struct value without_nulls(struct world *w, const struct value *v)
{
    struct value out = value_copy(&w->arena, v);
    if (out.kind == JSON_OBJECT)
        for (size_t i = out.members.n; i-- > 0;) {
            struct value *m = &out.members.at[i].value;
            *m = without_nulls(w, m);
            if (m->kind == JSON_NULL || (m->kind == JSON_OBJECT && !m->members.n))
                value_del(&out, out.members.at[i].key);
        }
    return out;
}

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        struct world w = {.type = scenarios[i].type, .object = VALUE_OBJECT, .now = {1000, 0}};
        for (const struct turn *t = scenarios[i].turns; t->manager; t++) {
            struct str before = owners(&w);
            struct value object = w.object;
            print_message("%s: %s %s\n", scenarios[i].name, t->manager, t->config);
            take_turn(&w, t);
            if (t->object) {
                struct value expected = parsed(&w, t->object), is = without_nulls(&w, &w.object);
                expected = without_nulls(&w, &expected);
                assert_str(value_json(&w.arena, &is), arena_c(&w.arena, value_json(&w.arena, &expected)));
            } else if (t->conflict) {
                assert_true(value_eq(&object, &w.object));
            }
            if (t->owners)
                assert_str(owners(&w), t->owners);
            else if (t->conflict)
                assert_true(str_eq(owners(&w), before));
        }
        arena_free(&w.arena);
    }
}

static void test_an_apply_that_changes_nothing_keeps_its_time(void **state)
{
    (void)state;
    struct world w = {.type = &config_map_type, .object = VALUE_OBJECT, .now = {1000, 0}};
    take_turn(&w, &(struct turn){"a", APPLY, CM("\"x\":\"1\""), NULL, NULL, NULL});
    take_turn(&w, &(struct turn){"a", APPLY, CM("\"x\":\"1\""), NULL, NULL, NULL});
    assert_int_equal(w.managed.at[0].time->s, 1001);
    take_turn(&w, &(struct turn){"a", APPLY, CM("\"x\":\"2\""), NULL, NULL, NULL});
    assert_int_equal(w.managed.at[0].time->s, 1003);
    arena_free(&w.arena);
}

static void test_what_was_there_before_the_first_apply_has_an_owner(void **state)
{
    (void)state;
    struct world w = {.type = &config_map_type, .now = {1000, 0}};
    w.object = parsed(&w, CM("\"x\":\"1\",\"y\":\"2\""));
    struct apply x = {.arena = &w.arena,
                      .type = w.type,
                      .owner = {STR("a"), STR("v1"), STR(""), true},
                      .manager_of_old = STR("before-first-apply"),
                      .versions = &(struct apply_versions){one_version, NULL, &w},
                      .now = w.now,
                      .live = w.object,
                      .empty = VALUE_OBJECT,
                      .config = parsed(&w, CM("\"x\":\"3\""))};
    assert_int_equal(apply_run(&x, NULL), -1);
    struct err err = {0};
    managed_conflict_error(&x.conflicts, &err);
    assert_str(err.message,
               "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.x");
    err_clear(&err);
    arena_free(&w.arena);
}

/* Fields that the request cannot change are neither owned nor in anyone's way. */
static void test_what_is_ignored(void **state)
{
    (void)state;
    struct world w = {.type = &deployment_type, .object = VALUE_OBJECT, .now = {1000, 0}};
    struct field_set ignored;
    field_set_parse(&w.arena, STR("{\"f:status\":{},\"f:metadata\":{\"f:name\":{}}}"), &ignored, NULL);
    struct apply x = {.arena = &w.arena,
                      .type = w.type,
                      .owner = {STR("a"), STR("v1"), STR(""), true},
                      .ignored = &ignored,
                      .versions = &(struct apply_versions){one_version, NULL, &w},
                      .live = w.object,
                      .config = parsed(&w, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"replicas\":1},"
                                           "\"status\":{\"replicas\":1}}")};
    assert_int_equal(apply_run(&x, NULL), 0);
    w.managed = x.managed;
    assert_str(owners(&w), "a Apply {\"f:spec\":{\"f:replicas\":{}}}");
    arena_free(&w.arena);
}

/* Who has an item's key, as nobody's but a hand's books have it, cannot take that and leave the item. */
static void test_a_key_is_not_taken_from_its_item(void **state)
{
    (void)state;
    struct world w = {.type = &pod_type, .now = {1000, 0}};
    w.object = parsed(&w, "{\"spec\":{\"containers\":[{\"name\":\"x\",\"image\":\"i\"}]}}");
    struct managed_entry mine = {.owner = {STR("a"), STR("v1"), STR(""), true}};
    struct str owned =
        STR("{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{\"f:name\":{}}}}}");
    struct err err = {0};
    assert_ok(field_set_parse(&w.arena, owned, &mine.set, &err), err);
    struct apply x = {.arena = &w.arena,
                      .type = w.type,
                      .owner = mine.owner,
                      .versions = &(struct apply_versions){one_version, NULL, &w},
                      .live = w.object,
                      .managed = {&mine, 1, 1},
                      .config = parsed(&w, "{\"spec\":{\"containers\":[{\"name\":\"y\"}]}}")};
    assert_int_equal(apply_run(&x, &err), -1);
    assert_int_equal(x.conflicts.n, 0);
    assert_str(err.message,
               "failed to compare objects: .spec.containers: element 0: associative list with keys has an "
               "element that omits key field \"name\" (and doesn't have default value)");
    err_clear(&err);
    arena_free(&w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_an_apply_that_changes_nothing_keeps_its_time),
        cmocka_unit_test(test_what_was_there_before_the_first_apply_has_an_owner),
        cmocka_unit_test(test_what_is_ignored),
        cmocka_unit_test(test_a_key_is_not_taken_from_its_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
