#include "node/image/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/thread.h"
#include "http/fetch.h"
#include "node/image/media.h"
#include "node/image/reference.h"
#include "node/image/transfer.h"
#include "schema/json.h"

enum {
    REGISTRY_DOCUMENT_MAX = 8 << 20,
    REGISTRY_TOKEN_MAX = 64 << 10,
    REGISTRY_TIMEOUT_S = 60,
    REGISTRY_IDLE_S = 60,
};
#define REGISTRY_LAYER_MAX (INT64_C(64) << 30)

struct registry {
    struct fetch *fetch;
    struct str_vec insecure;
    struct arena arena;
};

/* One pull: where from, and by which credentials. */
struct registry_pull {
    struct registry *registry;
    struct image_reference reference;
    struct str base;  /* "https://HOST/v2/REPOSITORY" */
    struct str basic; /* "Basic …" of the user's; empty: none */
    struct arena arena;
    pthread_mutex_t mutex;
    struct str authorization; /* what the registry took last; guarded by mutex, in arena */
};

struct registry *registry_new(const struct str_vec *insecure)
{
    struct registry *r = mem_zalloc(sizeof *r);
    r->insecure = (struct str_vec){arena_new_n(&r->arena, struct str, insecure->n), insecure->n};
    for (size_t i = 0; i < insecure->n; i++)
        r->insecure.at[i] = arena_str(&r->arena, insecure->at[i]);
    if (fetch_new(&(struct fetch_options){0}, &r->fetch, NULL) < 0)
        r->fetch = NULL;
    return r;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    if (r->fetch)
        fetch_free(r->fetch);
    arena_free(&r->arena);
    free(r);
}

/* --- credentials --- */

