#define LOG_PART "node"
#include "node/pod/sync.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "kinds/node_v1.h"
#include "net/policy.h"
#include "node/pod/admission.h"
#include "node/pod/container_config.h"
#include "node/pod/files.h"
#include "node/pod/kill.h"
#include "node/pod/pods.h"
#include "node/pod/probe.h"
#include "node/pod/resize.h"
#include "node/pod/resources.h"
#include "node/pod/start.h"
#include "node/pod/status.h"
#include "node/runtime/sandbox.h"
#include "node/volume/sub_path.h"
#include "node/volume/volume.h"

enum {
    CRASH_BACKOFF_S = 10,
    CRASH_BACKOFF_MAX_S = 300,
    VOLUMES_REFRESH_S = 60,
    PREPARE_RETRY_S = 2,
    KILL_GONE_S = 2, /* grace of pods whose object is gone: it was deleted by force */
};

/* One look at a pod. */
struct sync {
    struct pod_state *p;
    struct object *object;
    const struct pod *pod;
    struct arena *a;
    int64_t next; /* clock_mono: when to look again */
};

static void wake_at(struct sync *s, int64_t when)
{
    if (when < s->next)
        s->next = when;
}

/* --- what a pod has on the node --- */

static int mount_shm(const char *path, struct err *err)
{
    struct stat here, above;
    _cleanup_arena_ struct arena a = {0};
    if (file_mkdirs(path, 01777, err) < 0)
        return -1;
    if (stat(path, &here) == 0 && stat(arena_printf(&a, "%s/..", path).p, &above) == 0 &&
        here.st_dev != above.st_dev)
        return 0;
    return mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k") < 0
               ? err_errno(err, errno, "mount %s", path)
               : 0;
}

/* There is one runtime, under its own name and as the default. */
static int check_runtime_class(struct sync *s, struct err *err)
{
    const struct str *name = s->pod->spec.runtime_class_name;
    _cleanup_object_ struct object *o = NULL;
    if (!name || !name->n)
        return 0;
    if (client_get(s->p->node->client, &runtime_class_resource, STR(""), *name, &o, err) < 0)
        return err_wrap(err, "failed to get sandbox runtime");
    struct str handler = ((const struct runtime_class *)object_typed(o))->handler;
    return str_eq(handler, NODE_RUNTIME_HANDLER)
               ? 0
               : err_set(err, ERR_INVALID,
                         "failed to get sandbox runtime: no runtime for \"" STR_FMT "\" is configured",
                         STR_ARG(handler));
}

static int make_sandbox(struct sync *s, struct err *err)
{
    struct pod_state *p = s->p;
    const struct pod_spec *spec = &s->pod->spec;
    struct str_map sysctls = {0};
    if (spec->security_context && spec->security_context->sysctls.n) {
        const struct sysctl_vec *v = &spec->security_context->sysctls;
        sysctls = (struct str_map){arena_new_n(s->a, struct str_entry, v->n), v->n};
        for (size_t i = 0; i < v->n; i++)
            sysctls.at[i] = (struct str_entry){v->at[i].name, v->at[i].value};
    }
    struct cgroup_limits limits = pod_limits(s->pod);
    struct pod_names names;
    if (pod_names_make(p, s->pod, s->a, &names, err) < 0)
        return -1;
    struct sandbox_options o = {.hostname = names.kernel,
                                .sysctls = &sysctls,
                                .share_pid = spec->share_process_namespace && *spec->share_process_namespace,
                                .host_network = spec->host_network,
                                .host_ipc = spec->host_ipc};
    return file_mkdirs(p->dir, 0700, err) < 0 || file_mkdirs(p->log_dir, 0755, err) < 0 ||
                   cgroup_make(p->cgroup, &limits, err) < 0 || sandbox_create(p->sandbox, &o, err) < 0 ||
                   mount_shm(p->shm, err) < 0
               ? -1
               : 0;
}

