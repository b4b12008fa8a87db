/* How a machine becomes a node of a cluster: kubeadm's way, so that each side also works with kubeadm's own.
 * The server offers a bootstrap token (a Secret of kube-system) and says publicly who its authority is (the
 * config map cluster-info of kube-public). The agent checks that authority against the hash in its token,
 * asks with the token for a client certificate (a CertificateSigningRequest), and from then on is
 * system:node:NAME. */
#pragma once
#include "auth/kubeconfig.h"
#include "auth/pki.h"
#include "client/client.h"

/* A token as agents are given it: "ID.SECRET.HASH"; the hash is that of the authority's public key. Without
 * it ("ID.SECRET", kubeadm's form) the authority must be given as a file. */

struct join_offer {
    struct str ca_pem;
    struct str server;    /* the URL that nodes should use */
    const char *data_dir; /* DIR/agent-token gets the token, mode 0600 */
};
/* Makes what agents need, where it is missing. */
int join_offer(struct client *c, const struct join_offer *o, struct err *err);

struct join_options {
    struct str server, token;
    struct str node_name;
    const char *dir;     /* DIR/agent.kubeconfig keeps the way in, for the next start */
    const char *ca_file; /* NULL: by the token's hash */
};
/* Fills in the way into the cluster as this node, asking for a certificate where there is none that is still
 * good for a while. Blocks until it has been signed. */
int join_cluster(const struct join_options *o, struct kubeconfig *out, struct err *err);

/* A certificate for this node: asks, waits until it is signed, and returns it with its new key. */
struct join_certificate {
    struct str node_name;
    bool server;             /* for serving; else to be a client */
    const struct str *names; /* of the server: its addresses and names */
    size_t n_names;
};
int join_certificate(struct client *c, const struct join_certificate *q, struct pki_pair *out,
                     struct err *err);
