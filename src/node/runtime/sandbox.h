/* The namespaces that a pod's containers share, without a process that keeps them: made by a thread that
 * dies, pinned as files DIR/net, DIR/ipc, DIR/uts (bind mounts of /proc/…/ns). */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

struct sandbox_options {
    struct str hostname;           /* of the UTS namespace */
    const struct str_map *sysctls; /* "net.*" and "kernel.*": of the new namespaces; may be NULL */
    bool share_pid; /* a process namespace too, DIR/pid: that needs a first process, which does nothing but
                       reap */
    bool host_network, host_ipc; /* not made; hostNetwork means the host's UTS namespace too */
};

/* What is pinned in `dir` already stays as it is. The network namespace has its loopback up. */
int sandbox_create(const char *dir, const struct sandbox_options *o, struct err *err);
/* Lets go of the namespaces and removes the directory; absent is no error. */
int sandbox_remove(const char *dir, struct err *err);
