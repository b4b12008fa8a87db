/* The keys and certificates of a cluster, made at first start and kept in DATA-DIR/pki. */
#pragma once
#include "auth/pki.h"

struct cluster_pki {
    struct pki_pair ca;                          /* signs servers and clients */
    struct pki_pair server;                      /* the API server's own */
    struct pki_pair kubelet;                     /* what the API server shows to nodes' agents */
    struct pki_pair front_proxy_ca, front_proxy; /* what it shows to aggregated API servers */
    struct pki_pair admin;                       /* of the admin kubeconfig: group system:masters */
    struct buf service_accounts;                 /* the private key of their tokens, PEM */
};

/* `names`: what else than the usual ones the server's certificate is for (DNS names and addresses).
 * The host's own names and addresses are found out. */
int cluster_pki_ensure(const char *data_dir, const struct str *names, size_t n_names, struct cluster_pki *out,
                       struct err *err);
void cluster_pki_free(struct cluster_pki *p);
