#include "api/kind/container.h"

static void valid_http_get(struct field_errors *e, const struct path *at, const struct http_get_action *h)
{
    if (!h->path.n)
        field_required(e, PATH(at, "path"), "%s", "");
    valid_port_or_name(e, PATH(at, "port"), &h->port);
    VALID_ONE_OF(e, PATH(at, "scheme"), h->scheme, false, STR("HTTP"), STR("HTTPS"));
    if (!h->scheme.n)
        field_error(e, FIELD_ERROR_NOT_SUPPORTED, PATH(at, "scheme"), BAD(h->scheme),
                    "supported values: \"HTTP\", \"HTTPS\"");
    each (h->http_headers, i)
        format_validate(e, PATH(PATH(at, "httpHeaders"), "name"), FORMAT_HTTP_HEADER,
                        h->http_headers.at[i].name);
}

/* The handlers of probes and hooks, of which exactly one is to be set. */
struct handler {
    const struct exec_action *exec;
    const struct http_get_action *http_get;
    const struct tcp_socket_action *tcp_socket;
    const struct grpc_action *grpc;
    const struct sleep_action *sleep;
};

static bool handler_is_second(struct field_errors *e, const struct path *at, int *n)
{
    if ((*n)++ == 0)
        return false;
    field_forbidden(e, at, "may not specify more than 1 handler type");
    return true;
}

static void valid_handler(struct field_errors *e, const struct path *at, const struct handler *h,
                          int64_t grace)
{
    int n = 0;
    if (h->exec && !handler_is_second(e, PATH(at, "exec"), &n) && h->exec->command.n == 0)
        field_required(e, PATH(PATH(at, "exec"), "command"), "%s", "");
    if (h->http_get && !handler_is_second(e, PATH(at, "httpGet"), &n))
        valid_http_get(e, PATH(at, "httpGet"), h->http_get);
    if (h->tcp_socket && !handler_is_second(e, PATH(at, "tcpSocket"), &n))
        valid_port_or_name(e, PATH(PATH(at, "tcpSocket"), "port"), &h->tcp_socket->port);
    if (h->grpc && !handler_is_second(e, PATH(at, "grpc"), &n))
        valid_port(e, PATH(PATH(at, "grpc"), "port"), h->grpc->port);
    if (h->sleep && !handler_is_second(e, PATH(at, "sleep"), &n) &&
        (h->sleep->seconds < 0 || h->sleep->seconds > grace))
        field_invalid_int(e, at, h->sleep->seconds,
                          "must be non-negative and less than terminationGracePeriodSeconds (%lld)",
                          (long long)grace);
    if (n == 0)
        field_required(e, at, "must specify a handler type");
}

enum probe_kind { PROBE_LIVENESS, PROBE_READINESS, PROBE_STARTUP };

static void valid_probe(struct field_errors *e, const struct path *at, const struct probe *p,
                        enum probe_kind kind)
{
    if (!p)
        return;
    valid_handler(e, at, &(struct handler){p->exec, p->http_get, p->tcp_socket, p->grpc, NULL}, 0);
    valid_not_negative(e, PATH(at, "initialDelaySeconds"), p->initial_delay_seconds);
    valid_not_negative(e, PATH(at, "timeoutSeconds"), p->timeout_seconds);
    valid_not_negative(e, PATH(at, "periodSeconds"), p->period_seconds);
    valid_not_negative(e, PATH(at, "successThreshold"), p->success_threshold);
    valid_not_negative(e, PATH(at, "failureThreshold"), p->failure_threshold);
    if (p->termination_grace_period_seconds) {
        if (*p->termination_grace_period_seconds <= 0)
            field_invalid_int(e, PATH(at, "terminationGracePeriodSeconds"),
                              *p->termination_grace_period_seconds, "must be greater than 0");
        if (kind == PROBE_READINESS)
            field_invalid_int(e, PATH(at, "terminationGracePeriodSeconds"),
                              *p->termination_grace_period_seconds, "must not be set for readinessProbes");
    }
    if (kind != PROBE_READINESS && p->success_threshold != 1)
        field_invalid_int(e, PATH(at, "successThreshold"), p->success_threshold, "must be 1");
}

static void valid_hook(struct field_errors *e, const struct path *at, const struct lifecycle_handler *h)
{
    if (h)
        valid_handler(e, at, &(struct handler){h->exec, h->http_get, h->tcp_socket, NULL, h->sleep},
                      INT64_MAX);
}

void valid_container_probes(struct field_errors *e, const struct path *at, const struct container *c,
                            enum container_role role)
{
    if (role == CONTAINER_EPHEMERAL)
        return; /* refused altogether by the caller */
    bool sidecar = c->restart_policy && str_is(*c->restart_policy, "Always");
    if (role == CONTAINER_INIT && !sidecar) {
        const char *only = "may not be set for init containers without restartPolicy=Always";
        if (c->lifecycle)
            field_forbidden(e, PATH(at, "lifecycle"), "%s", only);
        if (c->liveness_probe)
            field_forbidden(e, PATH(at, "livenessProbe"), "%s", only);
        if (c->readiness_probe)
            field_forbidden(e, PATH(at, "readinessProbe"), "%s", only);
        if (c->startup_probe)
            field_forbidden(e, PATH(at, "startupProbe"), "%s", only);
        return;
    }
    if (c->lifecycle) {
        valid_hook(e, PATH(PATH(at, "lifecycle"), "postStart"), c->lifecycle->post_start);
        valid_hook(e, PATH(PATH(at, "lifecycle"), "preStop"), c->lifecycle->pre_stop);
    }
    valid_probe(e, PATH(at, "livenessProbe"), c->liveness_probe, PROBE_LIVENESS);
    valid_probe(e, PATH(at, "readinessProbe"), c->readiness_probe, PROBE_READINESS);
    valid_probe(e, PATH(at, "startupProbe"), c->startup_probe, PROBE_STARTUP);
}