static int attach_network(struct sync *s, struct err *err)
{
    struct pod_state *p = s->p;
    struct node_agent *n = p->node;
    if (s->pod->spec.host_network) {
        p->ips = n->options.addresses;
        return 0;
    }
    if (n->options.no_network) {
        static struct str loopback = STR_INIT("127.0.0.1");
        p->ips = (struct str_vec){&loopback, 1};
        return 0;
    }
    struct pod_network *network = node_network(n, err);
    char path[512];
    snprintf(path, sizeof path, "%s/net", p->sandbox);
    if (!network || pod_network_attach(network, path, p->uid, &p->ips, &p->arena, err) < 0)
        return -1;
    return n->options.policies ? policies_hold(n->options.policies, s->object, &p->ips, err) : 0;
}

static bool maps_same(const struct str_map *x, const struct str_map *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; i < x->n && same; i++)
        same = str_eq(x->at[i].key, y->at[i].key) && str_eq(x->at[i].value, y->at[i].value);
    return same;
}

/* The downward API shows labels and annotations: a change is shown at once. */
static bool has_new_metadata(struct sync *s)
{
    const struct object_meta *now = &s->pod->metadata, *was = object_meta(s->p->volumes_object);
    return !maps_same(&now->labels, &was->labels) || !maps_same(&now->annotations, &was->annotations);
}

static bool prepare(struct sync *s)
{
    struct pod_state *p = s->p;
    _cleanup_err_ struct err err = {0};
    struct field_context x;
    if (!p->prepared) {
        if (check_runtime_class(s, &err) < 0 || make_sandbox(s, &err) < 0 || attach_network(s, &err) < 0 ||
            pod_files_write(p, s->object, &err) < 0) {
            pod_event(p, s->object, "Warning", "FailedCreatePodSandBox",
                      "Failed to create pod sandbox: " STR_FMT, STR_ARG(err.message));
            wake_at(s, clock_mono() + PREPARE_RETRY_S * CLOCK_S);
            return false;
        }
        p->prepared = true;
    }
    int64_t now = clock_mono(), due = p->volumes_at_ns + VOLUMES_REFRESH_S * CLOCK_S;
    if (p->volumes_ready && (!volumes_change(s->pod) || (now < due && !has_new_metadata(s)))) {
        if (volumes_change(s->pod))
            wake_at(s, due);
        return true;
    }
    x = pod_field_context(p, s->a);
    if (volumes_mount(p, s->pod, &x, &err) < 0) {
        pod_event(p, s->object, "Warning", "FailedMount", STR_FMT, STR_ARG(err.message));
        wake_at(s, now + PREPARE_RETRY_S * CLOCK_S);
        return p->volumes_ready; /* what runs already goes on */
    }
    p->volumes_ready = true;
    p->volumes_at_ns = now;
    object_unref(p->volumes_object);
    p->volumes_object = object_ref(s->object);
    if (volumes_change(s->pod))
        wake_at(s, now + VOLUMES_REFRESH_S * CLOCK_S);
    return true;
}

/* Takes back all but the records of its containers, which status and logs need as long as the object is
 * there. */
static int release(struct pod_state *p, struct err *err)
{
    if (p->released)
        return 0;
    if (p->node->network && pod_network_detach(p->node->network, p->uid, err) < 0)
        return -1;
    umount2(p->shm, MNT_DETACH);
    if (sandbox_remove(p->sandbox, err) < 0)
        return -1;
    volumes_unmount(p->dir);
    cgroup_kill(p->cgroup);
    if (cgroup_remove(p->cgroup, err) < 0)
        return -1;
    p->released = true;
    return 0;
}

static void drop(struct pod_state *p, struct runtime_container **at)
{
    struct runtime_container *c = *at;
    if (!c)
        return;
    pods_forget_container(p->node->pods, c);
    {
        _lock_(&p->mutex);
        *at = NULL;
    }
    container_remove(p->node->runtime, c, NULL);
    sub_paths_release(p->dir, c->id);
    image_store_unpin(p->node->images, c->id);
    container_free(c);
}

/* Everything, files and logs too. */
static int forget(struct pod_state *p, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    for (struct container_control *k = p->containers; k; k = k->next) {
        drop(p, &k->current);
        drop(p, &k->previous);
    }
    if (release(p, err) < 0)
        return -1;
    const char *run = arena_c(&a, str_slice(p->shm, (size_t)(strrchr(p->shm, '/') - p->shm)));
    return file_remove_tree(p->dir, err) < 0 || file_remove_tree(p->log_dir, err) < 0 ||
                   file_remove_tree(run, err) < 0
               ? -1
               : 0;
}

