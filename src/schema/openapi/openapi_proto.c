/* OpenAPI 2 in the Protobuf form of the gnostic project (openapiv2/OpenAPIv2.proto), which older clients ask
 * for: the JSON document, member by member, by a table of the messages and field numbers that we use. */
#include "schema/openapi/openapi.h"
#include "schema/value.h"

enum gnostic_kind {
    GNOSTIC_STRING,
    GNOSTIC_STRINGS,
    GNOSTIC_BOOL,
    GNOSTIC_ANY, /* Any: as YAML, which JSON is */
    GNOSTIC_ANYS,
    GNOSTIC_MESSAGE,
    GNOSTIC_MESSAGES,
    GNOSTIC_PARAMETERS, /* one of several messages each, by what "in" says */
};

struct gnostic_message;

struct gnostic_field {
    const char *name;
    uint32_t number;
    enum gnostic_kind kind;
    const struct gnostic_message *message;
    uint32_t wrap; /* the value stands in another message, as this field of it */
};

struct gnostic_message {
    const struct gnostic_field *fields;
    size_t n;
    uint32_t extensions; /* the number of what begins with "x-" */
    /* A map: every member is a message of name (1) and value (2), under this number; the value is a `value`,
     * wrapped where `wrap` says so. */
    uint32_t named;
    const struct gnostic_message *value;
    uint32_t wrap;
};

#define FIELDS(list) .fields = list, .n = ARRAY_LEN(list)

static const struct gnostic_message gnostic_schema;
static const struct gnostic_message gnostic_properties = {.named = 1, .value = &gnostic_schema};
static const struct gnostic_field schema_fields[] = {
    {"$ref", 1, GNOSTIC_STRING, NULL, 0},
    {"format", 2, GNOSTIC_STRING, NULL, 0},
    {"description", 4, GNOSTIC_STRING, NULL, 0},
    {"default", 5, GNOSTIC_ANY, NULL, 0},
    {"required", 19, GNOSTIC_STRINGS, NULL, 0},
    {"enum", 20, GNOSTIC_ANYS, NULL, 0},
    {"additionalProperties", 21, GNOSTIC_MESSAGE, &gnostic_schema, 1},
    {"type", 22, GNOSTIC_STRING, NULL, 1},
    {"items", 23, GNOSTIC_MESSAGE, &gnostic_schema, 1},
    {"properties", 25, GNOSTIC_MESSAGE, &gnostic_properties, 0},
};
static const struct gnostic_message gnostic_schema = {FIELDS(schema_fields), .extensions = 31};

static const struct gnostic_field body_fields[] = {
    {"description", 1, GNOSTIC_STRING, NULL, 0},
    {"name", 2, GNOSTIC_STRING, NULL, 0},
    {"in", 3, GNOSTIC_STRING, NULL, 0},
    {"required", 4, GNOSTIC_BOOL, NULL, 0},
    {"schema", 5, GNOSTIC_MESSAGE, &gnostic_schema, 0},
};
static const struct gnostic_message gnostic_body = {FIELDS(body_fields)};
static const struct gnostic_field query_fields[] = {
    {"required", 1, GNOSTIC_BOOL, NULL, 0},      {"in", 2, GNOSTIC_STRING, NULL, 0},
    {"description", 3, GNOSTIC_STRING, NULL, 0}, {"name", 4, GNOSTIC_STRING, NULL, 0},
    {"type", 6, GNOSTIC_STRING, NULL, 0},        {"uniqueItems", 20, GNOSTIC_BOOL, NULL, 0},
};
static const struct gnostic_message gnostic_query = {FIELDS(query_fields)};
static const struct gnostic_field path_param_fields[] = {
    {"required", 1, GNOSTIC_BOOL, NULL, 0},      {"in", 2, GNOSTIC_STRING, NULL, 0},
    {"description", 3, GNOSTIC_STRING, NULL, 0}, {"name", 4, GNOSTIC_STRING, NULL, 0},
    {"type", 5, GNOSTIC_STRING, NULL, 0},        {"uniqueItems", 19, GNOSTIC_BOOL, NULL, 0},
};
static const struct gnostic_message gnostic_path_param = {FIELDS(path_param_fields)};

static const struct gnostic_field response_fields[] = {
    {"description", 1, GNOSTIC_STRING, NULL, 0},
    {"schema", 2, GNOSTIC_MESSAGE, &gnostic_schema, 1},
};
static const struct gnostic_message gnostic_response = {FIELDS(response_fields)};
static const struct gnostic_message gnostic_responses = {.named = 1, .value = &gnostic_response, .wrap = 1};

