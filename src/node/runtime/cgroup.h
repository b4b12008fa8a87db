/* Control groups, on hosts with version 1, version 2, or both ("hybrid"). A path here is as containers see
 * it:
 * "/kubepods/burstable/pod1234"; on version 1 it means that directory under every controller. */
#pragma once
#include "base/err.h"

/* Makes the host ready. Hybrid: controllers that are left on version 2 are mounted as version 1 beside the
 * others, as crun asks for (what Docker's cgroupfs-mount does). Version 2: controllers are enabled for
 * children of the root. */
int cgroup_prepare(struct err *err);
/* Takes back what cgroup_prepare of any process has mounted, as long as nobody uses it. */
void cgroup_restore(void);
bool cgroup_is_unified(void);

struct cgroup_limits {  /* 0: none */
    int64_t cpu_shares; /* 2 to 262144, of version 1; becomes a weight on version 2 */
    int64_t cpu_quota_us, cpu_period_us;
    int64_t memory_bytes;
    int64_t pids;
};
/* Makes the group, and what leads to it, and sets the limits; called again, it sets them anew. */
int cgroup_make(const char *path, const struct cgroup_limits *limits, struct err *err);
/* Removes the group with what lies below. ERR_CONFLICT (EBUSY) while there are processes. */
int cgroup_remove(const char *path, struct err *err);
/* Moves a process into a group without limits, where a service manager that ends our own group does not find
 * it. */
void cgroup_move_away(const char *path, int64_t pid);
/* SIGKILL to every process in the group and below. */
void cgroup_kill(const char *path);
/* Removes the group if nothing is in it or below. */
void cgroup_remove_if_empty(const char *path);
/* Version 2's weight for version 1's shares (KEP-2254). */
int64_t cgroup_weight(int64_t cpu_shares);
/* A file of the group as a number, e.g. "memory", "memory.usage_in_bytes"; -1 when there is none. */
int64_t cgroup_read(const char *controller, const char *path, const char *file);
/* Such a file as text, up to 64 KiB; empty when there is none. */
void cgroup_read_text(const char *controller, const char *path, const char *file, struct buf *out);
