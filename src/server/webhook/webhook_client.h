/* Calling webhooks: admission webhooks, conversion webhooks of custom resources. A webhook stands at a URL,
 * or behind a service of this cluster; a request is JSON that is posted, and the answer is JSON (upstream:
 * apiserver/pkg/util/webhook). Connections are kept and shared; nothing here blocks. */
#pragma once
#include "http/fetch.h"
#include "store/store.h"

struct webhook_client;

/* The store tells where services are. */
int webhook_client_new(struct store *store, struct webhook_client **out, struct err *err);
/* Ends what is under way: each call is told so. */
void webhook_client_free(struct webhook_client *w);

/* A clientConfig. Strings live as long as the call. */
struct webhook_target {
    struct str url; /* empty: a service */
    struct str service_namespace, service_name, service_path;
    int32_t service_port;
    struct str ca_bundle; /* PEM; empty: the system's authorities */
};

/* One call. The caller zeroes it, fills the first part, and owns it until `done`. */
struct webhook_call {
    struct webhook_target target;
    struct str body;    /* JSON */
    int64_t timeout_ns; /* 0: none is said to the webhook, and 30 s count here */
    size_t max_body;    /* of the answer; 0: 3 MiB */
    /* Once, on a thread of the client, which it must not hold up; or from within webhook_call_start where the
     * call cannot begin. */
    void (*done)(struct webhook_call *c);
    void *arg;

    /* The result; webhook_call_clear gives it back. -1: no usable answer came, and err says why as Go's
     * clients say it (`Post "https://...": context deadline exceeded`); a status that is no success is such a
     * failure too. `status`: of the answer, 0 without one. */
    int rc, status;
    struct str answer; /* what it answered: JSON, not looked at */
    struct err err;

    /* The client's own. */
    struct webhook_client *client;
    struct fetch_async async;
    struct arena arena;
    struct webhook_call *next, **prev;
};
/* Any thread. */
void webhook_call_start(struct webhook_client *w, struct webhook_call *c);
void webhook_call_clear(struct webhook_call *c);
