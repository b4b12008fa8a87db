/* GET, LIST and WATCH: selectors, pages of one revision, events turned by selectors. */
#include <stdio.h>

#include "world.h"

static void make(struct world *w, const char *name, const char *app)
{
    char json[256];
    snprintf(
        json, sizeof json,
        "{'metadata':{'name':'%s','labels':{'app':'%s'}},'spec':{'containers':[{'name':'c','image':'i'}]}}",
        name, app);
    assert_code(create(w, &pod_resource, "default", json), 201);
}

static void lists_are_selected_by_labels_and_fields(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    make(w, "b", "y");
    make(w, "c", "x");
    assert_int_equal(list(w, &pod_resource, "default", "", "")->list->n, 3);
    assert_int_equal(list(w, &pod_resource, "", "", "")->list->n, 3);
    assert_int_equal(list(w, &pod_resource, "kube-system", "", "")->list->n, 0);
    assert_int_equal(list(w, &pod_resource, "default", "app=x", "")->list->n, 2);
    assert_int_equal(list(w, &pod_resource, "default", "app in (y,z)", "")->list->n, 1);
    assert_int_equal(list(w, &pod_resource, "default", "", "metadata.name=b")->list->n, 1);
    assert_int_equal(list(w, &pod_resource, "default", "app=x", "metadata.name=b")->list->n, 0);
    assert_int_equal(list(w, &pod_resource, "default", "", "status.phase=Pending")->list->n, 3);
    assert_int_equal(list(w, &pod_resource, "default", "", "spec.nodeName!=")->list->n, 0);
    assert_code(list(w, &pod_resource, "default", "app in (", ""), 400);
    assert_fails(list(w, &pod_resource, "default", "", "spec.nonsense=1"), 400,
                 "field label not supported: spec.nonsense");
}

static void pages_show_one_revision(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    make(w, "b", "x");
    make(w, "c", "x");
    struct api_request *first = ask(w, API_LIST, &pod_resource, "default", "");
    first->limit = 2;
    assert_code(run(w, first), 200);
    assert_int_equal(first->list->n, 2);
    assert_int_equal(first->list->remaining, 1);
    make(w, "d", "x"); /* later: not in this list */
    assert_code(del(w, &pod_resource, "default", "c", ""), 200);
    struct api_request *second = ask(w, API_LIST, &pod_resource, "default", "");
    second->limit = 2;
    second->continue_token = first->list->continue_token;
    assert_code(run(w, second), 200);
    assert_int_equal(second->list->n, 1);
    assert_str(object_name(second->list->at[0]), "c");
    assert_int_equal(second->list->revision, first->list->revision);
    assert_int_equal(second->list->continue_token.n, 0);
}

static void an_expired_page_says_how_to_go_on(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    make(w, "b", "x");
    struct api_request *r = ask(w, API_LIST, &pod_resource, "default", "");
    /* {"v":"meta.k8s.io/v1","rv":1,"start":"default/a\u0000"}: a revision that nobody keeps */
    r->continue_token = STR("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJkZWZhdWx0L2FcdTAwMDAifQ");
    assert_code(run(w, r), 410);
    assert_int_equal(r->err.reason, ERR_EXPIRED);
    assert_true(r->expired_continue.n > 0);
    struct api_request *on = ask(w, API_LIST, &pod_resource, "default", "");
    on->continue_token = r->expired_continue;
    assert_code(run(w, on), 200);
    assert_int_equal(on->list->n, 1);
    assert_str(object_name(on->list->at[0]), "b");
    r = ask(w, API_LIST, &pod_resource, "default", "");
    r->continue_token = STR("!");
    assert_code(run(w, r), 400);
}

static void revisions_to_come_are_not_waited_for(void **state)
{
    struct world *w = *state;
    struct api_request *r = ask(w, API_LIST, &pod_resource, "default", "");
    r->resource_version = STR("999999");
    assert_code(run(w, r), 504);
    assert_string_equal(r->err.details.causes[0].type, "ResourceVersionTooLarge");
    r = ask(w, API_LIST, &pod_resource, "default", "");
    r->resource_version_match = STR("Exact");
    assert_fails(run(w, r), 422,
                 "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
                 "resourceVersionMatch is forbidden "
                 "unless resourceVersion is provided");
}

/* --- watches --- */

static void quiet(void *arg)
{
    (void)arg;
}

static struct api_watch *watch(struct world *w, const char *labels, const char *fields, const char *revision)
{
    struct api_request *r = ask(w, API_WATCH, &pod_resource, "default", "");
    struct api_watch *out = NULL;
    struct err err = {0};
    r->label_selector = str_from(labels);
    r->field_selector = str_from(fields);
    r->resource_version = str_from(revision);
    assert_ok(api_watch_open(world_api(w), r, quiet, NULL, &out, &err), err);
    return out;
}

