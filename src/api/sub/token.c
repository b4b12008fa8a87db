/* serviceaccounts/token: a token for a service account, bound to an object where asked
 * (pkg/registry/core/serviceaccount/storage/token.go). */
#include "api/sub/sub.h"

#include "base/clock.h"
#include "kinds/authentication_v1.h"

enum {
    TOKEN_MIN_S = 600,
    TOKEN_DEFAULT_S = 3600,
    TOKEN_EXTENDED_S = 3607,
    TOKEN_EXTENDED_LIFE_S = 365 * 24 * 3600
};

/* A token for this server, and nobody else. */
static bool is_for_us(const struct api *a, const struct str_vec *audiences)
{
    for (size_t i = 0; i < audiences->n; i++)
        if (!str_vec_has(&a->options.api_audiences, audiences->at[i]))
            return false;
    return true;
}

/* No token lives longer than the server wants. */
static void shorten(struct road *d, int64_t *seconds)
{
    int64_t most = d->api->options.token_most_s;
    if (!most || *seconds <= most)
        return;
    api_warn(d->r, arena_printf(d->r->arena, "requested expiration of %lld seconds shortened to %lld seconds",
                                (long long)*seconds, (long long)most));
    *seconds = most;
}

static int token_valid(struct road *d, const struct authentication_token_request *t)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path spec = path_child(NULL, STR("spec"));
    int64_t seconds = *t->spec.expiration_seconds;
    if (seconds < TOKEN_MIN_S)
        field_invalid_int(&e, PATH(&spec, "expirationSeconds"), seconds,
                          "may not specify a duration less than 10 minutes");
    if (seconds > INT64_C(1) << 32)
        field_invalid_int(&e, PATH(&spec, "expirationSeconds"), seconds,
                          "may not specify a duration larger than 2^32 seconds");
    return field_errors_status(&e, STR("authentication.k8s.io"), STR("TokenRequest"), t->metadata.name,
                               &d->r->err);
}

/* The object that the token lives and dies with. */
static int token_bind(struct road *d, const struct bound_object_reference *ref,
                      struct api_token_claims *claims)
{
    static const struct resource *const kinds[] = {&pod_resource, &secret_resource, &node_resource};
    const struct resource *kind = NULL;
    struct arena *a = d->r->arena;
    struct err *err = &d->r->err;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(ref->kind, kinds[i]->kind) && str_is(ref->api_version, "v1"))
            kind = kinds[i];
    if (!kind)
        return err_set(err, ERR_BAD_REQUEST,
                       "cannot bind token for serviceaccount \"" STR_FMT "\" to object of type \"" STR_FMT
                       ", Kind=" STR_FMT "\"",
                       STR_ARG(d->name), STR_ARG(ref->api_version), STR_ARG(ref->kind));
    struct str ns = kind->flags & RESOURCE_NAMESPACED ? d->ns : STR("");
    _cleanup_object_ struct object *o = road_find(d->api, kind, ns, ref->name);
    if (!o)
        return answer_not_found(err, kind, ref->name);
    const struct object_meta *m = object_meta(o);
    if (ref->uid.n && !str_eq(ref->uid, m->uid))
        return answer_conflict(
            err, kind, ref->name,
            "the UID in the bound object reference (" STR_FMT
            ") does not match the UID in record. The object might have been deleted and then recreated",
            STR_ARG(ref->uid));
    claims->bound_kind = kind->kind;
    claims->bound_name = arena_str(a, m->name);
    claims->bound_uid = arena_str(a, m->uid);
    if (kind == &node_resource) {
        claims->node_name = claims->bound_name;
        claims->node_uid = claims->bound_uid;
    }
    if (kind != &pod_resource)
        return 0;
    const struct pod *pod = object_typed(o);
    if (!str_eq(pod->spec.service_account_name, d->name))
        return err_set(err, ERR_BAD_REQUEST,
                       "cannot bind token for serviceaccount \"" STR_FMT
                       "\" to pod running with different serviceaccount name.",
                       STR_ARG(d->name));
    if (!pod->spec.node_name.n)
        return 0;
    _cleanup_object_ struct object *node = road_find(d->api, &node_resource, STR(""), pod->spec.node_name);
    claims->node_name = arena_str(a, pod->spec.node_name);
    claims->node_uid = node ? arena_str(a, object_meta(node)->uid) : STR("");
    return 0;
}

/* What admission has let pass. */
static int token_judged(struct road *d)
{
    struct api *a = d->api;
    struct authentication_token_request *t = d->attributes.object;
    int rc = road_admit_all(d);
    if (rc != ROAD_DONE)
        return rc;
    const struct object_meta *sa = object_meta(d->current);
    if (!t->spec.expiration_seconds)
        t->spec.expiration_seconds = arena_dup(d->r->arena, &(int64_t){TOKEN_DEFAULT_S}, sizeof(int64_t));
    if (!t->spec.audiences.n)
        t->spec.audiences = a->options.api_audiences;
    if (token_valid(d, t) < 0)
        return -1;
    shorten(d, t->spec.expiration_seconds);
    int64_t now = clock_wall() / CLOCK_S, seconds = *t->spec.expiration_seconds;
    struct api_token_claims claims = {.ns = d->ns,
                                      .service_account = d->name,
                                      .uid = sa->uid,
                                      .audiences = t->spec.audiences,
                                      .issued_s = now,
                                      .expires_s = now + seconds};
    if (t->spec.bound_object_ref && token_bind(d, t->spec.bound_object_ref, &claims) < 0)
        return -1;
    /* The token of kube-api-access volumes outlives what it says, for clients that do not read it anew. */
    if (seconds == TOKEN_EXTENDED_S && str_is(claims.bound_kind, "Pod") && !a->options.token_exact &&
        is_for_us(a, &t->spec.audiences)) {
        int64_t most = a->options.token_most_s;
        claims.warn_after_s = claims.expires_s;
        claims.expires_s = now + (most && most < TOKEN_EXTENDED_LIFE_S ? most : TOKEN_EXTENDED_LIFE_S);
    }
    if (!d->r->dry_run &&
        a->hooks.sign_token(a->hooks.arg, &claims, d->r->arena, &t->status.token, &d->r->err) < 0)
        return -1;
    t->status.expiration_timestamp = (struct time){.s = now + seconds};
    t->metadata.name = arena_str(d->r->arena, d->name);
    t->metadata.namespace = arena_str(d->r->arena, d->ns);
    t->metadata.creation_timestamp = (struct time){.s = now};
    d->r->virtual_typed = t;
    d->r->virtual_resource = &authentication_token_request_resource;
    d->r->code = 201;
    return ROAD_DONE;
}

int sub_token(struct road *d)
{
    struct authentication_token_request *t;
    if (!d->api->hooks.sign_token)
        return answer_not_found(&d->r->err, d->resource, d->name);
    if (road_decode(d, &authentication_token_request_resource, (void **)&t) < 0 || road_load(d) < 0)
        return -1;
    road_judge(d, &(struct api_attributes){.request = d->r,
                                           .operation = API_OP_CREATE,
                                           .resource = &authentication_token_request_resource,
                                           .object = t,
                                           .dry_run = d->r->dry_run});
    d->next = token_judged;
    return token_judged(d);
}