static const struct gnostic_field operation_fields[] = {
    {"tags", 1, GNOSTIC_STRINGS, NULL, 0},
    {"description", 3, GNOSTIC_STRING, NULL, 0},
    {"operationId", 5, GNOSTIC_STRING, NULL, 0},
    {"produces", 6, GNOSTIC_STRINGS, NULL, 0},
    {"consumes", 7, GNOSTIC_STRINGS, NULL, 0},
    {"parameters", 8, GNOSTIC_PARAMETERS, NULL, 0},
    {"responses", 9, GNOSTIC_MESSAGE, &gnostic_responses, 0},
    {"schemes", 10, GNOSTIC_STRINGS, NULL, 0},
};
static const struct gnostic_message gnostic_operation = {FIELDS(operation_fields), .extensions = 13};
static const struct gnostic_field path_fields[] = {
    {"get", 2, GNOSTIC_MESSAGE, &gnostic_operation, 0},
    {"put", 3, GNOSTIC_MESSAGE, &gnostic_operation, 0},
    {"post", 4, GNOSTIC_MESSAGE, &gnostic_operation, 0},
    {"delete", 5, GNOSTIC_MESSAGE, &gnostic_operation, 0},
    {"patch", 8, GNOSTIC_MESSAGE, &gnostic_operation, 0},
    {"parameters", 9, GNOSTIC_PARAMETERS, NULL, 0},
};
static const struct gnostic_message gnostic_path = {FIELDS(path_fields)};
static const struct gnostic_message gnostic_paths = {.named = 2, .value = &gnostic_path};

static const struct gnostic_field info_fields[] = {{"title", 1, GNOSTIC_STRING, NULL, 0},
                                                   {"version", 2, GNOSTIC_STRING, NULL, 0}};
static const struct gnostic_message gnostic_info = {FIELDS(info_fields)};
static const struct gnostic_field key_fields[] = {{"type", 1, GNOSTIC_STRING, NULL, 0},
                                                  {"name", 2, GNOSTIC_STRING, NULL, 0},
                                                  {"in", 3, GNOSTIC_STRING, NULL, 0},
                                                  {"description", 4, GNOSTIC_STRING, NULL, 0}};
static const struct gnostic_message gnostic_key = {FIELDS(key_fields)};
static const struct gnostic_message gnostic_definitions = {.named = 1, .value = &gnostic_key, .wrap = 2};
static const struct gnostic_message gnostic_scopes = {.n = 0}; /* of a token: none */
static const struct gnostic_message gnostic_security = {.named = 1, .value = &gnostic_scopes};
static const struct gnostic_field document_fields[] = {
    {"swagger", 1, GNOSTIC_STRING, NULL, 0},
    {"info", 2, GNOSTIC_MESSAGE, &gnostic_info, 0},
    {"paths", 8, GNOSTIC_MESSAGE, &gnostic_paths, 0},
    {"definitions", 9, GNOSTIC_MESSAGE, &gnostic_properties, 0}, /* of the same form */
    {"security", 12, GNOSTIC_MESSAGES, &gnostic_security, 0},
    {"securityDefinitions", 13, GNOSTIC_MESSAGE, &gnostic_definitions, 0},
};
static const struct gnostic_message gnostic_document = {FIELDS(document_fields)};

/* --- writing --- */

static void gnostic_varint(struct buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_add_c(out, (char)(v | 0x80));
    buf_add_c(out, (char)v);
}

static void gnostic_bytes(struct buf *out, uint32_t number, struct str s)
{
    gnostic_varint(out, (uint64_t)number << 3 | 2);
    gnostic_varint(out, s.n);
    buf_add_str(out, s);
}

/* The message of `bytes`, as field `wrap` of another where that is not 0. */
static void gnostic_wrapped(struct buf *out, uint32_t number, uint32_t wrap, struct str bytes)
{
    _cleanup_buf_ struct buf outer = {0};
    if (wrap) {
        gnostic_bytes(&outer, wrap, bytes);
        bytes = buf_str(&outer);
    }
    gnostic_bytes(out, number, bytes);
}

static void gnostic_any(struct buf *out, uint32_t number, const struct value *v)
{
    _cleanup_buf_ struct buf yaml = {0};
    value_write(&yaml, v);
    buf_add_c(&yaml, '\n');
    gnostic_wrapped(out, number, 2, buf_str(&yaml));
}

