/* The server's own parts, as its files share them. */
#pragma once
#include <stdatomic.h>

#include "auth/jwt.h"
#include "base/thread.h"
#include "http/client.h"
#include "server/access/authn.h"
#include "server/access/authz.h"
#include "server/access/front_proxy.h"
#include "server/bootstrap.h"
#include "server/cors.h"
#include "server/metrics.h"
#include "server/request.h"
#include "server/server.h"

struct server {
    struct server_options options; /* strings only while starting */
    struct api *api;
    struct store *store;
    struct authn *authn;
    struct legacy_tokens *legacy_tokens;
    struct front_proxy *front_proxy; /* NULL: nobody vouches for users */
    struct published_trust trust;
    struct authz *authz;
    struct flow *flow; /* NULL: no limit */
    struct http_server *http;
    struct http_client *kubelets;
    struct http_client *proxied; /* pods and services, whose certificates nobody vouches for */
    struct jwt_key *key;
    struct str issuer, client_ca_pem, jwks_uri;
    struct str_vec audiences, issuers;
    struct discovery *discovery;
    struct openapi *openapi;
    struct metrics *metrics;
    struct deadlines *deadlines;
    struct webhook_client *webhook_client;
    struct webhooks *webhooks;
    struct aggregator *aggregator;
    struct cors *cors;             /* NULL: no other origin is let in */
    struct str transport_security; /* header; empty: none */
    struct audit *audit;           /* NULL: nothing is noted */
    _Atomic int mutating, reading; /* requests in flight */
    _Atomic bool ready, stopping;
    pthread_mutex_t streams_mutex;
    struct watch_stream *streams; /* open watches, guarded by streams_mutex */
    struct arena arena;           /* owns strings */
};

/* What it wants to do, as authorization sees it. */
struct attributes request_attributes(const struct request *q);

/* --- the ways that requests go --- */

void resource_handle(struct request *q); /* authorized already */
void endpoint_handle(struct request *q); /* everything that is no resource */
void list_respond(struct request *q);    /* q->api.list, streamed */
void watch_handle(struct request *q);
void pod_log_handle(struct request *q);