static void expect(struct api_watch *w, enum watch_event_type type, const char *name)
{
    struct watch_event ev = {0};
    assert_true(api_watch_next(w, &ev));
    assert_int_equal(ev.type, type);
    assert_str(object_name(ev.object), name);
    watch_event_clear(&ev);
}

static void expect_nothing(struct api_watch *w)
{
    struct watch_event ev = {0};
    assert_false(api_watch_next(w, &ev));
}

static void a_watch_begins_with_what_is_there(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    struct api_watch *all = watch(w, "", "", "");
    expect(all, WATCH_ADDED, "a");
    expect_nothing(all);
    make(w, "b", "x");
    expect(all, WATCH_ADDED, "b");
    assert_code(del(w, &pod_resource, "default", "a", ""), 200);
    expect(all, WATCH_DELETED, "a");
    expect_nothing(all);
    api_watch_close(all);
}

static void a_watch_from_a_revision_sees_what_came_after(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    char revision[32];
    snprintf(revision, sizeof revision, "%lld",
             (long long)list(w, &pod_resource, "default", "", "")->list->revision);
    make(w, "b", "x");
    struct api_watch *some = watch(w, "", "", revision);
    expect(some, WATCH_ADDED, "b");
    expect_nothing(some);
    api_watch_close(some);
}

static void objects_enter_and_leave_a_selection(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    struct api_watch *y = watch(w, "app=y", "", "");
    expect_nothing(y);
    assert_code(
        patch(w, &pod_resource, "default", "a", API_PATCH_MERGE, "{'metadata':{'labels':{'app':'y'}}}"), 200);
    expect(y, WATCH_ADDED, "a");
    assert_code(
        patch(w, &pod_resource, "default", "a", API_PATCH_MERGE, "{'metadata':{'labels':{'more':'1'}}}"),
        200);
    expect(y, WATCH_MODIFIED, "a");
    struct api_request *left =
        patch(w, &pod_resource, "default", "a", API_PATCH_MERGE, "{'metadata':{'labels':{'app':'z'}}}");
    struct watch_event ev = {0};
    assert_true(api_watch_next(y, &ev));
    assert_int_equal(ev.type, WATCH_DELETED);
    assert_int_equal(object_revision(ev.object), object_revision(left->object));
    assert_true(str_find(object_json(ev.object), STR("\"app\":\"y\"")) >
                0); /* as it last was in the selection */
    watch_event_clear(&ev);
    expect_nothing(y);
    api_watch_close(y);
}

static void a_node_watches_its_own_pods(void **state)
{
    struct world *w = *state;
    struct api_watch *mine = watch(w, "", "spec.nodeName=n1", "");
    make(w, "a", "x");
    expect_nothing(mine);
    assert_code(sub(w, API_CREATE, &pod_resource, "default", "a", "binding", "{'target':{'name':'n1'}}"),
                201);
    expect(mine, WATCH_ADDED, "a");
    api_watch_close(mine);
}

static void a_streaming_list_ends_with_a_bookmark(void **state)
{
    struct world *w = *state;
    make(w, "a", "x");
    struct api_request *r = ask(w, API_WATCH, &pod_resource, "default", "");
    struct api_watch *s = NULL;
    struct err err = {0};
    r->send_initial_events_said = r->send_initial_events = true;
    assert_int_equal(api_watch_open(world_api(w), r, quiet, NULL, &s, &err), -1);
    assert_int_equal(err.code, 422);
    err_clear(&err);
    r->resource_version_match = STR("NotOlderThan");
    r->allow_bookmarks = true;
    assert_ok(api_watch_open(world_api(w), r, quiet, NULL, &s, &err), err);
    expect(s, WATCH_ADDED, "a");
    struct watch_event ev = {0};
    assert_true(api_watch_next(s, &ev));
    assert_int_equal(ev.type, WATCH_BOOKMARK);
    assert_true(ev.initial_end);
    assert_true(ev.revision > 0);
    expect_nothing(s);
    api_watch_close(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(lists_are_selected_by_labels_and_fields), TEST(pages_show_one_revision),
        TEST(an_expired_page_says_how_to_go_on),       TEST(revisions_to_come_are_not_waited_for),
        TEST(a_watch_begins_with_what_is_there),       TEST(a_watch_from_a_revision_sees_what_came_after),
        TEST(objects_enter_and_leave_a_selection),     TEST(a_node_watches_its_own_pods),
        TEST(a_streaming_list_ends_with_a_bookmark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
