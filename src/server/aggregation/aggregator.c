#include "server/aggregation/aggregator.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/thread.h"
#include "http/fetch.h"
#include "schema/value.h"
#include "server/aggregation/api_services.h"
#include "server/aggregation/remote_api.h"
#include "server/internal.h"
#include "server/service_address.h"
#include "server/stream/relay.h"

#define LOG_PART "aggregator"
#include "base/log.h"

#define CHECK_NS       (6 * CLOCK_S) /* as long as upstream waits for discovery */
#define RECHECK_NS     (10 * CLOCK_S)
#define RECHECK_BAD_NS CLOCK_S
#define OPENAPI_NS     (60 * CLOCK_S) /* how often its documents are asked for, as upstream */
enum { RESOURCES_MAX = 4 << 20, OPENAPI_MAX = 16 << 20, URL_MAX = 1024, HEADERS_MAX = 200 };

/* An APIService that another server has. */
struct remote {
    struct remote *next;
    struct remote_api api;      /* in `arena` */
    struct http_client *client; /* NULL: its options make no sense */
    struct arena arena;
    bool available;
    struct buf resources;
    struct buf openapi, openapi_etag, openapi_v3_url;
    int64_t openapi_due; /* clock_mono: when to ask again */
    bool seen;           /* in this round */
};

struct aggregator {
    struct api *api;
    struct store *store;
    struct str cert_pem, key_pem;
    struct fetch *fetch, *insecure; /* for checks */
    struct fetch_cancel cancel;
    pthread_t thread;
    bool started;
    struct latch wake;
    _Atomic bool stopping;
    /* Of APIServices, of what makes groups of our own, and of what extension servers read. */
    struct watch *watches[3];
    void (*publish)(void *arg);
    void *publish_arg;
    _Atomic size_t n_remotes;
    pthread_mutex_t mutex; /* guards all below */
    struct remote *remotes;
    struct remote_set *set;
    uint64_t generation;
    struct arena arena; /* of the options */
};

/* --- what others serve --- */

void remote_set_unref(struct remote_set *set)
{
    if (!set || atomic_fetch_sub(&set->refs, 1) > 1)
        return;
    arena_free(&set->arena);
    free(set);
}

struct remote_set *aggregator_remotes(struct aggregator *g)
{
    if (!g || !atomic_load(&g->n_remotes))
        return NULL;
    _lock_(&g->mutex);
    if (g->set)
        atomic_fetch_add(&g->set->refs, 1);
    return g->set;
}

static void publish(struct aggregator *g)
{
    _lock_(&g->mutex);
    struct remote_set *set = mem_zalloc(sizeof *set);
    size_t n = 0;
    for (struct remote *r = g->remotes; r; r = r->next)
        n++;
    struct remote_version *at = arena_new_n(&set->arena, struct remote_version, n);
    set->refs = 1;
    set->generation = ++g->generation;
    set->at = at;
    for (struct remote *r = g->remotes; r; r = r->next)
        at[set->n++] = (struct remote_version){
            .group = arena_str(&set->arena, r->api.group),
            .version = arena_str(&set->arena, r->api.version),
            .group_priority = r->api.group_priority,
            .version_priority = r->api.version_priority,
            .available = r->available,
            .resources = arena_str(&set->arena, buf_str(&r->resources)),
            .openapi = arena_str(&set->arena, buf_str(&r->openapi)),
            .openapi_v3_url = arena_str(&set->arena, buf_str(&r->openapi_v3_url)),
        };
    remote_set_unref(g->set);
    g->set = set;
    atomic_store(&g->n_remotes, n);
}

static void remote_free(struct remote *r)
{
    http_client_free(r->client);
    buf_free(&r->resources);
    buf_free(&r->openapi);
    buf_free(&r->openapi_etag);
    buf_free(&r->openapi_v3_url);
    arena_free(&r->arena);
    free(r);
}

