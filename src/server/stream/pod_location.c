#include "server/stream/pod_location.h"

#include "base/ip.h"
#include "kinds/core_v1.h"

enum { KUBELET_PORT = 10250 };

static bool has_container(const struct pod *pod, struct str name)
{
    const struct container_vec *lists[] = {&pod->spec.containers, &pod->spec.init_containers};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            if (str_eq(lists[l]->at[i].name, name))
                return true;
    for (size_t i = 0; i < pod->spec.ephemeral_containers.n; i++)
        if (str_eq(pod->spec.ephemeral_containers.at[i].name, name))
            return true;
    return false;
}

static void add_names(struct buf *b, const struct container_vec *list)
{
    buf_add_c(b, '[');
    for (size_t i = 0; i < list->n; i++)
        buf_addf(b, "%s" STR_FMT, i ? " " : "", STR_ARG(list->at[i].name));
    buf_add_c(b, ']');
}

/* The container asked for, or the only one. */
static int choose_container(struct str asked, const struct pod *pod, struct str *out, struct err *err)
{
    struct str name = pod->metadata.name;
    *out = asked;
    if (!str_empty(*out))
        return has_container(pod, *out)
                   ? 0
                   : err_set(err, ERR_BAD_REQUEST, "container " STR_FMT " is not valid for pod " STR_FMT,
                             STR_ARG(*out), STR_ARG(name));
    if (pod->spec.containers.n == 1) {
        *out = pod->spec.containers.at[0].name;
        return 0;
    }
    _cleanup_buf_ struct buf names = {0};
    add_names(&names, &pod->spec.containers);
    if (pod->spec.init_containers.n) {
        buf_add_lit(&names, " or one of the init containers: ");
        add_names(&names, &pod->spec.init_containers);
    }
    return err_set(err, ERR_BAD_REQUEST,
                   "a container name must be specified for pod " STR_FMT ", choose one of: " STR_FMT,
                   STR_ARG(name), STR_ARG(buf_str(&names)));
}

static struct str node_address(const struct node *node)
{
    static const struct str order[] = {STR_INIT("InternalIP"), STR_INIT("ExternalIP"), STR_INIT("Hostname")};
    for (size_t k = 0; k < ARRAY_LEN(order); k++)
        for (size_t i = 0; i < node->status.addresses.n; i++)
            if (str_eq(node->status.addresses.at[i].type, order[k]))
                return node->status.addresses.at[i].address;
    return (struct str){0};
}

int node_location(struct snapshot *snap, struct store *s, struct arena *a, struct str name,
                  struct node_location *out, struct err *err)
{
    struct object *o = snapshot_get(snap, store_table(s, &node_resource), (struct str){0}, name);
    const struct node *node = o ? object_typed(o) : NULL;
    if (!node || str_empty(node_address(node)))
        return err_set(err, ERR_NOT_FOUND, "no address is known of node \"" STR_FMT "\"", STR_ARG(name));
    out->host = arena_str(a, node_address(node));
    int port = node->status.daemon_endpoints.kubelet_endpoint.port;
    out->port = port ? port : KUBELET_PORT;
    return 0;
}

struct str node_location_url(const struct node_location *l, struct arena *a)
{
    return arena_printf(a, "https://" STR_FMT ":%d", STR_ARG(ip_host(a, l->host)), l->port);
}

int pod_location(struct store *s, struct arena *a, struct str ns, struct str name,
                 const struct str *container, struct pod_location *out, struct err *err)
{
    *out = (struct pod_location){0};
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, &pod_resource), ns, name);
    if (!o) {
        err_set(err, ERR_NOT_FOUND, "pods \"" STR_FMT "\" not found", STR_ARG(name));
        return err_about(err, STR(""), STR("pods"), name);
    }
    const struct pod *pod = object_typed(o);
    if (container && choose_container(*container, pod, &out->container, err) < 0)
        return -1;
    out->container = arena_str(a, out->container);
    if (str_empty(pod->spec.node_name))
        return 0;
    struct node_location node;
    if (node_location(snap, s, a, pod->spec.node_name, &node, err) < 0)
        return -1;
    out->node_url = node_location_url(&node, a);
    return 0;
}
