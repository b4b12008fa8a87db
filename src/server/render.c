#include "server/render.h"

#include "server/audit/audit.h"

#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "schema/table/table.h"

static const char *meta_version(const struct request *q)
{
    return q->accept.v1beta1 ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
}

static void add_partial(struct request *q, struct object *o, struct buf *out)
{
    buf_addf(out, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"%s\",\"metadata\":", meta_version(q));
    json_encode(out, &object_meta_type, object_meta(o));
    buf_add_c(out, '}');
}

/* A row's object: includeObject=None|Metadata|Object. */
static void add_row_object(struct request *q, struct object *o, struct buf *out)
{
    struct str include = query_get(&q->query, "includeObject");
    if (str_is(include, "None"))
        buf_add_lit(out, "null");
    else if (str_is(include, "Object"))
        buf_add_str(out, object_json(o));
    else
        add_partial(q, o, out);
}

static void add_row(struct request *q, struct object *o, struct buf *out)
{
    buf_add_lit(out, "{\"cells\":");
    table_write_cells(out, o);
    buf_add_lit(out, ",\"object\":");
    add_row_object(q, o, out);
    buf_add_c(out, '}');
}

static void add_table_head(struct request *q, int64_t revision, const struct api_list *list, bool columns,
                           struct buf *out)
{
    buf_addf(out, "{\"kind\":\"Table\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%lld\"",
             meta_version(q), (long long)revision);
    if (list && !str_empty(list->continue_token)) {
        buf_add_lit(out, ",\"continue\":");
        json_encode_string(out, list->continue_token);
    }
    if (list && list->remaining >= 0)
        buf_addf(out, ",\"remainingItemCount\":%lld", (long long)list->remaining);
    buf_add_lit(out, "},\"columnDefinitions\":");
    if (columns)
        table_write_columns(out, q->resource);
    else
        buf_add_lit(out, "null");
    buf_add_lit(out, ",\"rows\":[");
}

void render_json(struct request *q, struct object *o, bool columns, struct buf *out)
{
    switch (q->accept.rendering) {
    case RENDER_TABLE:
        add_table_head(q, object_revision(o), NULL, columns, out);
        add_row(q, o, out);
        buf_add_lit(out, "]}");
        break;
    case RENDER_PARTIAL:
    case RENDER_PARTIAL_LIST:
        add_partial(q, o, out);
        break;
    default:
        buf_add_str(out, object_json(o));
    }
}

void render_json_item(struct request *q, struct object *o, struct buf *out)
{
    switch (q->accept.rendering) {
    case RENDER_TABLE:
        add_row(q, o, out);
        break;
    case RENDER_PARTIAL:
    case RENDER_PARTIAL_LIST:
        add_partial(q, o, out);
        break;
    default:
        buf_add_c(out, '{');
        buf_add_str(out, object_json_item(o));
    }
}

void render_json_head(struct request *q, const struct api_list *list, struct buf *out)
{
    if (q->accept.rendering == RENDER_TABLE) {
        add_table_head(q, list->revision, list, true, out);
        return;
    }
    bool partial = q->accept.rendering == RENDER_PARTIAL || q->accept.rendering == RENDER_PARTIAL_LIST;
    buf_addf(
        out,
        "{\"kind\":\"" STR_FMT "\",\"apiVersion\":\"" STR_FMT "\",\"metadata\":{\"resourceVersion\":\"%lld\"",
        STR_ARG(partial ? STR("PartialObjectMetadataList") : q->resource->list_kind),
        STR_ARG(partial ? str_from(meta_version(q)) : q->resource->api_version), (long long)list->revision);
    if (!str_empty(list->continue_token)) {
        buf_add_lit(out, ",\"continue\":");
        json_encode_string(out, list->continue_token);
    }
    if (list->remaining >= 0)
        buf_addf(out, ",\"remainingItemCount\":%lld", (long long)list->remaining);
    buf_add_lit(out, "},\"items\":[");
}

void render_json_tail(struct request *q, struct buf *out)
{
    (void)q;
    buf_add_lit(out, "]}\n");
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
    *api_version = whole ? object_resource(o)->api_version : str_from(meta_version(q));
    *kind = whole ? object_resource(o)->kind : STR("PartialObjectMetadata");
}

/* --- one object --- */

void request_object(struct request *q, int code, struct object *o)
{
    struct str type = media_type_name(q->accept.media, false);
    if (audit_wants_response(q))
        audit_response(q, object_json(o));
    if (q->accept.media == MEDIA_JSON && q->accept.rendering == RENDER_OBJECT && !request_pretty(q)) {
        struct http_part part = {.bytes = object_json(o), .release = object_release, .owner = object_ref(o)};
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