/* Takes over an APIService as it is now; true when that differs from what was known. */
static bool take(struct aggregator *g, struct object *o)
{
    _cleanup_arena_ struct arena a = {0};
    struct remote_api now;
    if (!remote_api_of(&a, o, &now))
        return false;
    _lock_(&g->mutex);
    struct remote *r = g->remotes;
    while (r && !str_eq(r->api.name, now.name))
        r = r->next;
    if (r && remote_api_same(&r->api, &now)) {
        r->seen = true;
        return false;
    }
    if (!r) {
        r = mem_zalloc(sizeof *r);
        r->next = g->remotes;
        g->remotes = r;
    }
    http_client_free(r->client);
    r->client = NULL;
    arena_reset(&r->arena);
    remote_api_of(&r->arena, o, &r->api);
    r->seen = true;
    r->available = false;
    r->openapi_due = 0;
    _cleanup_err_ struct err err = {0};
    struct http_client_options options = {.ca_pem = r->api.ca_bundle,
                                          .cert_pem = g->cert_pem,
                                          .key_pem = g->key_pem,
                                          .insecure = r->api.insecure};
    if (http_client_new(&options, &r->client, &err) < 0)
        log_warn("APIService " STR_FMT ": " STR_FMT, STR_ARG(r->api.name), STR_ARG(err.message));
    return true;
}

/* --- whether they can be reached --- */

/* What a check found; strings in its arena. */
struct finding {
    bool available;
    const char *reason;
    struct str message;
    struct buf resources;
    struct str address;
    struct arena arena;
};

static void find_fault(struct finding *f, const char *reason, struct str message)
{
    f->reason = reason;
    f->message = message;
}

/* Asks it for one of its own documents, as upstream's aggregator asks. */
static int ask(struct aggregator *g, const struct remote_api *api, struct finding *f, const char *user,
               struct str path, struct str etag, size_t most, struct fetch_response *out, struct err *err)
{
    struct http_header headers[] = {
        {STR_INIT("x-remote-user"), str_from(user)},
        {STR_INIT("x-remote-group"), STR_INIT("system:masters")},
        {STR_INIT("accept"), STR_INIT("application/json")},
        {STR_INIT("if-none-match"), etag},
    };
    struct fetch_request q = {.url = arena_printf(&f->arena, "https://" STR_FMT ":%d" STR_FMT,
                                                  STR_ARG(api->server_name), api->port, STR_ARG(path)),
                              .headers = headers,
                              .n_headers = ARRAY_LEN(headers) - !etag.n,
                              .connect_ns = CHECK_NS,
                              .timeout_ns = CHECK_NS,
                              .max_body = most,
                              .cancel = &g->cancel,
                              .ca_pem = api->ca_bundle,
                              .connect_to = f->address};
    return fetch_do(api->insecure ? g->insecure : g->fetch, &q, out, err);
}

/* Its own word for what it serves. */
static void check_discovery(struct aggregator *g, const struct remote_api *api, struct finding *f)
{
    struct arena *a = &f->arena;
    struct str path =
        arena_printf(a, "/apis/" STR_FMT "/" STR_FMT, STR_ARG(api->group), STR_ARG(api->version));
    struct str shown = arena_printf(a, "https://" STR_FMT STR_FMT, STR_ARG(f->address), STR_ARG(path));
    _cleanup_fetch_response_ struct fetch_response r = {0};
    _cleanup_err_ struct err err = {0};
    const char *refusal = "FailedDiscoveryCheck";
    if (ask(g, api, f, "system:kube-aggregator", path, STR(""), RESOURCES_MAX, &r, &err) < 0)
        find_fault(f, refusal,
                   arena_printf(a, "failing or missing response from " STR_FMT ": " STR_FMT, STR_ARG(shown),
                                STR_ARG(err.message)));
    else if (r.status < 200 || r.status > 299)
        find_fault(
            f, refusal,
            arena_printf(a, "failing or missing response from " STR_FMT ": bad status from " STR_FMT ": %d",
                         STR_ARG(shown), STR_ARG(shown), r.status));
    else {
        buf_add_str(&f->resources, r.body);
        f->available = true;
        find_fault(f, "Passed", STR("all checks passed"));
    }
}

static void check(struct aggregator *g, const struct remote_api *api, struct finding *f)
{
    _cleanup_err_ struct err err = {0};
    if (remote_api_fault(g->store, &f->arena, api, &f->reason, &f->message))
        return;
    if (service_address(g->store, &f->arena, api->service_namespace, api->service_name, api->port,
                        &f->address, &err) < 0)
        find_fault(f, "MissingEndpoints",
                   arena_printf(&f->arena,
                                "endpoints for service/" STR_FMT " in \"" STR_FMT
                                "\" have no addresses with port name \"" STR_FMT "\"",
                                STR_ARG(api->service_name), STR_ARG(api->service_namespace),
                                STR_ARG(remote_api_port_name(g->store, &f->arena, api))));
    else
        check_discovery(g, api, f);
}