/* --- containers --- */

/* Sees which containers have ended, and gives back what they held. */
static void refresh(struct pod_state *p)
{
    for (struct container_control *k = p->containers; k; k = k->next)
        if (k->current && container_refresh(p->node->runtime, k->current)) {
            container_release(p->node->runtime, k->current);
            sub_paths_release(p->dir, k->current->id);
            image_store_unpin(p->node->images, k->current->id);
        }
}

static bool is_running(const struct container_control *k)
{
    return k->current && k->current->state != CONTAINER_EXITED;
}

static int64_t pod_grace(const struct pod *pod)
{
    int64_t s = pod->spec.termination_grace_period_seconds ? *pod->spec.termination_grace_period_seconds : 30;
    return s * CLOCK_S;
}

/* Whether a crashed container has to wait, and how long it will have to the next time. Upstream's
 * flowcontrol.Backoff: 10 s doubling to 5 minutes, forgotten after 10 minutes. */
static bool in_backoff(struct sync *s, const struct container *c, struct container_control *k)
{
    int64_t now = clock_wall(), ended = k->current->finished_ns, max = CRASH_BACKOFF_MAX_S * CLOCK_S;
    bool known = k->backoff_ns && ended - k->backoff_at_ns <= 2 * max;
    if (known && now - ended < k->backoff_ns) {
        struct pod_state *p = s->p;
        k->waiting_reason = STR("CrashLoopBackOff");
        struct str message = arena_printf(s->a,
                                          "back-off %llds restarting failed container=" STR_FMT
                                          " pod=" STR_FMT "_" STR_FMT "(" STR_FMT ")",
                                          (long long)(k->backoff_ns / CLOCK_S), STR_ARG(k->name),
                                          STR_ARG(p->name), STR_ARG(p->ns), STR_ARG(p->uid));
        if (!str_eq(message, k->waiting_message))
            k->waiting_message = arena_str(&p->arena, message);
        if (!k->backoff_told)
            container_event(p, s->object, c, "Warning", "BackOff",
                            "Back-off restarting failed container " STR_FMT " in pod " STR_FMT "_" STR_FMT
                            "(" STR_FMT ")",
                            STR_ARG(k->name), STR_ARG(p->name), STR_ARG(p->ns), STR_ARG(p->uid));
        k->backoff_told = true;
        wake_at(s, clock_mono() + k->backoff_ns - (now - ended));
        return true;
    }
    k->backoff_ns = known ? (2 * k->backoff_ns < max ? 2 * k->backoff_ns : max) : CRASH_BACKOFF_S * CLOCK_S;
    k->backoff_at_ns = now;
    k->backoff_told = false;
    return false;
}

/* Ends a container whose probes or postStart hook have failed. */
static void kill_failed(struct sync *s, const struct container *c, struct container_control *k)
{
    const char *probe = probe_failure(s->p, c, k);
    bool hook;
    {
        _lock_(&s->p->mutex);
        hook = k->post_start == JOB_FAILED;
    }
    if (!probe && !hook && !k->kill_deadline_ns)
        return;
    char message[320];
    const struct probe *failed = probe && *probe == 's' ? c->startup_probe : c->liveness_probe;
    int64_t grace = probe && failed && failed->termination_grace_period_seconds
                        ? *failed->termination_grace_period_seconds * CLOCK_S
                        : pod_grace(s->pod);
    if (probe)
        snprintf(message, sizeof message, "Container " STR_FMT " failed %s probe, will be restarted",
                 STR_ARG(c->name), probe);
    else
        snprintf(message, sizeof message, "FailedPostStartHook");
    container_kill(s->p, s->object, c, k, grace, message, &s->next);
}

/* One container that should run, or should have run. */
static void sync_container(struct sync *s, const struct container *c)
{
    struct pod_state *p = s->p;
    struct container_control *k = pod_control(p, c->name);
    if (is_running(k)) {
        if (!k->current->started_ns) { /* created before a restart of the agent, and never started */
            drop(p, &k->current);
        } else {
            wake_at(s, probes_run(p, s->object, c, k));
            kill_failed(s, c, k);
            return;
        }
    }
    if (k->current) {
        if (!container_restarts(p, s->pod, c, k->current)) {
            k->waiting_reason = (struct str){0};
            return;
        }
        bool pulling = k->waiting_reason.n && !str_is(k->waiting_reason, "CrashLoopBackOff") &&
                       !str_is(k->waiting_reason, "RunContainerError") && !k->current->start_error.n;
        if (!pulling && in_backoff(s, c, k))
            return;
    }
    container_try_start(p, s->object, c, k, s->a, &s->next);
}

