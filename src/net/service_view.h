/* Services, each with its EndpointSlices, as they stand now: what the service proxy and the cluster DNS look
 * at. Follows the informers; a change calls back with the service that it is about. */
#pragma once
#include "base/map.h"
#include "base/thread.h"
#include "client/informer.h"

/* A service as far as it is known. Those who look at the view embed it first in a struct of their own. */
struct service_entry {
    struct str key;         /* "ns/name", owned */
    struct object *service; /* NULL: not there (yet, or any more) */
    struct objects slices;  /* discovery.k8s.io/v1 EndpointSlices */
};

struct service_view {
    pthread_mutex_t mutex; /* guards the entries; held while `changed` is called */
    struct map entries;    /* key -> struct service_entry */
    size_t entry_size;     /* of the struct that embeds it; new ones are zeroed */
    void (*changed)(struct service_view *v, struct service_entry *e);
    struct informer *services, *slices;
};

/* `entry_size` and `changed` are set by then; `changed` may be called before this returns. */
void service_view_start(struct service_view *v, struct client *c);
/* Ends the calls; what is known stays until service_view_free. */
void service_view_stop(struct service_view *v);
/* After service_view_stop, and after what the entries hold beside has been freed. */
void service_view_free(struct service_view *v);
/* True once the first lists are complete; waits for that until clock_mono() is `deadline`. */
bool service_view_synced(struct service_view *v, int64_t deadline);

/* The rest under the lock. */

/* The entry of "ns/name", or NULL. */
struct service_entry *service_view_get(struct service_view *v, struct str key);
/* Whether there is nothing to know about it any more. */
static inline bool service_entry_is_empty(const struct service_entry *e)
{
    return !e->service && !e->slices.n;
}
/* Forgets an empty entry. */
void service_view_drop(struct service_view *v, struct service_entry *e);
