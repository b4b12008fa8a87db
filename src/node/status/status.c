#include "node/status/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "node/image/transfer.h"
#include "node/pod/resources.h"
#include "node/status/pressure.h"
#include "schema/copy.h"
#include "schema/timestamp.h"
#include "version.h"

enum { NODE_IMAGES_MAX = 50 };

static struct str file_line(const char *path, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    return file_read(path, 64 << 10, &b, NULL) < 0 ? STR("") : arena_str(a, str_trim(buf_str(&b)));
}

/* PRETTY_NAME="…" of os-release. */
static struct str os_image(struct arena *a)
{
    struct str rest = file_line("/etc/os-release", a), line, prefix = STR("PRETTY_NAME=");
    while (str_cut(&rest, '\n', &line))
        if (str_starts(line, prefix)) {
            struct str name = str_from_at(line, prefix.n);
            return name.n > 1 && name.p[0] == '"' ? str_slice(name.p + 1, name.n - 2) : name;
        }
    return STR("Linux");
}

struct str_map node_labels(struct node_agent *n, struct arena *a)
{
    struct str arch = image_architecture();
    const struct str_entry usual[] = {
        {STR("beta.kubernetes.io/arch"), arch},  {STR("beta.kubernetes.io/os"), STR("linux")},
        {STR("kubernetes.io/arch"), arch},       {STR("kubernetes.io/hostname"), n->name},
        {STR("kubernetes.io/os"), STR("linux")},
    };
    const struct str_map *more = &n->options.labels;
    struct str_map m = {arena_new_n(a, struct str_entry, ARRAY_LEN(usual) + more->n), 0};
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        m.at[m.n++] = usual[i];
    for (size_t i = 0; i < more->n; i++)
        m.at[m.n++] = more->at[i];
    qsort(m.at, m.n, sizeof *m.at, str_qsort);
    return m;
}

static bool has_entry(const struct str_entry *all, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(all[i].key, key))
            return true;
    return false;
}

/* What others have said of the node (extended resources) stays, and all of it can be allocated. */
static struct str_map with_others(const struct str_map *before, const struct str_entry *own, size_t n,
                                  struct arena *a)
{
    struct str_map m = {arena_new_n(a, struct str_entry, before->n + n), n};
    memcpy(m.at, own, n * sizeof *own);
    for (size_t i = 0; i < before->n; i++)
        if (!has_entry(own, n, before->at[i].key))
            m.at[m.n++] = before->at[i];
    qsort(m.at, m.n, sizeof *m.at, str_qsort);
    return m;
}

static void make_resources(struct node_agent *n, struct arena *a, struct node_status *s)
{
    struct statvfs fs = {0};
    statvfs(n->options.data_dir, &fs);
    uint64_t disk = (uint64_t)fs.f_blocks * fs.f_frsize;
    int64_t memory = node_memory_bytes();
    struct str cpus = arena_printf(a, "%ld", sysconf(_SC_NPROCESSORS_ONLN)),
               pods = arena_printf(a, "%d", n->options.max_pods);
    const struct str_entry capacity[] = {
        {STR("cpu"), cpus},
        {STR("ephemeral-storage"), arena_printf(a, "%lluKi", (unsigned long long)(disk >> 10))},
        {STR("hugepages-1Gi"), STR("0")},
        {STR("hugepages-2Mi"), STR("0")},
        {STR("memory"), arena_printf(a, "%lldKi", (long long)(memory >> 10))},
        {STR("pods"), pods},
    };
    struct str_entry allocatable[ARRAY_LEN(capacity)];
    memcpy(allocatable, capacity, sizeof capacity);
    /* Without what is kept back before pods are evicted. */
    allocatable[1].value =
        arena_printf(a, "%llu", (unsigned long long)(disk / 100 * (100 - EVICT_DISK_PERCENT)));
    allocatable[4].value = arena_printf(a, "%lldKi", (long long)((memory >> 10) - EVICT_MEMORY_MI * 1024));
    struct str_map others = s->capacity;
    s->capacity = with_others(&others, capacity, ARRAY_LEN(capacity), a);
    s->allocatable = with_others(&others, allocatable, ARRAY_LEN(allocatable), a);
}

static void make_info(struct arena *a, struct node_system_info *i)
{
    struct utsname u = {0};
    uname(&u);
    *i = (struct node_system_info){
        .machine_id = file_line("/etc/machine-id", a),
        .system_uuid = file_line("/sys/class/dmi/id/product_uuid", a),
        .boot_id = file_line("/proc/sys/kernel/random/boot_id", a),
        .kernel_version = arena_str(a, str_from(u.release)),
        .os_image = os_image(a),
        .container_runtime_version = STR("sagong://" SAGONG_VERSION),
        .kubelet_version = STR(KUBERNETES_VERSION),
        .kube_proxy_version = STR(""),
        .operating_system = STR("linux"),
        .architecture = image_architecture(),
    };
    if (!i->system_uuid.n)
        i->system_uuid = i->machine_id;
}

static int by_size(const void *x, const void *y)
{
    const struct image *a = x, *b = y;
    return a->size < b->size ? 1 : a->size > b->size ? -1 : 0;
}

static void make_images(struct node_agent *n, struct arena *a, struct container_image_vec *out)
{
    struct image_vec images;
    if (image_store_list(n->images, a, &images, NULL) < 0)
        return;
    if (images.n)
        qsort(images.at, images.n, sizeof *images.at, by_size);
    size_t count = images.n < NODE_IMAGES_MAX ? images.n : NODE_IMAGES_MAX;
    *out = (struct container_image_vec){arena_new_n(a, struct container_image, count), count};
    for (size_t i = 0; i < count; i++)
        out->at[i] = (struct container_image){images.at[i].names, (int64_t)images.at[i].size};
}

