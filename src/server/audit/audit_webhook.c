#include "server/audit/audit_webhook.h"

#include <stdlib.h>

#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "http/fetch.h"

enum { TRIES = 5, ANSWER_MOST = 64 * 1024 };
static const int64_t BACKOFF_NS = 10 * CLOCK_S, TIMEOUT_NS = 30 * CLOCK_S;

struct audit_webhook {
    struct arena arena;
    struct str url;
    struct fetch *fetch;
    int64_t backoff_ns;
    struct latch hurry;
};

int audit_webhook_new(const char *kubeconfig, int64_t backoff_ns, struct audit_webhook **out, struct err *err)
{
    _cleanup_kubeconfig_ struct kubeconfig k = {0};
    struct fetch *fetch;
    if (kubeconfig_read(kubeconfig, (struct str){0}, &k, err) < 0)
        return err_wrap(err, "%s", kubeconfig);
    struct fetch_options how = {.ca_pem = k.ca_pem,
                                .cert_pem = k.cert_pem,
                                .key_pem = k.key_pem,
                                .token = k.token,
                                .insecure = k.insecure};
    if (fetch_new(&how, &fetch, err) < 0)
        return err_wrap(err, "%s", kubeconfig);
    struct audit_webhook *w = *out = mem_zalloc(sizeof *w);
    w->fetch = fetch;
    w->url = arena_str(&w->arena, k.server);
    w->backoff_ns = backoff_ns ? backoff_ns : BACKOFF_NS;
    latch_init(&w->hurry);
    return 0;
}

void audit_webhook_free(struct audit_webhook *w)
{
    if (!w)
        return;
    fetch_free(w->fetch);
    latch_destroy(&w->hurry);
    arena_free(&w->arena);
    free(w);
}

void audit_webhook_hurry(struct audit_webhook *w)
{
    if (w)
        latch_set(&w->hurry);
}

/* 0: taken. 1: it may be taken another time. -1. */
static int post(struct audit_webhook *w, struct str body, struct err *err)
{
    static const struct http_header headers[] = {{STR_INIT("content-type"), STR_INIT("application/json")},
                                                 {STR_INIT("accept"), STR_INIT("application/json")}};
    _cleanup_fetch_response_ struct fetch_response r = {0};
    struct fetch_request q = {.method = "POST",
                              .url = w->url,
                              .headers = headers,
                              .n_headers = ARRAY_LEN(headers),
                              .body = body,
                              .timeout_ns = TIMEOUT_NS,
                              .max_body = ANSWER_MOST};
    if (fetch_do(w->fetch, &q, &r, err) < 0)
        return err && err->reason == ERR_BAD_REQUEST ? -1 : 1;
    if (r.status >= 200 && r.status < 300)
        return 0;
    err_set(err, ERR_UNAVAILABLE, STR_FMT " answers with status %d", STR_ARG(w->url), r.status);
    return r.status == 429 || r.status >= 500 ? 1 : -1;
}

int audit_webhook_send(void *webhook, const struct str *events, size_t n, struct err *err)
{
    struct audit_webhook *w = webhook;
    _cleanup_buf_ struct buf body = {0};
    buf_add_lit(&body,
                "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_c(&body, ',');
        buf_add_str(&body, events[i]);
    }
    buf_add_lit(&body, "]}");
    int64_t pause = w->backoff_ns;
    for (int i = 1;; i++) {
        int rc = post(w, buf_str(&body), err);
        if (rc <= 0 || i == TRIES)
            return rc ? -1 : 0;
        int64_t spread = (int64_t)random_below((uint64_t)pause / 5 + 1);
        if (latch_wait(&w->hurry, clock_mono() + pause + spread))
            return -1;
        pause += pause / 2;
    }
}
