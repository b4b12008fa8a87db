#include "node/pod/status.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "node/logs/log_file.h"
#include "node/pod/probe.h"
#include "node/pod/resources.h"
#include "schema/copy.h"
#include "schema/timestamp.h"

enum { TERMINATION_MESSAGE_MAX = 4096, TERMINATION_LOG_MAX = 2048, TERMINATION_LOG_LINES = 80 };

/* A rule of the container's own for the way it ended (KEP-5307). */
static bool rule_restarts(const struct container *c, int64_t code)
{
    for (size_t i = 0; i < c->restart_policy_rules.n; i++) {
        const struct container_restart_rule *r = &c->restart_policy_rules.at[i];
        bool in = false;
        for (size_t k = 0; r->exit_codes && k < r->exit_codes->values.n; k++)
            in |= r->exit_codes->values.at[k] == code;
        if (str_is(r->action, "Restart") && r->exit_codes && in == str_is(r->exit_codes->operator, "In"))
            return true;
    }
    return false;
}

bool container_restarts(const struct pod_state *p, const struct pod *pod, const struct container *c,
                        const struct runtime_container *ended)
{
    if (p->terminating || pod_is_ephemeral(pod, c))
        return false;
    if (rule_restarts(c, ended->exit_code))
        return true;
    struct str policy = c->restart_policy ? *c->restart_policy : pod->spec.restart_policy;
    if (str_is(policy, "Always"))
        /* Init containers end once: Always is for those that run beside the others. */
        return !pod_is_init(pod, c) || container_is_sidecar(c) || ended->exit_code != 0;
    return ended->exit_code != 0 && str_is(policy, "OnFailure");
}

/* --- how containers ended --- */

/* What the container wrote to its termination message path, or the end of its log. Read once. */
static struct str termination_message(const struct pod_state *p, const struct container *c,
                                      const struct runtime_container *ended, struct arena *a)
{
    char *text = arena_alloc(a, TERMINATION_MESSAGE_MAX);
    /* The file was the container's: no following links, no waiting for pipes. */
    const char *path = arena_printf(a, "%s/termination-" STR_FMT, p->dir, STR_ARG(ended->id)).p;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, TERMINATION_MESSAGE_MAX);
    if (n > 0)
        return str_slice(text, (size_t)n);
    if (!str_is(c->termination_message_policy, "FallbackToLogsOnError") || ended->exit_code == 0)
        return (struct str){0};
    return log_file_end(arena_c(a, ended->log_path), TERMINATION_LOG_LINES, TERMINATION_LOG_MAX, a);
}

static struct time time_of(int64_t ns)
{
    return (struct time){ns / CLOCK_S, 0};
}

static struct str container_id(const struct runtime_container *c, struct arena *a)
{
    return arena_concat(a, STR("sagong://"), c->id);
}

/* How it ended, as status says it. */
static struct container_state_terminated container_terminated(const struct pod_state *p,
                                                              const struct container *c,
                                                              const struct runtime_container *ended,
                                                              struct arena *a)
{
    struct container_state_terminated t = {
        .exit_code = (int32_t)ended->exit_code,
        .started_at = time_of(ended->started_ns),
        .finished_at = time_of(ended->finished_ns),
        .container_id = container_id(ended, a),
        .reason = ended->start_error.n    ? STR("StartError")
                  : ended->lost           ? STR("ContainerStatusUnknown")
                  : ended->oom_killed     ? STR("OOMKilled")
                  : ended->exit_code == 0 ? STR("Completed")
                                          : STR("Error"),
    };
    t.message = ended->start_error.n ? ended->start_error
                : ended->lost        ? STR("The container could not be located when the pod was terminated")
                                     : termination_message(p, c, ended, a);
    return t;
}

/* --- one container --- */

static bool is_running(const struct container_control *k)
{
    return k->current && k->current->state != CONTAINER_EXITED && k->current->started_ns;
}

