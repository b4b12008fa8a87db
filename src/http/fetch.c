#include "http/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

enum {
    STREAM_HIGH = 256 * 1024, /* bytes that wait for the caller before the server is held back */
    BODY_MOST = 64 * 1024 * 1024,
    HEADERS_MOST = 512,
    REDIRECTS_MOST = 10,
    POLL_MS = 60 * 1000,
};

enum command { CALL_ADD = 1, CALL_RESUME = 2, CALL_STOP = 4 };

/* One fetch_do under way, on its caller's stack; or one fetch_start, from malloc. */
struct call {
    struct fetch *fetch;
    struct fetch_async *async; /* NULL: fetch_do */
    const struct fetch_request *q;
    struct fetch_response *out;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char problem[CURL_ERROR_SIZE];
    size_t cap_headers, max_body;
    bool too_large; /* of the response: with its code */
    bool refused;   /* the request itself is bad: a fetch_start whose err is set */
    pthread_cond_t cond;
    /* guarded by fetch.mutex */
    unsigned commands;
    struct call *next_posted, *next_active;
    struct buf stream; /* for the caller, when it streams */
    struct buf body;   /* when it does not */
    bool paused, done, added;
    CURLcode code;
};

struct fetch {
    struct buf ca_pem, cert_pem, key_pem;
    bool insecure, environment_proxy;
    char *user_agent;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct call *posted; /* with commands; guarded by mutex */
    struct buf token;    /* guarded by mutex */
    bool stopping;       /* guarded by mutex */
    struct call *active; /* the thread's own */
};

/* --- the thread that moves the bytes --- */

static void call_post(struct fetch *f, struct call *c, enum command command)
{
    if (!c->commands) {
        c->next_posted = f->posted;
        f->posted = c;
    }
    c->commands |= command;
}

static void call_answer(struct call *c);

static void call_finish(struct fetch *f, struct call *c, CURLcode code)
{
    for (struct call **at = &f->active; *at; at = &(*at)->next_active)
        if (*at == c) {
            *at = c->next_active;
            break;
        }
    if (c->added)
        curl_multi_remove_handle(f->multi, c->easy);
    c->added = false;
    if (c->async) {
        c->code = code;
        call_answer(c);
        return;
    }
    _lock_(&f->mutex);
    c->code = code;
    c->done = true;
    pthread_cond_signal(&c->cond);
}

static void fetch_obey(struct fetch *f)
{
    pthread_mutex_lock(&f->mutex);
    for (struct call *c; (c = f->posted);) {
        unsigned commands = c->commands;
        f->posted = c->next_posted;
        c->commands = 0;
        bool done = c->done;
        if (done) { /* its caller waits for this only, and may be gone from now on */
            pthread_cond_signal(&c->cond);
            continue;
        }
        pthread_mutex_unlock(&f->mutex);
        if (commands & CALL_ADD) {
            c->next_active = f->active;
            f->active = c;
            c->added = !c->refused && curl_multi_add_handle(f->multi, c->easy) == CURLM_OK;
            if (!c->added)
                call_finish(f, c, CURLE_FAILED_INIT);
        } else if (commands & CALL_STOP) {
            call_finish(f, c, CURLE_ABORTED_BY_CALLBACK);
        } else {
            curl_easy_pause(c->easy, CURLPAUSE_CONT);
        }
        pthread_mutex_lock(&f->mutex);
    }
    pthread_mutex_unlock(&f->mutex);
    for (struct call *c = f->active, *next; c; c = next) {
        next = c->next_active;
        if (c->q->cancel && c->q->cancel->cancelled)
            call_finish(f, c, CURLE_ABORTED_BY_CALLBACK);
    }
}

static void fetch_main(void *arg)
{
    struct fetch *f = arg;
    for (;;) {
        int running, left;
        fetch_obey(f);
        pthread_mutex_lock(&f->mutex);
        bool stopping = f->stopping;
        pthread_mutex_unlock(&f->mutex);
        if (stopping)
            return;
        curl_multi_perform(f->multi, &running);
        bool ended = false;
        for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left));) {
            struct call *c = NULL;
            CURLcode code = m->data.result;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
            call_finish(f, c, code);
            ended = true;
        }
        if (!ended)
            curl_multi_poll(f->multi, NULL, 0, POLL_MS, NULL);
    }
}

/* --- the response, on that thread --- */

