/* What the parts of the node agent share. */
#pragma once
#include <pthread.h>

#include "base/map.h"
#include "client/events.h"
#include "client/informer.h"
#include "client/reconciler.h"
#include "net/pod_network.h"
#include "node/image/store.h"
#include "node/node.h"
#include "node/runtime/container.h"

/* What a RuntimeClass may name. */
#define NODE_RUNTIME_HANDLER STR("crun")

struct pods;
struct puller;
struct endpoint;
struct housekeeping;
struct node_status_keeper;
struct usage_history;

struct node_agent {
    struct client *client;
    struct node_options options; /* strings in arena */
    struct arena arena;
    struct recorder *recorder;
    struct runtime *runtime;
    struct image_store *images;
    struct puller *puller;
    struct pods *pods;
    struct node_status_keeper *status;
    struct usage_history *usage;
    struct housekeeping *housekeeping;
    struct endpoint *endpoint;
    struct informer *pod_informer, *service_informer, *node_informer, *volume_informer;
    pthread_mutex_t admission_mutex; /* held while a pod is judged; nothing else is locked before it */
    pthread_mutex_t network_mutex;
    struct pod_network
        *network;    /* guarded by network_mutex; NULL until the node has its ranges of addresses */
    struct str name; /* options.name */
};

/* The pod network, opened as soon as Node.spec.podCIDRs are there; NULL with `err` until then. */
struct pod_network *node_network(struct node_agent *n, struct err *err);
