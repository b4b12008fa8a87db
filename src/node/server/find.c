#include "node/server/find.h"

#include "base/clock.h"
#include "kinds/core_v1.h"
#include "node/pod/pods.h"
#include "schema/timestamp.h"

static const struct container_status *find_status(const struct pod *pod, struct str name)
{
    const struct container_status_vec *all[] = {&pod->status.container_statuses,
                                                &pod->status.init_container_statuses,
                                                &pod->status.ephemeral_container_statuses};
    for (size_t k = 0; k < ARRAY_LEN(all); k++)
        for (size_t i = 0; i < all[k]->n; i++)
            if (str_eq(all[k]->at[i].name, name))
                return &all[k]->at[i];
    return NULL;
}

static bool has_container(const struct pod *pod, struct str name)
{
    const struct container_vec *all[] = {&pod->spec.containers, &pod->spec.init_containers};
    for (size_t k = 0; k < ARRAY_LEN(all); k++)
        for (size_t i = 0; i < all[k]->n; i++)
            if (str_eq(all[k]->at[i].name, name))
                return true;
    for (size_t i = 0; i < pod->spec.ephemeral_containers.n; i++)
        if (str_eq(pod->spec.ephemeral_containers.at[i].name, name))
            return true;
    return false;
}

int find_log(struct node_agent *n, struct str ns, struct str pod_name, struct str container, bool previous,
             struct arena *a, struct found_log *out, struct err *err)
{
    _cleanup_object_ struct object *o = informer_get(n->pod_informer, ns, pod_name);
    if (!o)
        return err_set(err, ERR_NOT_FOUND, "pod \"" STR_FMT "\" not found", STR_ARG(pod_name));
    const struct pod *pod = object_typed(o);
    if (!has_container(pod, container))
        return err_set(err, ERR_BAD_REQUEST, "container \"" STR_FMT "\" is not valid for pod \"" STR_FMT "\"",
                       STR_ARG(container), STR_ARG(pod_name));
    struct str log_path, id;
    if (pods_find_container(n->pods, pod->metadata.uid, container, previous, a, &id, &log_path)) {
        out->path = arena_c(a, log_path);
        out->exit_path = arena_printf(a, "%s/exits/" STR_FMT, n->options.data_dir, STR_ARG(id)).p;
        return 0;
    }
    if (previous)
        return err_set(err, ERR_BAD_REQUEST,
                       "previous terminated container \"" STR_FMT "\" in pod \"" STR_FMT "\" not found",
                       STR_ARG(container), STR_ARG(pod_name));
    const struct container_status *s = find_status(pod, container);
    if (s && s->state.waiting) {
        struct str reason = s->state.waiting->reason;
        bool image = str_is(reason, "ErrImagePull") || str_is(reason, "ImagePullBackOff") ||
                     str_is(reason, "ErrImageNeverPull") || str_is(reason, "InvalidImageName");
        if (image)
            return err_set(err, ERR_BAD_REQUEST,
                           "container \"" STR_FMT "\" in pod \"" STR_FMT
                           "\" is waiting to start: trying and failing to pull image",
                           STR_ARG(container), STR_ARG(pod_name));
        return err_set(err, ERR_BAD_REQUEST,
                       "container \"" STR_FMT "\" in pod \"" STR_FMT "\" is waiting to start: " STR_FMT,
                       STR_ARG(container), STR_ARG(pod_name), STR_ARG(reason));
    }
    return err_set(err, ERR_BAD_REQUEST, "container \"" STR_FMT "\" in pod \"" STR_FMT "\" is not available",
                   STR_ARG(container), STR_ARG(pod_name));
}

/* The pod, where it is the one meant. The caller lets go of it. */
static struct object *find_pod(struct node_agent *n, struct str ns, struct str name, struct str uid,
                               struct err *err)
{
    struct object *o = informer_get(n->pod_informer, ns, name);
    const struct pod *pod = o ? object_typed(o) : NULL;
    if (pod && (str_empty(uid) || str_eq(pod->metadata.uid, uid)))
        return o;
    object_unref(o);
    err_set(err, ERR_NOT_FOUND, "pod does not exist");
    return NULL;
}

int find_container(struct node_agent *n, struct str ns, struct str name, struct str uid, struct str container,
                   struct arena *a, struct found_container *out, struct err *err)
{
    _cleanup_object_ struct object *o = find_pod(n, ns, name, uid, err);
    if (!o)
        return -1;
    const struct pod *pod = object_typed(o);
    if (pods_find_running(n->pods, pod->metadata.uid, container, a, &out->id, &out->dir))
        return 0;
    return err_set(err, ERR_INTERNAL, "container not found (\"" STR_FMT "\")", STR_ARG(container));
}

int find_network(struct node_agent *n, struct str ns, struct str name, struct str uid, struct arena *a,
                 struct found_network *out, struct err *err)
{
    _cleanup_object_ struct object *o = find_pod(n, ns, name, uid, err);
    if (!o)
        return -1;
    const struct pod *pod = object_typed(o);
    out->uid = arena_str(a, pod->metadata.uid);
    if (pods_find_network(n->pods, pod->metadata.uid, pod->spec.host_network, a, &out->path))
        return 0;
    return err_set(err, ERR_INTERNAL, "pod not found (\"" STR_FMT "_" STR_FMT "\")", STR_ARG(name),
                   STR_ARG(ns));
}

bool find_address(struct node_agent *n, struct str address)
{
    _cleanup_objects_ struct objects all = {0};
    informer_list(n->pod_informer, STR(""), &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct pod_status *s = &((const struct pod *)object_typed(all.at[i]))->status;
        if (str_eq(s->pod_ip, address))
            return true;
        for (size_t k = 0; k < s->pod_ips.n; k++)
            if (str_eq(s->pod_ips.at[k].ip, address))
                return true;
    }
    return false;
}

static struct str utc_seconds(struct arena *a, int64_t ns)
{
    struct str text = time_str(a, time_from_ns(ns));
    return text.n ? str_slice(text.p, text.n - 1) : text; /* without the Z: log lines go on with a fraction */
}

struct str find_since_text(struct arena *a, struct str rfc3339)
{
    struct time t;
    return time_parse(rfc3339, &t, NULL) < 0 ? (struct str){0} : utc_seconds(a, time_to_ns(t));
}

struct str find_since_seconds(struct arena *a, int64_t seconds)
{
    return utc_seconds(a, clock_wall() - seconds * CLOCK_S);
}
