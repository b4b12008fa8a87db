#include "server/discovery/openapi.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <uv.h>

#include "api/resources.h"
#include "base/thread.h"
#include "schema/json.h"
#include "schema/openapi/openapi.h"
#include "server/aggregation/aggregator.h"
#include "server/gzip.h"
#include "server/internal.h"
#include "version.h"

/* A document as it is kept. Without compression all of them together would be larger than the rest of the
 * process. */
struct document {
    struct str path; /* below /openapi, "v3/apis/apps/v1"; with ".pb" behind it in Protobuf; owned */
    struct str gzip; /* owned */
    char etag[2 * SHA256_DIGEST_LENGTH + 3];
};

struct openapi {
    struct api *api;
    pthread_mutex_t mutex;      /* one document is made at a time */
    uint64_t remote_generation; /* and of what other servers have, 0: nothing */
    uint64_t generation;        /* of the set that the documents are about */
    struct document *at;
    size_t n, cap;
};

/* A request that waits for its document, which is made on a thread of libuv's pool. */
struct job {
    struct openapi *openapi;
    struct request *q;
    uv_work_t work;
    struct str path;
    bool protobuf, packed; /* what the client takes */
    struct buf *out;       /* NULL: there is no such document */
    struct str etag;
};

struct openapi *openapi_cache_new(struct api *api)
{
    struct openapi *o = mem_zalloc(sizeof *o);
    o->api = api;
    pthread_mutex_init(&o->mutex, NULL);
    return o;
}

static void forget(struct openapi *o)
{
    for (size_t i = 0; i < o->n; i++) {
        free((char *)o->at[i].path.p);
        free((char *)o->at[i].gzip.p);
    }
    o->n = 0;
}

void openapi_cache_free(struct openapi *o)
{
    if (!o)
        return;
    forget(o);
    free(o->at);
    pthread_mutex_destroy(&o->mutex);
    free(o);
}

/* Behind ours, where other servers' documents are, which say themselves by which hash they can be kept. */
static void add_remotes(struct buf *index, const struct remote_set *remotes)
{
    index->n -= sizeof "}}" - 1;
    for (size_t i = 0; i < remotes->n; i++) {
        const struct remote_version *v = &remotes->at[i];
        if (!v->available || !v->openapi_v3_url.n)
            continue;
        buf_addf(index, ",\"apis/" STR_FMT "/" STR_FMT "\":{\"serverRelativeURL\":", STR_ARG(v->group),
                 STR_ARG(v->version));
        json_encode_string(index, v->openapi_v3_url);
        buf_add_c(index, '}');
    }
    buf_add_lit(index, "}}");
}

/* Ours, and what other servers have told of theirs; they need not be there at the moment. */
static void write_v2(struct buf *out, const struct openapi_set *set, const struct remote_set *remotes)
{
    openapi_write_v2(out, set);
    for (size_t i = 0; remotes && i < remotes->n; i++) {
        const struct remote_version *v = &remotes->at[i];
        if (v->openapi.n)
            openapi_merge_v2(out, &(struct openapi_remote){v->group, v->version, v->openapi}, 1);
    }
}

/* `path` is as in struct document. */
static bool write_document(struct buf *out, struct str path, const struct resource_set *resources,
                           const struct remote_set *remotes)
{
    const struct openapi_set set = {resources->at, resources->n, STR(KUBERNETES_VERSION)};
    if (str_is(path, "v2")) {
        write_v2(out, &set, remotes);
    } else if (str_is(path, "v2.pb")) {
        _cleanup_buf_ struct buf json = {0};
        write_v2(&json, &set, remotes);
        openapi_write_v2_proto(out, buf_str(&json));
    } else if (str_is(path, "v3")) {
        openapi_write_v3_index(out, &set);
        if (remotes)
            add_remotes(out, remotes);
    } else {
        return openapi_write_v3(out, &set, str_from_at(path, sizeof "v3/" - 1));
    }
    return true;
}

static void write_etag(struct str bytes, char *out)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes.p, bytes.n, sum);
    *out++ = '"';
    for (size_t i = 0; i < sizeof sum; i++, out += 2)
        snprintf(out, 3, "%02X", sum[i]);
    *out++ = '"';
    *out = 0;
}

