/* The cells of pods, nodes and events. */
#include <stdio.h>

#include "kinds/core_v1.h"
#include "kinds/events_v1.h"
#include "schema/table/cells.h"
#include "schema/timestamp.h"

/* --- pods --- */

struct pod_summary {
    size_t containers, ready;
    int64_t restarts;
    struct time last_restart;
    struct str reason;
    char text[64]; /* what `reason` points to when it was made here */
};

static bool pod_is_sidecar(const struct pod *pod, struct str name)
{
    for (size_t i = 0; i < pod->spec.init_containers.n; i++) {
        const struct container *c = &pod->spec.init_containers.at[i];
        if (str_eq(c->name, name))
            return c->restart_policy && str_is(*c->restart_policy, "Always");
    }
    return false;
}

static const struct pod_condition *pod_condition(const struct pod *pod, const char *type)
{
    for (size_t i = 0; i < pod->status.conditions.n; i++)
        if (str_is(pod->status.conditions.at[i].type, type))
            return &pod->status.conditions.at[i];
    return NULL;
}

static bool pod_condition_true(const struct pod *pod, const char *type)
{
    const struct pod_condition *c = pod_condition(pod, type);
    return c && str_is(c->status, "True");
}

static void pod_restarted(const struct container_status *s, int64_t *restarts, struct time *last)
{
    const struct container_state_terminated *t = s->last_state.terminated;
    *restarts += s->restart_count;
    if (t && time_cmp(*last, t->finished_at) < 0)
        *last = t->finished_at;
}

static _printf_(2, 3) void pod_reason(struct pod_summary *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(p->text, sizeof p->text, fmt, args);
    va_end(args);
    p->reason = str_slice(p->text, n < (int)sizeof p->text ? (size_t)n : sizeof p->text - 1);
}

/* How a container ended, where it gives no reason of its own. */
static void pod_ended(struct pod_summary *p, const char *prefix, const struct container_state_terminated *t)
{
    if (t->reason.n)
        pod_reason(p, "%s" STR_FMT, prefix, STR_ARG(t->reason));
    else if (t->signal)
        pod_reason(p, "%sSignal:%d", prefix, t->signal);
    else
        pod_reason(p, "%sExitCode:%d", prefix, t->exit_code);
}

/* Whether init containers are what the pod waits for now. Sidecars' restarts are counted on their own as
 * well. */
static bool pod_initializing(const struct pod *pod, struct pod_summary *p, int64_t *sidecar_restarts,
                             struct time *sidecar_last)
{
    for (size_t i = 0; i < pod->status.init_container_statuses.n; i++) {
        const struct container_status *s = &pod->status.init_container_statuses.at[i];
        const struct container_state_terminated *ended = s->state.terminated;
        const struct container_state_waiting *waiting = s->state.waiting;
        bool sidecar = pod_is_sidecar(pod, s->name);
        pod_restarted(s, &p->restarts, &p->last_restart);
        if (sidecar)
            pod_restarted(s, sidecar_restarts, sidecar_last);
        if (ended && ended->exit_code == 0)
            continue;
        if (sidecar && s->started && *s->started) {
            p->ready += s->ready;
            continue;
        }
        if (ended)
            pod_ended(p, "Init:", ended);
        else if (waiting && waiting->reason.n && !str_is(waiting->reason, "PodInitializing"))
            pod_reason(p, "Init:" STR_FMT, STR_ARG(waiting->reason));
        else
            pod_reason(p, "Init:%zu/%zu", i, pod->spec.init_containers.n);
        return true;
    }
    return false;
}

static void pod_running(const struct pod *pod, struct pod_summary *p)
{
    bool running = false;
    for (size_t i = pod->status.container_statuses.n; i-- > 0;) {
        const struct container_status *s = &pod->status.container_statuses.at[i];
        pod_restarted(s, &p->restarts, &p->last_restart);
        if (s->state.waiting && s->state.waiting->reason.n) {
            p->reason = s->state.waiting->reason;
        } else if (s->state.terminated) {
            pod_ended(p, "", s->state.terminated);
        } else if (s->ready && s->state.running) {
            running = true;
            p->ready++;
        }
    }
    if (running && str_is(p->reason, "Completed"))
        p->reason = pod_condition_true(pod, "Ready") ? STR("Running") : STR("NotReady");
}

