/* The server's half: data, most of it. */
#include <stdio.h>

#include "auth/pki.h"
#include "auth/token.h"
#include "base/encode.h"
#include "base/file.h"
#include "daemon/join.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"

/* What must be there for agents to join, as kubeadm makes it: who may ask for certificates, and that anyone
 * may read cluster-info. %-words are filled in: %kubeconfig, %id, %secret. */
static const char *const join_objects[] = {
    "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding',"
    "'metadata':{'name':'sagong:agents-create-csrs'},"
    "'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'system:node-bootstrapper'"
    "},"
    "'subjects':[{'apiGroup':'rbac.authorization.k8s.io','kind':'Group','name':'system:bootstrappers'}]}",
    /* A node's service proxy and its routes need what upstream's proxy may read, and share the node's
       identity. */
    "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding',"
    "'metadata':{'name':'sagong:nodes-proxy'},"
    "'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'system:node-proxier'},"
    "'subjects':[{'apiGroup':'rbac.authorization.k8s.io','kind':'Group','name':'system:nodes'}]}",
    /* Its DNS and its network policies need to know whom there is. */
    "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRole',"
    "'metadata':{'name':'sagong:nodes-network'},"
    "'rules':[{'apiGroups':[''],'resources':['namespaces','pods'],'verbs':['list','watch']},"
    "{'apiGroups':['networking.k8s.io'],'resources':['networkpolicies'],'verbs':['list','watch']}]}",
    "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding',"
    "'metadata':{'name':'sagong:nodes-network'},"
    "'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'sagong:nodes-network'},"
    "'subjects':[{'apiGroup':'rbac.authorization.k8s.io','kind':'Group','name':'system:nodes'}]}",
    "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role',"
    "'metadata':{'name':'sagong:cluster-info','namespace':'kube-public'},"
    "'rules':[{'apiGroups':[''],'resources':['configmaps'],'resourceNames':['cluster-info'],'verbs':['get']}]"
    "}",
    "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding',"
    "'metadata':{'name':'sagong:cluster-info','namespace':'kube-public'},"
    "'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Role','name':'sagong:cluster-info'},"
    "'subjects':[{'apiGroup':'rbac.authorization.k8s.io','kind':'User','name':'system:anonymous'}]}",
    "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'cluster-info','namespace':'kube-public'},"
    "'data':{'kubeconfig':%kubeconfig}}",
    "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'bootstrap-token-%id','namespace':'kube-system'},"
    "'type':'bootstrap.kubernetes.io/token','stringData':{'token-id':'%id','token-secret':'%secret',"
    "'usage-bootstrap-authentication':'true','description':'for agents to join'}}",
};

struct join_word {
    struct str name, value;
};

/* The template with its words filled in and its quotes made JSON's. */
static void join_fill(struct str text, const struct join_word *words, size_t n, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        struct str rest = str_from_at(text, i);
        const struct join_word *w = words;
        while (w < words + n && !str_starts(rest, w->name))
            w++;
        if (w < words + n) {
            buf_add_str(out, w->value);
            i += w->name.n - 1;
        } else {
            buf_add_c(out, text.p[i] == '\'' ? '"' : text.p[i]);
        }
    }
}

static int join_make(struct client *c, struct str json, struct arena *a, struct err *err)
{
    struct json_type_meta what;
    if (json_peek(a, json, &what, err) < 0)
        return -1;
    const struct resource *r = resource_find_kind(what.api_version, what.kind);
    ensure(r);
    void *typed = arena_alloc(a, r->type->size);
    _cleanup_err_ struct err made = {0};
    if (json_decode(a, r->type, json, 0, typed, NULL, err) < 0)
        return -1;
    if (client_create(c, r, resource_meta(r, typed)->namespace, typed, NULL, &made) < 0 &&
        made.reason != ERR_ALREADY_EXISTS) {
        err_move(err, &made);
        return err_wrap(err, "make the %.*s that agents join by", (int)what.kind.n, what.kind.p);
    }
    return 0;
}

/* The token of an earlier start, or a new one: then `fresh` is what its file is to hold. */
static int join_token(const struct join_offer *o, const char *path, struct arena *a, struct str *id,
                      struct str *secret, struct str *fresh, struct err *err)
{
    _cleanup_buf_ struct buf hash = {0}, text = {0};
    if (pki_public_key_hash(o->ca_pem, &hash, err) < 0)
        return -1;
    struct str pin = str_from_at(buf_str(&hash), sizeof "sha256:" - 1);
    if (file_exists(path) && file_read(path, 1024, &text, err) < 0)
        return -1;
    struct str rest = str_trim(arena_str(a, buf_str(&text)));
    struct str kept_id, kept_secret, kept_pin;
    if (str_cut(&rest, '.', &kept_id) && str_cut(&rest, '.', &kept_secret) &&
        str_cut(&rest, '.', &kept_pin) && str_eq(kept_pin, pin)) {
        *id = kept_id;
        *secret = kept_secret;
        return 0;
    }
    struct str token = bootstrap_token_make(a);
    ensure(bootstrap_token_split(token, id, secret));
    *fresh = arena_printf(a, STR_FMT "." STR_FMT "\n", STR_ARG(token), STR_ARG(pin));
    return 0;
}

int join_offer(struct client *c, const struct join_offer *o, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf yaml = {0}, quoted = {0};
    struct str id, secret, fresh = {0};
    const char *path = arena_printf(&a, "%s/agent-token", o->data_dir).p;
    if (join_token(o, path, &a, &id, &secret, &fresh, err) < 0)
        return -1;
    kubeconfig_render(&(struct kubeconfig){.server = o->server, .ca_pem = o->ca_pem}, &yaml);
    json_encode_string(&quoted, buf_str(&yaml));
    const struct join_word words[] = {
        {STR("%kubeconfig"), buf_str(&quoted)},
        {STR("%id"), id},
        {STR("%secret"), secret},
    };
    for (size_t i = 0; i < ARRAY_LEN(join_objects); i++) {
        _cleanup_buf_ struct buf json = {0};
        join_fill(str_from(join_objects[i]), words, ARRAY_LEN(words), &json);
        if (join_make(c, buf_str(&json), &a, err) < 0)
            return -1;
    }
    /* Last: who waits for the file can join at once. */
    return fresh.n ? file_write(path, fresh, 0600, err) : 0;
}
