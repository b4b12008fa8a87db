#include "server/pod_log.h"

#include "base/encode.h"
#include "kinds/core_v1.h"
#include "schema/errors.h"

enum { KUBELET_PORT = 10250 };

static int check_options(const struct query *p, struct err *err)
{
    int64_t tail = 0, limit = 1, since = 1;
    if (query_i64(p, "tailLines", &tail, err) < 0 || query_i64(p, "limitBytes", &limit, err) < 0 ||
        query_i64(p, "sinceSeconds", &since, err) < 0)
        return -1;
    _cleanup_field_errors_ struct field_errors errs = {0};
    if (tail < 0)
        field_invalid_int(&errs, PATH(NULL, "tailLines"), tail, "must be greater than or equal to 0");
    if (limit < 1)
        field_invalid_int(&errs, PATH(NULL, "limitBytes"), limit, "must be greater than 0");
    if (query_has(p, "sinceSeconds") && query_has(p, "sinceTime"))
        field_forbidden(&errs, NULL, "at most one of `sinceTime` or `sinceSeconds` may be specified");
    else if (since < 1)
        field_invalid_int(&errs, PATH(NULL, "sinceSeconds"), since, "must be greater than 0");
    return field_errors_status(&errs, STR(""), STR("PodLogOptions"), (struct str){0}, err);
}

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
static int choose_container(const struct query *q, const struct pod *pod, struct str *out, struct err *err)
{
    struct str name = pod->metadata.name;
    *out = query_get(q, "container");
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

int pod_log_url(struct store *s, struct arena *a, const struct query *q, struct str ns, struct str name,
                struct str *url, struct err *err)
{
    if (check_options(q, err) < 0)
        return -1;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, &pod_resource), ns, name);
    if (!o) {
        err_set(err, ERR_NOT_FOUND, "pods \"" STR_FMT "\" not found", STR_ARG(name));
        return err_about(err, STR(""), STR("pods"), name);
    }
    const struct pod *pod = object_typed(o);
    struct str container;
    if (choose_container(q, pod, &container, err) < 0)
        return -1;
    *url = (struct str){0};
    if (str_empty(pod->spec.node_name))
        return 0;
    o = snapshot_get(snap, store_table(s, &node_resource), (struct str){0}, pod->spec.node_name);
    const struct node *node = o ? object_typed(o) : NULL;
    if (!node || str_empty(node_address(node)))
        return err_set(err, ERR_NOT_FOUND, "no address is known of node \"" STR_FMT "\"",
                       STR_ARG(pod->spec.node_name));
    struct str host = node_address(node);
    int port = node->status.daemon_endpoints.kubelet_endpoint.port;
    bool v6 = str_index(host, ':') >= 0;
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b, "https://%s" STR_FMT "%s:%d/containerLogs/" STR_FMT "/" STR_FMT "/" STR_FMT, v6 ? "[" : "",
             STR_ARG(host), v6 ? "]" : "", port ? port : KUBELET_PORT, STR_ARG(ns), STR_ARG(name),
             STR_ARG(container));
    static const char *const options[] = {"follow",     "previous",  "sinceSeconds", "sinceTime",
                                          "timestamps", "tailLines", "limitBytes",   "stream"};
    char separator = '?';
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct str v = query_get(q, options[i]);
        if (str_empty(v))
            continue;
        buf_addf(&b, "%c%s=", separator, options[i]);
        encode_percent(&b, v);
        separator = '&';
    }
    *url = arena_str(a, buf_str(&b));
    return 0;
}
