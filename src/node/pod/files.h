/* Files that the agent gives to containers: /etc/hosts, /etc/hostname, /etc/resolv.conf. */
#pragma once
#include "node/pod/pod_state.h"

/* Writes DIR/hosts, DIR/hostname and DIR/resolv.conf of the pod, as upstream's kubelet and runtimes do. */
int pod_files_write(struct pod_state *p, const struct pod *pod, struct err *err);
/* The name containers see: spec.hostname, else the pod's, cut to what Linux takes. */
struct str pod_hostname(const struct pod *pod);
