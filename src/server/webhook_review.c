#include "server/webhook_review.h"

#include "api/convert.h"
#include "api/strategy.h"
#include "base/random.h"
#include "kinds/admission_v1.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "schema/patch.h"

/* --- the question --- */

/* How a webhook sees the objects: as the resource that its rules name, or as what the subresource takes. */
static const struct resource *shown_as(const struct api_attributes *at, const struct resource *as)
{
    return at->resource == stored_form(at->request->resource) ? as : at->resource;
}

/* JSON with kind and apiVersion, which structs need not have. */
static struct str text_of(struct arena *a, const struct resource *r, struct str api_version, void *shown)
{
    const struct {
        struct str name, value;
    } says[] = {{STR("kind"), r->kind}, {STR("apiVersion"), api_version}};
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        uint32_t base;
        const struct field *f = type_field(r->type, says[i].name, &base);
        if (f)
            *(struct str *)field_at(f, (char *)shown + base) = says[i].value;
    }
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, r->type, shown);
    return arena_str(a, buf_str(&b));
}

static struct str object_text(struct arena *a, const struct resource *from, const struct resource *to,
                              const void *typed)
{
    if (!typed)
        return (struct str){0};
    return text_of(a, to, to->api_version,
                   from == to ? arena_dup(a, typed, to->type->size) : convert(a, from, to, typed));
}

static struct group_version_kind kind_of(const struct resource *r)
{
    return (struct group_version_kind){r->group, r->version, r->kind};
}

static struct group_version_resource resource_of(const struct resource *r)
{
    return (struct group_version_resource){r->group, r->version, r->plural};
}

static void say_user(struct arena *a, const struct user *u, struct user_info *out)
{
    *out = (struct user_info){.username = u->name, .uid = u->uid, .groups = u->groups};
    out->extra.n = u->n_extra;
    out->extra.at = arena_new_n(a, struct authentication_extra_value_entry, u->n_extra);
    for (size_t i = 0; i < u->n_extra; i++)
        out->extra.at[i] = (struct authentication_extra_value_entry){u->extra[i].key, {u->extra[i].values}};
}

/* The options of the call, which go by a group of their own here. */
static struct str options_text(struct arena *a, const struct api_attributes *at)
{
    const struct api_request *r = at->request;
    static struct str all = STR_INIT("All");
    const struct str_vec dry_run = {at->dry_run ? &all : NULL, at->dry_run ? 1 : 0};
    const struct str group_version = STR("meta.k8s.io/v1");
    bool force = true;
    if (at->operation == API_OP_CONNECT)
        return (struct str){0};
    if (at->operation == API_OP_DELETE) {
        struct delete_options o = at->options ? *at->options : (struct delete_options){0};
        if (!o.dry_run.n)
            o.dry_run = dry_run;
        return text_of(a, &delete_options_resource, group_version, &o);
    }
    if (r->verb == API_CREATE) {
        struct create_options o = {
            .dry_run = dry_run, .field_manager = r->field_manager, .field_validation = r->field_validation};
        return text_of(a, &create_options_resource, group_version, &o);
    }
    if (r->verb == API_PATCH) {
        struct patch_options o = {.dry_run = dry_run,
                                  .force = r->force ? &force : NULL,
                                  .field_manager = r->field_manager,
                                  .field_validation = r->field_validation};
        return text_of(a, &patch_options_resource, group_version, &o);
    }
    struct update_options o = {
        .dry_run = dry_run, .field_manager = r->field_manager, .field_validation = r->field_validation};
    return text_of(a, &update_options_resource, group_version, &o);
}

/* The first version of AdmissionReview that both know; they differ in name only. */
static struct str review_version(const struct admission_webhook *w)
{
    for (size_t i = 0; i < w->versions.n; i++)
        if (str_is(w->versions.at[i], "v1") || str_is(w->versions.at[i], "v1beta1"))
            return str_is(w->versions.at[i], "v1") ? STR("admission.k8s.io/v1")
                                                   : STR("admission.k8s.io/v1beta1");
    return STR("admission.k8s.io/v1");
}

