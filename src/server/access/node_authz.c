#include "server/access/node_authz.h"

#include "kinds/core_v1.h"
#include "kinds/resource_v1.h"
#include "kinds/storage_v1.h"
#include "server/access/authz.h"
#include "server/access/roles.h"

struct str node_authz_name(const struct user *u)
{
    struct str prefix = STR("system:node:");
    return str_starts(u->name, prefix) && user_in_group(u, STR("system:nodes"))
               ? str_from_at(u->name, prefix.n)
               : (struct str){0};
}

/* --- what a pod refers to --- */

enum reference { REF_SECRET, REF_CONFIG_MAP, REF_CLAIM, REF_ACCOUNT, REF_DEVICES };

static bool env_refers(const struct env_var_vec *env, const struct env_from_source_vec *from,
                       enum reference kind, struct str name)
{
    for (size_t i = 0; i < env->n; i++) {
        const struct env_var_source *s = env->at[i].value_from;
        if (s && kind == REF_SECRET && s->secret_key_ref && str_eq(s->secret_key_ref->name, name))
            return true;
        if (s && kind == REF_CONFIG_MAP && s->config_map_key_ref && str_eq(s->config_map_key_ref->name, name))
            return true;
    }
    for (size_t i = 0; i < from->n; i++) {
        if (kind == REF_SECRET && from->at[i].secret_ref && str_eq(from->at[i].secret_ref->name, name))
            return true;
        if (kind == REF_CONFIG_MAP && from->at[i].config_map_ref &&
            str_eq(from->at[i].config_map_ref->name, name))
            return true;
    }
    return false;
}

static bool projection_refers(const struct projected_volume_source *p, enum reference kind, struct str name)
{
    for (size_t i = 0; p && i < p->sources.n; i++) {
        const struct volume_projection *s = &p->sources.at[i];
        if (kind == REF_SECRET && s->secret && str_eq(s->secret->name, name))
            return true;
        if (kind == REF_CONFIG_MAP && s->config_map && str_eq(s->config_map->name, name))
            return true;
    }
    return false;
}

static bool volume_refers(const struct volume *v, struct str pod, enum reference kind, struct str name)
{
    switch (kind) {
    case REF_SECRET:
        return (v->secret && str_eq(v->secret->secret_name, name)) ||
               projection_refers(v->projected, kind, name) ||
               (v->csi && v->csi->node_publish_secret_ref &&
                str_eq(v->csi->node_publish_secret_ref->name, name));
    case REF_CONFIG_MAP:
        return (v->config_map && str_eq(v->config_map->name, name)) ||
               projection_refers(v->projected, kind, name);
    case REF_CLAIM:
        if (v->persistent_volume_claim)
            return str_eq(v->persistent_volume_claim->claim_name, name);
        /* A generic ephemeral volume's claim is named after pod and volume. */
        return v->ephemeral && name.n == pod.n + 1 + v->name.n && str_starts(name, pod) &&
               str_ends(name, v->name) && name.p[pod.n] == '-';
    default:
        return false;
    }
}

/* By its name, or made after a template, as the status says. */
static bool pod_has_claim(const struct pod *pod, struct str name)
{
    const struct pod_resource_claim_vec *said = &pod->spec.resource_claims;
    for (size_t i = 0; i < said->n; i++)
        if (said->at[i].resource_claim_name && str_eq(*said->at[i].resource_claim_name, name))
            return true;
    const struct pod_resource_claim_status_vec *made = &pod->status.resource_claim_statuses;
    for (size_t i = 0; i < made->n; i++)
        if (made->at[i].resource_claim_name && str_eq(*made->at[i].resource_claim_name, name))
            return true;
    return pod->status.extended_resource_claim_status &&
           str_eq(pod->status.extended_resource_claim_status->resource_claim_name, name);
}

static bool pod_refers(const struct pod *pod, enum reference kind, struct str name)
{
    const struct pod_spec *s = &pod->spec;
    if (kind == REF_ACCOUNT)
        return str_eq(s->service_account_name, name);
    if (kind == REF_DEVICES)
        return pod_has_claim(pod, name);
    for (size_t i = 0; kind == REF_SECRET && i < s->image_pull_secrets.n; i++)
        if (str_eq(s->image_pull_secrets.at[i].name, name))
            return true;
    const struct container_vec *lists[] = {&s->containers, &s->init_containers};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            if (env_refers(&lists[l]->at[i].env, &lists[l]->at[i].env_from, kind, name))
                return true;
    for (size_t i = 0; i < s->ephemeral_containers.n; i++)
        if (env_refers(&s->ephemeral_containers.at[i].env, &s->ephemeral_containers.at[i].env_from, kind,
                       name))
            return true;
    for (size_t i = 0; i < s->volumes.n; i++)
        if (volume_refers(&s->volumes.at[i], pod->metadata.name, kind, name))
            return true;
    return false;
}