/* Ephemeral containers begin as soon as they are there, even if others do not, and only once. */
static void sync_ephemeral(struct sync *s)
{
    for (size_t i = 0; i < s->pod->spec.ephemeral_containers.n; i++) {
        const struct container *c = pod_ephemeral(s->pod, i);
        struct container_control *k = pod_control(s->p, c->name);
        if (!k->current)
            container_try_start(s->p, s->object, c, k, s->a, &s->next);
    }
}

/* Init containers in their order. True once all have done their part. */
static bool sync_init(struct sync *s)
{
    const struct container_vec *all = &s->pod->spec.init_containers;
    bool main_began = false;
    for (size_t i = 0; i < s->pod->spec.containers.n; i++)
        main_began |= pod_control(s->p, s->pod->spec.containers.at[i].name)->current != NULL;
    for (size_t i = 0; i < all->n; i++) {
        const struct container *c = &all->at[i];
        struct container_control *k = pod_control(s->p, c->name);
        if (container_is_sidecar(c)) {
            sync_container(s, c);
            if (!main_began && (!is_running(k) || !probe_started(s->p, c, k)))
                return false;
        } else if (!main_began) {
            if (k->current && k->current->state == CONTAINER_EXITED && k->current->exit_code == 0)
                continue;
            sync_container(s, c);
            return false;
        }
    }
    return true;
}

/* --- the end of a pod --- */

static void set_final(struct pod_state *p, const char *phase, struct str reason, struct str message)
{
    p->final_phase = str_from(phase);
    p->final_reason = arena_str(&p->arena, reason);
    p->final_message = arena_str(&p->arena, message);
}

/* All containers have ended for good, or an init container has failed for good. */
static bool has_completed(struct sync *s)
{
    const struct pod_spec *spec = &s->pod->spec;
    for (size_t i = 0; i < spec->init_containers.n; i++) {
        const struct container *c = &spec->init_containers.at[i];
        const struct runtime_container *now = pod_control(s->p, c->name)->current;
        if (!container_is_sidecar(c) && now && now->state == CONTAINER_EXITED && now->exit_code != 0 &&
            !container_restarts(s->p, s->pod, c, now))
            return true;
    }
    for (size_t i = 0; i < spec->containers.n; i++) {
        const struct container *c = &spec->containers.at[i];
        const struct runtime_container *now = pod_control(s->p, c->name)->current;
        if (!now || now->state != CONTAINER_EXITED || container_restarts(s->p, s->pod, c, now))
            return false;
    }
    return spec->containers.n > 0;
}

static bool is_evicted(struct sync *s)
{
    struct pod_state *p = s->p;
    struct str message;
    {
        _lock_(&p->mutex);
        if (!p->evict_message)
            return false;
        message = arena_str(s->a, str_from(p->evict_message));
    }
    set_final(p, "Failed", STR("Evicted"), message);
    pod_event(p, s->object, "Warning", "Evicted", STR_FMT, STR_ARG(message));
    return true;
}

/* Whether the pod is to end, and with which grace. */
static bool should_end(struct sync *s, int64_t *grace)
{
    struct pod_state *p = s->p;
    const struct pod *pod = s->pod;
    *grace = pod_grace(pod);
    if (pod->metadata.deletion_timestamp) {
        if (pod->metadata.deletion_grace_period_seconds)
            *grace = *pod->metadata.deletion_grace_period_seconds * CLOCK_S;
        return true;
    }
    if (p->terminating) {
        _lock_(&p->mutex);
        if (p->evict_message)
            *grace = 0;
        return true;
    }
    if (str_is(pod->status.phase, "Succeeded") ||
        str_is(pod->status.phase, "Failed")) { /* said by others, or before */
        set_final(p, str_is(pod->status.phase, "Failed") ? "Failed" : "Succeeded", pod->status.reason,
                  pod->status.message);
        return true;
    }
    if (is_evicted(s)) {
        *grace = 0;
        return true;
    }
    if (pod->spec.active_deadline_seconds && pod->status.start_time) {
        int64_t left =
            (pod->status.start_time->s + *pod->spec.active_deadline_seconds) * CLOCK_S - clock_wall();
        if (left <= 0) {
            set_final(p, "Failed", STR("DeadlineExceeded"),
                      STR("Pod was active on the node longer than the specified deadline"));
            pod_event(p, s->object, "Normal", "DeadlineExceeded",
                      "Pod was active on the node longer than the specified deadline");
            return true;
        }
        wake_at(s, clock_mono() + left);
    }
    return has_completed(s);
}

