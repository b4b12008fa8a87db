#define LOG_PART "webhook"
#include "server/access/review_webhook.h"

#include <stdlib.h>

#include "auth/crypto.h"
#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "http/fetch.h"

enum { QUESTIONS_MOST = 4096, ANSWER_MOST = 1 << 20, HASH_BYTES = 32 };
#define KEPT_LEAST (1 * CLOCK_S)

/* One question: known by the hash of its body, which may hold a token. */
struct question {
    char hash[HASH_BYTES];
    struct review_webhook *webhook;
    bool asking;
    int64_t until; /* clock_mono: how long the answer is good */
    struct buf body, answer;
    struct err why; /* when there is no answer */
    struct waiters waiting;
    struct fetch_async call;
};

struct review_webhook {
    struct review_webhook_options options;
    struct arena arena;
    struct str url;
    struct fetch *fetch;
    struct fetch_cancel cancel;
    pthread_mutex_t mutex; /* guards all below, and the questions */
    pthread_cond_t idle;
    struct map questions;
    size_t calls;
};

static const struct http_header review_headers[] = {
    {STR_INIT("content-type"), STR_INIT("application/json")},
    {STR_INIT("accept"), STR_INIT("application/json")},
};

int review_webhook_new(const struct review_webhook_options *o, struct review_webhook **out, struct err *err)
{
    _cleanup_kubeconfig_ struct kubeconfig k = {0};
    if (kubeconfig_read(o->kubeconfig, (struct str){0}, &k, err) < 0)
        return err_wrap(err, "%s", o->kubeconfig);
    struct fetch *fetch;
    struct fetch_options how = {.ca_pem = k.ca_pem,
                                .cert_pem = k.cert_pem,
                                .key_pem = k.key_pem,
                                .token = k.token,
                                .insecure = k.insecure};
    if (fetch_new(&how, &fetch, err) < 0)
        return -1;
    struct review_webhook *h = *out = mem_zalloc(sizeof *h);
    h->options = *o;
    h->options.kubeconfig = NULL;
    h->fetch = fetch;
    h->url = arena_str(&h->arena, k.server);
    pthread_mutex_init(&h->mutex, NULL);
    thread_cond_init(&h->idle);
    return 0;
}

static void question_free(struct question *q)
{
    buf_free(&q->body);
    buf_free(&q->answer);
    err_clear(&q->why);
    free(q);
}

/* Locked. Room for another: what is no longer good goes first, then all that nobody waits for. */
static void make_room(struct review_webhook *h)
{
    for (int all = 0; all < 2 && h->questions.n >= QUESTIONS_MOST; all++) {
        struct map kept = {0};
        map_each (&h->questions, slot) {
            struct question *q = slot->value;
            if (q->asking || (!all && q->until > clock_mono()))
                map_put(&kept, str_slice(q->hash, HASH_BYTES), q);
            else
                question_free(q);
        }
        map_free(&h->questions);
        h->questions = kept;
    }
}

void review_webhook_free(struct review_webhook *h)
{
    if (!h)
        return;
    fetch_cancel(h->fetch, &h->cancel);
    pthread_mutex_lock(&h->mutex);
    while (h->calls)
        thread_cond_wait(&h->idle, &h->mutex, INT64_MAX);
    pthread_mutex_unlock(&h->mutex);
    fetch_free(h->fetch);
    map_each (&h->questions, slot)
        question_free(slot->value);
    map_free(&h->questions);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->mutex);
    arena_free(&h->arena);
    free(h);
}

/* On the fetch's thread. */
static void question_answered(struct fetch_async *call)
{
    struct question *q = container_of(call, struct question, call);
    struct review_webhook *h = q->webhook;
    struct fetch_response *r = &call->response;
    int64_t good_for = 0;
    pthread_mutex_lock(&h->mutex);
    if (call->rc < 0) {
        err_move(&q->why, &call->err);
    } else if (r->status != 200 && r->status != 201) {
        err_set(&q->why, ERR_UNAVAILABLE, "the webhook answers with status %d", r->status);
    } else {
        buf_add_str(&q->answer, r->body);
        good_for = h->options.good_for(h->options.arg, r->body);
    }
    if (q->why.reason)
        log_warn(STR_FMT ": " STR_FMT, STR_ARG(h->url), STR_ARG(q->why.message));
    fetch_response_clear(r);
    buf_free(&q->body);
    q->until = clock_mono() + (good_for > KEPT_LEAST ? good_for : KEPT_LEAST);
    q->asking = false;
    struct waiter *woken = waiters_take(&q->waiting);
    h->calls--;
    pthread_cond_broadcast(&h->idle);
    pthread_mutex_unlock(&h->mutex);
    waiters_wake(woken);
}

/* Locked. */
static void question_ask(struct review_webhook *h, struct question *q, struct str body)
{
    q->answer.n = 0;
    err_clear(&q->why);
    buf_add_str(&q->body, body);
    q->asking = true;
    q->call = (struct fetch_async){
        .request = {.method = "POST",
                    .url = h->url,
                    .headers = review_headers,
                    .n_headers = ARRAY_LEN(review_headers),
                    .body = buf_str(&q->body),
                    .timeout_ns = h->options.timeout_ns,
                    .max_body = ANSWER_MOST,
                    .cancel = &h->cancel},
        .done = question_answered,
    };
    h->calls++;
    fetch_start(h->fetch, &q->call);
}

int review_webhook_ask(struct review_webhook *h, struct str body, struct arena *a, struct str *answer,
                       struct waiter *w, struct err *err)
{
    unsigned char hash[HASH_BYTES];
    crypto_sha256(body.p, body.n, hash);
    _lock_(&h->mutex);
    struct question *q = map_get(&h->questions, str_slice((char *)hash, HASH_BYTES));
    if (!q && !w)
        return 1;
    if (!q) {
        make_room(h);
        q = mem_zalloc(sizeof *q);
        memcpy(q->hash, hash, HASH_BYTES);
        q->webhook = h;
        map_put(&h->questions, str_slice(q->hash, HASH_BYTES), q);
    }
    if (!q->asking && q->until > clock_mono()) {
        if (q->why.reason)
            return err_set(err, ERR_UNAVAILABLE, STR_FMT, STR_ARG(q->why.message));
        *answer = arena_str(a, buf_str(&q->answer));
        return 0;
    }
    if (!w)
        return 1;
    waiters_add(&q->waiting, w);
    if (!q->asking)
        question_ask(h, q, body);
    return 1;
}
