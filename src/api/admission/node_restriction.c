/* NodeRestriction: what the Node authorizer lets a node's agent write is narrowed down to the node's own:
 * itself (without labels and taints that place pods), pods bound to it, their tokens, its lease and its
 * CSINode (plugin/pkg/admission/noderestriction). */
#include <stdlib.h>

#include "api/admission.h"
#include "api/road.h"
#include "cel/cel.h"
#include "kinds/authentication_v1.h"
#include "kinds/coordination_v1.h"
#include "kinds/policy_v1.h"
#include "kinds/storage_v1.h"

#define LEASE_NAMESPACE "kube-node-lease"
#define MIRROR          "kubernetes.io/config.mirror"

/* The node that speaks. */
struct speaker {
    struct str node;
    struct api *api;
    struct api_attributes *at;
    struct err *err;
};

#define FORBID(s, ...) admission_forbid((s)->at, (s)->err, __VA_ARGS__)

static bool is_node(const struct user *u)
{
    return str_starts(u->name, STR("system:node:")) && str_vec_has(&u->groups, STR("system:nodes"));
}

/* --- pods --- */

static int check_owner(struct speaker *s, const struct pod *pod)
{
    const struct owner_reference_vec *owners = &pod->metadata.owner_references;
    if (owners->n > 1)
        return FORBID(s,
                      "node \"" STR_FMT "\" can only create pods with a single owner reference set to itself",
                      STR_ARG(s->node));
    const struct owner_reference *o = owners->at;
    if (!owners->n || !str_is(o->api_version, "v1") || !str_is(o->kind, "Node") || !str_eq(o->name, s->node))
        return FORBID(s, "node \"" STR_FMT "\" can only create pods with an owner reference set to itself",
                      STR_ARG(s->node));
    if (!o->controller || !*o->controller)
        return FORBID(
            s, "node \"" STR_FMT "\" can only create pods with a controller owner reference set to itself",
            STR_ARG(s->node));
    if (o->block_owner_deletion && *o->block_owner_deletion)
        return FORBID(s, "node \"" STR_FMT "\" must not set blockOwnerDeletion on an owner reference",
                      STR_ARG(s->node));
    _cleanup_object_ struct object *node = road_find(s->api, &node_resource, STR(""), s->node);
    if (!node)
        return answer_not_found(s->err, &node_resource, s->node);
    if (!str_eq(object_meta(node)->uid, o->uid))
        return FORBID(s, "node " STR_FMT " UID mismatch: expected " STR_FMT " got " STR_FMT, STR_ARG(s->node),
                      STR_ARG(o->uid), STR_ARG(object_meta(node)->uid));
    return 0;
}

/* What of the API a pod refers to, in upstream's plural; NULL: nothing. */
static const char *refers_to(const struct pod *pod)
{
    const struct pod_spec *p = &pod->spec;
    if (p->service_account_name.n)
        return "a service account";
    if (p->image_pull_secrets.n)
        return "secrets";
    if (p->resource_claims.n)
        return "resourceclaims";
    const struct container_vec *lists[] = {&p->init_containers, &p->containers};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        each (*lists[l], i) {
            const struct container *c = &lists[l]->at[i];
            each (c->env, k)
                if (c->env.at[k].value_from && c->env.at[k].value_from->secret_key_ref)
                    return "secrets";
                else if (c->env.at[k].value_from && c->env.at[k].value_from->config_map_key_ref)
                    return "configmaps";
            each (c->env_from, k)
                return c->env_from.at[k].secret_ref ? "secrets" : "configmaps";
        }
    each (p->volumes, i) {
        const struct volume *v = &p->volumes.at[i];
        if (v->secret)
            return "secrets";
        if (v->config_map)
            return "configmaps";
        if (v->persistent_volume_claim || v->ephemeral)
            return "persistentvolumeclaims";
        for (size_t k = 0; v->projected && k < v->projected->sources.n; k++) {
            const struct volume_projection *x = &v->projected->sources.at[k];
            if (x->secret || x->config_map || x->service_account_token)
                return x->secret ? "secrets" : x->config_map ? "configmaps" : "service account tokens";
        }
    }
    return NULL;
}

