#include "server/server.h"

#include <stdlib.h>

#include "api/resources.h"
#include "base/clock.h"
#include "base/random.h"
#include "cel/cel.h"
#include "server/access/bearer.h"
#include "server/access/guard.h"
#include "server/access/impersonate.h"
#include "server/access/legacy_tokens.h"
#include "server/access/reviews.h"
#include "server/aggregation/aggregator.h"
#include "server/audit/audit.h"
#include "server/bootstrap.h"
#include "server/deadline.h"
#include "server/discovery/discovery.h"
#include "server/discovery/openapi.h"
#include "server/internal.h"
#include "server/measure.h"
#include "server/status.h"
#include "server/stream/stream.h"
#include "server/watch.h"
#include "server/webhook/webhooks.h"

#define LOG_PART "server"
#include "base/log.h"

/* What a webhook may answer when it converts a list. */
enum { CONVERTED_MOST = 64 * 1024 * 1024 };

/* --- a request's way in --- */

static int authenticate(struct request *q, struct err *err)
{
    struct server *s = q->server;
    struct str der = http_peer_certificate(q->http), token;
    if (front_proxy_user(s->front_proxy, q->arena, q->http, &q->user))
        return 0;
    if (!str_empty(der))
        return authn_certificate(s->authn, q->arena, der, &q->user, err);
    if (bearer_token(q->arena, q->http, &token, err) < 0)
        return -1;
    if (!str_empty(token))
        return authn_token(s->authn, q->arena, token, &q->user, &q->waiter, err);
    if (http_peer_problem(q->http)) {
        log_debug("unauthenticated: client certificate: %s", http_peer_problem(q->http));
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    }
    return authn_anonymous(s->authn, q->route.path, &q->user, err);
}

struct attributes request_attributes(const struct request *q)
{
    const struct route *r = &q->route;
    return (struct attributes){.user = &q->user,
                               .verb = r->verb,
                               .is_resource = r->is_resource,
                               .group = r->group,
                               .version = r->version,
                               .resource = r->resource,
                               .subresource = r->subresource,
                               .ns = r->ns,
                               .name = r->name,
                               .path = r->path};
}

/* Takes a seat among the requests in flight. What runs for long is not limited, as upstream. */
static int admit(struct request *q, struct err *err)
{
    struct server *s = q->server;
    if (route_long_running(&q->route))
        return 0;
    struct attributes a = request_attributes(q);
    int rc = s->flow ? flow_enter(s->flow, &q->ticket, &a, q->arena, &q->waiter, err) : 0;
    if (rc == 0 && !q->counted) {
        atomic_fetch_add(route_read_only(&q->route) ? &s->reading : &s->mutating, 1);
        q->counted = true;
    }
    return rc;
}

/* For the audit log. */
static void note_decision(struct request *q, const struct attributes *a, bool allowed)
{
    _cleanup_buf_ struct buf why = {0};
    authz_decide(q->server->authz, a, &why, NULL);
    q->decision = allowed ? STR("allow") : STR("forbid");
    q->decision_reason = arena_str(q->arena, buf_str(&why));
}

static int authorize(struct request *q, struct err *err)
{
    const struct route *r = &q->route;
    struct attributes a = request_attributes(q);
    if (str_is(r->verb, "list") || str_is(r->verb, "watch") || str_is(r->verb, "deletecollection")) {
        a.field_selector = query_get(&q->query, "fieldSelector");
        a.label_selector = query_get(&q->query, "labelSelector");
    }
    int64_t began = clock_mono();
    int rc = authz_check(q->server->authz, &a, &q->waiter, err);
    if (rc <= 0 && !q->allowed) {
        measure_authorization(rc < 0 ? "denied" : "allowed", clock_mono() - began);
        q->allowed = true;
    }
    if (q->audit && rc <= 0)
        note_decision(q, &a, rc == 0);
    return rc;
}

static int parse(struct request *q, struct err *err)
{
    struct http_request *r = q->http;
    if (query_parse(q->arena, http_query(r), &q->query) < 0)
        return err_set(err, ERR_BAD_REQUEST, "the query string is malformed");
    if (route_parse(q->arena, http_method(r), http_path(r), &q->query, &q->route) < 0)
        return err_set(err, ERR_BAD_REQUEST, "the path is malformed");
    return 0;
}

