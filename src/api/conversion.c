/* Conversion of objects between the versions of a custom resource: by changing apiVersion alone, or by the
 * definition's webhook, many in one ConversionReview (apiextensions-apiserver's conversion package). */
#include "api/convert.h"
#include "api/road.h"
#include "base/random.h"
#include "schema/custom/custom.h"
#include "schema/default.h"
#include "schema/json.h"

enum { CONVERSION_TIMEOUT_S = 30 };

bool convert_waits(const struct resource *r)
{
    return r->custom && r->custom->n > 1 && custom_has_webhook(r->custom);
}

static bool by_webhook(const struct object *o, const struct resource *to)
{
    const struct resource *from = object_resource(o);
    return from != to && to->custom && custom_has_webhook(to->custom) && !str_eq(from->version, to->version);
}

/* Of the versions that the webhook understands the first that is understood here. */
static struct str review_version(const struct webhook_conversion *w)
{
    each (w->conversion_review_versions, i) {
        struct str v = w->conversion_review_versions.at[i];
        if (str_is(v, "v1") || str_is(v, "v1beta1"))
            return v;
    }
    return STR("v1");
}

static void write_review(struct buf *out, const struct webhook_conversion *w, const char *uid,
                         const struct resource *to, struct object *const *at, size_t n)
{
    buf_addf(out,
             "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/" STR_FMT
             "\",\"request\":{\"uid\":\"%s\",\"desiredAPIVersion\":\"" STR_FMT "\",\"objects\":",
             STR_ARG(review_version(w)), uid, STR_ARG(to->api_version));
    char before = '[';
    for (size_t i = 0; i < n; i++) {
        if (!by_webhook(at[i], to))
            continue;
        buf_add_c(out, before);
        buf_add_str(out, object_json(at[i]));
        before = ',';
    }
    buf_add_lit(out, "]}}");
}

/* The object that came back for `o`: its metadata stays, but for labels and annotations. */
static int take_converted(struct arena *a, struct object *o, const struct resource *to, struct str json,
                          struct object **out, struct err *err)
{
    struct json_type_meta said = {0};
    void *typed = arena_alloc(a, to->type->size);
    if (json_peek(a, json, &said, err) < 0 || json_decode(a, to->type, json, 0, typed, NULL, err) < 0)
        return -1;
    if (!str_eq(said.api_version, to->api_version))
        return err_set(err, ERR_INTERNAL,
                       "invalid converted object: invalid groupVersion (expected " STR_FMT
                       ", received " STR_FMT ")",
                       STR_ARG(to->api_version), STR_ARG(said.api_version));
    if (!str_eq(said.kind, to->kind))
        return err_set(err, ERR_INTERNAL,
                       "invalid converted object: invalid kind (expected " STR_FMT ", received " STR_FMT ")",
                       STR_ARG(to->kind), STR_ARG(said.kind));
    struct object_meta *m = resource_meta(to, typed);
    const struct object_meta *was = object_meta(o);
    const struct {
        const char *what;
        struct str now, before;
    } same[] = {{"metadata.name", m->name, was->name},
                {"metadata.namespace", m->namespace, was->namespace},
                {"metadata.UID", m->uid, was->uid}};
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        if (!str_eq(same[i].now, same[i].before))
            return err_set(err, ERR_INTERNAL,
                           "invalid metadata in converted object: %s must be the same: \"" STR_FMT
                           "\" != \"" STR_FMT "\"",
                           same[i].what, STR_ARG(same[i].now), STR_ARG(same[i].before));
    struct str_map labels = m->labels, annotations = m->annotations;
    *m = *was;
    m->labels = labels;
    m->annotations = annotations;
    m->resource_version = STR("");
    default_apply(a, to->type, typed);
    *out = object_new(to, typed);
    if (object_revision(o))
        object_commit(*out, object_revision(o));
    return 0;
}