static struct volume_mount_status_vec mount_statuses(const struct container *c, struct arena *a)
{
    struct volume_mount_status_vec v = {arena_new_n(a, struct volume_mount_status, c->volume_mounts.n), 0};
    static struct str disabled = STR_INIT("Disabled");
    for (size_t i = 0; i < c->volume_mounts.n; i++) {
        const struct volume_mount *m = &c->volume_mounts.at[i];
        v.at[v.n++] = (struct volume_mount_status){.name = m->name,
                                                   .mount_path = m->mount_path,
                                                   .read_only = m->read_only,
                                                   .recursive_read_only = m->read_only ? &disabled : NULL};
    }
    return v;
}

/* Why a container that does not run is not running. */
static struct container_state_waiting *waiting(struct container_control *k, const struct pod *pod,
                                               const struct container *c, bool initialized, struct arena *a)
{
    struct container_state_waiting *w = arena_new(a, struct container_state_waiting);
    bool init_first = pod->spec.init_containers.n && !initialized;
    *w = (struct container_state_waiting){k->waiting_reason, k->waiting_message};
    if (!w->reason.n)
        w->reason = init_first && (!pod_is_init(pod, c) || pod->spec.init_containers.n)
                        ? STR("PodInitializing")
                        : STR("ContainerCreating");
    return w;
}

static struct container_status container_status_make(struct pod_state *p, const struct pod *pod,
                                                     const struct container *c, bool initialized,
                                                     struct arena *a)
{
    struct container_control *k = pod_control(p, c->name);
    struct container_status s = {.name = c->name, .image = c->image};
    const struct runtime_container *now = k->current, *last = k->previous;
    bool init = pod_is_init(pod, c), sidecar = container_is_sidecar(c);
    bool *started = arena_new(a, bool);
    s.started = started;
    if (is_running(k)) {
        s.state.running = arena_new(a, struct container_state_running);
        s.state.running->started_at = time_of(now->started_ns);
        *started = probe_started(p, c, k);
        s.ready = (!init || sidecar) && *started && probe_ready(p, c, k);
        const struct resource_requirements *given = k->applied ? k->applied : &c->resources;
        if (given->requests.n || given->limits.n) {
            s.allocated_resources = given->requests;
            s.resources = (struct resource_requirements *)given;
        } else {
            s.resources = arena_new(a, struct resource_requirements);
        }
    } else if (now && now->state == CONTAINER_EXITED &&
               (!k->waiting_reason.n || !container_restarts(p, pod, c, now))) {
        s.state.terminated = arena_new(a, struct container_state_terminated);
        *s.state.terminated = container_terminated(p, c, now, a);
        s.ready = init && !sidecar && now->exit_code == 0;
    } else {
        s.state.waiting = waiting(k, pod, c, initialized, a);
        if (now && now->state == CONTAINER_EXITED)
            last = now; /* it waits to be started again */
    }
    if (last) {
        s.last_state.terminated = arena_new(a, struct container_state_terminated);
        *s.last_state.terminated = container_terminated(p, c, last, a);
    }
    if (now) {
        s.restart_count = (int32_t)now->attempt;
        s.image_id = now->image_id;
        s.container_id = container_id(now, a);
        s.volume_mounts = mount_statuses(c, a);
    }
    return s;
}

/* They have no readiness, and do not count as started. */
static struct container_status ephemeral_status_make(struct pod_state *p, const struct pod *pod,
                                                     const struct container *c, struct arena *a)
{
    struct container_status s = container_status_make(p, pod, c, true, a);
    s.ready = false;
    *s.started = false;
    return s;
}

static int by_name(const void *x, const void *y)
{
    return str_cmp(((const struct container_status *)x)->name, ((const struct container_status *)y)->name);
}

/* --- phase --- */

static bool init_done(struct pod_state *p, const struct container *c)
{
    struct container_control *k = pod_control(p, c->name);
    if (container_is_sidecar(c))
        return is_running(k) && probe_started(p, c, k);
    return k->current && k->current->state == CONTAINER_EXITED && k->current->exit_code == 0;
}