static void gnostic_members(struct buf *out, const struct gnostic_message *m, const struct value *v);

static void gnostic_value(struct buf *out, uint32_t number, uint32_t wrap, const struct gnostic_message *m,
                          const struct value *v)
{
    _cleanup_buf_ struct buf inner = {0};
    gnostic_members(&inner, m, v);
    gnostic_wrapped(out, number, wrap, buf_str(&inner));
}

/* ParametersItem { parameter { body, or non-body { query or path } } } */
static void gnostic_parameter(struct buf *out, uint32_t number, const struct value *v)
{
    _cleanup_buf_ struct buf one = {0}, kind = {0};
    struct str in = value_get_str(v, STR("in"));
    if (str_is(in, "body")) {
        gnostic_value(&one, 1, 0, &gnostic_body, v);
    } else {
        bool path = str_is(in, "path");
        gnostic_value(&kind, path ? 4 : 3, 0, path ? &gnostic_path_param : &gnostic_query, v);
        gnostic_bytes(&one, 2, buf_str(&kind));
    }
    gnostic_wrapped(out, number, 1, buf_str(&one));
}

static void gnostic_field(struct buf *out, const struct gnostic_field *f, const struct value *v)
{
    switch (f->kind) {
    case GNOSTIC_STRING:
        gnostic_wrapped(out, f->number, f->wrap, v->s);
        break;
    case GNOSTIC_BOOL:
        gnostic_varint(out, (uint64_t)f->number << 3);
        buf_add_c(out, v->b);
        break;
    case GNOSTIC_ANY:
        gnostic_any(out, f->number, v);
        break;
    case GNOSTIC_MESSAGE:
        gnostic_value(out, f->number, f->wrap, f->message, v);
        break;
    case GNOSTIC_STRINGS:
        for (size_t i = 0; i < v->list.n; i++)
            if (v->list.at[i].kind == JSON_STRING) /* other servers may say anything */
                gnostic_bytes(out, f->number, v->list.at[i].s);
        break;
    case GNOSTIC_ANYS:
        for (size_t i = 0; i < v->list.n; i++)
            gnostic_any(out, f->number, &v->list.at[i]);
        break;
    case GNOSTIC_MESSAGES:
        for (size_t i = 0; i < v->list.n; i++)
            gnostic_value(out, f->number, f->wrap, f->message, &v->list.at[i]);
        break;
    case GNOSTIC_PARAMETERS:
        for (size_t i = 0; i < v->list.n; i++)
            gnostic_parameter(out, f->number, &v->list.at[i]);
        break;
    }
}

/* Whether the value is of the JSON kind that the field takes. */
static bool gnostic_fits(const struct gnostic_field *f, const struct value *v)
{
    switch (f->kind) {
    case GNOSTIC_STRING:
        return v->kind == JSON_STRING;
    case GNOSTIC_BOOL:
        return v->kind == JSON_BOOL;
    case GNOSTIC_ANY:
        return true;
    case GNOSTIC_MESSAGE:
        return v->kind == JSON_OBJECT;
    default:
        return v->kind == JSON_ARRAY;
    }
}

static void gnostic_members(struct buf *out, const struct gnostic_message *m, const struct value *v)
{
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n; i++) {
        const struct value_member *at = &v->members.at[i];
        if (m->named) {
            _cleanup_buf_ struct buf pair = {0};
            gnostic_bytes(&pair, 1, at->key);
            gnostic_value(&pair, 2, m->wrap, m->value, &at->value);
            gnostic_bytes(out, m->named, buf_str(&pair));
        } else if (m->extensions && str_starts(at->key, STR("x-"))) {
            _cleanup_buf_ struct buf pair = {0};
            gnostic_bytes(&pair, 1, at->key);
            gnostic_any(&pair, 2, &at->value);
            gnostic_bytes(out, m->extensions, buf_str(&pair));
        }
        for (size_t f = 0; f < m->n; f++)
            if (str_is(at->key, m->fields[f].name) && gnostic_fits(&m->fields[f], &at->value))
                gnostic_field(out, &m->fields[f], &at->value);
    }
}

void openapi_write_v2_proto(struct buf *out, struct str v2_json)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct value v;
    ensure(value_parse(&a, v2_json, &v, &err) == 0); /* ours */
    gnostic_members(out, &gnostic_document, &v);
}
