/* What makes a machine a member of a cluster: the node agent, the service proxy, the routes to other nodes'
 * pods. The same beside a server (in its process) and on a machine of its own. */
#pragma once
#include "auth/pki.h"
#include "base/flags.h"
#include "client/client.h"
#include "schema/desc.h"

struct member;

/* The flags that server and agent share. */
struct member_flags {
    const char *node_name, *cgroup_root, *log_dir, *run_dir, *cluster_dns, *cluster_domain, *resolv_conf;
    struct flag_list node_ip, insecure_registries;
    int64_t kubelet_port, max_pods;
};
#define MEMBER_FLAGS_DEFAULT                                                                                 \
    {                                                                                                        \
        .kubelet_port = 10250, .max_pods = 110, .run_dir = "/run/sagong", .cluster_domain = "cluster.local", \
        .resolv_conf = "/etc/resolv.conf"                                                                    \
    }
#define MEMBER_FLAGS(f)                                                                                      \
    {"node-name", FLAG_STR, &(f).node_name, "NAME", "what the node is called; else the host's name"},        \
        {"node-ip", FLAG_LIST, &(f).node_ip, "IP[,IP]",                                                      \
         "its address, or one of each family; else the default routes'"},                                    \
        {"kubelet-port", FLAG_INT, &(f).kubelet_port, "PORT", "where the node serves logs"},                 \
        {"max-pods", FLAG_INT, &(f).max_pods, "N", "pods that the node takes"},                              \
        {"cluster-dns", FLAG_STR, &(f).cluster_dns, "IP",                                                    \
         "the address of the cluster's DNS: else the tenth of the services'; none: there is none"},          \
        {"cluster-domain", FLAG_STR, &(f).cluster_domain, "NAME", "what names in the cluster end in"},       \
        {"resolv-conf", FLAG_STR, &(f).resolv_conf, "FILE", "whom to ask about names outside the cluster"},  \
        {"insecure-registries", FLAG_LIST, &(f).insecure_registries, "HOST",                                 \
         "registries to reach by plain HTTP"},                                                               \
        {"cgroup-root", FLAG_STR, &(f).cgroup_root, "PATH", "control group of all pods"},                    \
        {"pod-log-dir", FLAG_STR, &(f).log_dir, "DIR", "where containers' output is kept"},                  \
    {                                                                                                        \
        "run-dir", FLAG_STR, &(f).run_dir, "DIR", "what a reboot may take"                                   \
    }

struct member_options {
    const struct member_flags *flags;
    const char *data_dir;
    struct str_vec cluster_cidrs, service_cidrs; /* one, or one of each family; the main one first */
    struct str address;                          /* where --node-ip does not say; empty: found out */
    const struct pki_pair
        *ca;              /* to sign the node's serving certificate with; without its key: ask the cluster */
    struct str node_name; /* filled in by member_identity, like the next */
    struct str_vec node_addresses; /* one, or one of each family; the main one first */
};

/* The address of the cluster's DNS as the flags say; empty when there is to be none. */
int member_cluster_dns(const struct member_flags *f, const struct str_vec *service_cidrs, struct arena *a,
                       struct str *ip, struct err *err);
/* Finds out the node's name and addresses. */
int member_identity(struct member_options *o, struct arena *a, struct err *err);
/* Strings are copied; the client must live until member_stop. */
int member_start(struct client *c, const struct member_options *o, struct member **out, struct err *err);
/* When the serving certificate is due to be renewed, which a new start does: nanoseconds of clock_wall. */
int64_t member_renew_at(const struct member *m);
/* Containers and rules stay. NULL is fine. */
void member_stop(struct member *m);
/* Without a member running: ends all containers, and takes back what was made on this machine. */
int member_drain(const char *data_dir, const struct member_flags *flags, struct err *err);
