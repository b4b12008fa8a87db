/* Kubeconfig files: how kubectl, agents and the CLI find a cluster and say who they are. */
#pragma once
#include "base/err.h"

/* One way into one cluster: the current context, resolved. */
struct kubeconfig {
    struct str server; /* "https://127.0.0.1:6443" */
    struct str ca_pem, cert_pem, key_pem, token;
    struct str server_name; /* tls-server-name; empty: the URL's host */
    struct str ns;          /* empty: default */
    bool insecure;
    struct str cluster, user, context; /* names, for writing; empty: "sagong", "admin", "admin@sagong" */
    struct arena arena;                /* owns what kubeconfig_read made */
};
void kubeconfig_free(struct kubeconfig *k); /* wipes nothing it does not own */
#define _cleanup_kubeconfig_ _cleanup_(kubeconfig_free)

/* As YAML, data embedded. */
void kubeconfig_render(const struct kubeconfig *k, struct buf *out);
/* Writes it, mode 0600. */
int kubeconfig_write(const char *path, const struct kubeconfig *k, struct err *err);
/* Reads YAML or JSON; `context` empty: current-context. Files it names (certificate-authority,
 * client-certificate, client-key, tokenFile) are read, relative to the file's own folder. Data goes before
 * files. Exec and auth-provider plugins are not supported: an error when there is nothing else. */
int kubeconfig_read(const char *path, struct str context, struct kubeconfig *out, struct err *err);
int kubeconfig_parse(struct str text, const char *dir, struct str context, struct kubeconfig *out,
                     struct err *err);
