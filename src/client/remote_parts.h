/* What the parts of the remote transport share: remote.c carries calls, follow.c keeps informers up to date.
 */
#pragma once
#include "client/transport.h"
#include "http/fetch.h"

struct remote {
    struct client client;
    struct fetch *fetch;
    struct arena arena; /* of the strings */
    struct str server;  /* without a slash at its end */
    struct str manager;

    struct fetch_cancel cancel; /* ends all watches */
    pthread_mutex_t mutex;      /* guards below */
    pthread_cond_t cond;        /* the end has come */
    bool ending;
    struct remote_follower *followers;
};

static inline struct remote *remote_of(struct client *c)
{
    return container_of(c, struct remote, client);
}

/* "https://.../apis/apps/v1/namespaces/default/deployments/web/status", in `out`. */
void remote_url(struct remote *r, const struct resource *kind, struct str ns, struct str name, struct str sub,
                struct buf *out);
/* Adds "?name=value", or "&..." behind the first; nothing when the value is empty. */
void remote_query(struct buf *url, const char *name, struct str value);
/* Makes an object from the JSON of one. What it says of its kind goes before `kind`. */
int remote_object(const struct resource *kind, struct str json, struct object **out, struct err *err);
/* Turns an answer that is an error into one; always -1. */
int remote_refused(int status, struct str body, struct err *err);
/* One page after the other, until all is there. */
int remote_list(struct client *c, const struct resource *kind, struct str ns,
                const struct client_list_options *o, struct objects *out, struct err *err);
void remote_follow(struct client *c, struct informer *i);
void remote_stop(struct client *c);
