/* The body of a request as a struct: by media type, strict where asked, defaulted. */
#include "api/convert.h"
#include "api/road.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "schema/yaml.h"

enum { SUMMARY_MAX = 30 };

/* A glimpse of a body that could not be understood, as upstream shows it. */
static struct str decode_summary(struct arena *a, struct str body)
{
    if (!body.n)
        return STR("<empty>");
    struct str head = body.n > SUMMARY_MAX ? str_slice(body.p, SUMMARY_MAX) : body;
    const char *more = body.n > SUMMARY_MAX ? " ..." : "";
    if (body.p[0] == '{')
        return arena_printf(a, STR_FMT "%s", STR_ARG(head), more);
    _cleanup_buf_ struct buf hex = {0};
    for (size_t i = 0; i < head.n; i++)
        buf_addf(&hex, "%02x", (unsigned char)head.p[i]);
    return arena_printf(a, STR_FMT "%s", STR_ARG(buf_str(&hex)), more);
}

static int decode_refuse(struct road *d, const struct resource *type, const struct json_type_meta *meta,
                         struct str why)
{
    struct api_request *r = d->r;
    ptrdiff_t slash = str_index(meta->api_version, '/');
    struct str version = slash < 0 ? meta->api_version : str_from_at(meta->api_version, (size_t)slash + 1);
    if (meta->kind.n)
        return err_set(&r->err, ERR_BAD_REQUEST,
                       STR_FMT " in version \"" STR_FMT "\" cannot be handled as a " STR_FMT ": " STR_FMT,
                       STR_ARG(meta->kind), STR_ARG(version), STR_ARG(type->kind), STR_ARG(why));
    return err_set(&r->err, ERR_BAD_REQUEST,
                   "the object provided is unrecognized (must be of type " STR_FMT "): " STR_FMT " (" STR_FMT
                   ")",
                   STR_ARG(type->kind), STR_ARG(why), STR_ARG(decode_summary(r->arena, r->body)));
}

/* The package of upstream's internal types: what it converts to. */
static struct str internal_package(const struct resource *type)
{
    ptrdiff_t dot = str_index(type->group, '.');
    return !type->group.n ? STR("core") : dot < 0 ? type->group : str_slice(type->group.p, (size_t)dot);
}

static int decode_check_kind(struct road *d, const struct resource *type, const struct json_type_meta *meta)
{
    struct api_request *r = d->r;
    /* Clients may send the options of the kind's own group: they are the same in all. */
    bool any_group = type == &delete_options_resource;
    if (meta->api_version.n && !any_group && !str_eq(meta->api_version, type->api_version))
        return err_set(&r->err, ERR_BAD_REQUEST,
                       "the API version in the data (" STR_FMT
                       ") does not match the expected API version (" STR_FMT ")",
                       STR_ARG(meta->api_version), STR_ARG(type->api_version));
    if (meta->kind.n && !str_eq(meta->kind, type->kind))
        return decode_refuse(d, type, meta,
                             arena_printf(r->arena,
                                          "converting (" STR_FMT "." STR_FMT ") to (" STR_FMT "." STR_FMT
                                          "): unknown conversion",
                                          STR_ARG(type->version), STR_ARG(meta->kind),
                                          STR_ARG(internal_package(type)), STR_ARG(type->kind)));
    return 0;
}

/* Strict: an error; Warn: headers. */
static int decode_strict(struct road *d, const struct resource *type, const struct json_type_meta *meta,
                         const struct strict_errors *strict)
{
    if (!strict->n)
        return 0;
    if (!str_is(d->r->field_validation, "Strict")) {
        for (size_t i = 0; i < strict->n; i++)
            strategy_warn(&d->context, STR_FMT, STR_ARG(strict->at[i]));
        return 0;
    }
    _cleanup_buf_ struct buf b = {0};
    buf_add_lit(&b, "strict decoding error: ");
    for (size_t i = 0; i < strict->n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(strict->at[i]));
    return decode_refuse(d, type, meta, arena_str(d->r->arena, buf_str(&b)));
}

