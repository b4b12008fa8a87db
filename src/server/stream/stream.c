#include "server/stream/stream.h"

#include "base/clock.h"
#include "base/encode.h"
#include "server/internal.h"
#include "server/stream/pod_location.h"
#include "server/stream/relay.h"

/* How long a stream may be silent: a little more than the agent's four hours, so that it is the agent who
 * ends it. */
#define STREAM_IDLE_NS (4 * 3600 * CLOCK_S + 60 * CLOCK_S)

static const struct stream {
    struct str subresource;
    const char *path;    /* at the agent */
    bool with_container; /* behind the pod's name */
} streams[] = {
    {STR_INIT("exec"), "exec", true},
    {STR_INIT("attach"), "attach", true},
    {STR_INIT("portforward"), "portForward", false},
};

static const struct stream *find(const struct route *r)
{
    for (size_t i = 0; str_is(r->resource, "pods") && str_empty(r->group) && i < ARRAY_LEN(streams); i++)
        if (str_eq(r->subresource, streams[i].subresource))
            return &streams[i];
    return NULL;
}

bool stream_is(const struct route *r)
{
    return find(r) != NULL;
}

int stream_authorize(struct request *q, struct err *err)
{
    const struct route *r = &q->route;
    if (!stream_is(r) || str_is(r->verb, "create"))
        return 0;
    struct attributes a = request_attributes(q);
    a.verb = STR("create");
    return authz_check(q->server->authz, &a, &q->waiter, err);
}

/* PodExecOptions in the agent's words. */
static void add_options(struct request *q, struct buf *url)
{
    static const struct {
        const char *name, *agents;
    } flags[] = {{"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};
    char separator = '?';
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (!query_bool(&q->query, flags[i].name))
            continue;
        buf_addf(url, "%c%s=1", separator, flags[i].agents);
        separator = '&';
    }
    for (size_t i = 0; i < q->query.n; i++) {
        bool command = str_is(q->query.at[i].key, "command");
        if (!command && !str_is(q->query.at[i].key, "ports"))
            continue;
        buf_addf(url, "%c%s=", separator, command ? "command" : "port");
        encode_percent(url, q->query.at[i].value);
        separator = '&';
    }
}

static int make_url(struct request *q, const struct stream *s, struct str *out, struct err *err)
{
    struct pod_location at;
    struct str container = query_get(&q->query, "container");
    const struct route *r = &q->route;
    if (pod_location(q->server->store, q->arena, r->ns, r->name, s->with_container ? &container : NULL, &at,
                     err) < 0)
        return -1;
    if (str_empty(at.node_url))
        return err_set(err, ERR_BAD_REQUEST, "pod " STR_FMT " does not have a host assigned",
                       STR_ARG(r->name));
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b, STR_FMT "/%s/" STR_FMT "/" STR_FMT "%s" STR_FMT, STR_ARG(at.node_url), s->path,
             STR_ARG(r->ns), STR_ARG(r->name), s->with_container ? "/" : "", STR_ARG(at.container));
    add_options(q, &b);
    *out = arena_str(q->arena, buf_str(&b));
    return 0;
}

void stream_handle(struct request *q)
{
    _cleanup_err_ struct err err = {0};
    struct str url;
    if (make_url(q, find(&q->route), &url, &err) < 0)
        request_error(q, &err);
    else
        relay_start(q, &(struct relay_options){.client = q->server->kubelets,
                                               .url = url,
                                               .must_upgrade = true,
                                               .idle_ns = STREAM_IDLE_NS,
                                               .unreachable = ERR_INTERNAL,
                                               .unreachable_text = "error dialing backend"});
}