/* Does a pod of the namespace that is bound to the node refer to it? Mirror pods do not count: they are the
 * node's own making. */
static bool node_refers(struct store *store, struct str node, enum reference kind, struct str ns,
                        struct str name)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(store);
    struct cursor c;
    cursor_open(&c, snap, store_table(store, &pod_resource), ns, (struct str){0}, (struct str){0});
    for (struct object *o; (o = cursor_next(&c));) {
        const struct pod *pod = object_typed(o);
        bool mirror = false;
        for (size_t i = 0; i < pod->metadata.annotations.n; i++)
            mirror = mirror || str_is(pod->metadata.annotations.at[i].key, "kubernetes.io/config.mirror");
        if (str_eq(pod->spec.node_name, node) && !mirror && pod_refers(pod, kind, name))
            return true;
    }
    return false;
}

/* The stored object, decoded, for as long as the snapshot; NULL: there is none. */
static const void *stored(struct store *store, struct snapshot *snap, const struct resource *r, struct str ns,
                          struct str name)
{
    struct object *o = snapshot_get(snap, store_table(store, r), ns, name);
    return o ? object_typed(o) : NULL;
}

/* A volume is its claim's. */
static bool node_refers_volume(struct store *store, struct str node, struct str name)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(store);
    const struct persistent_volume *pv =
        stored(store, snap, &persistent_volume_resource, (struct str){0}, name);
    return pv && pv->spec.claim_ref &&
           node_refers(store, node, REF_CLAIM, pv->spec.claim_ref->namespace, pv->spec.claim_ref->name);
}

/* --- the rules --- */

static bool one_of(struct str s, const char *words)
{
    struct str rest = str_from(words), word;
    while (str_cut(&rest, ' ', &word))
        if (str_eq(word, s))
            return true;
    return false;
}

static bool refuse(struct buf *reason, const char *text)
{
    if (reason)
        buf_add_str(reason, str_from(text));
    return false;
}

static bool unrelated(struct str node, struct buf *reason)
{
    if (reason)
        buf_addf(reason, "no relationship found between node '" STR_FMT "' and this object", STR_ARG(node));
    return false;
}

static bool related(struct store *s, struct str node, enum reference kind, const struct attributes *a,
                    struct buf *reason)
{
    if (str_empty(a->name))
        return refuse(reason, "No Object name found");
    return node_refers(s, node, kind, a->ns, a->name) || unrelated(node, reason);
}

static bool gets_one(const struct attributes *a, struct buf *reason)
{
    if (!str_is(a->verb, "get"))
        return refuse(reason, "can only get individual resources of this type");
    return str_empty(a->subresource) || refuse(reason, "cannot get subresource");
}

static bool readable(struct store *s, struct str node, enum reference kind, const struct attributes *a,
                     struct buf *reason)
{
    if (!one_of(a->verb, "get list watch"))
        return refuse(reason, "can only read resources of this type");
    if (!str_empty(a->subresource))
        return refuse(reason, "cannot read subresource");
    if (str_empty(a->ns))
        return refuse(reason, "can only read namespaced object of this type");
    return related(s, node, kind, a, reason);
}

static bool claim_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    if (str_is(a->subresource, "status"))
        return one_of(a->verb, "update patch") ? related(s, node, REF_CLAIM, a, reason)
                                               : refuse(reason, "can only get/update/patch this type");
    return gets_one(a, reason) && related(s, node, REF_CLAIM, a, reason);
}

static bool volume_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    return gets_one(a, reason) && (node_refers_volume(s, node, a->name) || unrelated(node, reason));
}

static bool attachment_allowed(struct store *s, struct str node, const struct attributes *a,
                               struct buf *reason)
{
    if (!gets_one(a, reason))
        return false;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    const struct volume_attachment *v =
        stored(s, snap, &volume_attachment_resource, (struct str){0}, a->name);
    return (v && str_eq(v->spec.node_name, node)) || unrelated(node, reason);
}

static bool devices_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    return gets_one(a, reason) && related(s, node, REF_DEVICES, a, reason);
}

static bool token_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    if (!str_is(a->verb, "create") || !str_is(a->subresource, "token"))
        return refuse(reason, "can only create tokens for individual service accounts");
    return related(s, node, REF_ACCOUNT, a, reason);
}

static bool lease_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    (void)s;
    if (!one_of(a->verb, "get create update patch delete"))
        return refuse(reason, "can only get, create, update, patch, or delete a node lease");
    if (!str_is(a->ns, "kube-node-lease"))
        return refuse(reason, "can only access leases in the \"kube-node-lease\" system namespace");
    return str_is(a->verb, "create") || str_eq(a->name, node) ||
           refuse(reason, "can only access node lease with the same name as the requesting node");
}