/* What the decoded struct says of itself. */
static struct str decode_said(const struct type *t, const void *typed, const char *name)
{
    uint32_t base;
    const struct field *f = type_field(t, str_from(name), &base);
    return f && f->kind == VALUE_STRING && f->shape == SHAPE_ONE
               ? *(const struct str *)(const void *)((const char *)typed + base + f->offset)
               : STR("");
}

static int decode_json(struct road *d, const struct resource *type, struct str json,
                       struct strict_errors *strict, void *out)
{
    struct api_request *r = d->r;
    struct json_type_meta meta = {0};
    bool ignore = str_is(r->field_validation, "Ignore");
    _cleanup_err_ struct err why = {0}, no_meta = {0};
    if (json_decode(r->arena, type->type, json, JSON_BORROW, out, ignore ? NULL : strict, &why) < 0) {
        if (json_peek(r->arena, json, &meta, &no_meta) < 0)
            return decode_refuse(d, type, &meta,
                                 arena_printf(r->arena,
                                              "couldn't get version/kind; json parse error: " STR_FMT,
                                              STR_ARG(no_meta.message)));
        if (decode_check_kind(d, type, &meta) < 0)
            return -1;
    } else {
        meta.kind = decode_said(type->type, out, "kind");
        meta.api_version = decode_said(type->type, out, "apiVersion");
        if (decode_check_kind(d, type, &meta) < 0)
            return -1;
    }
    if (!meta.kind.n)
        meta.kind = type->kind;
    if (!meta.api_version.n)
        meta.api_version = type->api_version;
    if (why.reason)
        return decode_refuse(d, type, &meta, why.message);
    return ignore ? 0 : decode_strict(d, type, &meta, strict);
}

static int decode_proto(struct road *d, const struct resource *type, void *out)
{
    struct api_request *r = d->r;
    struct proto_envelope envelope;
    struct json_type_meta meta = {0};
    _cleanup_err_ struct err why = {0};
    if (proto_open(r->body, &envelope, &why) < 0)
        return decode_refuse(d, type, &meta, why.message);
    meta = (struct json_type_meta){envelope.api_version, envelope.kind};
    if (decode_check_kind(d, type, &meta) < 0)
        return -1;
    if (proto_decode(r->arena, type->type, envelope.raw, true, out, &why) < 0)
        return decode_refuse(d, type, &meta, why.message);
    return 0;
}

/* Bytes in a media type, into a zeroed struct of `type`. */
static int decode_body(struct road *d, const struct resource *type, void *out)
{
    struct api_request *r = d->r;
    struct strict_errors strict = {0};
    switch (r->media) {
    case MEDIA_PROTOBUF:
        return decode_proto(d, type, out);
    case MEDIA_YAML: {
        _cleanup_err_ struct err why = {0};
        struct value v;
        if (yaml_parse_strict(r->arena, r->body, &v, &strict, &why) < 0)
            return decode_refuse(d, type, &(struct json_type_meta){0}, why.message);
        return decode_json(d, type, value_json(r->arena, &v), &strict, out);
    }
    case MEDIA_JSON:
        return decode_json(d, type, r->body, &strict, out);
    default:
        return err_set(&r->err, ERR_UNSUPPORTED_MEDIA_TYPE,
                       "the body of the request was in an unknown format - accepted media types include: "
                       "application/json, application/yaml, application/vnd.kubernetes.protobuf");
    }
}

int road_decode(struct road *d, const struct resource *type, void **out)
{
    struct api_request *r = d->r;
    const struct resource *given =
        type == d->resource ? r->resource : type; /* the form that the client speaks */
    if (r->typed) {
        if (r->typed_resource)
            given = r->typed_resource;
        ensure(given == type || stored_form(given) == type || (given->custom && type->custom));
        *out = struct_dup(r->arena, given->type, r->typed);
    } else {
        *out = arena_alloc(r->arena, given->type->size);
        if (decode_body(d, given, *out) < 0)
            return -1;
    }
    if (given != type)
        *out = convert(r->arena, given, type, *out);
    strategy_defaults(type, *out, r->arena);
    return 0;
}
