#include "server/webhook/webhook_review.h"

#include "api/review.h"
#include "base/random.h"
#include "schema/json.h"
#include "schema/patch/patch.h"

/* --- the question --- */

/* Empty: there is none. */
static int object_text(struct arena *a, const struct api_attributes *at, const struct resource *shown,
                       const void *typed, struct str *out, struct err *err)
{
    void *o;
    _cleanup_buf_ struct buf b = {0};
    if (review_object(a, at, shown, typed, &o, err) < 0)
        return -1;
    if (o)
        json_encode(&b, shown->type, o);
    *out = arena_str(a, buf_str(&b));
    return 0;
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

int review_question(struct arena *a, const struct api_attributes *at, const struct admission_webhook *w,
                    const struct resource *as, struct str *uid, struct str *out, struct err *err)
{
    const struct resource *shown = review_shown(at, as);
    struct admission_request q;
    char *id = arena_alloc(a, 37);
    random_uuid(id);
    *uid = str_slice(id, 36);
    review_request(a, at, as, &q);
    q.uid = *uid;
    if (object_text(a, at, shown, at->object, &q.object, err) < 0 ||
        object_text(a, at, shown, at->old, &q.old_object, err) < 0)
        return -1;
    struct admission_review review = {.request = &q};
    review.kind = STR("AdmissionReview");
    review.api_version = review_version(w);
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &admission_review_type, &review);
    *out = arena_str(a, buf_str(&b));
    return 0;
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
    const struct resource *shown = review_shown(at, as);
    struct value doc, operations;
    struct str text;
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
    if (object_text(a, at, shown, at->object, &text, err) < 0 || value_parse(a, text, &doc, err) < 0 ||
        patch_json(a, &doc, &operations, err) < 0 || review_alter(at, shown, &doc, changed, err) < 0)
        return patch_failed(err);
    return 0;
}
