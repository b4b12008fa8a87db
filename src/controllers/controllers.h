/* The controllers: reconcilers that make the cluster into what its objects ask for (upstream's
 * kube-controller-manager). They share a few threads, and do nothing while nothing changes. */
#pragma once
#include "client/client.h"

struct controllers_options {
    struct str ca_pem;        /* of the cluster, for the config map kube-root-ca.crt; empty: not published */
    struct str ca_key_pem;    /* its key, to sign certificates with; empty: none are signed */
    struct str token_key_pem; /* signs the tokens in Secrets; empty: they get none */
    bool legacy_tokens;       /* each new service account gets such a Secret */
    int64_t
        legacy_clean_up_ns; /* after so long without use such a token is marked, then deleted; 0: a year */
    /* Nodes' podCIDRs come out of these ("10.244.0.0/16"): one, or one of each family, the main one first;
     * empty: none are given. */
    struct str_vec cluster_cidrs;
    struct str_vec service_cidrs;       /* none of which nodes get */
    int node_mask_ipv4, node_mask_ipv6; /* their sizes; 0: 24 and 64 */
    struct str cluster_dns;             /* address of the Service kube-dns; empty: none is made */
    int64_t node_grace_ns;              /* a silent node is not ready after this; 0: 50 s */
    int terminated_pods_max;            /* finished pods kept; 0: 12,500 */
    int workers;                        /* threads; 0: 4 */
};

struct controllers;

/* Starts them all; `c` must outlive them. */
int controllers_start(struct client *c, const struct controllers_options *o, struct controllers **out,
                      struct err *err);
/* Waits for what is under way. */
void controllers_stop(struct controllers *all);
