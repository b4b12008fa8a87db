#include "client/remote.h"

#include <stdlib.h>

#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/encode.h"
#include "client/index.h"
#include "client/remote_parts.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"

enum { PAGE = 500, RETRIES = 10, RETRY_AFTER_MAX_S = 60 };

/* --- URLs --- */

static void url_part(struct buf *url, struct str part)
{
    buf_add_c(url, '/');
    encode_percent(url, part);
}

void remote_url(struct remote *r, const struct resource *kind, struct str ns, struct str name, struct str sub,
                struct buf *out)
{
    out->n = 0;
    buf_add_str(out, r->server);
    buf_add_str(out, str_empty(kind->group) ? STR("/api/") : STR("/apis/"));
    buf_add_str(out, kind->api_version);
    if ((kind->flags & RESOURCE_NAMESPACED) && !str_empty(ns)) {
        buf_add_lit(out, "/namespaces");
        url_part(out, ns);
    }
    url_part(out, kind->plural);
    if (!str_empty(name))
        url_part(out, name);
    if (!str_empty(sub))
        url_part(out, sub);
}

void remote_query(struct buf *url, const char *name, struct str value)
{
    if (str_empty(value))
        return;
    buf_add_c(url, str_index(buf_str(url), '?') < 0 ? '?' : '&');
    buf_add_str(url, str_from(name));
    buf_add_c(url, '=');
    encode_percent(url, value);
}

/* --- answers --- */

int remote_object(const struct resource *kind, struct str json, struct object **out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct json_type_meta says = {0};
    if (json_peek(&a, json, &says, err) < 0)
        return -1;
    *out = NULL;
    if (str_is(says.kind, "Status") && str_is(says.api_version, "v1"))
        return 0;
    if (!str_empty(says.kind) && !str_eq(says.kind, kind->kind)) {
        kind = resource_find_kind(says.api_version, says.kind);
        if (!kind)
            return err_set(err, ERR_INTERNAL, "the server answered with an unknown kind " STR_FMT " " STR_FMT,
                           STR_ARG(says.api_version), STR_ARG(says.kind));
    }
    void *typed = arena_alloc(&a, kind->type->size);
    if (json_decode(&a, kind->type, json, JSON_BORROW, typed, NULL, err) < 0)
        return -1;
    *out = object_new(kind, typed);
    int64_t revision;
    if (kind->has_metadata && str_to_i64(resource_meta(kind, typed)->resource_version, &revision) &&
        revision > 0)
        object_commit(*out, revision);
    return 0;
}

/* The reason that goes with a code, for answers that are no Status (a proxy's, say). */
static enum err_reason reason_of(int status)
{
    for (int reason = ERR_NONE + 1; reason < ERR_REASONS; reason++)
        if (err_reason_code((enum err_reason)reason) == status)
            return (enum err_reason)reason;
    return ERR_INTERNAL;
}

int remote_refused(int status, struct str body, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct json_type_meta says = {0};
    struct status s = {0};
    if (json_peek(&a, body, &says, NULL) < 0 || !str_is(says.kind, "Status") ||
        json_decode(&a, &status_type, body, JSON_BORROW, &s, NULL, NULL) < 0)
        return err_set(err, reason_of(status), "the server answered %d", status);
    enum err_reason reason = err_reason_from(s.reason);
    err_set(err, reason ? reason : reason_of(status), STR_FMT, STR_ARG(s.message));
    if (!err)
        return -1;
    err->code = s.code ? s.code : status;
    if (!s.details)
        return -1;
    err_about(err, s.details->group, s.details->kind, s.details->name);
    err->details.uid = arena_str(&err->arena, s.details->uid);
    err->details.retry_after_s = s.details->retry_after_seconds;
    for (size_t i = 0; i < s.details->causes.n; i++) {
        const struct status_cause *c = &s.details->causes.at[i];
        err_add_cause(err, arena_c(&err->arena, c->reason), c->field, STR_FMT, STR_ARG(c->message));
    }
    return -1;
}

/* --- calls --- */