static void pod_summarize(const struct pod *pod, struct pod_summary *p)
{
    int64_t sidecar_restarts = 0;
    struct time sidecar_last = {0};
    const struct pod_condition *scheduled = pod_condition(pod, "PodScheduled");
    *p = (struct pod_summary){.containers = pod->spec.containers.n,
                              .reason = pod->status.reason.n ? pod->status.reason : pod->status.phase};
    if (scheduled && str_is(scheduled->reason, "SchedulingGated"))
        p->reason = scheduled->reason;
    for (size_t i = 0; i < pod->spec.init_containers.n; i++)
        p->containers += pod_is_sidecar(pod, pod->spec.init_containers.at[i].name);
    if (!pod_initializing(pod, p, &sidecar_restarts, &sidecar_last) ||
        pod_condition_true(pod, "Initialized")) {
        p->restarts = sidecar_restarts;
        p->last_restart = sidecar_last;
        pod_running(pod, p);
    }
    bool over = str_is(pod->status.phase, "Succeeded") || str_is(pod->status.phase, "Failed");
    if (pod->metadata.deletion_timestamp && str_is(pod->status.reason, "NodeLost"))
        p->reason = STR("Unknown");
    else if (pod->metadata.deletion_timestamp && !over)
        p->reason = STR("Terminating");
}

static void pod_cell_ready(struct cell *c)
{
    struct pod_summary p;
    pod_summarize(c->typed, &p);
    cell_strf(c, "%zu/%zu", p.ready, p.containers);
}

static void pod_cell_status(struct cell *c)
{
    struct pod_summary p;
    pod_summarize(c->typed, &p);
    cell_str(c, p.reason);
}

static void pod_cell_restarts(struct cell *c)
{
    struct pod_summary p;
    _cleanup_buf_ struct buf b = {0};
    pod_summarize(c->typed, &p);
    buf_add_i64(&b, p.restarts);
    if (p.restarts && !time_is_zero(p.last_restart)) {
        buf_add_lit(&b, " (");
        cell_add_age(&b, p.last_restart, c->now);
        buf_add_lit(&b, " ago)");
    }
    cell_buf(c, &b);
}

static void pod_cell_ip(struct cell *c)
{
    const struct pod *pod = c->typed;
    cell_or(c, pod->status.pod_ips.n ? pod->status.pod_ips.at[0].ip : pod->status.pod_ip, "<none>");
}

static void pod_cell_gates(struct cell *c)
{
    const struct pod *pod = c->typed;
    size_t open = 0, n = pod->spec.readiness_gates.n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < pod->status.conditions.n; j++) {
            const struct pod_condition *cond = &pod->status.conditions.at[j];
            if (str_eq(cond->type, pod->spec.readiness_gates.at[i].condition_type)) {
                open += str_is(cond->status, "True");
                break;
            }
        }
    if (n)
        cell_strf(c, "%zu/%zu", open, n);
    else
        cell_str(c, STR("<none>"));
}

/* --- nodes --- */

static void node_cell_status(struct cell *c)
{
    const struct node *node = c->typed;
    const char *ready = "Unknown";
    for (size_t i = 0; i < node->status.conditions.n; i++)
        if (str_is(node->status.conditions.at[i].type, "Ready"))
            ready = str_is(node->status.conditions.at[i].status, "True") ? "Ready" : "NotReady";
    cell_strf(c, "%s%s", ready, node->spec.unschedulable ? ",SchedulingDisabled" : "");
}

static void node_add_role(struct buf *b, struct str role)
{
    if (role.n == 0)
        return;
    if (b->n)
        buf_add_c(b, ',');
    buf_add_str(b, role);
}

/* Labels are sorted, so the roles of node-role.kubernetes.io are; upstream sorts the other among them. */
static void node_cell_roles(struct cell *c)
{
    const struct node *node = c->typed;
    const struct str prefix = STR("node-role.kubernetes.io/");
    const struct str_map *labels = &node->metadata.labels;
    _cleanup_buf_ struct buf b = {0};
    struct str other = {0};
    for (size_t i = 0; i < labels->n; i++)
        if (str_is(labels->at[i].key, "kubernetes.io/role"))
            other = labels->at[i].value;
    for (size_t i = 0; i < labels->n; i++) {
        if (!str_starts(labels->at[i].key, prefix))
            continue;
        struct str role = str_from_at(labels->at[i].key, prefix.n);
        if (other.n && str_cmp(other, role) <= 0) {
            if (!str_eq(other, role))
                node_add_role(&b, other);
            other = (struct str){0};
        }
        node_add_role(&b, role);
    }
    node_add_role(&b, other);
    cell_or(c, buf_str(&b), "<none>");
}

static void node_cell_address(struct cell *c, const char *type)
{
    const struct node *node = c->typed;
    struct str address = {0};
    for (size_t i = 0; i < node->status.addresses.n && !address.n; i++)
        if (str_is(node->status.addresses.at[i].type, type))
            address = node->status.addresses.at[i].address;
    cell_or(c, address, "<none>");
}

static void node_cell_internal_ip(struct cell *c)
{
    node_cell_address(c, "InternalIP");
}

static void node_cell_external_ip(struct cell *c)
{
    node_cell_address(c, "ExternalIP");
}

/* --- events, of both groups --- */

/* What both forms say. */
struct event_view {
    struct time first, last, time;
    const struct time *series_last;
    int32_t count, series_count;
    const struct object_reference *about;
    struct str message, component, host;
};