static struct str lowered(struct arena *a, struct str s)
{
    char *copy = arena_c(a, s);
    for (size_t i = 0; i < s.n; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] |= 0x20;
    return str_slice(copy, s.n);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct call *c = arg;
    struct fetch_response *out = c->out;
    struct str line = str_trim(str_slice(p, size * n));
    if (str_starts(line, STR("HTTP/"))) { /* another response: after 100, or a redirect */
        out->n_headers = 0;
        return size * n;
    }
    ptrdiff_t colon = str_index(line, ':');
    if (colon <= 0)
        return size * n;
    if (out->n_headers == HEADERS_MOST) {
        c->too_large = true;
        return 0;
    }
    if (out->n_headers == c->cap_headers) {
        size_t cap = c->cap_headers ? 2 * c->cap_headers : 16;
        struct http_header *more = arena_new_n(&out->arena, struct http_header, cap);
        if (out->n_headers)
            memcpy(more, out->headers, out->n_headers * sizeof *more);
        out->headers = more;
        c->cap_headers = cap;
    }
    out->headers[out->n_headers++] =
        (struct http_header){lowered(&out->arena, str_slice(line.p, (size_t)colon)),
                             arena_str(&out->arena, str_trim(str_from_at(line, (size_t)colon + 1)))};
    return size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct call *c = arg;
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    _lock_(&c->fetch->mutex);
    if (c->q->data && status >= 200 && status < 300) {
        if (c->stream.n >= STREAM_HIGH) {
            c->paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        buf_add(&c->stream, p, size * n);
        pthread_cond_signal(&c->cond);
    } else {
        if (c->body.n + size * n > c->max_body) {
            c->too_large = true;
            return 0;
        }
        buf_add(&c->body, p, size * n);
    }
    return size * n;
}

/* --- making the request --- */

static void add_header(struct call *c, struct str name, struct str value)
{
    _cleanup_arena_ struct arena a = {0};
    /* curl wants "name;" for an empty value; "name:" would remove the header. */
    const char *line = value.n ? arena_printf(&a, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value)).p
                               : arena_printf(&a, STR_FMT ";", STR_ARG(name)).p;
    c->headers = curl_slist_append(c->headers, line);
    ensure(c->headers);
}

static int header_is_fit(struct http_header h)
{
    return h.name.n && !memchr(h.name.p, '\n', h.name.n) && !memchr(h.name.p, ':', h.name.n) &&
           (!h.value.n || (!memchr(h.value.p, '\n', h.value.n) && !memchr(h.value.p, '\r', h.value.n) &&
                           !memchr(h.value.p, '\0', h.value.n)));
}

static int set_headers(struct fetch *f, struct call *c, struct err *err)
{
    bool authorized = false, typed = false;
    for (size_t i = 0; i < c->q->n_headers; i++) {
        struct http_header h = c->q->headers[i];
        if (!header_is_fit(h))
            return err_set(err, ERR_BAD_REQUEST, "malformed header field");
        authorized = authorized || str_eq_fold(h.name, STR("authorization"));
        typed = typed || str_eq_fold(h.name, STR("content-type"));
        add_header(c, h.name, h.value);
    }
    _lock_(&f->mutex);
    if (!authorized && f->token.n) {
        _cleanup_arena_ struct arena a = {0};
        add_header(c, STR("authorization"), arena_concat(&a, STR("Bearer "), buf_str(&f->token)));
    }
    if (!typed)
        c->headers = curl_slist_append(c->headers, "content-type:"); /* not curl's own idea of it */
    c->headers = curl_slist_append(c->headers, "expect:");
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    return 0;
}

static void set_blob(CURL *easy, CURLoption option, struct str pem)
{
    struct curl_blob blob = {(char *)pem.p, pem.n, CURL_BLOB_NOCOPY};
    if (pem.n)
        curl_easy_setopt(easy, option, &blob);
}