/* By the client's own Audit-ID, where it sends one, so that it finds the request again. */
static void number(struct request *q)
{
    struct str given = http_header_get(q->http, STR("audit-id"));
    if (given.n > 0 && given.n <= 64) {
        q->audit_id = given;
        return;
    }
    char *id = arena_alloc(q->arena, 37);
    random_uuid(id);
    q->audit_id = str_slice(id, 36);
}

/* On the thread of whoever answered. */
static void handle_woken(struct waiter *w)
{
    struct request *q = container_of(w, struct request, waiter);
    loop_post(q->loop, &q->task);
}

/* In upstream's words. */
static int not_noted(struct request *q, struct err *err)
{
    struct str query = http_query(q->http);
    return err_set(err, ERR_INTERNAL,
                   "Internal Server Error: \"" STR_FMT "%s" STR_FMT "\": failed to store audit event",
                   STR_ARG(q->route.path), query.n ? "?" : "", STR_ARG(query));
}

/* Who it is and what they may: some have to be asked, then this is begun anew once they have answered. */
static int enter(struct request *q, struct err *err)
{
    int64_t began = clock_mono();
    int rc = authenticate(q, err);
    if (rc <= 0 && !q->known) {
        measure_authentication(rc < 0 ? "error" : "success", rc < 0 ? STR("") : q->user.name,
                               clock_mono() - began);
        q->known = true;
    }
    if (rc == 0) {
        rc = audit_begin(q->server->audit, q);
        if (rc)
            return rc < 0 ? not_noted(q, err) : rc;
    } else if (rc < 0)
        audit_unauthenticated(q->server->audit, q);
    rc = rc ? rc : impersonate(q->server->authz, q->arena, q->http, &q->user, &q->waiter, err);
    rc = rc ? rc : admit(q, err);
    rc = rc ? rc : authorize(q, err);
    return rc ? rc : stream_authorize(q, err);
}

static void handle_on(struct loop_task *task)
{
    struct request *q = container_of(task, struct request, task);
    _cleanup_err_ struct err err = {0};
    int rc = enter(q, &err);
    if (rc > 0)
        return;
    if (rc == 0 && route_long_running(&q->route))
        request_stays(q);
    if (rc < 0)
        request_error(q, &err);
    else if (aggregator_handle(q->server->aggregator, q))
        return;
    else if (q->route.is_resource)
        resource_handle(q);
    else
        endpoint_handle(q);
}

static void handle(void *arg, struct http_request *r)
{
    struct arena *a = http_arena(r);
    struct request *q = arena_new(a, struct request);
    q->server = arg;
    q->http = r;
    q->arena = a;
    q->loop = http_loop(r);
    q->began = clock_mono();
    number(q);

    q->waiter.wake = handle_woken;
    q->task.run = handle_on;

    _cleanup_err_ struct err err = {0};
    if (parse(q, &err) < 0)
        request_error(q, &err);
    else if (!request_preflight(q))
        handle_on(&q->task);
}

/* --- what the API asks of us --- */

static int hook_guard(void *arg, struct api_request *r, struct object *before, const void *typed,
                      struct err *err)
{
    struct server *s = arg;
    return guard_write(s->authz, s->api, r, before, typed, err);
}

static int hook_answer(void *arg, struct api_request *r, const struct resource *type, void *typed,
                       struct err *err)
{
    struct server *s = arg;
    return reviews_answer(s->authn, s->authz, r, type, typed, err);
}

static int hook_sign_token(void *arg, const struct api_token_claims *c, struct arena *a, struct str *token,
                           struct err *err)
{
    struct server *s = arg;
    struct service_account_claims claims = {
        .issuer = s->issuer,
        .audiences = c->audiences.n ? c->audiences.at : s->audiences.at,
        .n_audiences = c->audiences.n ? c->audiences.n : s->audiences.n,
        .issued_at = c->issued_s,
        .not_before = c->issued_s,
        .expires = c->expires_s,
        .warn_after = c->warn_after_s,
        .ns = c->ns,
        .account = {c->service_account, c->uid},
    };
    struct object_ref bound = {c->bound_name, c->bound_uid};
    if (str_is(c->bound_kind, "Pod"))
        claims.pod = bound;
    else if (str_is(c->bound_kind, "Secret"))
        claims.secret = bound;
    else if (str_is(c->bound_kind, "Node"))
        claims.node = bound;
    if (!str_empty(c->node_name))
        claims.node = (struct object_ref){c->node_name, c->node_uid};
    _cleanup_buf_ struct buf text = {0};
    if (service_account_issue(s->key, &claims, &text, err) < 0)
        return -1;
    *token = arena_str(a, buf_str(&text));
    return 0;
}