static struct str event_either(struct str a, struct str b)
{
    return a.n ? a : b;
}

static struct event_view event_view_core(const struct cell *c)
{
    const struct event *e = c->typed;
    return (struct event_view){
        .first = e->first_timestamp,
        .last = e->last_timestamp,
        .time = e->event_time,
        .series_last = e->series ? &e->series->last_observed_time : NULL,
        .count = e->count,
        .series_count = e->series ? e->series->count : 0,
        .about = &e->involved_object,
        .message = e->message,
        .component = event_either(e->source.component, e->reporting_component),
        .host = event_either(e->source.host, e->reporting_instance),
    };
}

static struct event_view event_view_events(const struct cell *c)
{
    const struct events_event *e = c->typed;
    return (struct event_view){
        .first = e->deprecated_first_timestamp,
        .last = e->deprecated_last_timestamp,
        .time = e->event_time,
        .series_last = e->series ? &e->series->last_observed_time : NULL,
        .count = e->deprecated_count,
        .series_count = e->series ? e->series->count : 0,
        .about = &e->regarding,
        .message = e->note,
        .component = event_either(e->deprecated_source.component, e->reporting_controller),
        .host = event_either(e->deprecated_source.host, e->reporting_instance),
    };
}

static struct event_view event_view(const struct cell *c);

static void event_cell_first(struct cell *c)
{
    struct event_view e = event_view(c);
    cell_age(c, time_is_zero(e.first) ? e.time : e.first);
}

static void event_cell_last(struct cell *c)
{
    struct event_view e = event_view(c);
    if (e.series_last)
        cell_age(c, *e.series_last);
    else if (time_is_zero(e.last))
        event_cell_first(c);
    else
        cell_age(c, e.last);
}

static void event_cell_count(struct cell *c)
{
    struct event_view e = event_view(c);
    cell_int(c, e.series_last ? e.series_count : e.count ? e.count : 1);
}

static void event_cell_object(struct cell *c)
{
    struct event_view e = event_view(c);
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < e.about->kind.n; i++) {
        char ch = e.about->kind.p[i];
        buf_add_c(&b, ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch);
    }
    if (e.about->name.n) {
        buf_add_c(&b, '/');
        buf_add_str(&b, e.about->name);
    }
    cell_buf(c, &b);
}

static void event_cell_subobject(struct cell *c)
{
    cell_str(c, event_view(c).about->field_path);
}

static void event_cell_source(struct cell *c)
{
    struct event_view e = event_view(c);
    cell_strf(c, STR_FMT "%s" STR_FMT, STR_ARG(e.component), e.host.n ? ", " : "", STR_ARG(e.host));
}

static void event_cell_message(struct cell *c)
{
    cell_str(c, str_trim(event_view(c).message));
}

/* The makers' c->at tells the two apart: only core's events have an involvedObject. */
static struct event_view event_view(const struct cell *c)
{
    return c->at ? event_view_core(c) : event_view_events(c);
}

#define EVENT_CELLS(type)                                                                                    \
    {type, "Last Seen", event_cell_last, "involvedObject"},                                                  \
        {type, "Object", event_cell_object, "involvedObject"},                                               \
        {type, "Subobject", event_cell_subobject, "involvedObject"},                                         \
        {type, "Source", event_cell_source, "involvedObject"},                                               \
        {type, "Message", event_cell_message, "involvedObject"},                                             \
        {type, "First Seen", event_cell_first, "involvedObject"},                                            \
    {                                                                                                        \
        type, "Count", event_cell_count, "involvedObject"                                                    \
    }

static const struct cell_maker makers[] = {
    {&pod_type, "Ready", pod_cell_ready, NULL},
    {&pod_type, "Status", pod_cell_status, NULL},
    {&pod_type, "Restarts", pod_cell_restarts, NULL},
    {&pod_type, "IP", pod_cell_ip, NULL},
    {&pod_type, "Node", cell_or_none, "spec.nodeName"},
    {&pod_type, "Nominated Node", cell_or_none, "status.nominatedNodeName"},
    {&pod_type, "Readiness Gates", pod_cell_gates, NULL},
    {&node_type, "Status", node_cell_status, NULL},
    {&node_type, "Roles", node_cell_roles, NULL},
    {&node_type, "Internal-IP", node_cell_internal_ip, NULL},
    {&node_type, "External-IP", node_cell_external_ip, NULL},
    {&node_type, "OS-Image", cell_or_unknown, "status.nodeInfo.osImage"},
    {&node_type, "Kernel-Version", cell_or_unknown, "status.nodeInfo.kernelVersion"},
    {&node_type, "Container-Runtime", cell_or_unknown, "status.nodeInfo.containerRuntimeVersion"},
    EVENT_CELLS(&event_type),
    EVENT_CELLS(&events_event_type),
};
const struct cell_makers cells_pods = {makers, ARRAY_LEN(makers)};