static bool all_initialized(struct pod_state *p, const struct pod *pod)
{
    for (size_t i = 0; i < pod->spec.init_containers.n; i++)
        if (!init_done(p, &pod->spec.init_containers.at[i]))
            return false;
    return true;
}

/* Upstream's getPhase. */
static struct str phase_of(struct pod_state *p, const struct pod *pod, bool initialized)
{
    if (p->final_phase.n)
        return p->final_phase;
    size_t running = 0, waits = 0, stopped = 0, succeeded = 0, unknown = 0;
    for (size_t i = 0; i < pod->spec.init_containers.n; i++) {
        const struct container *c = &pod->spec.init_containers.at[i];
        const struct runtime_container *now = pod_control(p, c->name)->current;
        if (!container_is_sidecar(c) && now && now->state == CONTAINER_EXITED && now->exit_code != 0 &&
            !container_restarts(p, pod, c, now))
            return POD_PHASE_FAILED;
    }
    for (size_t i = 0; i < pod->spec.containers.n; i++) {
        const struct container *c = &pod->spec.containers.at[i];
        struct container_control *k = pod_control(p, c->name);
        if (is_running(k))
            running++;
        else if (k->current && k->current->state == CONTAINER_EXITED) {
            stopped++;
            succeeded += k->current->exit_code == 0;
            if (k->waiting_reason.n && container_restarts(p, pod, c, k->current))
                running++; /* between two runs: the pod is still running */
        } else if (k->previous)
            stopped++;
        else
            waits++;
    }
    if (p->terminating && p->released && stopped + waits == pod->spec.containers.n)
        return stopped && succeeded == stopped && !waits ? POD_PHASE_SUCCEEDED : POD_PHASE_FAILED;
    if (!initialized && !running && !stopped)
        return POD_PHASE_PENDING;
    if (waits || unknown)
        return running || stopped ? POD_PHASE_RUNNING : POD_PHASE_PENDING;
    if (running)
        return POD_PHASE_RUNNING;
    if (str_is(pod->spec.restart_policy, "Always") && !p->terminating)
        return POD_PHASE_RUNNING;
    if (succeeded == stopped)
        return POD_PHASE_SUCCEEDED;
    return str_is(pod->spec.restart_policy, "Never") || p->terminating ? POD_PHASE_FAILED : POD_PHASE_RUNNING;
}

/* --- conditions --- */

static void set_condition(struct pod_status *s, const struct pod *pod, struct str type, bool status,
                          struct str reason, struct str message)
{
    struct str value = status ? CONDITION_STATUS_TRUE : CONDITION_STATUS_FALSE;
    struct pod_condition c = {.type = type,
                              .status = value,
                              .reason = status ? STR("") : reason,
                              .message = status ? STR("") : message,
                              .observed_generation = pod->metadata.generation,
                              .last_transition_time = time_now()};
    for (size_t i = 0; i < pod->status.conditions.n; i++) {
        const struct pod_condition *old = &pod->status.conditions.at[i];
        if (str_eq(old->type, type) && str_eq(old->status, value)) {
            c.last_transition_time = old->last_transition_time;
            c.last_probe_time = old->last_probe_time;
        }
    }
    s->conditions.at[s->conditions.n++] = c;
}

static bool is_ours(struct str type)
{
    static const char *const ours[] = {
        "PodReadyToStartContainers", "Initialized",      "Ready",
        "ContainersReady",           "PodResizePending", "PodResizeInProgress"};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_is(type, ours[i]))
            return true;
    return false;
}

/* "containers with unready status: [a b]" */
static struct str list_names(const char *what, const struct container_status_vec *v,
                             bool (*wrong)(const struct container_status *), struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < v->n; i++)
        if (wrong(&v->at[i]))
            buf_addf(&b, "%s" STR_FMT, b.n ? " " : "", STR_ARG(v->at[i].name));
    return b.n ? arena_printf(a, "containers with %s status: [" STR_FMT "]", what, STR_ARG(buf_str(&b)))
               : (struct str){0};
}