struct str review_question(struct arena *a, const struct api_attributes *at,
                           const struct admission_webhook *w, const struct resource *as, struct str *uid)
{
    static const struct str operations[] = {
        [API_OP_CREATE] = STR_INIT("CREATE"),
        [API_OP_UPDATE] = STR_INIT("UPDATE"),
        [API_OP_DELETE] = STR_INIT("DELETE"),
        [API_OP_CONNECT] = STR_INIT("CONNECT"),
    };
    const struct api_request *r = at->request;
    const struct resource *shown = shown_as(at, as), *own = shown_as(at, r->resource);
    struct group_version_kind own_kind = kind_of(own);
    struct group_version_resource own_resource = resource_of(r->resource);
    char *id = arena_alloc(a, 37);
    random_uuid(id);
    *uid = str_slice(id, 36);
    bool dry_run = at->dry_run;
    struct str name = r->name;
    if (str_empty(name) && at->object && at->resource->has_metadata)
        name = resource_meta(at->resource, at->object)->name;
    struct admission_request q = {
        .uid = *uid,
        .kind = kind_of(shown),
        .resource = resource_of(as),
        .sub_resource = r->subresource,
        .request_kind = &own_kind,
        .request_resource = &own_resource,
        .request_sub_resource = r->subresource,
        .name = name,
        .namespace =
            str_is(r->resource->plural, "namespaces") && str_empty(r->resource->group) ? name : r->ns,
        .operation = operations[at->operation],
        .object = object_text(a, at->resource, shown, at->object),
        .old_object = object_text(a, at->resource, shown, at->old),
        .dry_run = &dry_run,
        .options = options_text(a, at),
    };
    say_user(a, r->user, &q.user_info);
    struct admission_review review = {.request = &q};
    review.kind = STR("AdmissionReview");
    review.api_version = review_version(w);
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &admission_review_type, &review);
    return arena_str(a, buf_str(&b));
}

/* --- the answer --- */

static int check_patch(const struct admission_response *r, bool mutates, bool v1, struct err *err)
{
    if (!mutates && r->patch.n)
        return err_set(err, ERR_INTERNAL, "validating webhook may not return response.patch");
    if (!mutates && r->patch_type)
        return err_set(err, ERR_INTERNAL, "validating webhook may not return response.patchType");
    if (!v1)
        return 0;
    if (r->patch.n && !r->patch_type)
        return err_set(err, ERR_INTERNAL, "webhook returned response.patch but not response.patchType");
    if (!r->patch.n && r->patch_type)
        return err_set(err, ERR_INTERNAL, "webhook returned response.patchType but not response.patch");
    return 0;
}

static struct str group_version_kind_text(struct arena *a, const struct admission_review *review)
{
    struct str group, version = review->api_version;
    if (str_index(version, '/') < 0 || !str_cut(&version, '/', &group))
        group = (struct str){0};
    return arena_printf(a, STR_FMT "/" STR_FMT ", Kind=" STR_FMT, STR_ARG(group), STR_ARG(version),
                        STR_ARG(review->kind));
}

