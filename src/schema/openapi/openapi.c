#include "schema/openapi/openapi.h"

#include "kinds/meta_v1.h"
#include "schema/openapi/openapi_defs.h"
#include "schema/openapi/openapi_paths.h"

static void openapi_write_info(struct json_writer *w, const struct openapi_set *set)
{
    json_open(w, "info", '{');
    json_str(w, "title", STR("Kubernetes"));
    json_str(w, "version", set->version);
    json_close(w, '}');
}

#define TOKEN                                                                                                \
    "{\"BearerToken\":{\"type\":\"apiKey\",\"description\":\"A token in the Authorization "                  \
    "header.\",\"name\":\"authorization\",\"in\":\"header\"}}"

void openapi_write_v2(struct buf *out, const struct openapi_set *set)
{
    struct json_writer w = {.out = out};
    _cleanup_(openapi_defs_free) struct openapi_defs d = {.set = set};
    openapi_defs_add(&d, &meta_watch_event_type);
    json_open(&w, NULL, '{');
    json_str(&w, "swagger", STR("2.0"));
    openapi_write_info(&w, set);
    json_open(&w, "paths", '{');
    for (size_t i = 0; i < set->n; i++)
        openapi_write_paths(&w, &d, set->resources[i]);
    json_close(&w, '}');
    json_open(&w, "definitions", '{');
    openapi_defs_write(&w, &d);
    json_close(&w, '}');
    json_raw(&w, "securityDefinitions", STR(TOKEN));
    json_raw(&w, "security", STR("[{\"BearerToken\":[]}]"));
    json_close(&w, '}');
}

/* "api/v1" or "apis/apps/v1" of the resource's group and version. */
static struct str openapi_path(struct arena *a, const struct resource *r)
{
    return arena_printf(a, r->group.n ? "apis/" STR_FMT : "api/" STR_FMT, STR_ARG(r->api_version));
}

bool openapi_write_v3(struct buf *out, const struct openapi_set *set, struct str path)
{
    struct json_writer w = {.out = out, .v3 = true};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_(openapi_defs_free) struct openapi_defs d = {.set = set};
    bool any = false;
    for (size_t i = 0; i < set->n && !any; i++)
        any = str_eq(openapi_path(&a, set->resources[i]), path);
    if (!any)
        return false;
    openapi_defs_add(&d, &meta_watch_event_type);
    json_open(&w, NULL, '{');
    json_str(&w, "openapi", STR("3.0.0"));
    openapi_write_info(&w, set);
    json_open(&w, "paths", '{');
    for (size_t i = 0; i < set->n; i++)
        if (str_eq(openapi_path(&a, set->resources[i]), path))
            openapi_write_paths(&w, &d, set->resources[i]);
    json_close(&w, '}');
    json_open(&w, "components", '{');
    json_open(&w, "schemas", '{');
    openapi_defs_write(&w, &d);
    json_close(&w, '}');
    json_raw(&w, "securitySchemes", STR(TOKEN));
    json_close(&w, '}');
    json_raw(&w, "security", STR("[{\"BearerToken\":[]}]"));
    json_close(&w, '}');
    return true;
}

/* FNV-1a of 64 bits. No secret hangs on it: it only has to change with the document. */
static uint64_t openapi_hash(struct str s, uint64_t h)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

void openapi_write_v3_index(struct buf *out, const struct openapi_set *set)
{
    struct json_writer w = {.out = out, .v3 = true};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf doc = {0};
    _cleanup_map_ struct map seen = {0};
    json_open(&w, NULL, '{');
    json_open(&w, "paths", '{');
    for (size_t i = 0; i < set->n; i++) {
        struct str path = openapi_path(&a, set->resources[i]);
        if (map_put(&seen, path, (void *)set))
            continue;
        doc.n = 0;
        openapi_write_v3(&doc, set, path);
        json_open_str(&w, path, '{');
        json_at(&w, "serverRelativeURL");
        buf_addf(out, "\"/openapi/v3/" STR_FMT "?hash=%016llX%016llX\"", STR_ARG(path),
                 (unsigned long long)openapi_hash(buf_str(&doc), UINT64_C(0xcbf29ce484222325)),
                 (unsigned long long)openapi_hash(buf_str(&doc), UINT64_C(0x84222325cbf29ce4)));
        json_close(&w, '}');
    }
    json_close(&w, '}');
    json_close(&w, '}');
}