/* As client-go: what the server puts off with Retry-After is tried again. */
static bool should_wait(const struct fetch_response *answer, int64_t *ns)
{
    int64_t s;
    if ((answer->status != 429 && answer->status < 500) ||
        !str_to_i64(fetch_header_get(answer, STR("retry-after")), &s) || s < 0)
        return false;
    *ns = (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * CLOCK_S;
    return true;
}

static int remote_do(struct remote *r, const struct fetch_request *q, struct fetch_response *answer,
                     struct err *err)
{
    int64_t pause;
    for (int tries = 0;; tries++) {
        if (fetch_do(r->fetch, q, answer, err) < 0)
            return -1;
        if (tries == RETRIES || !should_wait(answer, &pause))
            break;
        fetch_response_clear(answer);
        clock_sleep(pause);
    }
    return answer->status >= 400 ? remote_refused(answer->status, answer->body, err) : 0;
}

static const char *const methods[] = {
    [CALL_GET] = "GET",     [CALL_CREATE] = "POST",   [CALL_UPDATE] = "PUT",
    [CALL_PATCH] = "PATCH", [CALL_DELETE] = "DELETE", [CALL_DELETE_COLLECTION] = "DELETE",
};
static const struct str patch_types[] = {
    [PATCH_JSON] = STR_INIT("application/json-patch+json"),
    [PATCH_MERGE] = STR_INIT("application/merge-patch+json"),
    [PATCH_STRATEGIC] = STR_INIT("application/strategic-merge-patch+json"),
    [PATCH_APPLY] = STR_INIT("application/apply-patch+yaml"),
};
static struct str propagations[] = {
    [PROPAGATE_BACKGROUND] = STR_INIT("Background"),
    [PROPAGATE_FOREGROUND] = STR_INIT("Foreground"),
    [PROPAGATE_ORPHAN] = STR_INIT("Orphan"),
};

/* The struct with its kind said, as JSON on a wire must. */
static void body_typed(struct buf *out, const struct resource *kind, const void *typed)
{
    _cleanup_free_ char *copy = mem_dup(typed, kind->type->size);
    struct type_meta *says = (struct type_meta *)(void *)copy; /* stands first in every kind */
    says->kind = kind->kind;
    says->api_version = kind->api_version;
    json_encode(out, kind->type, copy);
}

static void body_delete(struct buf *out, const struct client_delete_options *o)
{
    struct client_delete_options with = *o;
    struct preconditions preconditions = {
        .uid = str_empty(with.uid) ? NULL : &with.uid,
        .resource_version = str_empty(with.resource_version) ? NULL : &with.resource_version,
    };
    struct delete_options body = {
        .kind = STR("DeleteOptions"),
        .api_version = STR("v1"),
        .grace_period_seconds = with.grace_s < 0 ? NULL : &with.grace_s,
        .preconditions = preconditions.uid || preconditions.resource_version ? &preconditions : NULL,
        .propagation_policy = with.propagation == PROPAGATE_DEFAULT ? NULL : &propagations[with.propagation],
    };
    json_encode(out, &delete_options_type, &body);
}

static int remote_call(struct client *c, const struct call *call, struct object **out, int64_t *revision,
                       struct err *err)
{
    struct remote *r = remote_of(c);
    _cleanup_buf_ struct buf url = {0}, body = {0};
    remote_url(r, call->resource, call->ns, call->name, call->sub, &url);
    struct str type = STR("application/json");
    if (call->verb == CALL_CREATE || call->verb == CALL_UPDATE || call->verb == CALL_PATCH)
        remote_query(&url, "fieldManager", r->manager);
    if (call->verb == CALL_CREATE || call->verb == CALL_UPDATE) {
        body_typed(&body, call->body_resource, call->typed);
    } else if (call->verb == CALL_PATCH) {
        type = patch_types[call->patch_type];
        buf_add_str(&body, call->body);
        if (call->patch_type == PATCH_APPLY)
            remote_query(&url, "force", STR("true"));
    } else if (call->verb != CALL_GET) {
        body_delete(&body, &call->options);
        remote_query(&url, "labelSelector", call->which.label_selector);
        remote_query(&url, "fieldSelector", call->which.field_selector);
    }
    const struct http_header headers[] = {{STR("accept"), STR("application/json")},
                                          {STR("content-type"), type}};
    const struct fetch_request q = {
        .method = methods[call->verb],
        .url = buf_str(&url),
        .headers = headers,
        .n_headers = call->verb == CALL_GET ? 1 : 2,
        .body = buf_str(&body),
    };
    _cleanup_fetch_response_ struct fetch_response answer = {0};
    if (remote_do(r, &q, &answer, err) < 0)
        return -1;
    if (call->verb == CALL_DELETE_COLLECTION || str_empty(answer.body))
        return 0;
    if (remote_object(call->body_resource ? call->body_resource : call->resource, answer.body, out, err) < 0)
        return -1;
    *revision = *out ? object_revision(*out) : 0;
    return 0;
}

/* --- lists --- */

/* Takes the items of one page; *more is where the next begins, empty at the end. */
static int list_page(struct arena *a, const struct resource *kind, struct str json, struct objects *out,
                     size_t *cap, struct str *more, struct err *err)
{
    const struct type *t = kind->list_type;
    void *list = arena_alloc(a, t->size);
    if (json_decode(a, t, json, JSON_BORROW, list, NULL, err) < 0)
        return -1;
    uint32_t base = 0;
    const struct field *meta_field = type_field(t, STR("metadata"), &base);
    const struct list_meta *meta = field_at(meta_field, (char *)list + base);
    base = 0;
    const struct any_vec *items = field_at(type_field(t, STR("items"), &base), (char *)list + base);
    *more = meta->continue_;
    str_to_i64(meta->resource_version, &out->revision);
    for (size_t i = 0; i < items->n; i++) {
        void *typed = (char *)items->at + i * kind->type->size;
        _cleanup_object_ struct object *o = object_new(kind, typed);
        int64_t revision;
        if (str_to_i64(resource_meta(kind, typed)->resource_version, &revision) && revision > 0)
            object_commit(o, revision);
        objects_add(out, cap, o);
    }
    return 0;
}

int remote_list(struct client *c, const struct resource *kind, struct str ns,
                const struct client_list_options *o, struct objects *out, struct err *err)
{
    struct remote *r = remote_of(c);
    static const struct http_header accept = {STR_INIT("accept"), STR_INIT("application/json")};
    _cleanup_arena_ struct arena pages = {0}; /* of `more` */
    _cleanup_buf_ struct buf url = {0};
    *out = (struct objects){0};
    size_t cap = 0;
    struct str more = {0};
    do {
        remote_url(r, kind, ns, (struct str){0}, (struct str){0}, &url);
        remote_query(&url, "labelSelector", o->label_selector);
        remote_query(&url, "fieldSelector", o->field_selector);
        remote_query(&url, "limit", arena_printf(&pages, "%d", PAGE));
        remote_query(&url, "continue", more);
        const struct fetch_request q = {
            .url = buf_str(&url), .headers = &accept, .n_headers = 1, .cancel = &r->cancel};
        _cleanup_fetch_response_ struct fetch_response answer = {0};
        _cleanup_arena_ struct arena page = {0};
        if (remote_do(r, &q, &answer, err) < 0 ||
            list_page(&page, kind, answer.body, out, &cap, &more, err) < 0) {
            objects_clear(out);
            return -1;
        }
        more = arena_str(&pages, more);
    } while (!str_empty(more));
    return 0;
}

/* --- making one --- */

static void remote_free(struct client *c)
{
    struct remote *r = remote_of(c);
    fetch_free(r->fetch);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->cond);
    arena_free(&r->arena);
    free(r);
}