static bool is_unready(const struct container_status *s)
{
    return !s->ready;
}

static struct str gates_message(const struct pod *pod, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < pod->spec.readiness_gates.n; i++) {
        struct str type = pod->spec.readiness_gates.at[i].condition_type;
        const struct pod_condition *found = NULL;
        for (size_t k = 0; k < pod->status.conditions.n; k++)
            if (str_eq(pod->status.conditions.at[k].type, type))
                found = &pod->status.conditions.at[k];
        if (found && str_is(found->status, "True"))
            continue;
        if (b.n)
            buf_add_lit(&b, ", ");
        if (found)
            buf_addf(&b, "the status of pod readiness gate \"" STR_FMT "\" is not \"True\", but " STR_FMT,
                     STR_ARG(type), STR_ARG(found->status));
        else
            buf_addf(&b, "corresponding condition of pod readiness gate \"" STR_FMT "\" does not exist.",
                     STR_ARG(type));
    }
    return arena_str(a, buf_str(&b));
}

/* True, and with a reason all the same; away when there is nothing to say. */
static void set_resize_conditions(struct pod_state *p, const struct pod *pod, struct pod_status *s)
{
    const struct {
        struct str type, reason, message;
    } all[] = {{STR("PodResizePending"), p->resize_pending, p->resize_message},
               {STR("PodResizeInProgress"), p->resize_problem.n ? STR("Error") : STR(""), p->resize_problem}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!all[i].reason.n)
            continue;
        set_condition(s, pod, all[i].type, true, STR(""), STR(""));
        s->conditions.at[s->conditions.n - 1].reason = all[i].reason;
        s->conditions.at[s->conditions.n - 1].message = all[i].message;
    }
}

static void make_conditions(struct pod_state *p, const struct pod *pod, bool initialized, struct arena *a,
                            struct pod_status *s)
{
    s->conditions =
        (struct pod_condition_vec){arena_new_n(a, struct pod_condition, pod->status.conditions.n + 7), 0};
    bool done = str_is(s->phase, "Succeeded"), failed = str_is(s->phase, "Failed");
    set_condition(s, pod, STR("PodReadyToStartContainers"), p->prepared && !p->released, STR(""), STR(""));
    struct str incomplete = {0};
    if (!initialized && !done) {
        _cleanup_buf_ struct buf b = {0};
        for (size_t i = 0; i < pod->spec.init_containers.n; i++)
            if (!init_done(p, &pod->spec.init_containers.at[i]))
                buf_addf(&b, "%s" STR_FMT, b.n ? " " : "", STR_ARG(pod->spec.init_containers.at[i].name));
        incomplete =
            arena_printf(a, "containers with incomplete status: [" STR_FMT "]", STR_ARG(buf_str(&b)));
    }
    set_condition(s, pod, STR("Initialized"), initialized || done, STR("ContainersNotInitialized"),
                  incomplete);
    struct str unready = list_names("unready", &s->container_statuses, is_unready, a);
    struct str reason = done ? STR("PodCompleted") : failed ? STR("PodFailed") : STR("ContainersNotReady");
    if (done || failed)
        unready = STR("");
    bool ready = !done && !failed && !unready.n && s->container_statuses.n && initialized;
    struct str gates = gates_message(pod, a);
    if (ready && gates.n)
        set_condition(s, pod, STR("Ready"), false, STR("ReadinessGatesNotReady"), gates);
    else
        set_condition(s, pod, STR("Ready"), ready, reason, unready);
    set_condition(s, pod, STR("ContainersReady"), ready, reason, unready);
    if (p->evict_pressure && p->final_phase.n) { /* True, and with a reason all the same */
        set_condition(s, pod, STR("DisruptionTarget"), true, STR(""), STR(""));
        s->conditions.at[s->conditions.n - 1].reason = STR("TerminationByKubelet");
        s->conditions.at[s->conditions.n - 1].message = p->final_message;
    }
    set_resize_conditions(p, pod, s);
    for (size_t i = 0; i < pod->status.conditions.n; i++)
        if (!is_ours(pod->status.conditions.at[i].type) &&
            !(p->evict_pressure && str_is(pod->status.conditions.at[i].type, "DisruptionTarget")))
            s->conditions.at[s->conditions.n++] = pod->status.conditions.at[i];
}