static int create_pod(struct speaker *s)
{
    const struct pod *pod = s->at->object;
    if (!str_map_get(&pod->metadata.annotations, STR(MIRROR)))
        return FORBID(s,
                      "pod does not have \"" MIRROR "\" annotation, node \"" STR_FMT
                      "\" can only create mirror pods",
                      STR_ARG(s->node));
    if (!str_eq(pod->spec.node_name, s->node))
        return FORBID(s, "node \"" STR_FMT "\" can only create pods with spec.nodeName set to itself",
                      STR_ARG(s->node));
    if (check_owner(s, pod) < 0)
        return -1;
    const char *what = refers_to(pod);
    return what ? FORBID(s, "node \"" STR_FMT "\" can not create pods that reference %s", STR_ARG(s->node),
                         what)
                : 0;
}

static int is_bound_here(struct speaker *s, struct str name, const char *may)
{
    _cleanup_object_ struct object *o = road_find(s->api, &pod_resource, s->at->request->ns, name);
    if (!o)
        return answer_not_found(s->err, &pod_resource, name);
    const struct pod *pod = object_typed(o);
    return str_eq(pod->spec.node_name, s->node)
               ? 0
               : FORBID(s, "node \"" STR_FMT "\" can only %s with spec.nodeName set to itself",
                        STR_ARG(s->node), may);
}

static bool same_labels(const struct str_map *a, const struct str_map *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = str_eq(a->at[i].key, b->at[i].key) && str_eq(a->at[i].value, b->at[i].value);
    return same;
}

static const char *operation_name(enum api_operation o)
{
    static const char *const names[] = {[API_OP_CREATE] = "CREATE",
                                        [API_OP_UPDATE] = "UPDATE",
                                        [API_OP_DELETE] = "DELETE",
                                        [API_OP_CONNECT] = "CONNECT"};
    return names[o];
}

static int judge_pod(struct speaker *s)
{
    const struct api_request *r = s->at->request;
    if (str_is(r->subresource, "eviction"))
        return is_bound_here(s, r->name, "evict pods");
    if (str_is(r->subresource, "status")) {
        if (is_bound_here(s, r->name, "update pod status for pods") < 0)
            return -1;
        const struct pod *pod = s->at->object, *old = s->at->old;
        return old && same_labels(&pod->metadata.labels, &old->metadata.labels)
                   ? 0
                   : FORBID(s, "node \"" STR_FMT "\" cannot update labels through pod status",
                            STR_ARG(s->node));
    }
    if (r->subresource.n)
        return FORBID(s,
                      "unexpected pod subresource \"" STR_FMT "\", only 'status' and 'eviction' are allowed",
                      STR_ARG(r->subresource));
    if (s->at->operation == API_OP_CREATE)
        return create_pod(s);
    if (s->at->operation == API_OP_DELETE)
        return is_bound_here(s, r->name, "delete pods");
    return FORBID(s,
                  "unexpected operation \"%s\", node \"" STR_FMT "\" can only create and delete mirror pods",
                  operation_name(s->at->operation), STR_ARG(s->node));
}

/* --- the node itself --- */

static bool is_below(struct str domain, struct str parent)
{
    return str_eq(domain, parent) ||
           (str_ends(domain, parent) && domain.n > parent.n && domain.p[domain.n - parent.n - 1] == '.');
}

