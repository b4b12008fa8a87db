#include "server/render.h"

#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "schema/table.h"

static bool is_partial(const struct request *q)
{
    return q->accept.rendering == RENDER_PARTIAL || q->accept.rendering == RENDER_PARTIAL_LIST;
}

static void begin_table(struct request *q, struct table_writer *w, bool columns, const struct table_meta *meta,
                        struct buf *out)
{
    enum table_include include = TABLE_INCLUDE_METADATA;
    table_include_from(query_get(&q->query, "includeObject"), &include); /* checked before */
    table_begin(w, out, q->resource, include, columns, meta);
}

static void add_row(struct table_writer *w, struct object *o)
{
    table_row(w, object_typed(o), w->include == TABLE_INCLUDE_OBJECT ? object_json(o) : (struct str){0});
}

static struct table_meta meta_of(struct request *q, int64_t revision, const struct api_list *list)
{
    struct table_meta meta = {.resource_version = arena_printf(q->arena, "%lld", (long long)revision), .remaining = -1};
    if (list) {
        meta.continue_token = list->continue_token;
        meta.remaining = list->remaining;
    }
    return meta;
}

void render_json(struct request *q, struct object *o, bool columns, struct buf *out)
{
    if (q->accept.rendering == RENDER_TABLE) {
        struct table_writer w;
        struct table_meta meta = meta_of(q, object_revision(o), NULL);
        begin_table(q, &w, columns, &meta, out);
        add_row(&w, o);
        table_end(&w);
    } else if (is_partial(q)) {
        partial_write(out, object_resource(o), object_typed(o));
    } else {
        buf_add_str(out, object_json(o));
    }
}

void render_json_head(struct request *q, const struct api_list *list, struct buf *out)
{
    struct table_meta meta = meta_of(q, list->revision, list);
    if (q->accept.rendering == RENDER_TABLE) {
        q->table = arena_new(q->arena, struct table_writer);
        begin_table(q, q->table, true, &meta, out);
        return;
    }
    if (is_partial(q)) {
        partial_list_begin(out, &meta);
        return;
    }
    buf_addf(out,
             "{\"kind\":\"" STR_FMT "\",\"apiVersion\":\"" STR_FMT "\",\"metadata\":{\"resourceVersion\":\"" STR_FMT
             "\"",
             STR_ARG(q->resource->list_kind), STR_ARG(q->resource->api_version), STR_ARG(meta.resource_version));
    if (!str_empty(list->continue_token)) {
        buf_add_lit(out, ",\"continue\":");
        json_encode_string(out, list->continue_token);
    }
    if (list->remaining >= 0)
        buf_addf(out, ",\"remainingItemCount\":%lld", (long long)list->remaining);
    buf_add_lit(out, "},\"items\":[");
}

void render_json_item(struct request *q, struct object *o, bool first, struct buf *out)
{
    if (q->table) {
        add_row(q->table, o);
        return;
    }
    if (!first)
        buf_add_c(out, ',');
    if (is_partial(q)) {
        partial_write(out, object_resource(o), object_typed(o));
    } else {
        buf_add_c(out, '{');
        buf_add_str(out, object_json_item(o));
    }
}

void render_json_tail(struct request *q, struct buf *out)
{
    if (q->table) {
        table_end(q->table);
        q->table = NULL;
    } else if (is_partial(q)) {
        partial_list_end(out);
    } else {
        buf_add_lit(out, "]}");
    }
    buf_add_c(out, '\n');
}

struct str render_proto(struct request *q, struct object *o, struct buf *scratch)
{
    if (q->accept.rendering == RENDER_OBJECT)
        return object_proto(o);
    struct partial_object_metadata partial = {.metadata = *object_meta(o)};
    scratch->n = 0;
    proto_encode(scratch, &partial_object_metadata_type, &partial);
    return buf_str(scratch);
}

void render_type(struct request *q, struct object *o, struct str *api_version, struct str *kind)
{
    bool whole = q->accept.rendering == RENDER_OBJECT;
    *api_version = whole ? object_resource(o)->api_version : STR("meta.k8s.io/v1");
    *kind = whole ? object_resource(o)->kind : STR("PartialObjectMetadata");
}

/* --- one object --- */

static void release_object(void *o)
{
    object_unref(o);
}

void request_object(struct request *q, int code, struct object *o)
{
    struct str type = media_type_name(q->accept.media, false);
    if (q->accept.media == MEDIA_JSON && q->accept.rendering == RENDER_OBJECT && !request_pretty(q)) {
        struct http_part part = {.bytes = object_json(o), .release = release_object, .owner = object_ref(o)};
        request_bytes(q, code, type, &part);
        return;
    }
    struct buf *out;
    if (q->accept.media == MEDIA_PROTOBUF) {
        _cleanup_buf_ struct buf scratch = {0};
        struct str api_version, kind;
        render_type(q, o, &api_version, &kind);
        out = mem_zalloc(sizeof *out);
        proto_seal_raw(out, api_version, kind, render_proto(q, o, &scratch));
    } else {
        _cleanup_buf_ struct buf json = {0};
        render_json(q, o, true, &json);
        out = request_render_json(q, buf_str(&json));
    }
    request_bytes(q, code, type,
                  &(struct http_part){.bytes = buf_str(out), .release = buf_release, .owner = out});
}
