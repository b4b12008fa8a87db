/* The garbage collector: what goes with its owner, what waits for it, what stays. */
#include "cluster.h"

static void create_map(struct cluster *c, const char *name, const char *meta)
{
    create(c, "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'%s'%s}}", name, meta);
}

static const char *uid(struct cluster *c, const char *name)
{
    struct str s = field(c, &config_map_resource, name, "metadata.uid");
    assert_true(s.n > 0);
    return s.p; /* of the cluster's arena, NUL-terminated by the quote that ends it */
}

/* ",'ownerReferences':[...]" of one owner. */
static void create_owned(struct cluster *c, const char *name, const char *owner, const char *owner_uid,
                         bool blocks)
{
    create(
        c,
        "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'%s','ownerReferences':[{'apiVersion':'v1',"
        "'kind':'ConfigMap','name':'%s','uid':'%.36s','blockOwnerDeletion':%s}]}}",
        name, owner, owner_uid, blocks ? "true" : "false");
}

static bool exists(struct cluster *c, const char *name)
{
    return !str_empty(field(c, &config_map_resource, name, "metadata.name"));
}

static void dependents_go_with_their_owner(void **state)
{
    struct cluster *c = *state;
    create_map(c, "owner", "");
    create_owned(c, "child", "owner", uid(c, "owner"), false);
    create_owned(c, "grandchild", "child", uid(c, "child"), false);
    create_map(c, "stranger", "");
    cluster_rest(c);
    assert_true(exists(c, "child"));
    erase(c, &config_map_resource, "owner", PROPAGATE_BACKGROUND);
    eventually(!exists(c, "grandchild"));
    assert_false(exists(c, "child"));
    assert_true(exists(c, "stranger"));
}

static void a_reference_to_nobody_is_as_good_as_a_deleted_owner(void **state)
{
    struct cluster *c = *state;
    create_owned(c, "child", "never", "00000000-0000-0000-0000-000000000000", false);
    eventually(!exists(c, "child"));
}

static void a_second_owner_keeps_it_and_the_dangling_reference_goes(void **state)
{
    struct cluster *c = *state;
    create_map(c, "one", "");
    create_map(c, "two", "");
    create(c,
           "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'child','ownerReferences':["
           "{'apiVersion':'v1','kind':'ConfigMap','name':'one','uid':'%.36s'},"
           "{'apiVersion':'v1','kind':'ConfigMap','name':'two','uid':'%.36s'}]}}",
           uid(c, "one"), uid(c, "two"));
    erase(c, &config_map_resource, "one", PROPAGATE_BACKGROUND);
    becomes(&config_map_resource, "child", "metadata.ownerReferences[0].name", "two");
    assert_str(field(c, &config_map_resource, "child", "metadata.ownerReferences[1]"), "");
}

static void in_the_foreground_the_owner_waits_for_those_that_block(void **state)
{
    struct cluster *c = *state;
    create_map(c, "owner", "");
    create_owned(c, "child", "owner", uid(c, "owner"), true);
    patch(c, &config_map_resource, "child", "", "{'metadata':{'finalizers':['example.com/wait']}}");
    erase(c, &config_map_resource, "owner", PROPAGATE_FOREGROUND);
    eventually(!str_empty(field(c, &config_map_resource, "child", "metadata.deletionTimestamp")));
    cluster_rest(c);
    assert_str(field(c, &config_map_resource, "owner", "metadata.finalizers"), "[\"foregroundDeletion\"]");
    patch(c, &config_map_resource, "child", "", "{'metadata':{'finalizers':null}}");
    eventually(!exists(c, "owner") && !exists(c, "child"));
}

static void in_the_foreground_without_dependents_it_goes_at_once(void **state)
{
    struct cluster *c = *state;
    create_map(c, "owner", "");
    erase(c, &config_map_resource, "owner", PROPAGATE_FOREGROUND);
    eventually(!exists(c, "owner"));
}

static void orphans_lose_the_reference_and_stay(void **state)
{
    struct cluster *c = *state;
    create_map(c, "owner", "");
    create_owned(c, "child", "owner", uid(c, "owner"), true);
    cluster_rest(c);
    erase(c, &config_map_resource, "owner", PROPAGATE_ORPHAN);
    eventually(!exists(c, "owner"));
    assert_true(exists(c, "child"));
    assert_str(field(c, &config_map_resource, "child", "metadata.ownerReferences"), "");
}

static void a_circle_does_not_block(void **state)
{
    struct cluster *c = *state;
    const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        create_map(c, names[i], "");
    for (size_t i = 0; i < 3; i++)
        patch(
            c, &config_map_resource, names[i], "",
            "{'metadata':{'ownerReferences':[{'apiVersion':'v1','kind':'ConfigMap','name':'%s','uid':'%.36s',"
            "'blockOwnerDeletion':true}]}}",
            names[(i + 1) % 3], uid(c, names[(i + 1) % 3]));
    cluster_rest(c);
    assert_true(exists(c, "a"));
    erase(c, &config_map_resource, "a", PROPAGATE_FOREGROUND);
    eventually(!exists(c, "a") && !exists(c, "b") && !exists(c, "c"));
}

static void owners_in_another_namespace_do_not_count(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'team'}}");
    create(c, "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'owner','namespace':'team'}}");
    create_owned(c, "child", "owner", uid(c, "team/owner"), false);
    event_comes("child", "OwnerRefInvalidNamespace",
                "ownerRef \\[v1/ConfigMap, namespace: default, name: owner, uid: *\\] "
                "does not exist in namespace \"default\"");
    eventually(!exists(c, "child"));
    assert_true(exists(c, "team/owner"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(dependents_go_with_their_owner),
        cluster_test(a_reference_to_nobody_is_as_good_as_a_deleted_owner),
        cluster_test(a_second_owner_keeps_it_and_the_dangling_reference_goes),
        cluster_test(in_the_foreground_the_owner_waits_for_those_that_block),
        cluster_test(in_the_foreground_without_dependents_it_goes_at_once),
        cluster_test(orphans_lose_the_reference_and_stay),
        cluster_test(a_circle_does_not_block),
        cluster_test(owners_in_another_namespace_do_not_count),
    };
    return cmocka_run_group_tests_name("controllers/garbage_collector", tests, NULL, NULL);
}
