/* A whole API server for tests: in this process, on a free port of loopback, its state in memory, and clients
 * that are the administrator, nobody, or whoever a token says. */
#pragma once
#include "api/api.h"
#include "auth/pki.h"
#include "base/thread.h"
#include "http/fetch.h"
#include "schema/value.h"
#include "server/server.h"

struct cluster {
    struct store *store;
    struct api *api;
    struct server *server;
    struct loop *loops[2];
    struct pki_pair ca, serving, admin, front_proxy;
    struct buf key;
    struct fetch *as_admin, *as_nobody;
    const char *host;
    pthread_mutex_t mutex; /* guards arena in cluster_url */
    struct arena arena;
};

/* All of it may be left out. */
struct cluster_options {
    const char *tokens; /* the static token file */
    int limit;          /* requests in flight */
    int64_t timeout_ns; /* of a request */
    const struct api_admission *admission;
    const char *service_cidr, *second_cidr;
    const char *host; /* where it listens, as in URLs; NULL: 127.0.0.1 */
    struct audit_options audit;
    const char *authentication, *authorization; /* configurations, as YAML */
    const char *token_webhook;                  /* a kubeconfig file */
    const char *abac;                           /* policies */
    const char *cors, *transport_security;
    const char *state; /* a directory; NULL: in memory */
    struct encryption *encryption;
    struct front_proxy_options front_proxies;
    const struct admission_settings *admission_settings;
    struct str_vec issuers, audiences; /* of service account tokens */
    struct str jwks_uri;
    int64_t token_most_s;
    bool token_exact;
    struct str key_pem; /* that signs them; empty: a new one */
};
void cluster_start(struct cluster *c, const struct cluster_options *o);
void cluster_stop(struct cluster *c);
/* As whom a token says. The caller frees it. */
struct fetch *cluster_client(struct cluster *c, const char *token);
struct str cluster_url(struct cluster *c, const char *path);

/* An answer: parsed where it is JSON. */
struct answer {
    struct fetch_response response;
    int status;
    struct value json;
};
void answer_clear(struct answer *a);
#define _cleanup_answer_ __attribute__((cleanup(answer_clear), unused))

/* `headers`: "name: value", separated by newlines; NULL: none. Fails the test where no answer comes. */
struct answer ask(struct cluster *c, struct fetch *who, const char *method, const char *path,
                  const char *headers, const char *body);
static inline struct answer get(struct cluster *c, const char *path)
{
    return ask(c, c->as_admin, "GET", path, NULL, NULL);
}
/* POST of JSON as administrator; fails the test unless it is created. */
struct answer create(struct cluster *c, const char *path, const char *body);

/* The text of a member by its path, "metadata.name", "items.0.spec"; numbers and booleans as JSON has them;
 * "" when absent. Lives as long as the answer. */
struct str at(struct answer *a, const char *path);
size_t count(struct answer *a, const char *path); /* elements of an array */

#define assert_status(a, code)                                                                               \
    do {                                                                                                     \
        if ((a).status != (code))                                                                            \
            fail_msg("status %d, expected %d: " STR_FMT, (a).status, (code), STR_ARG((a).response.body));    \
    } while (0)