/* The document of a path, made when it is missing; NULL when there is none. The mutex is held. */
static struct document *find_document(struct openapi *o, struct str path, const struct resource_set *set,
                                      const struct remote_set *remotes)
{
    uint64_t remote = remotes ? remotes->generation : 0;
    if (o->generation != set->generation || o->remote_generation != remote)
        forget(o);
    o->generation = set->generation;
    o->remote_generation = remote;
    for (size_t i = 0; i < o->n; i++)
        if (str_eq(o->at[i].path, path))
            return &o->at[i];
    _cleanup_buf_ struct buf plain = {0};
    if (!write_document(&plain, path, set, remotes))
        return NULL;
    struct buf packed = {0};
    gzip_all(buf_str(&plain), &packed);
    mem_grow((void **)&o->at, &o->cap, o->n + 1, sizeof *o->at);
    struct document *d = &o->at[o->n++];
    d->path = str_slice(mem_dup(path.p, path.n), path.n);
    d->gzip = str_slice(mem_realloc(packed.p, packed.n), packed.n);
    write_etag(buf_str(&plain), d->etag);
    return d;
}

static void make(uv_work_t *work)
{
    struct job *job = work->data;
    _cleanup_resource_set_ struct resource_set *set = api_resources(job->openapi->api);
    struct remote_set *remotes = aggregator_remotes(job->q->server->aggregator);
    pthread_mutex_lock(&job->openapi->mutex);
    struct document *d = find_document(job->openapi, job->path, set, remotes);
    if (d) {
        job->out = mem_zalloc(sizeof *job->out);
        job->etag = arena_str(job->q->arena, str_from(d->etag));
        if (job->packed)
            buf_add_str(job->out, d->gzip);
    }
    pthread_mutex_unlock(&job->openapi->mutex);
    if (d && !job->packed)
        write_document(job->out, job->path, set, remotes);
    remote_set_unref(remotes);
}

static struct str content_type(const struct job *job)
{
    if (!job->protobuf)
        return STR("application/json");
    return STR("application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
}

static void respond(uv_work_t *work, int status)
{
    (void)status;
    struct job *job = work->data;
    struct request *q = job->q;
    if (!job->out) {
        request_text(q, 404, STR("404 page not found\n"));
        return;
    }
    struct http_part part = {.bytes = buf_str(job->out), .release = buf_release, .owner = job->out};
    request_cacheable(q, content_type(job), job->etag, job->packed, &part);
}

/* "...spec.v2.v1.0+protobuf", or with '@' before the version as older clients write it. */
static bool accepts_protobuf(struct str accept)
{
    struct str clause;
    if (!str_cut(&accept, ',', &clause))
        return false;
    clause = str_trim(clause);
    return str_starts(clause, STR("application/com.github.proto-openapi.spec.v2"));
}

static bool accepts_json(struct str accept)
{
    return str_empty(accept) || str_find(accept, STR("application/json")) >= 0 ||
           str_find(accept, STR("*/*")) >= 0 || str_find(accept, STR("application/*")) >= 0;
}

void openapi_handle(struct openapi *o, struct request *q)
{
    struct str path = str_from_at(q->route.path, sizeof "/openapi/" - 1);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    struct str accept = http_header_get(q->http, STR("accept"));
    bool protobuf = str_is(path, "v2") && accepts_protobuf(accept);
    if (!protobuf && !accepts_json(accept)) {
        _cleanup_err_ struct err err = {0};
        err_set(&err, ERR_NOT_ACCEPTABLE, "only the following media types are accepted: application/json%s",
                str_is(path, "v2") ? ", application/com.github.proto-openapi.spec.v2.v1.0+protobuf" : "");
        request_error(q, &err);
        return;
    }
    struct job *job = arena_new(q->arena, struct job);
    *job = (struct job){
        .openapi = o,
        .q = q,
        .work.data = job,
        .path = arena_printf(q->arena, STR_FMT "%s", STR_ARG(path), protobuf ? ".pb" : ""),
        .protobuf = protobuf,
        .packed = accept_gzip(http_header_get(q->http, STR("accept-encoding"))),
    };
    ensure(uv_queue_work(loop_uv(q->loop), &job->work, make, respond) == 0);
}
