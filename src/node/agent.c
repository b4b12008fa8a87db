#define LOG_PART "node"
#include "node/agent.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "kinds/core_v1.h"
#include "node/housekeeping.h"
#include "node/image/store.h"
#include "node/pod/pods.h"
#include "node/pod/puller.h"
#include "node/server/endpoint.h"
#include "node/status/keeper.h"
#include "node/status/usage.h"
#include "node/volume/claim.h"

enum { NODE_MAX_PODS = 110 };

static struct str_vec copy_list(struct arena *a, struct str_vec from)
{
    struct str_vec to = {arena_new_n(a, struct str, from.n), from.n};
    for (size_t i = 0; i < from.n; i++)
        to.at[i] = arena_str(a, from.at[i]);
    return to;
}

static const char *copy_path(struct arena *a, const char *given, const char *otherwise)
{
    return arena_c(a, str_from(given && *given ? given : otherwise));
}

static void copy_options(struct node_agent *n, const struct node_options *from)
{
    struct arena *a = &n->arena;
    struct node_options *o = &n->options;
    *o = *from;
    if (!o->name.n) {
        char host[256] = {0};
        gethostname(host, sizeof host - 1);
        for (char *c = host; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c |= 32;
        o->name = str_from(host);
    }
    o->name = arena_str(a, o->name);
    o->addresses = copy_list(a, from->addresses);
    o->data_dir = copy_path(a, from->data_dir, "/var/lib/sagong/node");
    o->run_dir = copy_path(a, from->run_dir, "/run/sagong");
    o->log_dir = copy_path(a, from->log_dir, "/var/log/pods");
    o->cgroup_root = copy_path(a, from->cgroup_root, "/kubepods");
    o->resolv_conf = copy_path(a, from->resolv_conf, "/etc/resolv.conf");
    o->pod_cidrs = copy_list(a, from->pod_cidrs);
    o->service_cidrs = copy_list(a, from->service_cidrs);
    o->cluster_domain = arena_str(a, from->cluster_domain.n ? from->cluster_domain : STR("cluster.local"));
    o->cluster_dns = copy_list(a, from->cluster_dns);
    o->insecure_registries = copy_list(a, from->insecure_registries);
    o->labels = (struct str_map){arena_new_n(a, struct str_entry, from->labels.n), from->labels.n};
    for (size_t i = 0; i < from->labels.n; i++)
        o->labels.at[i] =
            (struct str_entry){arena_str(a, from->labels.at[i].key), arena_str(a, from->labels.at[i].value)};
    if (!o->max_pods)
        o->max_pods = NODE_MAX_PODS;
    n->name = o->name;
}

struct pod_network *node_network(struct node_agent *n, struct err *err)
{
    _lock_(&n->network_mutex);
    if (n->network)
        return n->network;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_object_ struct object *o = NULL;
    struct str_vec cidrs = n->options.pod_cidrs;
    if (!cidrs.n && (o = informer_get(n->node_informer, STR(""), n->name)))
        cidrs = ((const struct node *)object_typed(o))->spec.pod_cidrs;
    if (!cidrs.n) {
        err_set(err, ERR_UNAVAILABLE, "network is not ready: the node has no pod CIDR yet");
        return NULL;
    }
    struct pod_network_options options = {.state_dir = arena_printf(&a, "%s/network", n->options.data_dir).p,
                                          .pod_cidrs = cidrs,
                                          .service_cidrs = n->options.service_cidrs};
    return pod_network_open(&options, &n->network, err) < 0 ? NULL : n->network;
}

/* A container may end before its pods are there to be told: that is found out when they are adopted. */
static void on_container_ended(void *arg, struct str id)
{
    struct node_agent *n = arg;
    struct pods *all = __atomic_load_n(&n->pods, __ATOMIC_ACQUIRE);
    if (all)
        pods_container_ended(all, id);
}

static int open_parts(struct node_agent *n, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct node_options *o = &n->options;
    struct runtime_options runtime = {.data_dir = o->data_dir,
                                      .run_dir = o->run_dir,
                                      .conmon_cgroup = arena_printf(&a, "%s/conmon", o->cgroup_root).p,
                                      .exited = on_container_ended,
                                      .arg = n};
    char *field = arena_c(&n->arena, arena_printf(&a, "spec.nodeName=" STR_FMT, STR_ARG(n->name)));
    char *self = arena_c(&n->arena, arena_printf(&a, "metadata.name=" STR_FMT, STR_ARG(n->name)));
    if (file_mkdirs(o->data_dir, 0711, err) < 0 || file_mkdirs(o->run_dir, 0711, err) < 0 ||
        cgroup_prepare(err) < 0 ||
        image_store_open(arena_printf(&a, "%s/images", o->data_dir).p, &n->images, err) < 0)
        return -1;
    image_store_collect(n->images, NULL);
    n->pod_informer = client_informer(n->client, &pod_resource,
                                      &(struct informer_options){.field_selector = str_from(field)});
    n->node_informer = client_informer(n->client, &node_resource,
                                       &(struct informer_options){.field_selector = str_from(self)});
    n->service_informer = client_informer(n->client, &service_resource, &(struct informer_options){0});
    n->volume_informer =
        client_informer(n->client, &persistent_volume_resource, &(struct informer_options){0});
    n->recorder = recorder_new(n->client, "kubelet", n->name);
    n->puller = puller_new(n);
    /* Groups without limits of their own, that the pods' lie in: best-effort pods get what is left. */
    cgroup_make(arena_printf(&a, "%s/burstable", o->cgroup_root).p, &(struct cgroup_limits){0}, err);
    cgroup_make(arena_printf(&a, "%s/besteffort", o->cgroup_root).p, &(struct cgroup_limits){.cpu_shares = 2},
                err);
    struct pods *all;
    return runtime_open(&runtime, &n->runtime, err) < 0 || pods_new(n, &all, err) < 0 ||
                   keeper_start(n, &n->status, err) < 0
               ? -1
               : 0;
}

int node_start(struct client *c, const struct node_options *o, struct node_agent **out, struct err *err)
{
    struct node_agent *n = mem_zalloc(sizeof *n);
    n->client = c;
    pthread_mutex_init(&n->network_mutex, NULL);
    pthread_mutex_init(&n->admission_mutex, NULL);
    copy_options(n, o);
    n->usage = usage_history_new();
    if (open_parts(n, err) < 0 || (o->port && endpoint_start(n, &n->endpoint, err) < 0)) {
        node_stop(n);
        return -1;
    }
    pods_start(n->pods);
    informer_handle(n->volume_informer, claim_on_volume, n);
    n->housekeeping = housekeeping_start(n);
    *out = n;
    log_info("node " STR_FMT " has started", STR_ARG(n->name));
    return 0;
}

void node_stop(struct node_agent *n)
{
    if (!n)
        return;
    if (n->housekeeping) /* then the start was a whole one */
        informer_unhandle(n->volume_informer, claim_on_volume, n);
    housekeeping_stop(n->housekeeping);
    endpoint_stop(n->endpoint);
    keeper_stop(n->status);
    if (n->pods && !pods_stop(n->pods))
        return; /* what still runs keeps what it uses; the process is about to end */
    runtime_close(n->runtime);
    if (n->pods)
        pods_free(n->pods);
    puller_free(n->puller);
    if (n->recorder) {
        recorder_flush(n->recorder, clock_mono() + CLOCK_S);
        recorder_free(n->recorder);
    }
    if (n->network)
        pod_network_close(n->network);
    image_store_close(n->images);
    usage_history_free(n->usage);
    pthread_mutex_destroy(&n->network_mutex);
    pthread_mutex_destroy(&n->admission_mutex);
    arena_free(&n->arena);
    free(n);
}