/* --- what they say of themselves --- */

static struct remote *find(struct aggregator *g, struct str name)
{
    struct remote *r = g->remotes;
    while (r && !str_eq(r->api.name, name))
        r = r->next;
    return r;
}

/* True when it is another text now. */
static bool replace(struct buf *b, struct str text)
{
    if (str_eq(buf_str(b), text))
        return false;
    b->n = 0;
    buf_add_str(b, text);
    return true;
}

/* The address of its document of version 3, which names the state that the document is of. */
static struct str v3_url(struct finding *f, const struct remote_api *api, struct str index)
{
    struct value v;
    struct str path =
        arena_printf(&f->arena, "apis/" STR_FMT "/" STR_FMT, STR_ARG(api->group), STR_ARG(api->version));
    struct str own = arena_printf(&f->arena, "/openapi/v3/" STR_FMT, STR_ARG(path));
    if (value_parse(&f->arena, index, &v, NULL) < 0)
        return (struct str){0};
    struct str url = value_get_str(value_get(value_get(&v, STR("paths")), path), STR("serverRelativeURL"));
    return str_starts(url, own) && url.n < URL_MAX ? url : (struct str){0};
}

/* Fetches its OpenAPI where that is due. True when others should know. Servers need not have any. */
static bool look_at_openapi(struct aggregator *g, const struct remote_api *api, struct finding *f)
{
    static const char user[] = "system:aggregator";
    struct str etag = {0};
    pthread_mutex_lock(&g->mutex);
    struct remote *r = find(g, api->name);
    bool due = r && r->openapi_due <= clock_mono();
    if (due) {
        r->openapi_due = clock_mono() + OPENAPI_NS;
        etag = arena_str(&f->arena, buf_str(&r->openapi_etag));
    }
    pthread_mutex_unlock(&g->mutex);
    if (!due)
        return false;
    _cleanup_fetch_response_ struct fetch_response v2 = {0}, v3 = {0};
    _cleanup_err_ struct err err = {0};
    bool has_v2 =
        ask(g, api, f, user, STR("/openapi/v2"), etag, OPENAPI_MAX, &v2, &err) == 0 && v2.status == 200;
    err_clear(&err);
    bool has_v3 =
        ask(g, api, f, user, STR("/openapi/v3"), STR(""), OPENAPI_MAX, &v3, &err) == 0 && v3.status == 200;
    struct str url = has_v3 ? v3_url(f, api, v3.body) : (struct str){0};
    bool changed = false;
    _lock_(&g->mutex);
    r = find(g, api->name);
    if (r && (has_v2 || v2.status == 404)) {
        replace(&r->openapi_etag, has_v2 ? fetch_header_get(&v2, STR("etag")) : STR(""));
        changed = replace(&r->openapi, has_v2 ? v2.body : STR(""));
    }
    if (r && (has_v3 || v3.status == 404))
        changed |= replace(&r->openapi_v3_url, url);
    return changed;
}

/* Takes over what a check found; true when others should know. */
static bool note(struct aggregator *g, const struct remote_api *api, struct finding *f)
{
    _lock_(&g->mutex);
    struct remote *r = find(g, api->name);
    if (!r)
        return false;
    bool changed = r->available != f->available;
    r->available = f->available;
    if (f->available && !str_eq(buf_str(&r->resources), buf_str(&f->resources))) {
        struct buf before = r->resources;
        r->resources = f->resources;
        f->resources = before;
        r->openapi_due = 0;
        changed = true;
    }
    return changed;
}

/* One APIService of another server, from its object to its status, which comes last: what it says holds. */
static bool look_after(struct aggregator *g, struct object *o)
{
    struct finding f = {0};
    struct remote_api api;
    bool changed = take(g, o), good = true;
    if (remote_api_of(&f.arena, o, &api)) {
        check(g, &api, &f);
        changed |= note(g, &api, &f);
        changed |= f.available && look_at_openapi(g, &api, &f);
        good = f.available;
        if (changed)
            publish(g);
        if (!atomic_load(&g->stopping))
            api_service_report(g->api, o, f.available, f.reason, f.message);
    }
    buf_free(&f.resources);
    arena_free(&f.arena);
    return good;
}