/* "https://index.docker.io/v1/" and "docker.io" mean the same registry. */
static struct str auth_host(struct str key)
{
    struct str schemes[] = {STR("https://"), STR("http://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts(key, schemes[i]))
            key = str_from_at(key, schemes[i].n);
    struct str host = key;
    str_cut(&key, '/', &host);
    if (str_is(host, "index.docker.io") || str_is(host, "registry-1.docker.io"))
        return STR("docker.io");
    return host;
}

static void set_basic(struct registry_pull *p, const struct docker_auth_map *auths)
{
    for (size_t i = 0; auths && i < auths->n; i++) {
        const struct docker_auth *d = &auths->at[i].value;
        if (!str_eq(auth_host(auths->at[i].key), p->reference.registry))
            continue;
        if (d->auth.n) {
            p->basic = arena_concat(&p->arena, STR("Basic "), str_trim(d->auth));
        } else if (d->username.n) {
            _cleanup_buf_ struct buf plain = {0}, coded = {0};
            buf_addf(&plain, STR_FMT ":" STR_FMT, STR_ARG(d->username), STR_ARG(d->password));
            encode_base64(&coded, buf_str(&plain));
            p->basic = arena_concat(&p->arena, STR("Basic "), buf_str(&coded));
        }
        if (p->basic.n)
            return;
    }
}

/* One parameter of `Bearer realm="…",service="…"`; empty when absent. */
static struct str challenge_parameter(struct str challenge, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + n + 2 < challenge.n; i++)
        if (!memcmp(challenge.p + i, name, n) && challenge.p[i + n] == '=' && challenge.p[i + n + 1] == '"' &&
            (i == 0 || challenge.p[i - 1] == ' ' || challenge.p[i - 1] == ',')) {
            struct str rest = str_from_at(challenge, i + n + 2);
            ptrdiff_t end = str_index(rest, '"');
            return end < 0 ? (struct str){0} : str_slice(rest.p, (size_t)end);
        }
    return (struct str){0};
}

/* Distribution specification, "Token Authentication". */
static int fetch_token(struct registry_pull *p, struct str challenge, struct str *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_fetch_response_ struct fetch_response response = {0};
    _cleanup_buf_ struct buf url = {0};
    struct str realm = challenge_parameter(challenge, "realm"),
               service = challenge_parameter(challenge, "service");
    struct str scope = challenge_parameter(challenge, "scope");
    if (!scope.n)
        scope = arena_printf(&a, "repository:" STR_FMT ":pull", STR_ARG(p->reference.repository));
    if (!str_starts(realm, STR("https://")) && !str_starts(p->base, STR("http://")))
        return err_set(err, ERR_UNAUTHORIZED, "registry names a token server without TLS: " STR_FMT,
                       STR_ARG(realm));
    buf_addf(&url, STR_FMT "%cservice=", STR_ARG(realm), str_index(realm, '?') < 0 ? '?' : '&');
    encode_percent(&url, service);
    buf_add_lit(&url, "&scope=");
    encode_percent(&url, scope);
    struct http_header header = {STR("authorization"), p->basic};
    struct fetch_request q = {.url = buf_str(&url),
                              .headers = &header,
                              .n_headers = p->basic.n ? 1 : 0,
                              .max_body = REGISTRY_TOKEN_MAX,
                              .follow = true,
                              .timeout_ns = REGISTRY_TIMEOUT_S * CLOCK_S};
    struct registry_token token = {0};
    if (fetch_do(p->registry->fetch, &q, &response, err) < 0)
        return err_wrap(err, "failed to authorize: failed to fetch anonymous token");
    if (response.status != 200)
        return err_set(
            err, ERR_UNAUTHORIZED,
            "failed to authorize: failed to fetch %s token: unexpected status from GET request to " STR_FMT
            ": %d",
            p->basic.n ? "oauth" : "anonymous", STR_ARG(realm), response.status);
    if (json_decode(&a, &registry_token_type, response.body, 0, &token, NULL, err) < 0)
        return -1;
    struct str text = token.token.n ? token.token : token.access_token;
    if (!text.n)
        return err_set(err, ERR_UNAUTHORIZED, "failed to authorize: the token server gave no token");
    _lock_(&p->mutex);
    *out = p->authorization = arena_concat(&p->arena, STR("Bearer "), text);
    return 0;
}

/* --- requests --- */

static const char accepted[] =
    OCI_MEDIA_MANIFEST ", " OCI_MEDIA_INDEX ", " DOCKER_MEDIA_MANIFEST ", " DOCKER_MEDIA_INDEX;

static int registry_refused(const struct fetch_response *response, struct str url, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct registry_errors said = {0};
    bool known =
        json_decode(&a, &registry_errors_type, response->body, 0, &said, NULL, NULL) == 0 && said.errors.n;
    if (response->status == 404)
        return err_set(err, ERR_NOT_FOUND, STR_FMT ": not found", STR_ARG(url));
    return err_set(err, response->status == 401 || response->status == 403 ? ERR_FORBIDDEN : ERR_UNAVAILABLE,
                   "unexpected status from GET request to " STR_FMT ": %d%s" STR_FMT, STR_ARG(url),
                   response->status, known ? ": " : "", STR_ARG(known ? said.errors.at[0].message : STR("")));
}

/* A GET that answers a challenge once. `data` may be NULL: the body is gathered. */
static int registry_get(struct registry_pull *p, struct str url, int (*data)(void *arg, struct str bytes),
                        void *arg, struct fetch_response *response, struct err *err)
{
    struct str authorization;
    {
        _lock_(&p->mutex);
        authorization = p->authorization;
    }
    for (int attempt = 0;; attempt++) {
        struct http_header headers[] = {{STR("accept"), str_from(accepted)},
                                        {STR("authorization"), authorization}};
        struct fetch_request q = {.url = url,
                                  .headers = headers,
                                  .n_headers = authorization.n ? 2 : 1,
                                  .follow = true,
                                  .timeout_ns = data ? -1 : REGISTRY_TIMEOUT_S * CLOCK_S,
                                  .idle_ns = REGISTRY_IDLE_S * CLOCK_S,
                                  .max_body = REGISTRY_DOCUMENT_MAX,
                                  .data = data,
                                  .arg = arg};
        if (fetch_do(p->registry->fetch, &q, response, err) < 0)
            return err_wrap(err, "failed to do request: Get \"" STR_FMT "\"", STR_ARG(url));
        if (response->status == 200)
            return 0;
        struct str challenge = fetch_header_get(response, STR("www-authenticate"));
        if (response->status != 401 || attempt || !challenge.n)
            return registry_refused(response, url, err);
        if (str_starts(challenge, STR("Basic"))) {
            if (!p->basic.n)
                return registry_refused(response, url, err);
            _lock_(&p->mutex);
            authorization = p->authorization = p->basic;
        } else if (fetch_token(p, challenge, &authorization, err) < 0) {
            return -1;
        }
        fetch_response_clear(response);
        *response = (struct fetch_response){0};
    }
}

static int registry_document(void *arg, const struct oci_descriptor *d, struct arena *a, struct str *out,
                             struct err *err)
{
    struct registry_pull *p = arg;
    bool config =
        strstr(arena_c(a, d->media_type), "config") || strstr(arena_c(a, d->media_type), "container.image");
    struct str url = arena_printf(a, STR_FMT "/%s/" STR_FMT, STR_ARG(p->base), config ? "blobs" : "manifests",
                                  STR_ARG(d->digest));
    _cleanup_fetch_response_ struct fetch_response response = {0};
    if (registry_get(p, url, NULL, NULL, &response, err) < 0)
        return -1;
    *out = arena_str(a, response.body);
    return 0;
}

/* --- layers --- */

struct layer_download {
    int fd;
    int64_t limit;
    struct hasher hasher;
    int problem; /* errno */
};

static int layer_data(void *arg, struct str bytes)
{
    struct layer_download *l = arg;
    hasher_add(&l->hasher, bytes.p, bytes.n);
    if ((int64_t)l->hasher.size > l->limit)
        l->problem = EFBIG;
    while (bytes.n && !l->problem) {
        ssize_t n = write(l->fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR)
            l->problem = errno;
        else if (n > 0)
            bytes = str_from_at(bytes, (size_t)n);
    }
    return l->problem;
}

static int registry_layer(void *arg, struct image_adding *adding, const struct oci_descriptor *d,
                          struct err *err)
{
    struct registry_pull *p = arg;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_fetch_response_ struct fetch_response response = {0};
    struct digest wanted;
    char path[512];
    if (!digest_parse(d->digest, &wanted) || d->size < 0 || d->size > REGISTRY_LAYER_MAX)
        return err_set(err, ERR_INVALID, "unsupported digest or size");
    _cleanup_fd_ int fd = image_add_temporary(adding, path, err);
    if (fd < 0)
        return -1;
    unlink(path); /* it lives as long as it is open */
    struct layer_download l = {.fd = fd, .limit = d->size ? d->size : REGISTRY_LAYER_MAX};
    hasher_begin(&l.hasher);
    struct str url = arena_printf(&a, STR_FMT "/blobs/" STR_FMT, STR_ARG(p->base), STR_ARG(d->digest));
    int r = registry_get(p, url, layer_data, &l, &response, err);
    uint64_t size = l.hasher.size;
    struct digest found = hasher_end(&l.hasher);
    if (r < 0)
        return -1;
    if (l.problem == EFBIG || (d->size && (int64_t)size != d->size))
        return err_set(err, ERR_INVALID, "failed size validation: %llu != %lld: failed precondition",
                       (unsigned long long)size, (long long)d->size);
    if (l.problem)
        return err_errno(err, l.problem, "write layer");
    if (strcmp(found.text, wanted.text))
        return err_set(err, ERR_INVALID, "unexpected commit digest %s, expected %s: failed precondition",
                       found.text, wanted.text);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, errno, "read layer");
    int out = fd;
    fd = -1;
    return out;
}

