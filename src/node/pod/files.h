/* Files that the agent gives to containers: /etc/hosts, /etc/hostname, /etc/resolv.conf. */
#pragma once
#include "node/pod/pod_state.h"

/* Writes DIR/hosts, DIR/hostname and DIR/resolv.conf of the pod, as upstream's kubelet and runtimes do. */
int pod_files_write(struct pod_state *p, struct object *pod, struct err *err);
/* What the pod is called inside. */
struct pod_names {
    struct str host;   /* spec.hostname or the pod's name, cut to what Linux takes */
    struct str domain; /* "SUBDOMAIN.NAMESPACE.svc.DOMAIN"; empty without a subdomain */
    struct str kernel; /* what `hostname` says: both with setHostnameAsFQDN; the node's on its own network */
};
int pod_names_make(const struct pod_state *p, const struct pod *pod, struct arena *a, struct pod_names *out,
                   struct err *err);
