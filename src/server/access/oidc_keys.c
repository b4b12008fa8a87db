#define LOG_PART "oidc"
#include "server/access/oidc_keys.h"

#include <stdlib.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/fetch.h"
#include "schema/value.h"

enum { DOCUMENT_MOST = 1 << 20 };
#define FETCH_AGAIN (10 * CLOCK_S) /* as upstream, until the issuer is there */
#define FETCH_LIMIT (10 * CLOCK_S)

struct oidc_keys {
    struct arena arena;
    struct str issuer, metadata_url;
    struct fetch *fetch;
    struct fetch_cancel cancel;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t cond;
    struct jwt_keys keys;
    bool known;    /* they have been fetched once */
    int64_t tried; /* clock_mono; 0: not yet */
    bool wanted, stopping;
    struct waiters waiting;
};

static int oidc_get(struct oidc_keys *k, struct str url, struct fetch_response *r, struct err *err)
{
    struct fetch_request q = {.url = url,
                              .timeout_ns = FETCH_LIMIT,
                              .max_body = DOCUMENT_MOST,
                              .cancel = &k->cancel,
                              .follow = true};
    if (fetch_do(k->fetch, &q, r, err) < 0)
        return -1;
    return r->status == 200
               ? 0
               : err_set(err, ERR_UNAVAILABLE, STR_FMT " answers with status %d", STR_ARG(url), r->status);
}

/* The key set that the issuer's metadata names; the metadata must be its own. */
static int oidc_fetch(struct oidc_keys *k, struct jwt_keys *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_fetch_response_ struct fetch_response metadata = {0}, set = {0};
    struct value tree;
    if (oidc_get(k, k->metadata_url, &metadata, err) < 0 || value_parse(&a, metadata.body, &tree, err) < 0)
        return -1;
    struct str issuer = value_get_str(&tree, STR("issuer"));
    if (!str_eq(issuer, k->issuer))
        return err_set(err, ERR_UNAVAILABLE, "the metadata is that of " STR_FMT, STR_ARG(issuer));
    return oidc_get(k, value_get_str(&tree, STR("jwks_uri")), &set, err) < 0
               ? -1
               : jwt_keys_parse(set.body, out, err);
}

static void oidc_turn(struct oidc_keys *k)
{
    struct jwt_keys fresh = {0};
    _cleanup_err_ struct err err = {0};
    int rc = oidc_fetch(k, &fresh, &err);
    if (rc < 0)
        log_warn("no keys of " STR_FMT ": " STR_FMT, STR_ARG(k->issuer), STR_ARG(err.message));
    pthread_mutex_lock(&k->mutex);
    if (rc == 0) {
        jwt_keys_free(&k->keys);
        k->keys = fresh;
        k->known = true;
    }
    k->wanted = false;
    k->tried = clock_mono();
    struct waiter *woken = waiters_take(&k->waiting);
    pthread_mutex_unlock(&k->mutex);
    waiters_wake(woken);
}

static void oidc_run(void *arg)
{
    struct oidc_keys *k = arg;
    for (;;) {
        {
            _lock_(&k->mutex);
            while (!k->wanted && !k->stopping)
                if (!thread_cond_wait(&k->cond, &k->mutex, k->known ? INT64_MAX : k->tried + FETCH_AGAIN))
                    k->wanted = true;
            if (k->stopping)
                return;
        }
        oidc_turn(k);
    }
}

int oidc_keys_new(struct str issuer, struct str discovery_url, struct str ca_pem, struct oidc_keys **out,
                  struct err *err)
{
    struct oidc_keys *k = mem_zalloc(sizeof *k);
    if (fetch_new(&(struct fetch_options){.ca_pem = ca_pem}, &k->fetch, err) < 0) {
        free(k);
        return -1;
    }
    struct str base = str_ends(issuer, STR("/")) ? str_slice(issuer.p, issuer.n - 1) : issuer;
    k->metadata_url = discovery_url.n
                          ? arena_str(&k->arena, discovery_url)
                          : arena_concat(&k->arena, base, STR("/.well-known/openid-configuration"));
    k->issuer = arena_str(&k->arena, issuer);
    k->wanted = true;
    pthread_mutex_init(&k->mutex, NULL);
    thread_cond_init(&k->cond);
    k->thread = thread_start("oidc", oidc_run, k);
    *out = k;
    return 0;
}

void oidc_keys_free(struct oidc_keys *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->mutex);
    k->stopping = true;
    pthread_cond_broadcast(&k->cond);
    pthread_mutex_unlock(&k->mutex);
    fetch_cancel(k->fetch, &k->cancel);
    thread_join(k->thread);
    waiters_wake(waiters_take(&k->waiting));
    fetch_free(k->fetch);
    jwt_keys_free(&k->keys);
    pthread_cond_destroy(&k->cond);
    pthread_mutex_destroy(&k->mutex);
    arena_free(&k->arena);
    free(k);
}

int oidc_keys_verify(struct oidc_keys *k, struct str token, struct arena *a, struct str *payload,
                     struct waiter *w, struct err *err)
{
    _lock_(&k->mutex);
    if (k->known && jwt_verify(k->keys.at, k->keys.n, token, a, payload, NULL) == 0)
        return 0;
    if (k->tried && !k->wanted && clock_mono() < k->tried + FETCH_AGAIN)
        return err_set(err, ERR_UNAUTHORIZED,
                       k->known ? "the token is malformed, or signed by no key of its issuer"
                                : "the issuer's keys are not to be had");
    k->wanted = true;
    pthread_cond_broadcast(&k->cond);
    waiters_add(&k->waiting, w);
    return 1;
}