int review_read(struct arena *a, struct str json, const struct admission_webhook *w, struct str uid,
                struct review_answer *out, struct err *err)
{
    struct admission_review review = {0};
    *out = (struct review_answer){0};
    if (json_decode(a, &admission_review_type, json, 0, &review, NULL, err) < 0)
        return -1;
    const struct admission_response *r = review.response;
    struct str version = review_version(w);
    bool v1 = str_is(version, "admission.k8s.io/v1"); /* its forerunner was more lenient */
    if (!r)
        return err_set(err, ERR_INTERNAL, "webhook response was absent");
    if (v1 && !str_eq(r->uid, uid))
        return err_set(err, ERR_INTERNAL, "expected response.uid=\"" STR_FMT "\", got \"" STR_FMT "\"",
                       STR_ARG(uid), STR_ARG(r->uid));
    if ((v1 || review.kind.n) &&
        (!str_eq(review.api_version, version) || !str_is(review.kind, "AdmissionReview")))
        return err_set(err, ERR_INTERNAL,
                       "expected webhook response of admission.k8s.io/%s, Kind=AdmissionReview, got " STR_FMT,
                       v1 ? "v1" : "v1beta1", STR_ARG(group_version_kind_text(a, &review)));
    if (check_patch(r, w->mutates, v1, err) < 0)
        return -1;
    if (r->patch_type && !str_is(*r->patch_type, "JSONPatch"))
        return err_set(err, ERR_INTERNAL,
                       str_empty(*r->patch_type) ? "webhook returned invalid response.patchType of \"" STR_FMT
                                                   "\""
                                                 : "unsupported patch type \"" STR_FMT "\"",
                       STR_ARG(*r->patch_type));
    *out = (struct review_answer){.allowed = r->allowed,
                                  .patch = r->patch,
                                  .annotations = r->audit_annotations,
                                  .warnings = r->warnings,
                                  .status = r->status};
    return 0;
}

/* A refusal is an error, whatever code the webhook gave it. */
int review_refuse(const struct admission_webhook *w, const struct review_answer *answer, struct err *err)
{
    static const struct status none;
    const struct status *s = answer->status ? answer->status : &none;
    struct str why = s->message.n ? s->message : s->reason;
    err_set(err, err_reason_from(s->reason), "admission webhook \"" STR_FMT "\" denied the request%s" STR_FMT,
            STR_ARG(w->name), why.n ? ": " : " without explanation", STR_ARG(why));
    err->code = s->code >= 400 && s->code <= 599 ? s->code : 400;
    if (s->reason.n && err->reason == ERR_NONE)
        err->other_reason = arena_str(&err->arena, s->reason);
    if (!s->details)
        return -1;
    err_about(err, s->details->group, s->details->kind, s->details->name);
    err->details.retry_after_s = s->details->retry_after_seconds;
    for (size_t i = 0; i < s->details->causes.n; i++) {
        const struct status_cause *c = &s->details->causes.at[i];
        err_add_cause(err, arena_c(&err->arena, c->reason), c->field, STR_FMT, STR_ARG(c->message));
    }
    return -1;
}

static int patch_failed(struct err *err)
{
    struct str why = arena_str(&err->arena, err->message);
    return err_set(err, ERR_INTERNAL, "Internal error occurred: " STR_FMT, STR_ARG(why));
}

int review_patch(const struct api_attributes *at, const struct admission_webhook *w,
                 const struct resource *as, struct str patch, bool *changed, struct err *err)
{
    struct arena *a = at->request->arena;
    const struct resource *shown = shown_as(at, as);
    struct value doc, operations;
    *changed = false;
    if (value_parse(a, patch, &operations, err) < 0)
        return patch_failed(err);
    if (operations.kind == JSON_ARRAY && !operations.list.n)
        return 0;
    if (!at->object)
        return err_set(err, ERR_INTERNAL,
                       "Internal error occurred: admission webhook \"" STR_FMT
                       "\" attempted to modify the object, which is not supported for this operation",
                       STR_ARG(w->name));
    void *fresh = arena_alloc(a, shown->type->size);
    if (value_parse(a, object_text(a, at->resource, shown, at->object), &doc, err) < 0 ||
        patch_json(a, &doc, &operations, err) < 0 ||
        json_decode(a, shown->type, value_json(a, &doc), JSON_BORROW, fresh, NULL, err) < 0)
        return patch_failed(err);
    strategy_defaults(shown, fresh, a);
    if (shown != at->resource) {
        fresh = convert(a, shown, at->resource, fresh);
        strategy_defaults(at->resource, fresh, a);
    }
    static const struct str but[] = {STR_INIT("kind"), STR_INIT("apiVersion")};
    *changed = !struct_eq_but(at->resource->type, at->object, fresh, but, ARRAY_LEN(but));
    memcpy(at->object, fresh, at->resource->type->size);
    return 0;
}