/* --- a pull --- */

/* The manifest's digest, by its tag: what the registry sends is hashed, what it claims is not believed. */
static int resolve(struct registry_pull *p, struct oci_descriptor *root, struct err *err)
{
    if (p->reference.digest.n) {
        root->digest = p->reference.digest;
        return 0;
    }
    _cleanup_fetch_response_ struct fetch_response response = {0};
    struct str url =
        arena_printf(&p->arena, STR_FMT "/manifests/" STR_FMT, STR_ARG(p->base), STR_ARG(p->reference.tag));
    if (registry_get(p, url, NULL, NULL, &response, err) < 0)
        return -1;
    struct digest d = digest_of(response.body);
    root->digest = arena_str(&p->arena, digest_str(&d));
    return 0;
}

static bool is_insecure(const struct registry *r, struct str host)
{
    for (size_t i = 0; i < r->insecure.n; i++)
        if (str_eq(r->insecure.at[i], host))
            return true;
    return false;
}

int registry_pull(struct registry *r, struct image_store *s, struct str reference,
                  const struct docker_auth_map *auths, struct err *err)
{
    struct registry_pull p = {.registry = r};
    if (!r->fetch)
        return err_set(err, ERR_INTERNAL, "no HTTP client");
    pthread_mutex_init(&p.mutex, NULL);
    int rc = image_reference_parse(reference, &p.arena, &p.reference, err);
    if (rc == 0) {
        struct oci_descriptor root = {0};
        struct image_origin origin = {registry_document, registry_layer, &p};
        bool plain = is_insecure(r, p.reference.registry);
        p.base = arena_printf(&p.arena, "%s://" STR_FMT "/v2/" STR_FMT, plain ? "http" : "https",
                              STR_ARG(image_reference_host(&p.reference)), STR_ARG(p.reference.repository));
        set_basic(&p, auths);
        rc = resolve(&p, &root, err);
        if (rc < 0)
            err_wrap(err, "failed to resolve reference \"" STR_FMT "\"", STR_ARG(p.reference.name));
        else
            rc = image_transfer(s, &origin, &root, &p.reference.name, 1, err);
        if (rc < 0)
            err_wrap(err, "failed to pull and unpack image \"" STR_FMT "\"", STR_ARG(p.reference.name));
    }
    pthread_mutex_destroy(&p.mutex);
    arena_free(&p.arena);
    return rc;
}