static bool csi_node_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    (void)s;
    if (!one_of(a->verb, "get create update patch delete") || !str_empty(a->subresource))
        return refuse(reason, "can only get, create, update, patch, or delete a CSINode");
    return str_is(a->verb, "create") || str_eq(a->name, node) ||
           refuse(reason, "can only access CSINode with the same name as the requesting node");
}

/* What it creates and changes, admission compares with its name. */
static bool node_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    (void)s;
    if (str_is(a->subresource, "status"))
        return one_of(a->verb, "update patch");
    if (!str_empty(a->subresource))
        return false;
    if (one_of(a->verb, "create update patch"))
        return true;
    if (!one_of(a->verb, "get list watch"))
        return false;
    if (str_eq(a->name, node))
        return true;
    if (reason && str_empty(a->name))
        buf_addf(reason, "node '" STR_FMT "' cannot read all nodes, only its own Node object", STR_ARG(node));
    else if (reason)
        buf_addf(reason, "node '" STR_FMT "' cannot read '" STR_FMT "', only its own Node object",
                 STR_ARG(node), STR_ARG(a->name));
    return false;
}

static bool selects_node(struct str selector, struct str field, struct str node)
{
    struct str term, name;
    while (str_cut(&selector, ',', &term))
        if (str_cut(&term, '=', &name) && str_eq(name, field) && str_eq(term, node))
            return true;
    return false;
}

/* Of what it creates, deletes and reports, admission sees to it that it is of this node. */
static bool pod_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    if (str_is(a->subresource, "status"))
        return one_of(a->verb, "update patch");
    if (str_is(a->subresource, "eviction"))
        return str_is(a->verb, "create");
    if (!str_empty(a->subresource))
        return false;
    if (one_of(a->verb, "create delete"))
        return true;
    if (!one_of(a->verb, "get list watch") || selects_node(a->field_selector, STR("spec.nodeName"), node))
        return !str_is(a->verb, "get") && one_of(a->verb, "list watch");
    if (str_empty(a->name))
        return refuse(reason, str_is(a->verb, "get")
                                  ? "No Object name found"
                                  : "can only list/watch pods with spec.nodeName field selector");
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    const struct pod *pod = stored(s, snap, &pod_resource, a->ns, a->name);
    return (pod && str_eq(pod->spec.node_name, node)) || unrelated(node, reason);
}

static bool slice_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    if (!str_empty(a->subresource))
        return refuse(reason, "cannot authorize ResourceSlice subresources");
    if (str_is(a->verb, "create"))
        return true; /* its node is in the body: admission sees to it */
    if (one_of(a->verb, "watch list deletecollection"))
        return selects_node(a->field_selector, STR("spec.nodeName"), node) ||
               refuse(reason,
                      "can only list/watch/deletecollection resourceslices with nodeName field selector");
    if (!one_of(a->verb, "get update patch delete"))
        return refuse(reason, "only the following verbs are allowed for a ResourceSlice: get, watch, list, "
                              "create, update, patch, delete, deletecollection");
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    const struct resource_slice *slice = stored(s, snap, &resource_slice_resource, (struct str){0}, a->name);
    return (slice && slice->spec.node_name && str_eq(*slice->spec.node_name, node)) ||
           unrelated(node, reason);
}

static bool secret_allowed(struct store *s, struct str node, const struct attributes *a, struct buf *reason)
{
    return readable(s, node, REF_SECRET, a, reason);
}

static bool config_map_allowed(struct store *s, struct str node, const struct attributes *a,
                               struct buf *reason)
{
    return readable(s, node, REF_CONFIG_MAP, a, reason);
}

static const struct {
    const char *group, *resource;
    bool (*allowed)(struct store *s, struct str node, const struct attributes *a, struct buf *reason);
} judged[] = {
    {"", "secrets", secret_allowed},
    {"", "configmaps", config_map_allowed},
    {"", "persistentvolumeclaims", claim_allowed},
    {"", "persistentvolumes", volume_allowed},
    {"", "serviceaccounts", token_allowed},
    {"", "nodes", node_allowed},
    {"", "pods", pod_allowed},
    {"coordination.k8s.io", "leases", lease_allowed},
    {"resource.k8s.io", "resourceclaims", devices_allowed},
    {"resource.k8s.io", "resourceslices", slice_allowed},
    {"storage.k8s.io", "csinodes", csi_node_allowed},
    {"storage.k8s.io", "volumeattachments", attachment_allowed},
};

bool node_authz_allows(struct store *s, const struct attributes *a, struct buf *reason)
{
    struct str node = node_authz_name(a->user);
    if (str_empty(node))
        return false;
    for (size_t i = 0; a->is_resource && i < ARRAY_LEN(judged); i++)
        if (str_is(a->group, judged[i].group) && str_is(a->resource, judged[i].resource))
            return judged[i].allowed(s, node, a, reason);
    return role_default_allows("system:node", a);
}
