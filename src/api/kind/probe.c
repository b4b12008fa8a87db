/* Probes and hooks of containers (validateProbe, validateLifecycle). */
#include "api/kind/container.h"

static void valid_http_get(struct field_errors *e, const struct path *at, const struct http_get_action *h)
{
    if (!h->path.n)
        field_required(e, PATH(at, "path"), "%s", "");
    valid_port_or_name(e, PATH(at, "port"), &h->port);
    valid_supported(e, PATH(at, "scheme"), h->scheme, (const struct str[]){STR("HTTP"), STR("HTTPS")}, 2);
    each (h->http_headers, i)
        format_validate(e, PATH(at, "httpHeaders"), FORMAT_HTTP_HEADER, h->http_headers.at[i].name);
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
                          const int64_t *grace)
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
    if (h->sleep && !handler_is_second(e, PATH(at, "sleep"), &n) && grace &&
        (h->sleep->seconds < 0 || h->sleep->seconds > *grace))
        field_invalid_int(e, PATH(at, "sleep"), h->sleep->seconds,
                          "must be non-negative and less than terminationGracePeriodSeconds (%lld)",
                          (long long)*grace);
    if (n == 0)
        field_required(e, at, "must specify a handler type");
}

enum probe_kind { PROBE_LIVENESS, PROBE_READINESS, PROBE_STARTUP };

static void valid_probe(struct field_errors *e, const struct path *at, const struct probe *p,
                        enum probe_kind kind)
{
    if (!p)
        return;
    valid_handler(e, at, &(struct handler){p->exec, p->http_get, p->tcp_socket, p->grpc, NULL}, NULL);
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

static void valid_hook(struct field_errors *e, const struct path *at, const struct lifecycle_handler *h,
                       const struct pod_spec *pod)
{
    if (h)
        valid_handler(e, at, &(struct handler){h->exec, h->http_get, h->tcp_socket, NULL, h->sleep},
                      pod->termination_grace_period_seconds);
}

/* Which signals there are depends on the system, so the pod has to name it; which exist at all is
 * declared. */
static void valid_stop_signal(struct field_errors *e, const struct path *at, struct str signal,
                              const struct pod_spec *pod)
{
    if (!pod->os)
        field_forbidden(e, at, "may not be set for containers with empty `spec.os.name`");
    else if (str_is(pod->os->name, "windows"))
        valid_supported(e, at, signal, (const struct str[]){STR("SIGKILL"), STR("SIGTERM")}, 2);
}

static void valid_lifecycle(struct field_errors *e, const struct path *at, const struct lifecycle *l,
                            const struct pod_spec *pod)
{
    valid_hook(e, PATH(at, "postStart"), l->post_start, pod);
    valid_hook(e, PATH(at, "preStop"), l->pre_stop, pod);
    if (l->stop_signal)
        valid_stop_signal(e, PATH(at, "stopSignal"), *l->stop_signal, pod);
}

void valid_container_probes(struct field_errors *e, const struct path *at, const struct container *c,
                            const struct pod_spec *pod, enum container_role role)
{
    if (role == CONTAINER_INIT && !container_is_sidecar(c)) {
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
    if (c->lifecycle)
        valid_lifecycle(e, PATH(at, "lifecycle"), c->lifecycle, pod);
    valid_probe(e, PATH(at, "livenessProbe"), c->liveness_probe, PROBE_LIVENESS);
    valid_probe(e, PATH(at, "readinessProbe"), c->readiness_probe, PROBE_READINESS);
    valid_probe(e, PATH(at, "startupProbe"), c->startup_probe, PROBE_STARTUP);
}