static long milliseconds(int64_t ns, int64_t otherwise)
{
    int64_t ms = (ns ? ns : otherwise) / CLOCK_MS;
    return ns < 0 ? 0 : ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static void set_options(struct fetch *f, struct call *c, const char *url)
{
    const struct fetch_request *q = c->q;
    CURL *easy = c->easy;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->problem);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, f->user_agent);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* A redirect may not take what was sent over TLS onto plain TCP. */
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     strncmp(url, "http:", 5) == 0 ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, q->follow ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MOST);
    /* Streams have connections of their own: pausing one holds back just that, and ending it early is known
     * at once. (libcurl would let an HTTP/2 peer go on for 32 MiB, and not send its RST_STREAM before it has
     * something else to say.) */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(q->plain_http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                            : q->data      ? CURL_HTTP_VERSION_1_1
                                           : CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, /* the others rather share one than open another */
                     q->data || q->plain_http2 ? 0L : 1L);
    if (q->plain_http2) { /* libcurl 7.88 fails whatever comes second on such a connection */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (!f->environment_proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(q->connect_ns, 10 * CLOCK_S));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(q->timeout_ns, 60 * CLOCK_S));
    if (q->idle_ns > 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((q->idle_ns + CLOCK_S - 1) / CLOCK_S));
    }
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (f->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    struct str ca = q->ca_pem.n ? q->ca_pem : buf_str(&f->ca_pem);
    set_blob(easy, CURLOPT_CAINFO_BLOB, ca);
    if (ca.n) /* these, and not the system's beside them */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, buf_str(&f->cert_pem));
    set_blob(easy, CURLOPT_SSLKEY_BLOB, buf_str(&f->key_pem));
    if (q->connect_to.n) {
        _cleanup_arena_ struct arena a = {0};
        c->connect_to = curl_slist_append(NULL, arena_concat(&a, STR("::"), q->connect_to).p);
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, c->connect_to);
    }
    if (q->unix_socket.n) {
        _cleanup_arena_ struct arena a = {0};
        bool abstract = q->unix_socket.p[0] == '@';
        curl_easy_setopt(easy, abstract ? CURLOPT_ABSTRACT_UNIX_SOCKET : CURLOPT_UNIX_SOCKET_PATH,
                         arena_c(&a, str_from_at(q->unix_socket, abstract)));
    }
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    const char *method = q->method ? q->method : q->body.n ? "POST" : "GET";
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (q->body.n || (strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q->body.n ? q->body.p : "");
        if (strcmp(method, "POST") != 0)
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    } else if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
}

/* `*text`: what is wrong, without the URL; may be NULL. */
static int call_error(const struct call *c, struct str *text, struct err *err)
{
    const char *why = c->problem[0] ? c->problem : curl_easy_strerror(c->code);
    const char *method = c->q->method ? c->q->method : c->q->body.n ? "POST" : "GET";
    enum err_reason reason = ERR_UNAVAILABLE;
    if (c->too_large) {
        reason = ERR_TOO_LARGE;
        why = "the response is too large";
    } else if (c->q->cancel && c->q->cancel->cancelled) {
        if (text)
            *text = STR("cancelled");
        return err_set(err, ERR_UNAVAILABLE, "cancelled");
    } else if (c->code == CURLE_OPERATION_TIMEDOUT) {
        reason = ERR_TIMEOUT;
    } else if (c->code == CURLE_URL_MALFORMAT || c->code == CURLE_UNSUPPORTED_PROTOCOL) {
        reason = ERR_BAD_REQUEST;
    } else if (c->code == CURLE_FAILED_INIT || c->code == CURLE_SSL_CERTPROBLEM) {
        reason = ERR_INTERNAL;
    }
    if (text)
        *text = str_from(why);
    return err_set(err, reason, "%s \"" STR_FMT "\": %s", method, STR_ARG(c->q->url), why);
}

/* What fetch_do and fetch_start begin and end with. */
static int call_init(struct fetch *f, struct call *c, const struct fetch_request *q,
                     struct fetch_response *out, struct err *err)
{
    *out = (struct fetch_response){0};
    *c = (struct call){.fetch = f, .q = q, .out = out, .max_body = q->max_body ? q->max_body : BODY_MOST};
    if (q->url.n && memchr(q->url.p, '\0', q->url.n))
        return err_set(err, ERR_BAD_REQUEST, "malformed URL");
    c->easy = curl_easy_init();
    ensure(c->easy);
    set_options(f, c, arena_c(&out->arena, q->url));
    return set_headers(f, c, err);
}

static void call_take(struct call *c)
{
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    c->out->status = (int)status;
    c->out->body = arena_str(&c->out->arena, buf_str(&c->body));
}

static void call_clear(struct call *c)
{
    buf_free(&c->body);
    buf_free(&c->stream);
    if (c->easy)
        curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->connect_to);
}

static void call_add(struct fetch *f, struct call *c)
{
    pthread_mutex_lock(&f->mutex);
    call_post(f, c, CALL_ADD);
    pthread_mutex_unlock(&f->mutex);
    curl_multi_wakeup(f->multi);
}

