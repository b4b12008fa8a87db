/* The road takes bodies from anyone who may write: whatever they hold, and whichever kind they claim to be,
 * they are decoded, defaulted, admitted and validated without harm. The first byte chooses the kind, the
 * second what is done: a create, or a patch of an object that is there. Nothing is kept: every write is a dry
 * run. */
#include "api/api.h"
#include "kinds/apps_v1.h"
#include "kinds/batch_v1.h"
#include "kinds/core_v1.h"
#include "schema/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const struct resource *resource;
    const char *json;
} present[] = {
    {&service_account_resource, "{\"metadata\":{\"name\":\"default\"}}"},
    {&pod_resource,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"},
    {&service_resource,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":1}]}}"},
    {&deployment_resource,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
     "\"metadata\":{"
     "\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"},
    {&job_resource,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\","
     "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"},
    {&config_map_resource, "{\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"b\"}}"},
};

static struct api *api_once(void)
{
    static struct api *api;
    struct store *store;
    _cleanup_arena_ struct arena a = {0};
    if (api)
        return api;
    ensure(store_open(&(struct store_options){0}, &store, NULL) == 0);
    ensure(api_new(&(struct api_options){.store = store}, &api, NULL) == 0);
    ensure(api_bootstrap(api, NULL) == 0);
    for (size_t i = 0; i < ARRAY_LEN(present); i++) {
        struct api_request r = {.arena = &a,
                                .verb = API_CREATE,
                                .resource = present[i].resource,
                                .ns = STR("default"),
                                .body = str_from(present[i].json)};
        ensure(api_call(api, &r) == 0);
        api_finish(api, &r);
    }
    return api;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api *api = api_once();
    _cleanup_arena_ struct arena a = {0};
    if (size < 2)
        return 0;
    struct api_request r = {
        .arena = &a, .dry_run = true, .body = str_slice((const char *)data + 2, size - 2)};
    if (data[1] % 5 < 3) {
        r.verb = API_CREATE;
        r.resource = builtin_resources[data[0] % n_builtin_resources];
        r.media = data[1] % 5;
    } else {
        r.verb = API_PATCH;
        r.resource = present[1 + data[0] % (ARRAY_LEN(present) - 1)].resource;
        r.name = STR("x");
        r.patch_type = data[1] / 5 % 3;
        r.subresource = data[1] & 0x80 ? STR("status") : STR("");
    }
    if (r.resource->flags & RESOURCE_NAMESPACED)
        r.ns = STR("default");
    /* What was accepted can be shown. */
    if (api_call(api, &r) == 0 && r.object)
        ensure(json_check(object_json(r.object), NULL) == 0);
    api_finish(api, &r);
    return 0;
}
