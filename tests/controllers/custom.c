/* Custom kinds among the controllers: owners and owned, namespaces and quotas, whatever their definitions
 * say. */
#include "schema/custom/custom.h"
#include "base/clock.h"
#include "cluster.h"
#include "kinds/apiextensions_v1.h"
#include "schema/json.h"

static const struct resource *const definitions = &custom_resource_definition_resource;

/* The kind, served; what the test writes has no schema to know. It is never given back. */
static const struct resource *define(struct cluster *c)
{
    create(c, "{'kind':'CustomResourceDefinition','apiVersion':'apiextensions.k8s.io/v1','metadata':{'name':"
              "'things.example.com'},'spec':{'group':'example.com','scope':'Namespaced','names':{'plural':"
              "'things','kind':'Thing'},'versions':[{'name':'v1','served':true,'storage':true,'schema':{"
              "'openAPIV3Schema':{'type':'object','properties':{'spec':{'type':'object','properties':{'size':"
              "{'type':'integer'}}}}}}}]}}");
    becomes(definitions, "/things.example.com", "status.conditions[type=Established].status", "True");
    _cleanup_object_ struct object *o = NULL;
    struct err err = {0};
    assert_ok(client_get(cluster_client(c), definitions, STR(""), STR("things.example.com"), &o, &err), err);
    struct custom *custom = custom_new(object_typed(o));
    return &custom->storage->resource;
}

static void undefine(const struct resource *r)
{
    resource_unref(r);
}

static struct object *make(struct cluster *c, const struct resource *r, const char *ns, const char *json, ...)
{
    _cleanup_arena_ struct arena a = {0};
    struct object *out = NULL;
    struct err err = {0};
    va_list args;
    va_start(args, json);
    char *text = arena_c(&a, arena_vprintf(&a, json, args));
    va_end(args);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    void *typed = arena_alloc(&a, r->type->size);
    assert_ok(json_decode(&a, r->type, str_from(text), 0, typed, NULL, &err), err);
    assert_ok(client_create(cluster_client(c), r, str_from(ns), typed, &out, &err), err);
    return out;
}

static bool is_there(struct cluster *c, const struct resource *r, const char *ns, const char *name)
{
    _cleanup_object_ struct object *o = NULL;
    _cleanup_err_ struct err err = {0};
    return client_get(cluster_client(c), r, str_from(ns), str_from(name), &o, &err) == 0;
}

/* Until the collector knows who owns whom: an owner that goes before takes along, or leaves, what is known to
 * be its own then, as upstream. A kind that has just come is followed a moment later. */
static void settle(struct cluster *c)
{
    clock_sleep(200 * CLOCK_MS);
    cluster_rest(c);
}

/* Waiting for `eventually` would not do: it is woken by changes of built-in kinds only. */
static void goes(struct cluster *c, const struct resource *r, const char *ns, const char *name)
{
    int64_t deadline = cluster_deadline();
    while (is_there(c, r, ns, name)) {
        if (clock_mono() > deadline)
            fail_msg("%s/%s is still there", ns, name);
        clock_sleep(2 * CLOCK_MS);
    }
}

static void custom_objects_own_and_are_owned(void **state)
{
    struct cluster *c = *state;
    const struct resource *things = define(c);
    _cleanup_object_ struct object *owner = make(c, things, "default", "{'metadata':{'name':'owner'}}");
    struct str uid = object_meta(owner)->uid;
    create(c,
           "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'map','ownerReferences':[{'apiVersion':"
           "'example.com/v1','kind':'Thing','name':'owner','uid':'" STR_FMT "'}]}}",
           STR_ARG(uid));
    object_unref(make(c, things, "default",
                      "{'metadata':{'name':'child','ownerReferences':[{'apiVersion':'example.com/v1','kind':"
                      "'Thing','name':'owner','uid':'" STR_FMT "'}]}}",
                      STR_ARG(uid)));
    settle(c);
    assert_true(is_there(c, things, "default", "child"));
    erase(c, things, "owner", PROPAGATE_FOREGROUND);
    goes(c, things, "default", "owner");
    assert_false(is_there(c, things, "default", "child"));
    assert_str(field(c, &config_map_resource, "map", "metadata.name"), "");
    undefine(things);
}

static void what_goes_with_a_built_in_owner_keeps_its_fields_until_then(void **state)
{
    struct cluster *c = *state;
    const struct resource *things = define(c);
    create(c, "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'owner'}}");
    struct str uid = field(c, &config_map_resource, "owner", "metadata.uid");
    object_unref(make(c, things, "default",
                      "{'metadata':{'name':'child','ownerReferences':[{'apiVersion':'v1','kind':'ConfigMap',"
                      "'name':'owner','uid':'%.36s'}]},'spec':{'size':3}}",
                      uid.p));
    settle(c);
    erase(c, &config_map_resource, "owner", PROPAGATE_ORPHAN);
    eventually(str_empty(field(c, &config_map_resource, "owner", "metadata.name")));
    _cleanup_object_ struct object *o = NULL;
    struct err err = {0};
    assert_ok(client_get(cluster_client(c), things, STR("default"), STR("child"), &o, &err), err);
    assert_int_equal(object_meta(o)->owner_references.n, 0);
    assert_true(str_find(object_json(o), STR("\"spec\":{\"size\":3}")) > 0);
    undefine(things);
}

static void an_ending_namespace_takes_them_along(void **state)
{
    struct cluster *c = *state;
    const struct resource *things = define(c);
    create(c, "{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'team'}}");
    object_unref(make(c, things, "team", "{'metadata':{'name':'a'}}"));
    erase(c, &namespace_resource, "/team", PROPAGATE_DEFAULT);
    becomes(&namespace_resource, "team", "metadata.name", "");
    assert_false(is_there(c, things, "team", "a"));
    /* A kind that is not served any more does not hold a namespace up. */
    create(c, "{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'other'}}");
    erase(c, definitions, "/things.example.com", PROPAGATE_DEFAULT);
    becomes(definitions, "/things.example.com", "metadata.name", "");
    erase(c, &namespace_resource, "/other", PROPAGATE_DEFAULT);
    becomes(&namespace_resource, "other", "metadata.name", "");
    undefine(things);
}

static void quotas_count_them(void **state)
{
    struct cluster *c = *state;
    const struct resource *things = define(c);
    create(c, "{'kind':'ResourceQuota','apiVersion':'v1','metadata':{'name':'q'},'spec':{'hard':{"
              "'count/things.example.com':'5'}}}");
    object_unref(make(c, things, "default", "{'metadata':{'name':'a'}}"));
    becomes(&resource_quota_resource, "q", "status.used.{count/things.example.com}", "1");
    undefine(things);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(custom_objects_own_and_are_owned),
        cluster_test(what_goes_with_a_built_in_owner_keeps_its_fields_until_then),
        cluster_test(an_ending_namespace_takes_them_along),
        cluster_test(quotas_count_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
