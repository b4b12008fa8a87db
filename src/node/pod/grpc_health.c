#include "node/pod/grpc_health.h"

#include "base/clock.h"
#include "base/ip.h"
#include "http/grpc.h"

enum {
    HEALTH_SERVING = 1,
    HEALTH_BODY_MAX = 4096,
    HEALTH_SERVICE_MAX = 253, /* what the API takes, more or less; its length is a byte here, or two */
};

/* HealthCheckRequest{service = 1} */
static struct str request_message(struct str service, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
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
static int response_status(struct str m)
{
    const unsigned char *p = (const unsigned char *)m.p;
    return !m.n ? 0 : m.n == 2 && p[0] == 1 << 3 && p[1] < 128 ? p[1] : -1;
}

static int rpc_problem(const struct grpc_answer *r, int64_t timeout_ns, struct err *err)
{
    if (r->code == GRPC_UNIMPLEMENTED)
        return err_set(err, ERR_UNAVAILABLE,
                       "error: this server does not implement the grpc health protocol "
                       "(grpc.health.v1.Health): " STR_FMT,
                       STR_ARG(r->why));
    if (r->code == GRPC_DEADLINE_EXCEEDED)
        return err_set(err, ERR_TIMEOUT, "timeout: health rpc did not complete within %llds",
                       (long long)(timeout_ns / CLOCK_S));
    return err_set(err, ERR_UNAVAILABLE,
                   "error: health rpc probe failed: rpc error: code = %s desc = " STR_FMT,
                   grpc_code_name(r->code), STR_ARG(r->why));
}

static int judge(const struct grpc_answer *r, struct err *err)
{
    static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    int status = response_status(r->message);
    if (status == HEALTH_SERVING)
        return 0;
    return err_set(err, ERR_UNAVAILABLE, "service unhealthy (responded with \"%s\")",
                   status >= 0 && status < (int)ARRAY_LEN(names) ? names[status] : "an unknown status");
}

int grpc_health_check(struct str host, int port, struct str service, int64_t timeout_ns, struct err *err)
{
    if (service.n > HEALTH_SERVICE_MAX)
        return err_set(err, ERR_INVALID, "the name of the service is too long");
    _cleanup_arena_ struct arena a = {0};
    struct grpc_answer answer;
    struct grpc_call q = {
        .address = arena_printf(&a, STR_FMT ":%d", STR_ARG(ip_host(&a, host)), port),
        .method = STR("/grpc.health.v1.Health/Check"),
        .message = request_message(service, &a),
        .user_agent = STR("kube-probe/1.36 grpc"),
        .timeout_ns = timeout_ns,
        .max_answer = HEALTH_BODY_MAX,
    };
    if (grpc_do(&q, &a, &answer, NULL) == 0)
        return judge(&answer, err);
    if (answer.reached || answer.code == GRPC_DEADLINE_EXCEEDED)
        return rpc_problem(&answer, timeout_ns, err);
    return err_set(err, ERR_UNAVAILABLE,
                   "timeout: failed to connect service \"" STR_FMT "\" within %llds: " STR_FMT,
                   STR_ARG(q.address), (long long)(timeout_ns / CLOCK_S), STR_ARG(answer.why));
}
