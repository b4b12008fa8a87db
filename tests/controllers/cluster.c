#include "cluster.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/thread.h"
#include "client/in_process.h"
#include "client/reconciler.h"
#include "controllers/kinds.h"
#include "schema/json.h"
#include "schema/timestamp.h"
#include "schema/value.h"

#define PATIENCE (30 * CLOCK_S) /* sanitizers on a busy machine are slow */
#define REST     (150 * CLOCK_MS)

struct cluster {
    struct store *store;
    struct api *api;
    struct client *client, *controllers_client;
    struct controllers *controllers;
    struct arena arena;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int64_t changes; /* guarded by mutex */
    int64_t seen;
    struct reconciler *kubelet;
    char node[64];
    _Atomic int addresses;
};

struct client *cluster_client(struct cluster *c)
{
    return c->client;
}

/* --- setting up --- */

static void on_change(void *arg, struct object *before, struct object *after)
{
    (void)before, (void)after;
    struct cluster *c = arg;
    _lock_(&c->mutex);
    c->changes++;
    pthread_cond_broadcast(&c->cond);
}

static int cluster_start(void **state, int64_t node_grace, bool legacy_tokens)
{
    struct cluster *c = mem_zalloc(sizeof *c);
    struct err err = {0};
    pthread_mutex_init(&c->mutex, NULL);
    thread_cond_init(&c->cond);
    assert_ok(store_open(&(struct store_options){0}, &c->store, &err), err);
    static struct str service_cidrs[] = {STR_INIT("10.96.0.0/12"), STR_INIT("fd00:96::/112")};
    struct api_options api = {.store = c->store, .service_cidrs = {service_cidrs, 2}};
    assert_ok(api_new(&api, &c->api, &err), err);
    assert_ok(api_bootstrap(c->api, &err), err);
    struct str masters = STR("system:masters");
    struct user tester = {.name = STR("tester"), .groups = {&masters, 1}};
    struct user manager = {.name = STR("system:kube-controller-manager")};
    c->client = client_in_process(c->api, &tester);
    c->controllers_client = client_in_process(c->api, &manager);
    const struct resource *r;
    for (size_t i = 0; (r = kind_stored(i)); i++)
        informer_handle(client_informer(c->client, r, NULL), on_change, c);
    informer_handle(client_informer(c->client, &event_resource, NULL), on_change, c);
    _cleanup_buf_ struct buf key = {0};
    assert_ok(jwt_key_make(false, &key, &err), err);
    static struct str cluster_cidrs[] = {STR_INIT("10.244.0.0/16"), STR_INIT("fd00:96::/56")};
    struct controllers_options o = {
        .token_key_pem = buf_str(&key),
        .legacy_tokens = legacy_tokens,
        .legacy_clean_up_ns = CLOCK_MS, /* where a test says since when uses are noted */
        .ca_pem = STR("-----BEGIN CERTIFICATE-----\n"),
        .cluster_cidrs = {cluster_cidrs, 2},
        .service_cidrs = {service_cidrs, 2},
        .cluster_dns = STR("10.96.0.10"),
        .node_grace_ns = node_grace,
        .terminated_pods_max = 5,
    };
    assert_ok(controllers_start(c->controllers_client, &o, &c->controllers, &err), err);
    /* pods need their service account */
    eventually(!str_empty(field(c, &service_account_resource, "default", "metadata.name")));
    *state = c;
    return 0;
}

int cluster_setup(void **state)
{
    return cluster_start(state, 0, false);
}

int cluster_setup_legacy(void **state)
{
    return cluster_start(state, 0, true);
}

int cluster_setup_impatient(void **state)
{
    return cluster_start(state, 300 * CLOCK_MS, false);
}

int cluster_teardown(void **state)
{
    struct cluster *c = *state;
    if (c->kubelet)
        informer_unhandle(client_informer(c->client, &pod_resource, NULL), reconciler_on_object, c->kubelet);
    reconciler_free(c->kubelet);
    controllers_stop(c->controllers);
    client_free(c->controllers_client);
    client_free(c->client);
    api_free(c->api);
    store_close(c->store);
    arena_free(&c->arena);
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->cond);
    free(c);
    return 0;
}

/* --- writing --- */

static struct str json_of(struct cluster *c, const char *fmt, va_list args)
{
    struct str s = arena_vprintf(&c->arena, fmt, args);
    for (char *p = (char *)s.p; p < s.p + s.n; p++)
        if (*p == '\'')
            *p = '"';
    return s;
}

