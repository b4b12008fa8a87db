#include "server/discovery/discovery.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api/resources.h"
#include "base/encode.h"
#include "base/thread.h"
#include "kinds/apidiscovery_v2.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "server/aggregation/remote_discovery.h"
#include "server/internal.h"
#include "server/subresource.h"

/* One version of a group: a stretch of the resources. */
struct group_version {
    struct str group, version;
    struct str api_version;
    const struct resource **resources; /* sorted by plural */
    size_t n;
    const struct remote_version *remote; /* or another server has it */
};

/* The documents of one set of resources, and of what other servers have. */
struct documents {
    _Atomic uint32_t refs;
    struct resource_set *set;
    struct remote_set *remotes; /* NULL: none */
    pthread_mutex_t mutex;
    struct arena arena;
    struct group_version
        *versions; /* groups in order of their first resource; within one the preferred first */
    size_t n;
    /* Aggregated documents by [core or not][media], made when first asked for. Guarded by mutex. */
    struct aggregated {
        struct str bytes, etag;
    } aggregated[2][3];
};

struct discovery {
    struct api *api;
    pthread_mutex_t mutex;
    struct documents *now; /* guarded by mutex */
};

/* "v2" before "v1" before "v1beta1" (upstream: apimachinery's version.CompareKubeAwareVersionStrings). */
static int version_rank(struct str v)
{
    int n = 0;
    size_t i = 1;
    for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && n < 1000; i++)
        n = n * 10 + (v.p[i] - '0');
    struct str rest = str_from_at(v, i);
    return n + (str_empty(rest) ? 200000 : str_starts(rest, STR("beta")) ? 100000 : 0);
}

static int by_plural(const void *x, const void *y)
{
    const struct resource *const *a = x, *const *b = y;
    return str_cmp((*a)->plural, (*b)->plural);
}

static struct group_version *find_version(struct documents *d, struct str group, struct str version)
{
    for (size_t i = 0; i < d->n; i++)
        if (str_eq(d->versions[i].group, group) && str_eq(d->versions[i].version, version))
            return &d->versions[i];
    return NULL;
}

/* Where a new version belongs: with its group, behind those that are preferred to it. */
static size_t place_of(const struct documents *d, struct str group, struct str version)
{
    size_t i = 0;
    while (i < d->n && !str_eq(d->versions[i].group, group))
        i++;
    while (i < d->n && str_eq(d->versions[i].group, group) &&
           version_rank(d->versions[i].version) > version_rank(version))
        i++;
    return i;
}

/* The one of that name, made where it belongs when there is none yet. */
static struct group_version *add_version(struct documents *d, struct str group, struct str version)
{
    struct group_version *gv = find_version(d, group, version);
    if (gv)
        return gv;
    size_t at = place_of(d, group, version);
    memmove(&d->versions[at + 1], &d->versions[at], (d->n - at) * sizeof *d->versions);
    d->n++;
    d->versions[at] = (struct group_version){
        .group = group,
        .version = version,
        .api_version = str_empty(group)
                           ? version
                           : arena_printf(&d->arena, STR_FMT "/" STR_FMT, STR_ARG(group), STR_ARG(version))};
    return &d->versions[at];
}

/* Takes over both references. */
static struct documents *documents_new(struct resource_set *set, struct remote_set *remotes)
{
    struct documents *d = mem_zalloc(sizeof *d);
    atomic_init(&d->refs, 1);
    d->set = set;
    d->remotes = remotes;
    pthread_mutex_init(&d->mutex, NULL);
    d->versions = arena_new_n(&d->arena, struct group_version, set->n + (remotes ? remotes->n : 0));
    for (size_t i = 0; i < set->n; i++)
        add_version(d, set->at[i]->group, set->at[i]->version)->n++;
    for (size_t i = 0; remotes && i < remotes->n; i++)
        add_version(d, remotes->at[i].group, remotes->at[i].version)->remote = &remotes->at[i];
    for (size_t i = 0; i < d->n; i++) {
        struct group_version *gv = &d->versions[i];
        gv->resources = arena_new_n(&d->arena, const struct resource *, gv->n);
        gv->n = 0;
        for (size_t k = 0; k < set->n; k++)
            if (str_eq(set->at[k]->group, gv->group) && str_eq(set->at[k]->version, gv->version))
                gv->resources[gv->n++] = set->at[k];
        qsort(gv->resources, gv->n, sizeof(struct resource *), by_plural);
    }
    return d;
}

