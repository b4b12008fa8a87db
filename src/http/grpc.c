#include "http/grpc.h"

#include <limits.h>
#include <pthread.h>

#include "base/encode.h"
#include "http/fetch.h"

enum { FRAME_HEAD = 5 };

static struct fetch *grpc_fetch;
static void grpc_open(void)
{
    if (fetch_new(&(struct fetch_options){0}, &grpc_fetch, NULL) < 0)
        grpc_fetch = NULL;
}

const char *grpc_code_name(int64_t code)
{
    static const char *const names[] = {
        "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
        "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
        "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
        "DataLoss", "Unauthenticated"};
    return code >= 0 && code < (int64_t)ARRAY_LEN(names) ? names[code] : "Code";
}

static struct str frame(struct str message, struct arena *a)
{
    char *p = arena_alloc(a, FRAME_HEAD + message.n);
    ensure(message.n <= UINT32_MAX);
    for (int i = 0; i < 4; i++)
        p[1 + i] = (char)(message.n >> 8 * (3 - i));
    if (message.n)
        memcpy(p + FRAME_HEAD, message.p, message.n);
    return str_slice(p, FRAME_HEAD + message.n);
}

bool grpc_unframe(struct str body, struct str *message)
{
    const unsigned char *p = (const unsigned char *)body.p;
    if (body.n < FRAME_HEAD || p[0] != 0)
        return false;
    size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    *message = str_from_at(body, FRAME_HEAD);
    return message->n == n;
}

/* What HTTP's own codes mean here (grpc/doc/http-grpc-status-mapping.md). */
static int64_t code_of_status(int status)
{
    return status == 404                                                      ? GRPC_UNIMPLEMENTED
           : status == 429 || status == 502 || status == 503 || status == 504 ? GRPC_UNAVAILABLE
           : status == 400                                                    ? GRPC_INTERNAL
                                                                              : GRPC_UNKNOWN;
}

static int failed(struct grpc_answer *out, int64_t code, struct str why, struct err *err)
{
    out->code = code;
    out->why = why;
    return err_set(err, ERR_UNAVAILABLE, "rpc error: code = %s desc = " STR_FMT, grpc_code_name(code),
                   STR_ARG(why));
}

static int judge(const struct fetch_response *r, struct arena *a, struct grpc_answer *out, struct err *err)
{
    struct str said = fetch_header_get(r, STR("grpc-status")), why, message;
    int64_t code;
    out->reached = true;
    out->status = r->status;
    if (!str_to_i64(said, &code))
        return failed(out, code_of_status(r->status),
                      arena_printf(a, "unexpected HTTP status code received from server: %d", r->status),
                      err);
    if (code != GRPC_OK) {
        said = fetch_header_get(r, STR("grpc-message"));
        return failed(out, code, decode_percent(a, said, false, &why) == 0 ? why : arena_str(a, said), err);
    }
    if (!grpc_unframe(r->body, &message))
        return failed(out, GRPC_INTERNAL, STR("the response is not one message"), err);
    out->message = arena_str(a, message);
    return 0;
}

int grpc_do(const struct grpc_call *q, struct arena *a, struct grpc_answer *out, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, grpc_open);
    *out = (struct grpc_answer){0};
    if (!grpc_fetch)
        return failed(out, GRPC_INTERNAL, STR("no HTTP client"), err);
    _cleanup_fetch_response_ struct fetch_response response = {0};
    _cleanup_err_ struct err why = {0};
    const struct http_header headers[] = {
        {STR("content-type"), STR("application/grpc")},
        {STR("te"), STR("trailers")},
        {STR("user-agent"), q->user_agent.n ? q->user_agent : STR("sagong")},
    };
    struct fetch_request request = {
        .method = "POST",
        .url = arena_printf(a, "http://" STR_FMT STR_FMT,
                            STR_ARG(q->socket.n ? STR("localhost") : q->address), STR_ARG(q->method)),
        .unix_socket = q->socket,
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = frame(q->message, a),
        .plain_http2 = true,
        .connect_ns = q->timeout_ns,
        .timeout_ns = q->timeout_ns,
        .max_body = q->max_answer + FRAME_HEAD,
    };
    if (fetch_do(grpc_fetch, &request, &response, &why) == 0)
        return judge(&response, a, out, err);
    int64_t code = why.reason == ERR_TIMEOUT     ? GRPC_DEADLINE_EXCEEDED
                   : why.reason == ERR_TOO_LARGE ? GRPC_RESOURCE_EXHAUSTED
                                                 : GRPC_UNAVAILABLE;
    return failed(
        out, code,
        code == GRPC_DEADLINE_EXCEEDED ? STR("context deadline exceeded") : arena_str(a, why.message), err);
}
