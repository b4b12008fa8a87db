/* The cluster's certificate authority, and certificates issued by it: ECDSA P-256, as PEM. Keys stay in files
 * that only their owner can read, or in memory, and are never logged. */
#pragma once
#include "base/err.h"

/* A certificate (or chain, leaf first) and its key; both empty when there is none. */
struct pki_pair {
    struct buf cert_pem, key_pem;
};
void pki_pair_free(struct pki_pair *p); /* wipes the key */
#define _cleanup_pki_pair_ _cleanup_(pki_pair_free)

/* What a certificate shall say. */
struct pki_request {
    struct str common_name;
    const struct str *organizations; /* groups, of client certificates */
    size_t n_organizations;
    const struct str *names; /* subject alternative names of servers: DNS names and IP addresses */
    size_t n_names;
    bool server, client; /* extended key usages */
    int64_t lifetime_s;  /* from now on; the certificate is valid from five minutes ago. Cut off where the CA
                            ends */
};

/* A self-signed authority with a new key. */
int pki_make_ca(struct str common_name, int64_t lifetime_s, struct pki_pair *out, struct err *err);
/* A certificate with a new key, signed by `ca`. */
int pki_issue(const struct pki_pair *ca, const struct pki_request *q, struct pki_pair *out, struct err *err);
/* Signs the public key of a certificate signing request (PEM); its subject and names are not looked at, `q`
 * says it all. What a request asks for: pki_csr_identity. */
int pki_sign_csr(const struct pki_pair *ca, struct str csr_pem, const struct pki_request *q,
                 struct buf *cert_pem, struct err *err);
/* The other side of that: a new key, and the request (PEM) for a certificate of it with this subject and
 * these names. */
int pki_make_csr(const struct pki_request *q, struct buf *key_pem, struct buf *csr_pem, struct err *err);

/* DIR/NAME.crt (0644) and DIR/NAME.key (0600): loads them, or makes them where they are missing. A
 * certificate is issued anew (with a new key) when less than a third of its life is left, when it was issued
 * by another authority, or when it does not name all that `q` asks for; the authority itself only when it is
 * missing: a broken one is an error. */
int pki_ensure_ca(const char *dir, const char *name, struct str common_name, int64_t lifetime_s,
                  struct pki_pair *out, struct err *err);
int pki_ensure(const char *dir, const char *name, const struct pki_pair *ca, const struct pki_request *q,
               struct pki_pair *out, struct err *err);
int pki_load(const char *dir, const char *name, struct pki_pair *out, struct err *err);
int pki_save(const char *dir, const char *name, const struct pki_pair *pair, struct err *err);

/* Seconds since 1970 between which the (first) certificate is valid. */
int pki_validity(struct str cert_pem, int64_t *not_before, int64_t *not_after, struct err *err);
/* When it is time to issue it anew: after two thirds of its life, as the kubelet does; clock_wall
 * nanoseconds. 0 (long ago) when it can't be read. */
int64_t pki_renew_at(struct str cert_pem);
/* Only the certificates' PEM and DER: the first one of `cert_pem`. */
int pki_der(struct str cert_pem, struct buf *der, struct err *err);
/* "sha256:HEX" of the authority's public key, as kubeadm pins it in a join token. */
int pki_public_key_hash(struct str cert_pem, struct buf *out, struct err *err);
