/* Containers, by crun and conmon. A container is a directory, DIR/containers/ID: its record, its config.json,
 * its overlay (upper, work, rootfs), what conmon keeps there. conmon holds the output and the exit code, so
 * the agent may die and come back: what is on disk says it all. Nothing here knows Kubernetes; node/pod says
 * what to run. */
#pragma once
#include "kinds/kubelet_v1.h"
#include "kinds/oci_v1.h"
#include "node/runtime/cgroup.h"

struct runtime;

/* What to run. Slices are the caller's; nothing is kept. */
struct container_config {
    struct str id; /* 64 hexadecimal digits: container_new_id */
    struct str pod_uid, pod_namespace, pod_name, name;
    int64_t attempt;            /* restart count */
    struct str image, image_id; /* as asked for, and what it turned out to be */
    struct str spec_hash;       /* of what it was made from, for the owner */
    struct str log_path;

    struct str_vec args, env;
    struct str cwd;
    int64_t uid, gid;
    struct int64_vec groups;
    bool tty, stdin_open, stdin_once; /* once: the end of the first client's input is the end of all */
    bool no_new_privileges, privileged, readonly_root, unmasked_proc;
    struct str_vec add_capabilities, drop_capabilities; /* without CAP_; "ALL" */
    bool seccomp_default;                               /* the runtime's own profile */
    struct str seccomp;                                 /* or this one: JSON; neither: none */
    struct oci_mount_vec mounts;                        /* behind the usual ones */
    struct str_vec layers;                              /* of the image, lowest first */
    /* Namespaces: a pinned file, "host" for the host's, or empty for its own. */
    struct str network, ipc, uts, pid;
    struct str shm_path; /* the pod's /dev/shm; empty: its own */
    struct str_map sysctls;
    struct str cgroup_path; /* "/kubepods/podX/ID" */
    struct cgroup_limits limits;
    int64_t oom_score_adj;
    struct str stop_signal; /* "SIGTERM" when empty */
};

enum runtime_state {
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_EXITED,
};

/* A container as it is on disk. */
struct runtime_container {
    struct container_record;
    struct str dir;
    bool adopted; /* began under an agent before this one */
    enum runtime_state state;
    struct arena *arena; /* its own: container_free */
};

struct runtime_options {
    const char *data_dir; /* containers and exits lie here; it outlives a reboot, its containers do not */
    const char *run_dir;  /* crun's state */
    const char
        *conmon_cgroup; /* where each conmon goes, so that it outlives our service; NULL: stays in ours */
    /* A container has ended (or seems to have): look at it with container_refresh. Any thread. */
    void (*exited)(void *arg, struct str container_id);
    void *arg;
};

int runtime_open(const struct runtime_options *o, struct runtime **out, struct err *err);
/* Leaves the containers alone. */
void runtime_close(struct runtime *r);
const char *runtime_crun_root(const struct runtime *r); /* where crun keeps its state */

void container_new_id(char out[65]);
/* Everything up to the first instruction: overlay, config.json, conmon, `crun create`. On an error nothing is
 * left. */
int container_create(struct runtime *r, const struct container_config *c, struct runtime_container **out,
                     struct err *err);
/* Keeps a record of a container that could not be started, as one that has ended. */
int container_record_failure(struct runtime *r, const struct container_config *c, struct str why,
                             struct runtime_container **out, struct err *err);
/* Where its root file system will be, for looking up users before it is created: mounts the overlay. */
int container_mount_root(struct runtime *r, struct str id, const struct str_vec *layers,
                         char path[static 512], struct err *err);
/* Takes back container_mount_root when no container comes of it. */
void container_unmount_root(struct runtime *r, struct str id);
int container_start(struct runtime *r, struct runtime_container *c, struct err *err);
/* Reads how the container is now. True when it has ended since. */
bool container_refresh(struct runtime *r, struct runtime_container *c);
/* Sends a signal to its first process; SIGKILL goes to everything in its cgroup. One that has ended is no
 * error. */
int container_signal(struct runtime *r, struct runtime_container *c, int signal, struct err *err);
/* When it has ended: gives back mounts and cgroup, keeps the record (and its log, which is elsewhere). */
void container_release(struct runtime *r, struct runtime_container *c);
/* Kills it if need be and removes all of it. */
int container_remove(struct runtime *r, struct runtime_container *c, struct err *err);
void container_free(struct runtime_container *c);
/* Reopens the log file, after it was moved away. */
int container_reopen_log(struct runtime *r, const struct runtime_container *c, struct err *err);
/* Every container on disk, of agents before this one too; watches those that run. Directories without a
 * record (a crash during creation) are removed. The caller frees each, and `*out`. */
int runtime_load(struct runtime *r, struct runtime_container ***out, size_t *n, struct err *err);

/* Runs a command inside. Output (both streams) goes to `output`, up to `limit` bytes; it is killed at
 * `timeout_ns` (ERR_TIMEOUT). `*exit_code` is the command's own. */
int container_exec(struct runtime *r, const struct runtime_container *c, const struct str_vec *command,
                   int64_t timeout_ns, size_t limit, struct buf *output, int *exit_code, struct err *err);
/* "SIGTERM", "TERM", "15" -> 15; 0 when unknown. */
int signal_from(struct str name);