/* Labels of Kubernetes that are no agent's business, and those that keep nodes apart. */
static bool label_is_forbidden(struct str label)
{
    static const char *const own[] = {"kubernetes.io/hostname",
                                      "topology.kubernetes.io/zone",
                                      "topology.kubernetes.io/region",
                                      "failure-domain.beta.kubernetes.io/zone",
                                      "failure-domain.beta.kubernetes.io/region",
                                      "node.kubernetes.io/instance-type",
                                      "beta.kubernetes.io/instance-type",
                                      "kubernetes.io/os",
                                      "kubernetes.io/arch",
                                      "beta.kubernetes.io/os",
                                      "beta.kubernetes.io/arch"};
    struct str rest = label, domain = {0};
    if (str_index(label, '/') >= 0)
        str_cut(&rest, '/', &domain);
    if (is_below(domain, STR("node-restriction.kubernetes.io")))
        return true;
    if (!is_below(domain, STR("kubernetes.io")) && !is_below(domain, STR("k8s.io")))
        return false;
    if (is_below(domain, STR("kubelet.kubernetes.io")) || is_below(domain, STR("node.kubernetes.io")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_is(label, own[i]))
            return false;
    return true;
}

/* Those of the labels in `a` that `b` has not, or has otherwise, and that a node may not touch. */
static void find_forbidden(struct str_vec *out, struct arena *arena, const struct str_map *a,
                           const struct str_map *b)
{
    each (*a, i) {
        const struct str *other = str_map_get(b, a->at[i].key);
        if ((!other || !str_eq(*other, a->at[i].value)) && label_is_forbidden(a->at[i].key) &&
            !str_vec_has(out, a->at[i].key))
            str_vec_add(out, arena, a->at[i].key);
    }
}

static int check_labels(struct speaker *s, const struct str_map *now, const struct str_map *before)
{
    static const struct str_map none;
    struct str_vec bad = {0};
    _cleanup_buf_ struct buf b = {0};
    find_forbidden(&bad, s->at->request->arena, now, before ? before : &none);
    if (before)
        find_forbidden(&bad, s->at->request->arena, before, now);
    if (!bad.n)
        return 0;
    qsort(bad.at, bad.n, sizeof *bad.at, str_qsort);
    each (bad, i)
        buf_addf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(bad.at[i]));
    return before ? FORBID(s, "is not allowed to modify labels: " STR_FMT, STR_ARG(buf_str(&b)))
                  : FORBID(s, "node \"" STR_FMT "\" is not allowed to set the following labels: " STR_FMT,
                           STR_ARG(s->node), STR_ARG(buf_str(&b)));
}

static int judge_node(struct speaker *s)
{
    const struct node *node = s->at->object, *old = s->at->old;
    struct str name = s->at->request->name.n ? s->at->request->name : node ? node->metadata.name : STR("");
    if (!str_eq(name, s->node))
        return FORBID(s, "node \"" STR_FMT "\" is not allowed to modify node \"" STR_FMT "\"",
                      STR_ARG(s->node), STR_ARG(name));
    if (!node)
        return 0;
    if (old && !same(&node_spec_type, &(struct node_spec){.taints = node->spec.taints},
                     &(struct node_spec){.taints = old->spec.taints}))
        return FORBID(s, "node \"" STR_FMT "\" is not allowed to modify taints", STR_ARG(s->node));
    return check_labels(s, &node->metadata.labels, old ? &old->metadata.labels : NULL);
}

/* --- what else a node has --- */

/* Does the CSI driver of that name want tokens for the audience? */
static bool driver_wants(struct api *a, struct str name, struct str audience)
{
    _cleanup_object_ struct object *o = road_find(a, &csi_driver_resource, STR(""), name);
    const struct csi_driver *d = o ? object_typed(o) : NULL;
    for (size_t i = 0; d && i < d->spec.token_requests.n; i++)
        if (str_eq(d->spec.token_requests.at[i].audience, audience))
            return true;
    return false;
}

/* The same of the driver of what is bound to a claim. */
static bool claim_wants(struct api *a, struct str ns, struct str claim, struct str audience)
{
    _cleanup_object_ struct object *o = road_find(a, &persistent_volume_claim_resource, ns, claim);
    const struct persistent_volume_claim *c = o ? object_typed(o) : NULL;
    if (!c || !c->spec.volume_name.n)
        return false;
    _cleanup_object_ struct object *v =
        road_find(a, &persistent_volume_resource, STR(""), c->spec.volume_name);
    const struct persistent_volume *pv = v ? object_typed(v) : NULL;
    return pv && pv->spec.csi && driver_wants(a, pv->spec.csi->driver, audience);
}

static bool volume_wants(struct api *a, const struct pod *pod, const struct volume *v, struct str audience)
{
    _cleanup_arena_ struct arena names = {0};
    for (size_t i = 0; v->projected && i < v->projected->sources.n; i++) {
        const struct service_account_token_projection *t = v->projected->sources.at[i].service_account_token;
        if (t && str_eq(t->audience, audience))
            return true;
    }
    if (v->csi)
        return driver_wants(a, v->csi->driver, audience);
    if (v->persistent_volume_claim)
        return claim_wants(a, pod->metadata.namespace, v->persistent_volume_claim->claim_name, audience);
    return v->ephemeral && claim_wants(a, pod->metadata.namespace,
                                       arena_printf(&names, STR_FMT "-" STR_FMT, STR_ARG(pod->metadata.name),
                                                    STR_ARG(v->name)),
                                       audience);
}

