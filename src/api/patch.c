/* PATCH: JSON, merge and strategic merge patches on the present object. */
#include "api/patch.h"

#include "api/apply.h"
#include "api/convert.h"
#include "api/road.h"
#include "schema/json.h"
#include "schema/patch.h"

static int patch_unsupported(struct err *err, bool strategic)
{
    return err_set(
        err, ERR_UNSUPPORTED_MEDIA_TYPE,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json%s, application/apply-patch+yaml",
        strategic ? ", application/strategic-merge-patch+json" : "");
}

static int patch_tree(const struct strategy_context *c, const struct resource *r, struct value *doc,
                      struct err *err)
{
    struct api_request *q = c->request;
    bool strategic = !(r->flags & RESOURCE_CUSTOM);
    struct value patch;
    if (q->patch_type > API_PATCH_STRATEGIC || (q->patch_type == API_PATCH_STRATEGIC && !strategic))
        return patch_unsupported(err, strategic);
    if (q->body.n > PATCH_BODY_MAX)
        return err_set(err, ERR_TOO_LARGE, "Request entity too large: limit is %d", PATCH_BODY_MAX);
    if (value_parse(q->arena, q->body, &patch, err) < 0) {
        err_wrap(err, "error decoding patch");
        err->reason = ERR_BAD_REQUEST;
        err->code = err_reason_code(ERR_BAD_REQUEST);
        return -1;
    }
    return q->patch_type == API_PATCH_JSON    ? patch_json(q->arena, doc, &patch, err)
           : q->patch_type == API_PATCH_MERGE ? patch_merge(q->arena, doc, &patch, err)
                                              : patch_strategic(q->arena, r->type, doc, &patch, err);
}

/* What the patch made that the kind does not know. */
static int patch_strict(const struct strategy_context *c, const struct resource *r,
                        const struct strict_errors *strict, struct err *err)
{
    if (!strict->n)
        return 0;
    if (!str_is(c->request->field_validation, "Strict")) {
        for (size_t i = 0; i < strict->n; i++)
            strategy_warn(c, STR_FMT, STR_ARG(strict->at[i]));
        return 0;
    }
    _cleanup_field_errors_ struct field_errors e = {0};
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < strict->n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(strict->at[i]));
    field_invalid(&e, PATH(NULL, "patch"), str_slice(c->request->body.p, c->request->body.n),
                  "strict decoding error: " STR_FMT, STR_ARG(buf_str(&b)));
    return field_errors_status(&e, r->group, r->kind, c->request->name, err);
}

int patch_struct(const struct strategy_context *c, const struct resource *r, const void *before, void **out,
                 struct err *err)
{
    struct arena *a = c->arena;
    struct strict_errors strict = {0};
    struct value doc;
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, r->type, before);
    if (value_parse(a, arena_str(a, buf_str(&json)), &doc, err) < 0 || patch_tree(c, r, &doc, err) < 0)
        return -1;
    *out = arena_alloc(a, r->type->size);
    bool ignore = str_is(c->request->field_validation, "Ignore");
    if (json_decode(a, r->type, value_json(a, &doc), JSON_BORROW, *out, ignore ? NULL : &strict, err) < 0)
        return err_set(err, ERR_BAD_REQUEST,
                       STR_FMT " in version \"" STR_FMT "\" cannot be handled as a " STR_FMT ": " STR_FMT,
                       STR_ARG(r->kind), STR_ARG(r->version), STR_ARG(r->kind), STR_ARG(err->message));
    if (patch_strict(c, r, &strict, err) < 0)
        return -1;
    strategy_defaults(r, *out, a);
    return 0;
}

static int patch_make(struct road *d)
{
    struct arena *a = d->r->arena;
    const struct resource *shown = d->r->resource; /* patches speak of what the client sees */
    const void *before = shown == d->resource ? d->old : convert(a, d->resource, shown, d->old);
    if (patch_struct(&d->context, shown, before, &d->object, &d->r->err) < 0)
        return -1;
    if (shown != d->resource) {
        d->object = convert(a, shown, d->resource, d->object);
        strategy_defaults(d->resource, d->object, a);
    }
    /* A patch that leaves the version alone means any version. */
    struct object_meta *m = resource_meta(d->resource, d->object);
    if (str_eq(m->resource_version, object_meta(d->current)->resource_version))
        m->resource_version = STR("");
    return 0;
}

int verb_patch(struct road *d)
{
    static const struct write writes[2][2] = {
        {{.make = patch_make}, {.make = patch_make, .status = true}},
        {{.make = apply_make, .create = true, .creates_any = true, .untracked = true},
         {.make = apply_make, .status = true, .untracked = true}},
    };
    return road_write(d, &writes[d->r->patch_type == API_PATCH_APPLY][str_is(d->r->subresource, "status")]);
}