/* Those whose APIService is gone, or is ours now. */
static bool forget(struct aggregator *g)
{
    bool changed = false;
    _lock_(&g->mutex);
    for (struct remote **at = &g->remotes, *r; (r = *at);) {
        if (r->seen) {
            r->seen = false;
            at = &r->next;
            continue;
        }
        *at = r->next;
        remote_free(r);
        changed = true;
    }
    return changed;
}

/* All of them, once; when to look again. */
static int64_t round_of_checks(struct aggregator *g)
{
    struct watch_event ev;
    for (size_t i = 0; i < ARRAY_LEN(g->watches); i++)
        while (watch_next(g->watches[i], &ev)) /* so that it wakes us again */
            watch_event_clear(&ev);
    api_services_register(g->api);
    if (g->publish)
        g->publish(g->publish_arg);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(g->store);
    struct cursor c;
    bool good = true, any = false;
    cursor_open(&c, snap, store_table(g->store, remote_api_resource()), STR(""), STR(""), STR(""));
    for (struct object *o; !atomic_load(&g->stopping) && (o = cursor_next(&c));)
        if (remote_api_is(o)) {
            any = true;
            good &= look_after(g, o);
        }
    if (forget(g))
        publish(g);
    return any ? clock_mono() + (good ? RECHECK_NS : RECHECK_BAD_NS) : INT64_MAX;
}

static void run(void *arg)
{
    struct aggregator *g = arg;
    while (!atomic_load(&g->stopping)) {
        latch_reset(&g->wake);
        int64_t again = round_of_checks(g);
        if (!atomic_load(&g->stopping))
            latch_wait(&g->wake, again);
    }
}

static void woken(void *arg)
{
    latch_set(&((struct aggregator *)arg)->wake);
}

/* --- passing requests on --- */

/* Group and version that a request is for, its discovery and its OpenAPI among them; false: it is for none.
 */
static bool asks_for(const struct request *q, struct str *group, struct str *version)
{
    struct str path = str_from_at(q->route.path, 1), apis, rest;
    if (str_starts(path, STR("openapi/v3/")))
        path = str_from_at(path, sizeof "openapi/v3/" - 1);
    if (q->route.is_resource) {
        *group = q->route.group;
        *version = q->route.version;
        return !str_empty(*group);
    }
    return str_cut(&path, '/', &apis) && str_is(apis, "apis") && str_cut(&path, '/', group) &&
           str_cut(&path, '/', version) && (!str_cut(&path, '/', &rest) || str_empty(rest)) &&
           !str_empty(*version);
}

static void add(struct http_header *headers, size_t *n, struct str name, struct str value)
{
    if (*n < HEADERS_MAX)
        headers[(*n)++] = (struct http_header){name, value};
}

/* Who the user is, in the headers that the authentication config map of kube-system names. */
static size_t say_who(struct request *q, struct http_header *headers)
{
    const struct user *u = &q->user;
    size_t n = 0;
    add(headers, &n, STR("x-remote-user"), u->name);
    if (!str_empty(u->uid))
        add(headers, &n, STR("x-remote-uid"), u->uid);
    for (size_t i = 0; i < u->groups.n; i++)
        add(headers, &n, STR("x-remote-group"), u->groups.at[i]);
    for (size_t i = 0; i < u->n_extra; i++) {
        _cleanup_buf_ struct buf key = {0};
        encode_percent(&key, u->extra[i].key);
        struct str name = arena_printf(q->arena, "x-remote-extra-" STR_FMT, STR_ARG(buf_str(&key)));
        for (size_t v = 0; v < u->extra[i].values.n; v++)
            add(headers, &n, name, u->extra[i].values.at[v]);
    }
    add(headers, &n, STR("x-forwarded-for"), http_peer_address(q->http));
    add(headers, &n, STR("x-forwarded-host"), http_header_get(q->http, STR("host")));
    add(headers, &n, STR("x-forwarded-proto"), STR("https"));
    return n;
}

