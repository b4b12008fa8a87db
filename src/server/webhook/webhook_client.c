#include "server/webhook/webhook_client.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "server/service_address.h"

enum { ANSWER_MOST = 3 * 1024 * 1024, ERROR_SHOWN = 1024 };

struct webhook_client {
    struct store *store;
    struct fetch *fetch;
    struct fetch_cancel cancel;
    pthread_mutex_t mutex; /* guards `calls` */
    pthread_cond_t idle;
    struct webhook_call *calls; /* under way */
};

int webhook_client_new(struct store *store, struct webhook_client **out, struct err *err)
{
    struct webhook_client *w = mem_zalloc(sizeof *w);
    w->store = store;
    pthread_mutex_init(&w->mutex, NULL);
    thread_cond_init(&w->idle);
    if (fetch_new(&(struct fetch_options){.user_agent = "kube-apiserver-admission"}, &w->fetch, err) < 0) {
        webhook_client_free(w);
        return -1;
    }
    *out = w;
    return 0;
}

void webhook_client_free(struct webhook_client *w)
{
    if (!w)
        return;
    if (w->fetch) {
        fetch_cancel(w->fetch, &w->cancel);
        pthread_mutex_lock(&w->mutex);
        while (w->calls)
            pthread_cond_wait(&w->idle, &w->mutex);
        pthread_mutex_unlock(&w->mutex);
        fetch_free(w->fetch);
    }
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->idle);
    free(w);
}

/* --- a call --- */

static void call_over(struct webhook_call *c)
{
    struct webhook_client *w = c->client;
    pthread_mutex_lock(&w->mutex);
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (!w->calls)
        pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
    c->done(c);
}

static int call_failed(struct webhook_call *c, enum err_reason reason, struct str why)
{
    return err_set(&c->err, reason, "Post \"" STR_FMT "\": " STR_FMT, STR_ARG(c->async.request.url),
                   STR_ARG(why));
}

/* libcurl's words for the commonest troubles, in Go's. */
static struct str call_trouble(struct webhook_call *c)
{
    const struct fetch_async *f = &c->async;
    struct str to = f->request.connect_to, why = f->why;
    if (f->err.reason == ERR_TIMEOUT)
        return STR("context deadline exceeded");
    if (str_find(why, STR("Connection refused")) >= 0 || str_find(why, STR("Couldn't connect")) >= 0 ||
        str_find(why, STR("Failed to connect")) >= 0)
        return to.n
                   ? arena_printf(&c->arena, "dial tcp " STR_FMT ": connect: connection refused", STR_ARG(to))
                   : STR("connect: connection refused");
    if (str_find(why, STR("resolve")) >= 0)
        return arena_printf(&c->arena, "dial tcp: lookup: no such host (" STR_FMT ")", STR_ARG(why));
    if (str_find(why, STR("certificate")) >= 0 || str_find(why, STR("SSL")) >= 0)
        return arena_printf(&c->arena, "tls: failed to verify certificate: x509: " STR_FMT, STR_ARG(why));
    return why;
}

/* A status that is no success, as client-go tells it: by the Status in the body, or by the body as it is. */
static int call_refused(struct webhook_call *c)
{
    struct str shown = str_trim(c->answer);
    if (shown.n > ERROR_SHOWN)
        shown.n = ERROR_SHOWN;
    if (c->status == 404)
        return err_set(&c->err, ERR_NOT_FOUND, "the server could not find the requested resource");
    return err_set(&c->err, c->status == 503 ? ERR_UNAVAILABLE : ERR_INTERNAL,
                   "an error on the server (\"" STR_FMT "\") has prevented the request from succeeding",
                   STR_ARG(shown.n ? shown : STR("unknown")));
}

static void call_done(struct fetch_async *f)
{
    struct webhook_call *c = container_of(f, struct webhook_call, async);
    c->status = f->response.status;
    c->answer = f->response.body;
    if (f->rc < 0)
        c->rc = call_failed(c, f->err.reason, call_trouble(c));
    else
        c->rc = c->status >= 200 && c->status < 300 ? 0 : call_refused(c);
    call_over(c);
}

/* The URL to ask, and where that is. */
static int call_aim(struct webhook_call *c, struct str *url, struct str *address)
{
    const struct webhook_target *t = &c->target;
    struct str separator = STR("?");
    if (t->url.n) {
        *url = t->url;
        if (str_index(t->url, '?') >= 0)
            separator = STR("&");
    } else {
        int32_t port = t->service_port ? t->service_port : 443;
        const char *slash = str_starts(t->service_path, STR("/")) ? "" : "/";
        *url = arena_printf(&c->arena, "https://" STR_FMT "." STR_FMT ".svc:%d%s" STR_FMT,
                            STR_ARG(t->service_name), STR_ARG(t->service_namespace), port, slash,
                            STR_ARG(t->service_path));
        if (str_index(t->service_path, '?') >= 0)
            separator = STR("&");
    }
    if (c->timeout_ns)
        *url = arena_printf(&c->arena, STR_FMT STR_FMT "timeout=%llds", STR_ARG(*url), STR_ARG(separator),
                            (long long)((c->timeout_ns + CLOCK_S - 1) / CLOCK_S));
    if (t->url.n)
        return 0;
    return service_address(c->client->store, &c->arena, t->service_namespace, t->service_name,
                           t->service_port ? t->service_port : 443, address, &c->err);
}

/* A call that cannot begin is over at once, before this returns. */
void webhook_call_start(struct webhook_client *w, struct webhook_call *c)
{
    static const struct http_header headers[] = {
        {STR_INIT("content-type"), STR_INIT("application/json")},
        {STR_INIT("accept"), STR_INIT("application/json, */*")},
    };
    c->client = w;
    pthread_mutex_lock(&w->mutex);
    c->next = w->calls;
    c->prev = &w->calls;
    if (w->calls)
        w->calls->prev = &c->next;
    w->calls = c;
    pthread_mutex_unlock(&w->mutex);

    struct str url = {0}, address = {0};
    if (call_aim(c, &url, &address) < 0) {
        struct str why = arena_str(&c->arena, c->err.message);
        enum err_reason reason = c->err.reason;
        c->async.request.url = url;
        c->rc = call_failed(c, reason, why);
        call_over(c);
        return;
    }
    c->async = (struct fetch_async){
        .request = {.method = "POST",
                    .url = url,
                    .headers = headers,
                    .n_headers = ARRAY_LEN(headers),
                    .body = c->body,
                    .connect_to = address,
                    .ca_pem = c->target.ca_bundle,
                    .connect_ns = c->timeout_ns ? c->timeout_ns : 30 * CLOCK_S,
                    .timeout_ns = c->timeout_ns ? c->timeout_ns : 30 * CLOCK_S,
                    .max_body = c->max_body ? c->max_body : ANSWER_MOST,
                    .cancel = &w->cancel},
        .done = call_done,
    };
    fetch_start(w->fetch, &c->async);
}

void webhook_call_clear(struct webhook_call *c)
{
    fetch_response_clear(&c->async.response);
    err_clear(&c->async.err);
    err_clear(&c->err);
    arena_free(&c->arena);
}
