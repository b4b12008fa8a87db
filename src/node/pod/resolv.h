/* A pod's /etc/resolv.conf, by its dnsPolicy and dnsConfig (upstream's kubelet, pkg/kubelet/network/dns). */
#pragma once
#include "kinds/core_v1.h"
#include "net/resolv_conf.h"

struct pod_resolv_options {
    const struct resolv_conf *host; /* the node's own */
    struct str_vec cluster_dns;     /* addresses; empty: there is none */
    struct str cluster_domain;
};

struct pod_resolv {
    struct str text;     /* the file */
    bool missing;        /* the policy asks for the cluster's DNS, but there is none */
    struct str warnings; /* a line for each limit that was exceeded: what "DNSConfigForming" events say */
};

/* What comes out is in `a`. */
void pod_resolv_make(const struct pod *pod, const struct pod_resolv_options *o, struct arena *a,
                     struct pod_resolv *out);