static void pass_on(struct request *q, struct remote *r, struct str address)
{
    struct str query = http_query(q->http);
    struct http_header *headers = arena_new_n(q->arena, struct http_header, HEADERS_MAX);
    size_t n = say_who(q, headers);
    relay_start(q,
                &(struct relay_options){
                    .client = r->client,
                    .url = arena_printf(q->arena, "https://" STR_FMT STR_FMT "%s" STR_FMT, STR_ARG(address),
                                        STR_ARG(q->route.path), query.n ? "?" : "", STR_ARG(query)),
                    .server_name = arena_str(q->arena, r->api.server_name),
                    .headers = headers,
                    .n_headers = n,
                    .identifies = true,
                    .unreachable = ERR_UNAVAILABLE,
                    .unreachable_text = "error trying to reach service",
                });
}

bool aggregator_handle(struct aggregator *g, struct request *q)
{
    struct str group, version;
    if (!g || !atomic_load(&g->n_remotes) || !asks_for(q, &group, &version))
        return false;
    pthread_mutex_lock(&g->mutex);
    struct remote *r = g->remotes;
    while (r && !(str_eq(r->api.group, group) && str_eq(r->api.version, version)))
        r = r->next;
    struct str address;
    _cleanup_err_ struct err err = {0};
    bool reachable = r && r->available && r->client &&
                     service_address(g->store, q->arena, r->api.service_namespace, r->api.service_name,
                                     r->api.port, &address, &err) == 0;
    if (reachable)
        pass_on(q, r, address); /* under the mutex: the client must not go before the call has begun */
    pthread_mutex_unlock(&g->mutex);
    if (r && !reachable)
        request_text(q, 503, STR("service unavailable\n"));
    return r;
}

/* --- start and stop --- */

int aggregator_start(const struct aggregator_options *o, struct aggregator **out, struct err *err)
{
    struct aggregator *g = mem_zalloc(sizeof *g);
    g->api = o->api;
    g->store = api_store(o->api);
    g->publish = o->publish;
    g->publish_arg = o->arg;
    g->cert_pem = arena_str(&g->arena, o->cert_pem);
    g->key_pem = arena_str(&g->arena, o->key_pem);
    pthread_mutex_init(&g->mutex, NULL);
    latch_init(&g->wake);
    struct fetch_options fetch = {
        .cert_pem = g->cert_pem, .key_pem = g->key_pem, .user_agent = "kube-aggregator"};
    struct fetch_options insecure = fetch;
    insecure.insecure = true;
    const struct resource *definitions =
        resource_find(STR("apiextensions.k8s.io"), STR("v1"), STR("customresourcedefinitions"));
    struct watch_selector services = {.table = store_table(g->store, remote_api_resource())},
                          kinds = {.table = store_table(g->store, definitions)},
                          trust = {.table = store_table(g->store,
                                                        resource_find(STR(""), STR("v1"), STR("configmaps"))),
                                   .ns = STR("kube-system"),
                                   .name = STR("extension-apiserver-authentication")};
    if (fetch_new(&fetch, &g->fetch, err) < 0 || fetch_new(&insecure, &g->insecure, err) < 0 ||
        store_watch(g->store, &services, store_revision(g->store), woken, g, &g->watches[0], err) < 0 ||
        store_watch(g->store, &kinds, store_revision(g->store), woken, g, &g->watches[1], err) < 0 ||
        store_watch(g->store, &trust, store_revision(g->store), woken, g, &g->watches[2], err) < 0) {
        aggregator_free(g);
        return -1;
    }
    g->thread = thread_start("aggregator", run, g);
    g->started = true;
    *out = g;
    return 0;
}

void aggregator_stop(struct aggregator *g)
{
    if (!g || !g->started)
        return;
    atomic_store(&g->stopping, true);
    fetch_cancel(g->fetch, &g->cancel);
    fetch_cancel(g->insecure, &g->cancel);
    latch_set(&g->wake);
    thread_join(g->thread);
    g->started = false;
}

void aggregator_free(struct aggregator *g)
{
    if (!g)
        return;
    aggregator_stop(g);
    for (size_t i = 0; i < ARRAY_LEN(g->watches); i++)
        if (g->watches[i])
            watch_close(g->watches[i]);
    fetch_free(g->fetch);
    fetch_free(g->insecure);
    for (struct remote *r; (r = g->remotes);) {
        g->remotes = r->next;
        remote_free(r);
    }
    remote_set_unref(g->set);
    latch_destroy(&g->wake);
    pthread_mutex_destroy(&g->mutex);
    arena_free(&g->arena);
    free(g);
}