void create(struct cluster *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str json = json_of(c, fmt, args);
    va_end(args);
    struct err err = {0};
    struct json_type_meta says;
    assert_ok(json_peek(&c->arena, json, &says, &err), err);
    const struct resource *r = resource_find_kind(says.api_version, says.kind);
    assert_non_null(r);
    void *typed = arena_alloc(&c->arena, r->type->size);
    assert_ok(json_decode(&c->arena, r->type, json, 0, typed, NULL, &err), err);
    struct object_meta *meta = resource_meta(r, typed);
    if ((r->flags & RESOURCE_NAMESPACED) && str_empty(meta->namespace))
        meta->namespace = STR("default");
    assert_ok(client_create(c->client, r, meta->namespace, typed, NULL, &err), err);
}

static void split(const struct resource *r, const char *name, struct str *ns, struct str *rest)
{
    *rest = str_from(name);
    *ns = r->flags & RESOURCE_NAMESPACED ? STR("default") : STR("");
    if (str_index(*rest, '/') >= 0)
        str_cut(rest, '/', ns);
}

void patch(struct cluster *c, const struct resource *r, const char *name, const char *sub, const char *fmt,
           ...)
{
    va_list args;
    va_start(args, fmt);
    struct str json = json_of(c, fmt, args);
    va_end(args);
    struct str ns, rest;
    split(r, name, &ns, &rest);
    struct err err = {0};
    assert_ok(client_patch(c->client, r, ns, rest, str_from(sub), PATCH_MERGE, json, NULL, &err), err);
}

void erase(struct cluster *c, const struct resource *r, const char *name, enum propagation how)
{
    struct str ns, rest;
    split(r, name, &ns, &rest);
    struct err err = {0};
    struct client_delete_options o = DELETE_OPTIONS_DEFAULT;
    o.propagation = how;
    assert_ok(client_delete(c->client, r, ns, rest, &o, &err), err);
}

/* --- reading --- */

/* The item of a list that [key=value] or [n] means. */
static const struct value *item(const struct value *list, struct str which)
{
    if (!list || list->kind != JSON_ARRAY)
        return NULL;
    struct str key, value = which;
    int64_t n;
    if (str_to_i64(which, &n))
        return n >= 0 && (size_t)n < list->list.n ? &list->list.at[n] : NULL;
    str_cut(&value, '=', &key);
    for (size_t i = 0; i < list->list.n; i++)
        if (str_eq(value_get_str(&list->list.at[i], key), value))
            return &list->list.at[i];
    return NULL;
}

static const struct value *walk(const struct value *v, struct str path)
{
    while (v && path.n) {
        size_t end = 0;
        if (path.p[0] == '[') {
            end = (size_t)str_index(path, ']');
            v = item(v, str_slice(path.p + 1, end - 1));
            path = str_from_at(path, end + 1);
        } else {
            /* a key with dots in it stands in braces: annotations.{a.b/c} */
            bool braces = path.p[0] == '{';
            while (end < path.n && (braces ? path.p[end] != '}' : path.p[end] != '.' && path.p[end] != '['))
                end++;
            v = value_get(v, braces ? str_slice(path.p + 1, end - 1) : str_slice(path.p, end));
            path = str_from_at(path, end + braces);
        }
        if (path.n && path.p[0] == '.')
            path = str_from_at(path, 1);
    }
    return v;
}

struct str field(struct cluster *c, const struct resource *r, const char *name, const char *path)
{
    struct str ns, rest;
    split(r, name, &ns, &rest);
    _cleanup_object_ struct object *o = NULL;
    if (client_get(c->client, r, ns, rest, &o, NULL) < 0)
        return STR("");
    struct value v;
    struct err err = {0};
    assert_ok(value_parse(&c->arena, arena_str(&c->arena, object_json(o)), &v, &err), err);
    const struct value *at = walk(&v, str_from(path));
    if (!at)
        return STR("");
    return at->kind == JSON_STRING ? at->s : value_json(&c->arena, at);
}

static const char *find(struct cluster *c, const struct resource *r, const char *prefix, int n, int *total)
{
    struct str ns, rest;
    split(r, prefix, &ns, &rest);
    _cleanup_objects_ struct objects all = {0};
    struct err err = {0};
    assert_ok(client_list(c->client, r, ns, NULL, &all, &err), err);
    const char *found = "";
    *total = 0;
    for (size_t i = 0; i < all.n; i++) {
        if (!str_starts(object_name(all.at[i]), rest))
            continue;
        if ((*total)++ == n)
            found = arena_printf(&c->arena, STR_FMT "%s" STR_FMT, STR_ARG(ns),
                                 r->flags & RESOURCE_NAMESPACED ? "/" : "", STR_ARG(object_name(all.at[i])))
                        .p;
    }
    return found;
}

const char *name_of(struct cluster *c, const struct resource *r, const char *prefix, int n)
{
    int total;
    return find(c, r, prefix, n, &total);
}