/* Tokens are for audiences that the pod's volumes name, or that the node may ask for besides (KEP-4412,
 * ServiceAccountNodeAudienceRestriction). 1: it waits for the authorizer. */
static int check_audience(struct speaker *s, const struct pod *pod, const struct str_vec *audiences)
{
    struct str audience = audiences->n ? audiences->at[0] : STR(""), reason;
    if (audiences->n > 1)
        return FORBID(s, "node may only request 0 or 1 audiences");
    each (pod->spec.volumes, i)
        if (volume_wants(s->api, pod, &pod->spec.volumes.at[i], audience))
            return 0;
    struct cel_authz_check what = {.verb = STR("request-serviceaccounts-token-audience"),
                                   .version = STR("v1"),
                                   .resource = audience,
                                   .ns = pod->metadata.namespace,
                                   .name = pod->spec.service_account_name};
    int rc = road_ask_leave_for(s->at->request->state, &what, &reason);
    if (rc != -1)
        return rc == ROAD_DONE ? 0 : 1;
    return FORBID(s,
                  "audience \"" STR_FMT "\" not found in pod spec volume, " STR_FMT
                  " is not authorized to request tokens for this audience",
                  STR_ARG(audience), STR_ARG(s->at->request->user->name));
}

static int judge_token(struct speaker *s)
{
    if (s->at->operation != API_OP_CREATE || !str_is(s->at->request->subresource, "token"))
        return 0;
    const struct authentication_token_request *t = s->at->object;
    const struct bound_object_reference *ref = t->spec.bound_object_ref;
    if (!ref || !str_is(ref->api_version, "v1") || !str_is(ref->kind, "Pod") || !ref->name.n)
        return FORBID(s, "node requested token not bound to a pod");
    if (!ref->uid.n)
        return FORBID(s, "node requested token with a pod binding without a uid");
    _cleanup_object_ struct object *o = road_find(s->api, &pod_resource, s->at->request->ns, ref->name);
    if (!o)
        return answer_not_found(s->err, &pod_resource, ref->name);
    if (!str_eq(object_meta(o)->uid, ref->uid))
        return FORBID(
            s,
            "the UID in the bound object reference (" STR_FMT
            ") does not match the UID in record. The object might have been deleted and then recreated",
            STR_ARG(ref->uid));
    const struct pod *pod = object_typed(o);
    if (!str_eq(pod->spec.node_name, s->node))
        return FORBID(s, "node requested token bound to a pod scheduled on a different node");
    return check_audience(s, pod, &t->spec.audiences);
}

static struct str name_of(const struct api_attributes *at)
{
    return at->operation == API_OP_CREATE ? resource_meta(at->resource, at->object)->name : at->request->name;
}

static int judge_lease(struct speaker *s)
{
    if (!str_is(s->at->request->ns, LEASE_NAMESPACE))
        return FORBID(s, "can only access leases in the \"" LEASE_NAMESPACE "\" system namespace");
    return str_eq(name_of(s->at), s->node)
               ? 0
               : FORBID(s, "can only access node lease with the same name as the requesting node");
}

static int judge_csi_node(struct speaker *s)
{
    return str_eq(name_of(s->at), s->node)
               ? 0
               : FORBID(s, "can only access CSINode with the same name as the requesting node");
}

static int judge_claim(struct speaker *s)
{
    return str_is(s->at->request->subresource, "status") ? 0 : FORBID(s, "may only update PVC status");
}

static const struct {
    const struct resource *resource;
    int (*judge)(struct speaker *s);
} judges[] = {
    {&pod_resource, judge_pod},
    {&node_resource, judge_node},
    {&persistent_volume_claim_resource, judge_claim},
    {&service_account_resource, judge_token},
    {&lease_resource, judge_lease},
    {&csi_node_resource, judge_csi_node},
};

static int restriction_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (!is_node(at->request->user))
        return 0;
    struct speaker s = {str_from_at(at->request->user->name, sizeof "system:node:" - 1), a, at, err};
    if (!s.node.n)
        return FORBID(&s, "could not determine node from user \"" STR_FMT "\"",
                      STR_ARG(at->request->user->name));
    for (size_t i = 0; i < ARRAY_LEN(judges); i++)
        if (judges[i].resource == at->request->resource)
            return judges[i].judge(&s);
    return 0;
}

const struct admission_plugin node_restriction = {.name = "NodeRestriction", .mutate = restriction_mutate};