/* The user of a check: whoever sent the request, or a service account. */
static const struct user *user_of_check(const struct api_request *r, const struct cel_authz_check *check)
{
    if (!check->service_account.n)
        return r->user;
    struct arena *a = r->arena;
    struct user *u = arena_new(a, struct user);
    u->name = arena_printf(a, "system:serviceaccount:" STR_FMT ":" STR_FMT,
                           STR_ARG(check->service_account_ns), STR_ARG(check->service_account));
    u->groups.at = arena_new_n(a, struct str, 3);
    u->groups.at[u->groups.n++] = STR("system:serviceaccounts");
    u->groups.at[u->groups.n++] =
        arena_printf(a, "system:serviceaccounts:" STR_FMT, STR_ARG(check->service_account_ns));
    u->groups.at[u->groups.n++] = STR("system:authenticated");
    return u;
}

static void hook_authorize(void *arg, struct api_request *r, const struct cel_authz_check *check,
                           struct cel_authz_answer *answer)
{
    struct server *s = arg;
    struct attributes a = {.user = user_of_check(r, check),
                           .verb = check->verb,
                           .is_resource = !check->path.n,
                           .group = check->group,
                           .version = check->version.n ? check->version : STR("*"),
                           .resource = check->resource,
                           .subresource = check->subresource,
                           .ns = check->ns,
                           .name = check->name,
                           .field_selector = check->field_selector,
                           .label_selector = check->label_selector,
                           .path = check->path};
    enum authz_decision d = authz_ask(s->authz, r, &a, &answer->reason);
    answer->allowed = d == AUTHZ_ALLOW;
    answer->waits = d == AUTHZ_WAIT;
}

/* --- start and stop --- */

static void called(struct webhook_call *c)
{
    latch_set(c->arg);
}

static int hook_call_webhook(void *arg, const struct api_webhook *w, struct buf *answer, struct err *err)
{
    struct server *s = arg;
    struct latch latch;
    latch_init(&latch);
    struct webhook_call c = {
        .target = {.url = w->url,
                   .service_namespace = w->service_namespace,
                   .service_name = w->service_name,
                   .service_path = w->service_path,
                   .service_port = w->service_port,
                   .ca_bundle = w->ca_bundle},
        .body = w->body,
        .timeout_ns = w->timeout_s * CLOCK_S,
        .max_body = CONVERTED_MOST,
        .done = called,
        .arg = &latch,
    };
    webhook_call_start(s->webhook_client, &c);
    latch_wait(&latch, INT64_MAX);
    latch_destroy(&latch);
    int rc = c.rc;
    if (rc < 0)
        err_move(err, &c.err);
    else
        buf_add_str(answer, c.answer);
    webhook_call_clear(&c);
    return rc;
}

static void resources_changed(void *arg)
{
    watches_look(arg);
}

static void publish_trust(void *arg)
{
    struct server *s = arg;
    _cleanup_err_ struct err err = {0};
    if (!atomic_load(&s->stopping) && bootstrap_publish(s->api, &s->trust, &err) < 0)
        log_warn("publishing whom to trust: " STR_FMT, STR_ARG(err.message));
}

/* Ours, behind those that we believe ourselves. */
static struct str_vec with(struct arena *a, struct str_vec theirs, struct str ours)
{
    struct str_vec v = {arena_new_n(a, struct str, theirs.n + 1), 0};
    bool there = false;
    for (size_t i = 0; i < theirs.n; i++) {
        there |= str_eq_fold(theirs.at[i], ours);
        v.at[v.n++] = arena_str(a, theirs.at[i]);
    }
    if (!there)
        v.at[v.n++] = ours;
    return v;
}

