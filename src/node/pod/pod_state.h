/* A pod as the agent knows it. A worker owns it while it works on the pod's key; `mutex` guards what hooks,
 * probes and pulls report from threads of their own. Nothing in it is needed after a restart: containers are
 * on disk, the rest is found out again. */
#pragma once

#include "base/thread.h"
#include "kinds/core_v1.h"
#include "node/agent.h"

/* Work on a thread of its own: a hook, a probe's command. */
enum job_state { JOB_NONE, JOB_RUNNING, JOB_OK, JOB_FAILED };

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_KINDS };
struct probe_state {
    bool running;    /* guarded by the pod's mutex, as all of it */
    int64_t next_ns; /* clock_mono; 0: not yet planned */
    int32_t row;     /* results alike in a row: successes are positive, failures negative */
    bool passed;     /* startup: once; readiness: now; liveness: until it fails */
    bool failed;     /* liveness, startup: the container is to be killed */
};

/* What the agent keeps about one container of the spec, over its restarts. */
struct container_control {
    struct container_control *next;
    struct str name;
    struct runtime_container *current; /* the newest, or NULL */
    struct runtime_container
        *previous; /* the one before, ended; for `kubectl logs --previous` and lastState */
    struct str waiting_reason, waiting_message; /* why there is none running; in the pod's arena */
    int64_t backoff_ns,
        backoff_at_ns;     /* how long to wait after a crash, and when that was decided (wall clock) */
    enum job_state pull;   /* guarded by mutex, as what follows */
    int64_t pull_retry_ns; /* clock_mono: when to try the image again */
    int64_t pull_backoff_ns;
    char *pull_message; /* why it failed; from malloc */
    bool pull_told;     /* the back-off is known to the user */
    bool backoff_told;
    int64_t kill_deadline_ns; /* clock_mono: then SIGKILL; 0: not being ended */
    bool term_sent;
    const struct resource_requirements *applied; /* what the current one was given; in the pod's arena */
    enum job_state post_start, pre_stop;         /* guarded by mutex */
    struct probe_state probes[PROBE_KINDS];
};

struct pod_state {
    struct arena arena;
    struct node_agent *node;
    struct str uid, ns, name;
    const char *dir;     /* DATA/pods/UID */
    const char *sandbox; /* RUN/pods/UID/ns: the pinned namespaces */
    const char *shm;     /* RUN/pods/UID/shm */
    const char *log_dir; /* LOGS/NS_NAME_UID */
    char *cgroup;        /* "/kubepods/burstable/podUID", in the arena */
    pthread_mutex_t mutex;
    int jobs;                          /* under way; guarded by mutex */
    bool admitted, prepared, released; /* directories, sandbox, network, volumes: there; taken back */
    bool volumes_ready;
    int64_t volumes_at_ns;         /* clock_mono: when volumes were last brought up to date */
    struct object *volumes_object; /* and for which pod; a reference, NULL before */
    struct str_vec ips;
    struct container_control *containers;
    struct str resize_pending, resize_message; /* a resize waits: why, and in words; empty: none does */
    struct str resize_problem;                 /* or could not be done */
    /* Ended for good: no container starts any more. */
    bool terminating;
    char *evict_message; /* why it has to go; NULL: it has not; from malloc; guarded by mutex, as what follows
                          */
    bool evict_pressure; /* for the node's sake */
    struct str final_phase, final_reason, final_message; /* of eviction, refusal, deadline */
    int64_t started_at_s;                                /* status.startTime */
};

struct container_control *pod_control(struct pod_state *p, struct str name);
/* Asks for the pod to be looked at again. Any thread. */
void pod_wake(struct pod_state *p);
/* Runs `run(arg)` on a thread of its own and wakes the pod afterwards; the state stays until then. */
void pod_job(struct pod_state *p, const char *name, void (*run)(void *arg), void *arg);

/* An event about the pod, or about one of its containers ("spec.containers{NAME}"). */
void pod_event(struct pod_state *p, struct object *pod, const char *type, const char *reason, const char *fmt,
               ...) _printf_(5, 6);
void container_event(struct pod_state *p, struct object *pod, const struct container *c, const char *type,
                     const char *reason, const char *fmt, ...) _printf_(6, 7);
bool pod_is_init(const struct pod *pod, const struct container *c);
/* Added to a pod that runs (`kubectl debug`): run once, whatever the restart policy says. */
bool pod_is_ephemeral(const struct pod *pod, const struct container *c);
/* Ephemeral containers have the fields of a container, in the same order. */
static inline const struct container *pod_ephemeral(const struct pod *pod, size_t i)
{
    return (const struct container *)(const void *)&pod->spec.ephemeral_containers.at[i];
}
/* An init container that keeps running (restartPolicy: Always). */
static inline bool container_is_sidecar(const struct container *c)
{
    return c->restart_policy && str_is(*c->restart_policy, "Always");
}
