/* The API server: HTTP requests in, the API's answers out. Routes, authenticates, authorizes, negotiates and
 * limits them, and serves what is no resource: discovery, OpenAPI, health, metrics, the version. */
#pragma once
#include "api/api.h"
#include "base/loop.h"
#include "server/access/front_proxy_options.h"
#include "server/audit/audit_options.h"

struct server;

/* Strings are copied unless said otherwise. */
struct server_options {
    struct api *api;
    const char *listen; /* "0.0.0.0:6443" */
    struct loop **loops;
    size_t n_loops;
    struct str cert_pem, key_pem;       /* the server's chain and key; empty: plain TCP, for tests */
    struct str client_ca_pem;           /* who signs client certificates */
    bool encryption_reload;             /* the store's encryption may be another one later */
    struct str service_account_key_pem; /* signs and verifies service account tokens */
    /* Who issues them: the first now, all of them may have; none:
     * https://kubernetes.default.svc.cluster.local */
    struct str_vec issuers;
    struct str_vec audiences; /* whom tokens for us are meant for; none: the issuers */
    struct str jwks_uri;      /* where others find the keys; empty: here */
    struct str volumes_dir;   /* absolute: nodes' local volumes; empty: no class is made for them */
    struct str token_csv;     /* the static token file's content; empty: none */
    /* Who else is known, and who decides; NULL: the usual. Both outlive the server. */
    const struct authentication_configuration *authentication;
    const struct authorization_configuration *authorization;
    const char *token_webhook;            /* a kubeconfig file of who knows further tokens; NULL: nobody */
    struct str cors_allowed_origins;      /* patterns (server/cors.h); empty: no other origin may use this */
    struct str strict_transport_security; /* directives for browsers, separated by commas; empty: none */
    struct str abac_policies;             /* for the authorizer ABAC */
    /* How nodes' agents are reached: who signs their certificates, and who we are to them. */
    struct str kubelet_ca_pem, kubelet_cert_pem, kubelet_key_pem;
    struct front_proxy_options front_proxies; /* who may vouch for users to us */
    /* Who we are to aggregated API servers, and who signs that: they find it in kube-system. */
    struct str front_proxy_ca_pem, front_proxy_cert_pem, front_proxy_key_pem;
    struct audit_options audit; /* without log and webhook nothing is noted */
    int max_in_flight;          /* requests at a time; 0: 600; negative: no limit */
    int64_t request_timeout_ns; /* 0: 60 s */
};

/* Makes the default roles, then listens. Blocks until it serves. */
int server_start(const struct server_options *o, struct server **out, struct err *err);
/* Lets what is under way end until `deadline` (clock_mono); watches are told to come back elsewhere at once.
 */
void server_stop(struct server *s, int64_t deadline);
/* Once the loops have ended. */
void server_free(struct server *s);
int server_port(const struct server *s);
/* From now on new connections get this certificate. Any thread. */
int server_reload(struct server *s, struct str cert_pem, struct str key_pem, struct err *err);
