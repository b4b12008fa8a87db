/* Schemas of custom resources, and objects of them: a schema as JSON, a zero byte, and an object. What the
 * rules of definitions let through must make a type that reads, fills, checks and writes objects; and what it
 * writes, it reads as the same. */
#include "api/custom.h"
#include "api/kind/kinds.h"
#include "kinds/apiextensions_v1.h"
#include "schema/custom/custom.h"
#include "schema/default.h"
#include "schema/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct custom_resource_definition *definition(struct arena *a, struct str schema)
{
    struct custom_resource_definition *d = arena_alloc(a, custom_resource_definition_resource.type->size);
    _cleanup_field_errors_ struct field_errors e = {0};
    struct str json = arena_printf(
        a,
        "{\"metadata\":{\"name\":\"things.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[{\"name\":"
        "\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
        "\"openAPIV3Schema\":" STR_FMT "}}]}}",
        STR_ARG(schema));
    if (json_decode(a, custom_resource_definition_resource.type, json, 0, d, NULL, NULL) < 0)
        return NULL;
    const struct strategy *s = &custom_resource_definition_strategy;
    default_apply(a, s->resource->type, d);
    s->defaults(d, a);
    s->validate(d, &e);
    d->status.accepted_names = d->spec.names;
    return e.n ? NULL : d;
}

static void *read_object(struct arena *a, const struct resource *r, struct str json)
{
    struct strict_errors strict = {0};
    _cleanup_err_ struct err err = {0};
    void *o = arena_alloc(a, r->type->size);
    if (json_decode(a, r->type, json, 0, o, &strict, &err) < 0)
        return NULL;
    default_apply(a, r->type, o);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_field_errors_ struct field_errors e = {0};
    _cleanup_buf_ struct buf first = {0}, second = {0};
    const uint8_t *middle = size ? memchr(data, 0, size) : NULL;
    if (!middle)
        return 0;
    struct str schema = str_slice((const char *)data, (size_t)(middle - data)),
               object = str_slice((const char *)middle + 1, size - schema.n - 1);
    struct custom_resource_definition *d = definition(&a, schema);
    if (!d)
        return 0;
    struct custom *c = custom_new(d);
    const struct resource *r = &c->versions[0].resource;
    void *o = read_object(&a, r, object);
    if (o) {
        struct api_request request = {.arena = &a, .verb = API_CREATE, .resource = r};
        struct road road = {.r = &request, .resource = r, .object = o, .old = o};
        custom_check(&road, &e);
        road.old = NULL;
        custom_check(&road, &e);
        json_encode(&first, r->type, o);
        ensure(json_check(buf_str(&first), NULL) == 0);
        void *again = read_object(&a, r, buf_str(&first));
        ensure(again);
        json_encode(&second, r->type, again);
        ensure(str_eq(buf_str(&first), buf_str(&second)));
    }
    custom_unref(c);
    return 0;
}