/* Waits for the end, giving the caller what comes meanwhile. True: the caller had enough. */
static bool call_wait(struct fetch *f, struct call *c)
{
    bool enough = false;
    pthread_mutex_lock(&f->mutex);
    for (;;) {
        if (c->stream.n && !enough) {
            struct buf piece = c->stream;
            c->stream = (struct buf){0};
            bool wake = c->paused && !c->done;
            if (wake) {
                c->paused = false;
                call_post(f, c, CALL_RESUME);
            }
            pthread_mutex_unlock(&f->mutex);
            if (wake)
                curl_multi_wakeup(f->multi);
            enough = c->q->data(c->q->arg, buf_str(&piece)) != 0;
            buf_free(&piece);
            pthread_mutex_lock(&f->mutex);
            if (enough && !c->done) {
                call_post(f, c, CALL_STOP);
                curl_multi_wakeup(f->multi);
            }
        } else if (c->done && !c->commands) {
            break;
        } else {
            pthread_cond_wait(&c->cond, &f->mutex);
        }
    }
    pthread_mutex_unlock(&f->mutex);
    return enough;
}

int fetch_do(struct fetch *f, const struct fetch_request *q, struct fetch_response *out, struct err *err)
{
    struct call call, *c = &call;
    int rc = call_init(f, c, q, out, err);
    if (rc == 0) {
        thread_cond_init(&c->cond);
        call_add(f, c);
        bool enough = call_wait(f, c);
        call_take(c);
        if (c->code != CURLE_OK && !enough)
            rc = call_error(c, NULL, err);
        pthread_cond_destroy(&c->cond);
    }
    call_clear(c);
    if (rc < 0)
        fetch_response_clear(out);
    return rc;
}

/* On the fetch's thread: it is over. */
static void call_answer(struct call *c)
{
    struct fetch_async *a = c->async;
    a->rc = c->code == CURLE_OK ? 0 : -1;
    if (c->refused) {
        a->why = a->err.message;
    } else {
        call_take(c);
        if (a->rc < 0) {
            call_error(c, &a->why, &a->err);
            a->why = arena_str(&a->err.arena, a->why);
        }
    }
    call_clear(c);
    free(c);
    a->done(a);
}

void fetch_start(struct fetch *f, struct fetch_async *a)
{
    struct call *c = mem_zalloc(sizeof *c);
    bool refused = call_init(f, c, &a->request, &a->response, &a->err) < 0;
    c->refused = refused;
    c->async = a;
    call_add(f, c);
}

void fetch_cancel(struct fetch *f, struct fetch_cancel *c)
{
    c->cancelled = true;
    curl_multi_wakeup(f->multi);
}

void fetch_response_clear(struct fetch_response *r)
{
    arena_free(&r->arena);
    *r = (struct fetch_response){0};
}

struct str fetch_header_get(const struct fetch_response *r, struct str lower_name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq(r->headers[i].name, lower_name))
            return r->headers[i].value;
    return (struct str){0};
}

/* --- start and stop --- */

static void fetch_init_library(void)
{
    ensure(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

int fetch_new(const struct fetch_options *o, struct fetch **out, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)err;
    pthread_once(&once, fetch_init_library);
    struct fetch *f = mem_zalloc(sizeof *f);
    buf_add_str(&f->ca_pem, o->ca_pem);
    buf_add_str(&f->cert_pem, o->cert_pem);
    buf_add_str(&f->key_pem, o->key_pem);
    buf_add_str(&f->token, o->token);
    f->insecure = o->insecure;
    f->environment_proxy = o->environment_proxy;
    f->user_agent = str_dup_c(str_from(o->user_agent ? o->user_agent : "sagong"));
    pthread_mutex_init(&f->mutex, NULL);
    f->multi = curl_multi_init();
    ensure(f->multi);
    curl_multi_setopt(f->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    f->thread = thread_start("fetch", fetch_main, f);
    *out = f;
    return 0;
}

void fetch_set_token(struct fetch *f, struct str token)
{
    _lock_(&f->mutex);
    f->token.n = 0;
    buf_add_str(&f->token, token);
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->mutex);
    ensure(!f->posted);
    f->stopping = true;
    pthread_mutex_unlock(&f->mutex);
    curl_multi_wakeup(f->multi);
    thread_join(f->thread);
    ensure(!f->active);
    curl_multi_cleanup(f->multi);
    pthread_mutex_destroy(&f->mutex);
    buf_free(&f->ca_pem);
    buf_free(&f->cert_pem);
    if (f->key_pem.n)
        explicit_bzero(f->key_pem.p, f->key_pem.n);
    buf_free(&f->key_pem);
    buf_free(&f->token);
    free(f->user_agent);
    free(f);
}