/* The default one has no name. */
static void make_handlers(struct arena *a, struct node_runtime_handler_vec *out)
{
    bool no = false;
    struct node_runtime_handler_features features = {.recursive_read_only_mounts =
                                                         arena_dup(a, &no, sizeof no),
                                                     .user_namespaces = arena_dup(a, &no, sizeof no)};
    const struct node_runtime_handler all[] = {{.name = STR("")}, {.name = NODE_RUNTIME_HANDLER}};
    *out = (struct node_runtime_handler_vec){arena_dup(a, all, sizeof all), ARRAY_LEN(all)};
    for (size_t i = 0; i < out->n; i++)
        out->at[i].features = arena_dup(a, &features, sizeof features);
}

/* --- conditions --- */

static void add_condition(struct node_status *s, const struct node *before, struct str type, bool status,
                          const char *reason, const char *message)
{
    struct node_condition c = {.type = type,
                               .status = status ? CONDITION_STATUS_TRUE : CONDITION_STATUS_FALSE,
                               .reason = str_from(reason),
                               .message = str_from(message),
                               .last_heartbeat_time = time_now(),
                               .last_transition_time = time_now()};
    for (size_t i = 0; before && i < before->status.conditions.n; i++) {
        const struct node_condition *old = &before->status.conditions.at[i];
        if (str_eq(old->type, type) && str_eq(old->status, c.status))
            c.last_transition_time = old->last_transition_time;
    }
    s->conditions.at[s->conditions.n++] = c;
}

/* The node's own address among its pods is part of what must be there. */
static bool network_is_ready(struct node_agent *n, const struct node *before, struct err *err)
{
    if (n->options.no_network)
        return true;
    if (!n->options.pod_cidrs.n && !(before && before->spec.pod_cidr.n))
        return err_set(err, ERR_UNAVAILABLE, "the node has no pod CIDR yet") == 0;
    return node_network(n, err);
}

static void make_conditions(struct node_agent *n, const struct node *before, struct arena *a,
                            struct node_status *s)
{
    size_t had = before ? before->status.conditions.n : 0;
    s->conditions = (struct node_condition_vec){arena_new_n(a, struct node_condition, had + 4), 0};
    for (size_t i = 0; i < had; i++) { /* those of others */
        const struct node_condition *c = &before->status.conditions.at[i];
        if (!str_eq(c->type, NODE_CONDITION_TYPE_READY) && !str_ends(c->type, STR("Pressure")))
            s->conditions.at[s->conditions.n++] = *c;
    }
    struct pressure p;
    pressure_read(n->options.data_dir, &p);
    bool memory = p.memory, disk = p.disk;
    _cleanup_err_ struct err err = {0};
    bool ready = network_is_ready(n, before, &err);
    add_condition(s, before, NODE_CONDITION_TYPE_MEMORY_PRESSURE, memory,
                  memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
                  memory ? "kubelet has insufficient memory available"
                         : "kubelet has sufficient memory available");
    add_condition(s, before, NODE_CONDITION_TYPE_DISK_PRESSURE, disk,
                  disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
                  disk ? "kubelet has disk pressure" : "kubelet has no disk pressure");
    add_condition(s, before, NODE_CONDITION_TYPE_PID_PRESSURE, false, "KubeletHasSufficientPID",
                  "kubelet has sufficient PID available");
    add_condition(s, before, NODE_CONDITION_TYPE_READY, ready, ready ? "KubeletReady" : "KubeletNotReady",
                  ready ? "kubelet is posting ready status"
                        : arena_printf(a,
                                       "container runtime network not ready: NetworkReady=false "
                                       "reason:NetworkPluginNotReady message:" STR_FMT,
                                       STR_ARG(err.message))
                              .p);
}

void node_status_make(struct node_agent *n, const struct node *before, struct arena *a,
                      struct node_status *out)
{
    *out = before ? before->status : (struct node_status){0};
    const struct str_vec *own = &n->options.addresses;
    struct node_address *addresses = arena_new_n(a, struct node_address, own->n + 1);
    out->addresses = (struct node_address_vec){addresses, 0};
    for (size_t i = 0; i < own->n; i++)
        addresses[out->addresses.n++] = (struct node_address){NODE_ADDRESS_TYPE_INTERNAL_IP, own->at[i]};
    addresses[out->addresses.n++] = (struct node_address){NODE_ADDRESS_TYPE_HOSTNAME, n->name};
    make_resources(n, a, out);
    make_info(a, &out->node_info);
    make_images(n, a, &out->images);
    make_handlers(a, &out->runtime_handlers);
    bool yes = true;
    struct node_features features = {.supplemental_groups_policy = arena_dup(a, &yes, sizeof yes)};
    out->features = arena_dup(a, &features, sizeof features);
    make_conditions(n, before, a, out);
    out->daemon_endpoints.kubelet_endpoint.port = n->options.port;
}

bool node_status_differs(const struct node_status *x, const struct node_status *y, struct arena *a)
{
    struct node_status p = *x, q = *y;
    struct node_status *both[] = {&p, &q};
    for (size_t k = 0; k < ARRAY_LEN(both); k++) {
        struct node_condition_vec *v = &both[k]->conditions;
        v->at = arena_dup(a, v->at, v->n * sizeof *v->at);
        for (size_t i = 0; i < v->n; i++)
            v->at[i].last_heartbeat_time = (struct time){0};
    }
    return !struct_eq(&node_status_type, &p, &q);
}