static int read_review(struct arena *a, struct str answer, const char *uid, size_t n,
                       struct conversion_review *r, struct err *err)
{
    if (json_decode(a, &conversion_review_type, answer, JSON_BORROW, r, NULL, err) < 0)
        return -1;
    if (!r->response)
        return err_set(err, ERR_INTERNAL, "no response provided");
    if (!str_is(r->response->uid, uid))
        return err_set(err, ERR_INTERNAL, "expected response.uid=\"%s\", got \"" STR_FMT "\"", uid,
                       STR_ARG(r->response->uid));
    if (!str_is(r->response->result.status, "Success")) {
        struct str message = r->response->result.message;
        return err_set(err, ERR_INTERNAL, STR_FMT,
                       STR_ARG(message.n ? message : STR("response.result.status was not 'Success'")));
    }
    if (r->response->converted_objects.n != n)
        return err_set(err, ERR_INTERNAL, "invalid response.convertedObjects: expected %zu, got %zu", n,
                       r->response->converted_objects.n);
    return 0;
}

static int call(struct api *api, const struct webhook_conversion *w, struct str body, struct buf *answer,
                struct err *err)
{
    const struct apiextensions_webhook_client_config *c = w->client_config;
    struct api_webhook hook = {.body = body, .timeout_s = CONVERSION_TIMEOUT_S};
    if (!api->hooks.call_webhook || !c)
        return err_set(err, ERR_INTERNAL, "no webhooks are called here");
    hook.ca_bundle = c->ca_bundle;
    if (c->url)
        hook.url = *c->url;
    if (c->service) {
        hook.service_namespace = c->service->namespace;
        hook.service_name = c->service->name;
        hook.service_path = c->service->path ? *c->service->path : STR("");
        hook.service_port = c->service->port ? *c->service->port : 443;
    }
    return api->hooks.call_webhook(api->hooks.arg, &hook, answer, err);
}

/* Puts what the webhook makes of them into `made`, where it was asked. */
static int ask_webhook(struct api *api, struct arena *a, struct object *const *at, size_t n, size_t asked,
                       const struct resource *to, struct object **made, struct err *err)
{
    const struct webhook_conversion *w = to->custom->definition->spec.conversion->webhook;
    _cleanup_buf_ struct buf body = {0}, answer = {0};
    struct conversion_review review = {0};
    char uid[37];
    random_uuid(uid);
    write_review(&body, w, uid, to, at, n);
    if (call(api, w, buf_str(&body), &answer, err) < 0 ||
        read_review(a, buf_str(&answer), uid, asked, &review, err) < 0)
        return -1;
    size_t next = 0;
    for (size_t i = 0; i < n; i++)
        if (by_webhook(at[i], to) &&
            take_converted(a, at[i], to, review.response->converted_objects.at[next++], &made[i], err) < 0)
            return -1;
    return 0;
}

int convert_objects(struct api *api, struct object **at, size_t n, const struct resource *to, struct err *err)
{
    size_t asked = 0;
    const struct resource *from = NULL;
    for (size_t i = 0; i < n; i++)
        if (by_webhook(at[i], to)) {
            from = object_resource(at[i]);
            asked++;
        }
    _cleanup_arena_ struct arena a = {0};
    struct object **made = asked ? arena_new_n(&a, struct object *, n) : NULL;
    if (asked && ask_webhook(api, &a, at, n, asked, to, made, err) < 0) {
        for (size_t i = 0; i < n; i++)
            object_unref(made[i]);
        struct str why = arena_str(&a, err->message);
        err_clear(err);
        return err_set(err, ERR_INTERNAL,
                       "conversion webhook for " STR_FMT ", Kind=" STR_FMT " failed: " STR_FMT,
                       STR_ARG(from->api_version), STR_ARG(from->kind), STR_ARG(why));
    }
    for (size_t i = 0; i < n; i++) {
        if (!made || !made[i]) {
            at[i] = convert_object(at[i], to);
            continue;
        }
        object_unref(at[i]);
        at[i] = made[i];
    }
    return 0;
}

int convert_struct(struct api *api, struct arena *a, const struct resource *from, const struct resource *to,
                   const void *typed, void **out, struct err *err)
{
    if (from == to || !to->custom || !custom_has_webhook(to->custom)) {
        *out = from == to ? arena_dup(a, typed, to->type->size) : convert(a, from, to, typed);
        return 0;
    }
    void *bare = arena_dup(a, typed, from->type->size);
    struct str version = resource_meta(from, bare)->resource_version;
    resource_meta(from, bare)->resource_version = STR("");
    struct object *o = object_new(from, bare);
    int rc = convert_objects(api, &o, 1, to, err);
    if (rc == 0) {
        *out = struct_dup(a, to->type, object_typed(o));
        resource_meta(to, *out)->resource_version = version;
    }
    object_unref(o);
    return rc;
}
