#include "node/pod/grpc_health.h"

#include <pthread.h>

#include "base/clock.h"
#include "http/fetch.h"

enum {
    GRPC_OK = 0,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_UNIMPLEMENTED = 12,
    HEALTH_SERVING = 1,
    HEALTH_BODY_MAX = 4096,
    HEALTH_SERVICE_MAX = 253, /* what the API takes, more or less; its length is a byte here, or two */
};

/* One for all probes of the process: it carries no credentials. */
static struct fetch *health_fetch;
static void health_open(void)
{
    struct fetch_options o = {.user_agent = "kube-probe/1.36 grpc"};
    if (fetch_new(&o, &health_fetch, NULL) < 0)
        health_fetch = NULL;
}

/* HealthCheckRequest{service = 1} behind a gRPC message's header: not compressed, length. */
static struct str request_body(struct str service, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    size_t n = service.n ? service.n + (service.n < 128 ? 2 : 3) : 0;
    const char head[] = {0, 0, 0, (char)(n >> 8), (char)n};
    buf_add(&b, head, sizeof head);
    if (service.n) {
        buf_add_c(&b, 1 << 3 | 2);
        if (service.n >= 128)
            buf_add_c(&b, (char)(service.n & 127) | (char)128);
        buf_add_c(&b, service.n >= 128 ? (char)(service.n >> 7) : (char)service.n);
        buf_add_str(&b, service);
    }
    return arena_str(a, buf_str(&b));
}

/* HealthCheckResponse{status = 1}; UNKNOWN, which is 0, is not on the wire. -1: not such a message. */
static int response_status(struct str body)
{
    const unsigned char *p = (const unsigned char *)body.p;
    if (body.n < 5 || p[0] != 0)
        return -1;
    return body.n == 5 ? 0 : body.n == 7 && p[5] == 1 << 3 && p[6] < 128 ? p[6] : -1;
}

static int rpc_problem(const struct fetch_response *r, int64_t code, int64_t timeout_ns, struct err *err)
{
    struct str message = fetch_header_get(r, STR("grpc-message"));
    if (code == GRPC_UNIMPLEMENTED)
        return err_set(err, ERR_UNAVAILABLE,
                       "error: this server does not implement the grpc health protocol "
                       "(grpc.health.v1.Health): " STR_FMT,
                       STR_ARG(message));
    if (code == GRPC_DEADLINE_EXCEEDED)
        return err_set(err, ERR_TIMEOUT, "timeout: health rpc did not complete within %llds",
                       (long long)(timeout_ns / CLOCK_S));
    return err_set(err, ERR_UNAVAILABLE,
                   "error: health rpc probe failed: rpc error: code = %lld desc = " STR_FMT, (long long)code,
                   STR_ARG(message));
}

static int judge(const struct fetch_response *r, int64_t timeout_ns, struct err *err)
{
    static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    int64_t code;
    if (r->status != 200 || !str_to_i64(fetch_header_get(r, STR("grpc-status")), &code))
        return err_set(err, ERR_UNAVAILABLE, "error: health rpc probe failed: unexpected HTTP status code %d",
                       r->status);
    if (code != GRPC_OK)
        return rpc_problem(r, code, timeout_ns, err);
    int status = response_status(r->body);
    if (status == HEALTH_SERVING)
        return 0;
    return err_set(err, ERR_UNAVAILABLE, "service unhealthy (responded with \"%s\")",
                   status >= 0 && status < (int)ARRAY_LEN(names) ? names[status] : "an unknown status");
}

int grpc_health_check(struct str host, int port, struct str service, int64_t timeout_ns, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, health_open);
    if (!health_fetch)
        return err_set(err, ERR_INTERNAL, "no HTTP client");
    if (service.n > HEALTH_SERVICE_MAX)
        return err_set(err, ERR_INVALID, "the name of the service is too long");
    _cleanup_arena_ struct arena a = {0};
    _cleanup_fetch_response_ struct fetch_response response = {0};
    _cleanup_err_ struct err why = {0};
    bool v6 = str_index(host, ':') >= 0;
    const struct http_header headers[] = {{STR("content-type"), STR("application/grpc")},
                                          {STR("te"), STR("trailers")}};
    struct str address =
        arena_printf(&a, "%s" STR_FMT "%s:%d", v6 ? "[" : "", STR_ARG(host), v6 ? "]" : "", port);
    struct fetch_request q = {
        .method = "POST",
        .url = arena_printf(&a, "http://" STR_FMT "/grpc.health.v1.Health/Check", STR_ARG(address)),
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = request_body(service, &a),
        .plain_http2 = true,
        .connect_ns = timeout_ns,
        .timeout_ns = timeout_ns,
        .max_body = HEALTH_BODY_MAX,
    };
    if (fetch_do(health_fetch, &q, &response, &why) == 0)
        return judge(&response, timeout_ns, err);
    if (why.reason == ERR_TIMEOUT)
        return rpc_problem(&response, GRPC_DEADLINE_EXCEEDED, timeout_ns, err);
    return err_set(err, ERR_UNAVAILABLE,
                   "timeout: failed to connect service \"" STR_FMT "\" within %llds: " STR_FMT,
                   STR_ARG(address), (long long)(timeout_ns / CLOCK_S), STR_ARG(why.message));
}
