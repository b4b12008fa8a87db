/* The client of an API server elsewhere, over HTTPS. */
#pragma once
#include "client/client.h"

struct client_config {
    struct str server;            /* "https://10.0.0.1:6443" */
    struct str ca_pem;            /* who signed its certificate; empty: the system's authorities */
    struct str cert_pem, key_pem; /* our own; empty: none */
    struct str token;             /* a bearer token; empty: none */
    bool insecure;                /* the server is not verified */
    const char *manager; /* of the fields it writes ("kubelet"), and its user agent; NULL: "sagong" */
};

/* Everything is copied. Does not connect yet. */
int client_remote(const struct client_config *config, struct client **out, struct err *err);
/* As a kubeconfig file says; `context` empty: its current one. */
int client_remote_from(const char *kubeconfig, struct str context, const char *manager, struct client **out,
                       struct err *err);
/* From now on another token (they are rotated). Any thread. */
void client_remote_set_token(struct client *c, struct str token);