void pod_status_make(struct pod_state *p, const struct pod *pod, struct arena *a, struct pod_status *out)
{
    *out = pod->status; /* what others write stays */
    bool initialized = all_initialized(p, pod);
    bool started = false;
    for (size_t i = 0; i < pod->spec.containers.n; i++)
        started |= pod_control(p, pod->spec.containers.at[i].name)->current != NULL;
    initialized |= started; /* upstream forgets init containers once the others have begun */
    out->observed_generation = pod->metadata.generation;
    out->phase = phase_of(p, pod, initialized);
    out->reason = p->final_reason;
    out->message = p->final_message;
    out->qos_class = pod->status.qos_class;
    const struct str_vec *hosts = &p->node->options.addresses;
    out->host_ip = hosts->n ? hosts->at[0] : (struct str){0};
    out->host_ips = (struct host_ip_vec){arena_new_n(a, struct host_ip, hosts->n), hosts->n};
    for (size_t i = 0; i < hosts->n; i++)
        out->host_ips.at[i].ip = hosts->at[i];
    if (!out->start_time) {
        out->start_time = arena_new(a, struct time);
        *out->start_time = (struct time){p->started_at_s, 0};
    }
    if (p->ips.n) {
        out->pod_ip = arena_str(a, p->ips.at[0]);
        out->pod_ips = (struct pod_ip_vec){arena_new_n(a, struct pod_ip, p->ips.n), p->ips.n};
        for (size_t i = 0; i < p->ips.n; i++)
            out->pod_ips.at[i].ip = arena_str(a, p->ips.at[i]);
    }
    const struct container_vec *from[] = {&pod->spec.init_containers, &pod->spec.containers};
    struct container_status_vec *to[] = {&out->init_container_statuses, &out->container_statuses};
    for (size_t k = 0; k < ARRAY_LEN(from); k++) {
        *to[k] =
            (struct container_status_vec){arena_new_n(a, struct container_status, from[k]->n), from[k]->n};
        for (size_t i = 0; i < from[k]->n; i++)
            to[k]->at[i] = container_status_make(p, pod, &from[k]->at[i], initialized, a);
        if (!from[k]->n)
            to[k]->at = NULL;
    }
    if (out->container_statuses.n)
        qsort(out->container_statuses.at, out->container_statuses.n, sizeof *out->container_statuses.at,
              by_name);
    size_t n = pod->spec.ephemeral_containers.n;
    out->ephemeral_container_statuses =
        (struct container_status_vec){n ? arena_new_n(a, struct container_status, n) : NULL, n};
    for (size_t i = 0; i < n; i++)
        out->ephemeral_container_statuses.at[i] = ephemeral_status_make(p, pod, pod_ephemeral(pod, i), a);
    make_conditions(p, pod, initialized, a, out);
}

int pod_status_write(struct pod_state *p, struct object *object, struct arena *a, struct err *err)
{
    const struct pod *pod = object_typed(object);
    struct pod next = *pod;
    pod_status_make(p, pod, a, &next.status);
    if (struct_eq(&pod_status_type, &next.status, &pod->status))
        return 0;
    _cleanup_err_ struct err own = {0};
    if (client_update(p->node->client, &pod_resource, STR("status"), &next, NULL, &own) == 0 ||
        own.reason == ERR_NOT_FOUND)
        return 0;
    err_move(err, &own);
    return -1;
}