/* The object goes once nothing of the pod runs: only then may another pod take its name. */
static int delete_object(struct pod_state *p, struct err *err)
{
    _cleanup_err_ struct err own = {0};
    struct client_delete_options o = {.uid = p->uid, .grace_s = 0};
    if (client_delete(p->node->client, &pod_resource, p->ns, p->name, &o, &own) == 0 ||
        own.reason == ERR_NOT_FOUND || own.reason == ERR_CONFLICT)
        return 0;
    err_move(err, &own);
    return -1;
}

static int end(struct sync *s, int64_t grace, bool *gone, struct err *err)
{
    struct pod_state *p = s->p;
    bool known = p->terminating;
    p->terminating = true;
    if (!pod_kill(p, s->object, grace, &s->next)) {
        refresh(p);
        return known ? 0 : pod_status_write(p, s->object, s->a, err);
    }
    if (release(p, err) < 0)
        return -1;
    /* What is over has no containers here any more, once it was forgotten: then the API knows better. */
    bool over = str_is(s->pod->status.phase, "Succeeded") || str_is(s->pod->status.phase, "Failed");
    bool ours = !over || (p->containers && p->containers->current);
    if (ours && pod_status_write(p, s->object, s->a, err) < 0)
        return -1;
    if (!s->pod->metadata.deletion_timestamp)
        return 0;
    if (forget(p, err) < 0 || delete_object(p, err) < 0)
        return -1;
    *gone = true;
    return 0;
}

static int sync_running(struct sync *s, struct err *err)
{
    struct pod_state *p = s->p;
    struct str reason, message;
    if (!pod_admit(p, s->pod, s->a, &reason, &message)) {
        struct str plain = str_from_at(message, sizeof "Pod was rejected: " - 1);
        pod_event(p, s->object, "Warning", arena_c(s->a, reason), STR_FMT, STR_ARG(plain));
        set_final(p, "Failed", reason, message);
        p->terminating = p->released = true;
        return pod_status_write(p, s->object, s->a, err);
    }
    bool prepared = prepare(s);
    if (prepared)
        sync_ephemeral(s);
    if (prepared && sync_init(s))
        for (size_t i = 0; i < s->pod->spec.containers.n; i++)
            sync_container(s, &s->pod->spec.containers.at[i]);
    pod_resize(p, s->object, s->a, &s->next);
    return pod_status_write(p, s->object, s->a, err);
}

static void plan(int64_t next, int64_t *again_ns)
{
    int64_t left = next - clock_mono();
    if (next != INT64_MAX)
        *again_ns = left > CLOCK_MS ? left : CLOCK_MS;
}

int pod_sync(struct pod_state *p, struct object *object, struct arena *a, int64_t *again_ns, bool *gone,
             struct err *err)
{
    struct sync s = {.p = p, .object = object, .pod = object_typed(object), .a = a, .next = INT64_MAX};
    int64_t grace;
    refresh(p);
    int r = should_end(&s, &grace) ? end(&s, grace, gone, err) : sync_running(&s, err);
    plan(s.next, again_ns);
    return r;
}

int pod_end(struct pod_state *p, int64_t *again_ns, bool *gone, struct err *err)
{
    int64_t next = INT64_MAX;
    p->terminating = true;
    refresh(p);
    if (!pod_kill(p, NULL, KILL_GONE_S * CLOCK_S, &next)) {
        plan(next, again_ns);
        return 0;
    }
    if (forget(p, err) < 0)
        return -1;
    *gone = true;
    return 0;
}