int count(struct cluster *c, const struct resource *r, const char *prefix)
{
    int total;
    find(c, r, prefix, -1, &total);
    return total;
}

bool cluster_has_event(struct cluster *c, const char *about, const char *reason, const char *pattern)
{
    _cleanup_objects_ struct objects all = {0};
    _cleanup_arena_ struct arena a = {0};
    informer_list(client_informer(c->client, &event_resource, NULL), STR(""), &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct event *e = object_typed(all.at[i]);
        if (str_is(e->involved_object.name, about) && str_is(e->reason, reason) &&
            fnmatch(pattern, arena_c(&a, e->message), 0) == 0)
            return true;
    }
    return false;
}

/* --- waiting --- */

int64_t cluster_deadline(void)
{
    return clock_mono() + PATIENCE;
}

bool cluster_wait_change(struct cluster *c, int64_t deadline)
{
    _lock_(&c->mutex);
    while (c->changes == c->seen)
        if (!thread_cond_wait(&c->cond, &c->mutex, deadline))
            return false;
    c->seen = c->changes;
    return true;
}

void cluster_rest(struct cluster *c)
{
    while (cluster_wait_change(c, clock_mono() + REST))
        ;
}

/* --- a node --- */

void pod_becomes(struct cluster *c, const char *name, const char *phase, bool ready)
{
    int address = ++c->addresses;
    char now[32] = {0};
    _cleanup_buf_ struct buf b = {0};
    time_write(&b, time_now());
    snprintf(now, sizeof now, STR_FMT, STR_ARG(buf_str(&b)));
    struct str ip = field(c, &pod_resource, name, "status.podIP");
    if (str_empty(ip))
        ip = arena_printf(&c->arena, "10.244.%d.%d", address / 250, address % 250 + 1);
    patch(c, &pod_resource, name, "status",
          "{'status':{'phase':'%s','podIP':'" STR_FMT "','podIPs':[{'ip':'" STR_FMT "'}],"
          "'conditions':[{'type':'Ready','status':'%s','lastTransitionTime':'%s'}]}}",
          phase, STR_ARG(ip), STR_ARG(ip), ready ? "True" : "False", now);
}

/* Binds, runs and ends one pod. */
static int run_pod(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                   struct err *err)
{
    (void)again_ns;
    struct cluster *c = arg;
    _cleanup_object_ struct object *o = NULL;
    if (client_get(c->client, &pod_resource, ns, name, &o, err) < 0)
        return err->reason == ERR_NOT_FOUND ? 0 : -1;
    const struct pod *pod = object_typed(o);
    if (pod->metadata.deletion_timestamp) {
        struct client_delete_options now = {.grace_s = 0};
        client_delete(c->client, &pod_resource, ns, name, &now, NULL);
        return 0;
    }
    if (str_empty(pod->spec.node_name)) {
        struct binding b = {.metadata = {.namespace = ns, .name = name},
                            .target = {.kind = STR("Node"), .name = str_from(c->node)}};
        return client_create_sub(c->client, &pod_resource, ns, name, STR("binding"), &binding_resource, &b,
                                 NULL, err);
    }
    if (!str_is(pod->spec.node_name, c->node) || !str_is(pod->status.phase, "Pending"))
        return 0;
    struct pod *p = object_copy(o, a);
    int address = ++c->addresses;
    bool ill = false;
    for (size_t i = 0; i < p->metadata.labels.n; i++)
        ill |= str_is(p->metadata.labels.at[i].key, "ill");
    struct pod_condition ready = {
        .type = STR("Ready"),
        .status = ill ? STR("False") : STR("True"),
        .last_transition_time = time_now(),
    };
    struct pod_ip ip = {arena_printf(a, "10.244.%d.%d", address / 250, address % 250 + 1)};
    p->status.phase = STR("Running");
    p->status.pod_ip = ip.ip;
    p->status.pod_ips.at = &ip;
    p->status.pod_ips.n = 1;
    p->status.conditions.at = &ready;
    p->status.conditions.n = 1;
    return client_update(c->client, &pod_resource, STR("status"), p, NULL, err);
}

void cluster_run_node(struct cluster *c, const char *name)
{
    snprintf(c->node, sizeof c->node, "%s", name);
    create(c, "{'kind':'Node','apiVersion':'v1','metadata':{'name':'%s'}}", name);
    patch(c, &node_resource, name, "status",
          "{'status':{'conditions':[{'type':'Ready','status':'True','lastHeartbeatTime':'2100-01-01T00:00:"
          "00Z'}]}}");
    c->kubelet = reconciler_new("kubelet", 1, run_pod, c);
    informer_handle(client_informer(c->client, &pod_resource, NULL), reconciler_on_object, c->kubelet);
    reconciler_start(c->kubelet);
}