/* What extension servers are told: our own front proxy, and those who are believed here. */
static void make_trust(struct server *s)
{
    struct server_options *o = &s->options;
    const struct front_proxy_options *p = &o->front_proxies;
    struct arena *a = &s->arena;
    s->trust = (struct published_trust){
        .client_ca_pem = s->client_ca_pem,
        .front_proxy_ca_pem = arena_concat(a, p->ca_pem, o->front_proxy_ca_pem),
        .username_headers = with(a, p->username_headers, STR("X-Remote-User")),
        .group_headers = with(a, p->group_headers, STR("X-Remote-Group")),
        .uid_headers = with(a, p->uid_headers, STR("X-Remote-Uid")),
        .extra_prefixes = with(a, p->extra_prefixes, STR("X-Remote-Extra-")),
    };
    if (!p->ca_pem.n || p->allowed_names.n)
        s->trust.allowed_names = with(a, p->allowed_names, STR("front-proxy-client"));
}

/* "max-age=N", "includeSubDomains", "preload" (RFC 6797). */
static int read_transport_security(struct server *s, struct str directives, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    struct str one;
    uint64_t n;
    while (str_cut(&directives, ',', &one)) {
        one = str_trim(one);
        bool age =
            str_starts(one, STR("max-age=")) && str_to_u64(str_from_at(one, sizeof "max-age=" - 1), &n);
        if (!age && !str_is(one, "includeSubDomains") && !str_is(one, "preload"))
            return err_set(err, ERR_BAD_REQUEST,
                           "--strict-transport-security-directives invalid, allowed values: "
                           "max-age=expireTime, includeSubDomains, preload. see "
                           "https://tools.ietf.org/html/rfc6797#section-6.1 for more information");
        buf_addf(&b, "%s" STR_FMT, b.n ? "; " : "", STR_ARG(one));
    }
    s->transport_security = arena_str(&s->arena, buf_str(&b));
    return 0;
}

static int start_parts(struct server *s, struct err *err)
{
    struct server_options *o = &s->options;
    if ((o->cors_allowed_origins.n && cors_new(o->cors_allowed_origins, &s->cors, err) < 0) ||
        read_transport_security(s, o->strict_transport_security, err) < 0)
        return -1;
    if (o->front_proxies.ca_pem.n && front_proxy_new(&o->front_proxies, &s->front_proxy, err) < 0)
        return -1;
    if (jwt_key_parse(o->service_account_key_pem, &s->key, err) < 0)
        return err_wrap(err, "the service account key");
    struct authn_options authn = {
        .store = s->store,
        .service_accounts = {.keys = (struct jwt_key *const *)&s->key,
                             .n_keys = 1,
                             .issuers = s->issuers.at,
                             .n_issuers = s->issuers.n,
                             .audiences = s->audiences.at,
                             .n_audiences = s->audiences.n},
        .token_csv = o->token_csv,
        .config = o->authentication,
        .token_webhook = o->token_webhook,
        .legacy = s->legacy_tokens = legacy_tokens_new(s->api),
    };
    struct authz_options authz = {
        .store = s->store, .config = o->authorization, .abac_policies = o->abac_policies};
    if (authn_new(&authn, &s->authn, err) < 0 || authz_new(&authz, &s->authz, err) < 0)
        return -1;
    api_set_hooks(s->api, &(struct api_hooks){.arg = s,
                                              .guard = hook_guard,
                                              .answer = hook_answer,
                                              .sign_token = hook_sign_token,
                                              .call_webhook = hook_call_webhook,
                                              .authorize = hook_authorize});
    api_resources_changed(s->api, resources_changed, s);
    struct http_client_options kubelets = {
        .ca_pem = o->kubelet_ca_pem, .cert_pem = o->kubelet_cert_pem, .key_pem = o->kubelet_key_pem};
    struct http_client_options proxied = {.insecure = true};
    if (http_client_new(&proxied, &s->proxied, err) < 0 || http_client_new(&kubelets, &s->kubelets, err) < 0)
        return -1;
    s->metrics = metrics_new();
    s->discovery = discovery_new(s->api);
    s->deadlines =
        deadlines_new(o->loops, o->n_loops, o->request_timeout_ns ? o->request_timeout_ns : 60 * CLOCK_S);
    s->openapi = openapi_cache_new(s->api);
    make_trust(s);
    struct bootstrap_options bootstrap = {.trust = s->trust, .volumes_dir = o->volumes_dir};
    if (bootstrap_run(s->api, &bootstrap, err) < 0 ||
        (o->max_in_flight > 0 && flow_new(s->store, (uint32_t)o->max_in_flight, &s->flow, err) < 0) ||
        webhook_client_new(s->store, &s->webhook_client, err) < 0)
        return -1;
    if ((o->audit.log.path || o->audit.webhook) && audit_new(&o->audit, &s->audit, err) < 0)
        return -1;
    s->webhooks = webhooks_new(s->api, s->webhook_client);
    legacy_tokens_start(s->legacy_tokens);
    struct aggregator_options aggregator = {.api = s->api,
                                            .cert_pem = o->front_proxy_cert_pem,
                                            .key_pem = o->front_proxy_key_pem,
                                            .publish = publish_trust,
                                            .arg = s};
    return aggregator_start(&aggregator, &s->aggregator, err);
}