static void documents_unref(void *arg)
{
    struct documents *d = arg;
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < 2; i++)
        for (int m = 0; m < 3; m++)
            free((char *)d->aggregated[i][m].bytes.p);
    arena_free(&d->arena);
    pthread_mutex_destroy(&d->mutex);
    resource_set_unref(d->set);
    remote_set_unref(d->remotes);
    free(d);
}

static bool are_of(const struct documents *d, const struct resource_set *set,
                   const struct remote_set *remotes)
{
    return d && d->set->generation == set->generation &&
           (d->remotes ? d->remotes->generation : 0) == (remotes ? remotes->generation : 0);
}

/* Those of the resources that are served now: a reference. */
static struct documents *documents_now(struct discovery *d, struct aggregator *aggregator)
{
    struct resource_set *set = api_resources(d->api);
    struct remote_set *remotes = aggregator_remotes(aggregator);
    _lock_(&d->mutex);
    if (are_of(d->now, set, remotes)) {
        resource_set_unref(set);
        remote_set_unref(remotes);
    } else {
        documents_unref(d->now);
        d->now = documents_new(set, remotes);
    }
    atomic_fetch_add_explicit(&d->now->refs, 1, memory_order_relaxed);
    return d->now;
}

struct discovery *discovery_new(struct api *api)
{
    struct discovery *d = mem_zalloc(sizeof *d);
    d->api = api;
    pthread_mutex_init(&d->mutex, NULL);
    return d;
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    documents_unref(d->now);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

static struct str_vec split_words(struct arena *a, const char *text)
{
    struct str_vec out = {.n = 1};
    for (const char *p = text; *p; p++)
        out.n += *p == ' ';
    out.at = arena_new_n(a, struct str, out.n);
    struct str rest = str_from(text);
    for (size_t i = 0; str_cut(&rest, ' ', &out.at[i]) && rest.p; i++)
        ;
    return out;
}

/* Verbs in the order of the alphabet, as upstream shows them. */
static struct str_vec verbs_of(struct arena *a, const struct resource *r)
{
    struct str_vec out = {arena_dup(a, r->verbs, r->n_verbs * sizeof *r->verbs), r->n_verbs};
    qsort(out.at, out.n, sizeof *out.at, str_qsort);
    return out;
}

static struct str_vec borrow(const struct str *at, size_t n)
{
    return (struct str_vec){n ? (struct str *)at : NULL, n};
}

/* --- the aggregated form --- */

static struct group_version_kind *kind_of(struct arena *a, const struct resource *r,
                                          const struct subresource *s)
{
    struct group_version_kind *k = arena_new(a, struct group_version_kind);
    *k = (struct group_version_kind){r->group, r->version, r->kind};
    if (s && s->kind)
        *k = (struct group_version_kind){str_from(s->group), str_from(s->version), str_from(s->kind)};
    return k;
}

static void fill_resource(struct arena *a, const struct resource *r, struct api_resource_discovery *out)
{
    *out = (struct api_resource_discovery){
        .resource = r->plural,
        .response_kind = kind_of(a, r, NULL),
        .scope = r->flags & RESOURCE_NAMESPACED ? STR("Namespaced") : STR("Cluster"),
        .singular_resource = r->singular,
        .verbs = verbs_of(a, r),
        .short_names = borrow(r->short_names, r->n_short_names),
        .categories = borrow(r->categories, r->n_categories),
    };
    out->subresources.at = arena_new_n(a, struct api_subresource_discovery, r->n_subresources);
    for (size_t i = 0; i < r->n_subresources; i++) {
        const struct subresource *s = subresource_find(r, r->subresources[i]);
        if (s)
            out->subresources.at[out->subresources.n++] =
                (struct api_subresource_discovery){.subresource = r->subresources[i],
                                                   .response_kind = kind_of(a, r, s),
                                                   .verbs = split_words(a, s->verbs)};
    }
}

static void fill_aggregated(const struct documents *d, struct arena *a, bool core,
                            struct api_group_discovery_list *out)
{
    out->kind = STR("APIGroupDiscoveryList");
    out->api_version = STR("apidiscovery.k8s.io/v2");
    out->items.at = arena_new_n(a, struct api_group_discovery, d->n);
    for (size_t i = 0; i < d->n; i++) {
        const struct group_version *gv = &d->versions[i];
        if (str_empty(gv->group) != core)
            continue;
        struct api_group_discovery *g = out->items.n ? &out->items.at[out->items.n - 1] : NULL;
        if (!g || !str_eq(g->metadata.name, gv->group)) {
            g = &out->items.at[out->items.n++];
            g->metadata.name = gv->group;
            g->versions.at = arena_new_n(a, struct api_version_discovery, d->n);
        }
        struct api_version_discovery *v = &g->versions.at[g->versions.n++];
        v->version = gv->version;
        v->freshness = !gv->remote || gv->remote->available ? STR("Current") : STR("Stale");
        if (gv->remote) {
            remote_discovery_fill(a, gv->remote, &v->resources);
            continue;
        }
        v->resources.at = arena_new_n(a, struct api_resource_discovery, gv->n);
        for (size_t r = 0; r < gv->n; r++)
            fill_resource(a, gv->resources[r], &v->resources.at[v->resources.n++]);
    }
}

static void make_aggregated(struct documents *d, bool core, enum media_type media, struct request *q,
                            struct aggregated *out)
{
    _cleanup_arena_ struct arena a = {0};
    struct api_group_discovery_list list = {0};
    fill_aggregated(d, &a, core, &list);
    struct buf *bytes;
    if (media == MEDIA_PROTOBUF) {
        bytes = mem_zalloc(sizeof *bytes);
        proto_seal(bytes, list.api_version, list.kind, &api_group_discovery_list_type, &list);
    } else {
        _cleanup_buf_ struct buf json = {0};
        json_encode(&json, &api_group_discovery_list_type, &list);
        bytes = request_render_json(q, buf_str(&json));
    }
    unsigned char sum[SHA512_DIGEST_LENGTH];
    SHA512((const unsigned char *)bytes->p, bytes->n, sum);
    _cleanup_buf_ struct buf etag = {0};
    buf_add_c(&etag, '"');
    for (size_t i = 0; i < sizeof sum; i++)
        buf_addf(&etag, "%02X", sum[i]);
    buf_add_c(&etag, '"');
    out->etag = arena_str(&d->arena, buf_str(&etag));
    out->bytes = buf_str(bytes);
    free(bytes); /* what it held is the cache's now */
}

static void respond_aggregated(struct documents *d, struct request *q, bool core)
{
    static const char *const types[] = {
        [MEDIA_JSON] = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        [MEDIA_YAML] = "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        [MEDIA_PROTOBUF] =
            "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    };
    pthread_mutex_lock(&d->mutex);
    struct aggregated *doc = &d->aggregated[core][q->accept.media];
    if (!doc->bytes.p)
        make_aggregated(d, core, q->accept.media, q, doc);
    struct aggregated now = *doc;
    pthread_mutex_unlock(&d->mutex);
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    request_cacheable(q, str_from(types[q->accept.media]), now.etag, false,
                      &(struct http_part){.bytes = now.bytes, .release = documents_unref, .owner = d});
}

/* --- the old form --- */

static void fill_group(const struct documents *d, struct arena *a, size_t first, struct api_group *out)
{
    struct str name = d->versions[first].group;
    out->name = name;
    out->versions.at = arena_new_n(a, struct group_version_for_discovery, d->n);
    for (size_t i = first; i < d->n && str_eq(d->versions[i].group, name); i++)
        out->versions.at[out->versions.n++] =
            (struct group_version_for_discovery){d->versions[i].api_version, d->versions[i].version};
    out->preferred_version = out->versions.at[0];
}

static void respond_groups(struct documents *d, struct request *q)
{
    struct api_group_list list = {.kind = STR("APIGroupList"), .api_version = STR("v1")};
    list.groups.at = arena_new_n(q->arena, struct api_group, d->n);
    for (size_t i = 0; i < d->n; i++)
        if (!str_empty(d->versions[i].group) &&
            (!i || !str_eq(d->versions[i - 1].group, d->versions[i].group)))
            fill_group(d, q->arena, i, &list.groups.at[list.groups.n++]);
    request_typed(q, 200, &api_group_list_resource, &list);
}

static bool respond_group(struct documents *d, struct request *q, struct str name)
{
    for (size_t i = 0; i < d->n; i++) {
        if (!str_eq(d->versions[i].group, name) || str_empty(name))
            continue;
        struct api_group group = {.kind = STR("APIGroup"), .api_version = STR("v1")};
        fill_group(d, q->arena, i, &group);
        request_typed(q, 200, &api_group_resource, &group);
        return true;
    }
    return false;
}

static void respond_core_versions(struct documents *d, struct request *q)
{
    struct server_address_by_client_cidr address = {STR("0.0.0.0/0"), http_header_get(q->http, STR("host"))};
    struct api_versions versions = {.kind = STR("APIVersions")};
    versions.versions.at = arena_new_n(q->arena, struct str, d->n);
    for (size_t i = 0; i < d->n; i++)
        if (str_empty(d->versions[i].group))
            versions.versions.at[versions.versions.n++] = d->versions[i].version;
    versions.server_address_by_client_cidrs.at = &address;
    versions.server_address_by_client_cidrs.n = 1;
    request_typed(q, 200, &api_versions_resource, &versions);
}

static void add_subresource(struct arena *a, const struct resource *r, struct str name,
                            struct api_resource_vec *out)
{
    const struct subresource *s = subresource_find(r, name);
    if (!s)
        return;
    struct api_resource *to = &out->at[out->n++];
    *to = (struct api_resource){
        .name = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(r->plural), STR_ARG(name)),
        .namespaced = r->flags & RESOURCE_NAMESPACED,
        .kind = s->kind ? str_from(s->kind) : r->kind,
        .verbs = {split_words(a, s->verbs)},
    };
    if (s->kind && !(str_is(r->group, s->group) && str_is(r->version, s->version))) {
        to->group = str_from(s->group);
        to->version = str_from(s->version);
    }
}

static bool respond_resources(struct documents *d, struct request *q, struct str group, struct str version)
{
    const struct group_version *gv = find_version(d, group, version);
    if (!gv || gv->remote) /* another server speaks for itself */
        return false;
    struct arena *a = q->arena;
    struct api_resource_list list = {.kind = STR("APIResourceList"), .group_version = gv->api_version};
    if (!str_empty(group))
        list.api_version = STR("v1");
    size_t n = gv->n;
    for (size_t i = 0; i < gv->n; i++)
        n += gv->resources[i]->n_subresources;
    list.resources.at = arena_new_n(a, struct api_resource, n);
    for (size_t i = 0; i < gv->n; i++) {
        const struct resource *r = gv->resources[i];
        list.resources.at[list.resources.n++] = (struct api_resource){
            .name = r->plural,
            .singular_name = r->singular,
            .namespaced = r->flags & RESOURCE_NAMESPACED,
            .kind = r->kind,
            .verbs = {verbs_of(a, r)},
            .short_names = borrow(r->short_names, r->n_short_names),
            .categories = borrow(r->categories, r->n_categories),
        };
        struct str_vec names = {arena_dup(a, r->subresources, r->n_subresources * sizeof(struct str)),
                                r->n_subresources};
        qsort(names.at, names.n, sizeof *names.at, str_qsort);
        for (size_t s = 0; s < names.n; s++)
            add_subresource(a, r, names.at[s], &list.resources);
    }
    request_typed(q, 200, &api_resource_list_resource, &list);
    return true;
}

static bool answer(struct documents *d, struct request *q)
{
    struct str path = str_from_at(q->route.path, 1), parts[4] = {0};
    size_t n = 0;
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    while (n < 4 && str_cut(&path, '/', &parts[n]))
        n++;
    bool core = str_is(parts[0], "api");
    if (n == 1) {
        if (q->accept.rendering == RENDER_DISCOVERY)
            respond_aggregated(d, q, core);
        else if (core)
            respond_core_versions(d, q);
        else
            respond_groups(d, q);
        return true;
    }
    if (core)
        return n == 2 && respond_resources(d, q, (struct str){0}, parts[1]);
    return n == 2 ? respond_group(d, q, parts[1]) : n == 3 && respond_resources(d, q, parts[1], parts[2]);
}

bool discovery_handle(struct discovery *d, struct request *q)
{
    struct documents *now = documents_now(d, q->server->aggregator);
    bool found = answer(now, q);
    documents_unref(now);
    return found;
}
