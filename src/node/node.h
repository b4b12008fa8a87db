/* The node agent (upstream's kubelet): makes this machine run the pods that are bound to it, and says how it
 * and they are. Containers outlive it: it may be stopped or killed at any moment, and the next one adopts
 * what it finds. */
#pragma once
#include "base/loop.h"
#include "client/client.h"
#include "schema/desc.h"

struct node_agent;
struct policies;

struct node_options {
    struct str name;                    /* of the Node; empty: the host's name in lower case */
    struct str_vec addresses;           /* its InternalIPs: one, or one of each family, the main one first */
    const char *data_dir;               /* "/var/lib/sagong/node": images, containers, pods */
    const char *run_dir;                /* "/run/sagong": what a reboot may take, on a tmpfs */
    const char *log_dir;                /* NULL: "/var/log/pods" */
    const char *cgroup_root;            /* NULL: "/kubepods" */
    struct str_vec pod_cidrs;           /* empty: waits for Node.spec.podCIDRs */
    struct str_vec service_cidrs;       /* of the cluster, for the pod network */
    struct str_vec cluster_dns;         /* addresses; empty: pods use the node's resolv.conf */
    const char *resolv_conf;            /* NULL: "/etc/resolv.conf" */
    struct str cluster_domain;          /* empty: "cluster.local" */
    struct str_map labels;              /* further ones of the Node */
    struct str_vec insecure_registries; /* "HOST[:PORT]": plain HTTP */
    int max_pods;                       /* 0: 110 */
    int workers;                        /* pods worked on at a time; 0: 16 */
    struct policies *policies; /* waited for before a pod starts; must live until node_stop; or NULL */
    bool no_network;           /* pods get a namespace with a loopback only: for tests */

    /* The kubelet endpoint; port 0: none. */
    int port;                     /* 10250 */
    const char *listen;           /* address; NULL: all of them */
    struct str cert_pem, key_pem; /* the server's own */
    struct str client_ca_pem;     /* the cluster's authority, which signs who may ask */
    struct loop **loops;          /* at least one when there is an endpoint; running */
    size_t n_loops;
};

/* Adopts, registers the Node and begins. The client must live until node_stop. Strings are copied. */
int node_start(struct client *c, const struct node_options *o, struct node_agent **out, struct err *err);
/* Ends the agent; containers go on. */
void node_stop(struct node_agent *n);
/* Without an agent running: stops every container of this data_dir and takes back mounts, namespaces,
 * addresses and control groups. Images stay. For `sagong down`. */
int node_drain(const struct node_options *o, struct err *err);

/* `sagong image load|ls|rm|pull`. */
int image_main(int argc, char **argv);