static int start_http(struct server *s, struct err *err)
{
    struct http_server_options o = {
        .listen = s->options.listen,
        .loops = s->options.loops,
        .n_loops = s->options.n_loops,
        .cert_pem = s->options.cert_pem,
        .key_pem = s->options.key_pem,
        .client_ca_pem = s->options.client_ca_pem,
        .proxy_ca_pem = s->options.front_proxies.ca_pem,
        .handle = handle,
        .arg = s,
        .render_error = status_render_json,
    };
    return http_server_start(&o, &s->http, err);
}

static struct str_vec copy_words(struct arena *a, struct str_vec from)
{
    struct str_vec v = {arena_new_n(a, struct str, from.n), from.n};
    for (size_t i = 0; i < from.n; i++)
        v.at[i] = arena_str(a, from.at[i]);
    return v;
}

int server_start(const struct server_options *o, struct server **out, struct err *err)
{
    struct server *s = mem_zalloc(sizeof *s);
    s->options = *o;
    pthread_mutex_init(&s->streams_mutex, NULL);
    s->api = o->api;
    s->store = api_store(o->api);
    static struct str usual = STR_INIT("https://kubernetes.default.svc.cluster.local");
    s->issuers = copy_words(&s->arena, o->issuers.n ? o->issuers : (struct str_vec){&usual, 1});
    s->audiences = o->audiences.n ? copy_words(&s->arena, o->audiences) : s->issuers;
    s->issuer = s->issuers.at[0];
    s->jwks_uri = arena_str(&s->arena, o->jwks_uri);
    s->client_ca_pem = arena_str(&s->arena, o->client_ca_pem);
    if (!o->max_in_flight)
        s->options.max_in_flight = 600;
    if (start_parts(s, err) < 0 || start_http(s, err) < 0) {
        server_free(s);
        return -1;
    }
    atomic_store(&s->ready, true);
    *out = s;
    return 0;
}

void server_stop(struct server *s, int64_t deadline)
{
    atomic_store(&s->stopping, true);
    audit_hurry(s->audit);
    watches_look(s);
    aggregator_stop(s->aggregator);
    http_server_stop(s->http, deadline);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    authz_free(s->authz); /* these wake requests that wait, so they go before them */
    authn_free(s->authn);
    flow_free(s->flow);
    if (s->http)
        http_server_free(s->http);
    legacy_tokens_stop(s->legacy_tokens);
    aggregator_free(s->aggregator); /* its thread asks the API */
    api_resources_changed(s->api, NULL, NULL);
    api_set_hooks(s->api, &(struct api_hooks){0});
    webhooks_free(s->webhooks);
    webhook_client_free(s->webhook_client);
    http_client_free(s->kubelets);
    http_client_free(s->proxied);
    openapi_cache_free(s->openapi);
    discovery_free(s->discovery);
    deadlines_free(s->deadlines);
    metrics_free(s->metrics);
    audit_free(s->audit);
    cors_free(s->cors);
    front_proxy_free(s->front_proxy);
    if (s->key)
        jwt_key_free(s->key);
    pthread_mutex_destroy(&s->streams_mutex);
    arena_free(&s->arena);
    free(s);
}

int server_port(const struct server *s)
{
    return http_server_port(s->http);
}

int server_reload(struct server *s, struct str cert_pem, struct str key_pem, struct err *err)
{
    return http_server_reload(s->http, cert_pem, key_pem, s->client_ca_pem, err);
}