static const struct transport remote_transport = {
    .call = remote_call,
    .list = remote_list,
    .follow = remote_follow,
    .stop = remote_stop,
    .free = remote_free,
};

int client_remote(const struct client_config *config, struct client **out, struct err *err)
{
    struct remote *r = mem_zalloc(sizeof *r);
    const char *manager = config->manager ? config->manager : "sagong";
    r->manager = arena_str(&r->arena, str_from(manager));
    const struct fetch_options options = {
        .ca_pem = config->ca_pem,
        .cert_pem = config->cert_pem,
        .key_pem = config->key_pem,
        .token = config->token,
        .insecure = config->insecure,
        .user_agent = r->manager.p,
    };
    if (fetch_new(&options, &r->fetch, err) < 0) {
        arena_free(&r->arena);
        free(r);
        return -1;
    }
    r->server = arena_str(&r->arena, config->server);
    while (str_ends(r->server, STR("/")))
        r->server.n--;
    client_init(&r->client, &remote_transport);
    pthread_mutex_init(&r->mutex, NULL);
    thread_cond_init(&r->cond);
    *out = &r->client;
    return 0;
}

int client_remote_from(const char *kubeconfig, struct str context, const char *manager, struct client **out,
                       struct err *err)
{
    _cleanup_kubeconfig_ struct kubeconfig k = {0};
    if (kubeconfig_read(kubeconfig, context, &k, err) < 0)
        return -1;
    const struct client_config config = {
        .server = k.server,
        .ca_pem = k.ca_pem,
        .cert_pem = k.cert_pem,
        .key_pem = k.key_pem,
        .token = k.token,
        .insecure = k.insecure,
        .manager = manager,
    };
    return client_remote(&config, out, err);
}

void client_remote_set_token(struct client *c, struct str token)
{
    fetch_set_token(remote_of(c)->fetch, token);
}
