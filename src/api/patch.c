/* PATCH: JSON, merge and strategic merge patches on the present object. */
#include "api/patch.h"

#include "api/apply.h"
#include "api/convert.h"
#include "api/road.h"
#include "schema/json.h"
#include "schema/patch/excerpt.h"
#include "schema/patch/patch.h"

static int patch_unsupported(struct err *err, bool strategic)
{
    return err_set(
        err, ERR_UNSUPPORTED_MEDIA_TYPE,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json%s, application/apply-patch+yaml",
        strategic ? ", application/strategic-merge-patch+json" : "");
}

/* The patch as a tree. What upstream says of one that is none depends on whether it looks for duplicates. */
static int patch_read(const struct api_request *q, struct value *patch, struct strict_errors *strict,
                      struct err *err)
{
    bool list = q->patch_type == API_PATCH_JSON;
    bool plain = q->patch_type == API_PATCH_STRATEGIC || !strict;
    _cleanup_err_ struct err why = {0};
    if (value_parse_strict(q->arena, q->body, patch, strict, &why) < 0)
        return err_set(err, ERR_BAD_REQUEST, "%s" STR_FMT,
                       plain ? "" : "error decoding patch: ", STR_ARG(why.message));
    if (patch->kind == (list ? JSON_ARRAY : JSON_OBJECT) || (!strict && list))
        return 0;
    return err_set(err, ERR_BAD_REQUEST, "%sjson: cannot unmarshal %s into Go value of type %s",
                   plain ? "" : "error decoding patch: ", value_kind_name(patch),
                   list ? "[]interface {}" : "map[string]interface {}");
}

/* Whether the kind takes patches of that type, and of that size. */
static int patch_check(const struct api_request *q, const struct resource *r, struct err *err)
{
    bool strategic = !(r->flags & RESOURCE_CUSTOM);
    if (q->patch_type > API_PATCH_STRATEGIC || (q->patch_type == API_PATCH_STRATEGIC && !strategic))
        return patch_unsupported(err, strategic);
    if (q->body.n > PATCH_BODY_MAX)
        return err_set(err, ERR_TOO_LARGE, "Request entity too large: limit is %d", PATCH_BODY_MAX);
    return 0;
}

static int patch_tree(const struct api_request *q, const struct resource *r, struct value *doc,
                      struct value *patch, struct err *err)
{
    return q->patch_type == API_PATCH_JSON    ? patch_json(q->arena, doc, patch, err)
           : q->patch_type == API_PATCH_MERGE ? patch_merge(q->arena, doc, patch, err)
                                              : patch_strategic(q->arena, r->type, doc, patch, err);
}

/* The patch does not make an object of the kind: 422, of no kind and no name. Shows what the patch made, or a
 * strategic one itself. */
static int patch_invalid(const struct strategy_context *c, const struct value *doc, struct str why,
                         struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    _cleanup_buf_ struct buf shown = {0};
    struct value patch;
    if (c->request->patch_type != API_PATCH_STRATEGIC)
        value_write(&shown, doc);
    else if (value_parse(c->arena, c->request->body, &patch, NULL) == 0) /* it was taken apart */
        value_print_go(&shown, &patch, false);
    field_invalid(&e, PATH(NULL, "patch"), buf_str(&shown), STR_FMT, STR_ARG(why));
    return field_errors_status(&e, STR(""), STR(""), STR(""), err);
}

/* What stands twice in the patch, and what it made that the kind does not know. */
static int patch_strict(const struct strategy_context *c, const struct value *doc,
                        const struct strict_errors *strict, struct err *err)
{
    if (!strict->n)
        return 0;
    if (!str_is(c->request->field_validation, "Strict")) {
        for (size_t i = 0; i < strict->n; i++)
            strategy_warn(c, STR_FMT, STR_ARG(strict->at[i]));
        return 0;
    }
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < strict->n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? ", " : "strict decoding error: ", STR_ARG(strict->at[i]));
    return patch_invalid(c, doc, buf_str(&b), err);
}

/* Patches as much of `before` as the patch reaches, or `whole`. */
static int patch_part(const struct strategy_context *c, const struct resource *r, const void *before,
                      bool whole, void **out, struct strict_errors *strict, struct err *err)
{
    struct api_request *q = c->request;
    struct arena *a = c->arena;
    struct value patch, doc, reach = VALUE_NULL;
    _cleanup_buf_ struct buf json = {0};
    if (patch_read(q, &patch, strict, err) < 0)
        return -1;
    if (!whole)
        reach = q->patch_type == API_PATCH_JSON ? reach_of_operations(a, r->type, &patch)
                                                : reach_of_merge(a, r->type, &patch);
    excerpt_write(&json, r->type, before, &reach);
    if (value_parse(a, arena_str(a, buf_str(&json)), &doc, err) < 0 ||
        patch_tree(q, r, &doc, &patch, err) < 0)
        return -1;
    void *patched = arena_alloc(a, r->type->size);
    _cleanup_err_ struct err why = {0};
    if (json_decode(a, r->type, value_json(a, &doc), JSON_BORROW | JSON_OWN, patched, strict, &why) < 0)
        return patch_invalid(c, &doc, why.message, err);
    *out = excerpt_put_back(a, r->type, before, patched, &reach);
    return whole && strict ? patch_strict(c, &doc, strict, err) : 0;
}

int patch_struct(const struct strategy_context *c, const struct resource *r, const void *before, void **out,
                 struct err *err)
{
    struct strict_errors strict = {0},
                         *asked = str_is(c->request->field_validation, "Ignore") ? NULL : &strict;
    if (patch_check(c->request, r, err) < 0)
        return -1;
    /* What goes wrong is told of the whole object. */
    if (patch_part(c, r, before, false, out, asked, err) < 0 || strict.n) {
        strict = (struct strict_errors){0};
        err_clear(err);
        if (patch_part(c, r, before, true, out, asked, err) < 0)
            return -1;
    }
    strategy_defaults(r, *out, c->arena);
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
