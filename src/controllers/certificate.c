/* Certificate signing requests: approves those by which nodes get and renew their certificates, and signs
 * what is approved (upstream's csrapproving and csrsigning; its signers are described with the
 * certificates.k8s.io API).
 *
 * A node's client certificate is given to whoever came with a bootstrap token, and to that node itself. Its
 * serving certificate is given to that node itself, for the addresses and names that its Node object has. All
 * else waits for a person: kubectl certificate approve. */
#include "auth/identity.h"
#include "auth/pki.h"
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/certificates_v1.h"
#include "kinds/core_v1.h"

#define SIGNER_CLIENT         "kubernetes.io/kube-apiserver-client"
#define SIGNER_KUBELET_CLIENT "kubernetes.io/kube-apiserver-client-kubelet"
#define SIGNER_KUBELET_SERVER "kubernetes.io/kubelet-serving"

enum { CERTIFICATE_YEAR_S = 365 * 24 * 3600, CERTIFICATE_LEAST_S = 600 };

/* What a signer's certificates are good for. */
static const struct signer {
    struct str name;
    bool server, client, node; /* node: only names of nodes */
} signers[] = {
    {STR_INIT(SIGNER_CLIENT), .client = true},
    {STR_INIT(SIGNER_KUBELET_CLIENT), .client = true, .node = true},
    {STR_INIT(SIGNER_KUBELET_SERVER), .server = true, .node = true},
};

/* The request in the object, read. */
struct csr {
    const struct certificate_signing_request *object;
    const struct signer *signer;
    struct identity subject;
    struct str *names; /* subject alternative names */
    size_t n_names;
};

static bool csr_has(const struct csr *c, struct str condition)
{
    return condition_find(&certificate_signing_request_condition_type, &c->object->status.conditions,
                          condition);
}

static bool csr_usages(const struct csr *c)
{
    for (size_t i = 0; i < c->object->spec.usages.n; i++) {
        struct str u = c->object->spec.usages.at[i];
        bool known = str_eq(u, KEY_USAGE_DIGITAL_SIGNATURE) || str_eq(u, KEY_USAGE_KEY_ENCIPHERMENT) ||
                     (str_eq(u, KEY_USAGE_CLIENT_AUTH) && c->signer->client) ||
                     (str_eq(u, KEY_USAGE_SERVER_AUTH) && c->signer->server);
        if (!known)
            return false;
    }
    return strs_has(&c->object->spec.usages,
                    c->signer->server ? KEY_USAGE_SERVER_AUTH : KEY_USAGE_CLIENT_AUTH);
}

/* Why the signer will not sign it, or empty. Upstream's rules for each signer. */
static struct str csr_refused(const struct csr *c)
{
    if (!csr_usages(c))
        return STR("usages are not those that the signer permits");
    if (!c->signer->node)
        return (struct str){0};
    if (c->subject.n_groups != 1 || !str_is(c->subject.groups[0], "system:nodes"))
        return STR("organization is not [system:nodes]");
    if (!str_starts(c->subject.name, STR("system:node:")))
        return STR("common name does not begin with system:node:");
    if (c->signer->client && c->n_names)
        return STR("subject alternative names are not permitted");
    if (c->signer->server && !c->n_names)
        return STR("a subject alternative name is required");
    return (struct str){0};
}

static bool csr_names_are_of_node(struct work *w, const struct csr *c)
{
    struct str name = str_from_at(c->subject.name, sizeof "system:node:" - 1);
    _cleanup_object_ struct object *o = informer_get(informer_of(w, node), (struct str){0}, name);
    if (!o)
        return false;
    const struct node *node = object_typed(o);
    for (size_t i = 0; i < c->n_names; i++) {
        bool known = str_eq(c->names[i], name);
        for (size_t k = 0; !known && k < node->status.addresses.n; k++)
            known = str_eq(c->names[i], node->status.addresses.at[k].address);
        if (!known)
            return false;
    }
    return true;
}

/* Whether nobody needs to be asked. */
static bool csr_self_evident(struct work *w, const struct csr *c)
{
    if (!c->signer->node || csr_refused(c).n)
        return false;
    bool self = str_eq(c->object->spec.username, c->subject.name);
    if (c->signer->client)
        return self || strs_has(&c->object->spec.groups, STR("system:bootstrappers"));
    return self && csr_names_are_of_node(w, c);
}

static struct certificate_signing_request *csr_copy_with(struct work *w, struct object *o, struct str type,
                                                         struct str reason, struct str message)
{
    struct certificate_signing_request *copy = object_copy(o, w->a);
    condition_set(w->a, &certificate_signing_request_condition_type, &copy->status.conditions,
                  CONDITION_ANY_CHANGE, .type = type, .status = CONDITION_STATUS_TRUE, .reason = reason,
                  .message = message);
    return copy;
}

static int csr_sign(struct work *w, struct object *o, const struct csr *c)
{
    const struct resource *r = &certificate_signing_request_resource;
    struct str refused = csr_refused(c);
    if (refused.n)
        return client_update(
            w->client, r, STR("status"),
            csr_copy_with(w, o, REQUEST_CONDITION_TYPE_FAILED, STR("SignerValidationFailure"), refused), NULL,
            w->err);
    const int32_t *asked = c->object->spec.expiration_seconds;
    struct pki_pair ca = {.cert_pem = {.p = (char *)w->options->ca_pem.p, .n = w->options->ca_pem.n},
                          .key_pem = {.p = (char *)w->options->ca_key_pem.p, .n = w->options->ca_key_pem.n}};
    struct pki_request q = {
        .common_name = c->subject.name,
        .organizations = c->subject.groups,
        .n_organizations = c->subject.n_groups,
        .names = c->names,
        .n_names = c->n_names,
        .server = c->signer->server,
        .client = c->signer->client,
        .lifetime_s = !asked                         ? CERTIFICATE_YEAR_S
                      : *asked < CERTIFICATE_LEAST_S ? CERTIFICATE_LEAST_S
                      : *asked > CERTIFICATE_YEAR_S  ? CERTIFICATE_YEAR_S
                                                     : *asked,
    };
    _cleanup_buf_ struct buf pem = {0};
    if (pki_sign_csr(&ca, c->object->spec.request, &q, &pem, w->err) < 0)
        return -1;
    struct certificate_signing_request *copy = object_copy(o, w->a);
    copy->status.certificate = arena_str(w->a, buf_str(&pem));
    return client_update(w->client, r, STR("status"), copy, NULL, w->err);
}

static int certificate_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o =
        informer_get(informer_of(w, certificate_signing_request), w->ns, w->name);
    if (!o)
        return 0;
    struct csr c = {.object = object_typed(o)};
    for (size_t i = 0; i < ARRAY_LEN(signers); i++)
        if (str_eq(signers[i].name, c.object->spec.signer_name))
            c.signer = &signers[i];
    if (!c.signer || !w->options->ca_key_pem.n || c.object->status.certificate.n ||
        csr_has(&c, REQUEST_CONDITION_TYPE_DENIED) || csr_has(&c, REQUEST_CONDITION_TYPE_FAILED))
        return 0;
    if (identity_of_csr(w->a, c.object->spec.request, &c.subject, &c.names, &c.n_names, w->err) < 0)
        return 0; /* validation let only well-formed requests in: one of an algorithm that is not known here
                   */
    if (csr_has(&c, REQUEST_CONDITION_TYPE_APPROVED))
        return csr_sign(w, o, &c);
    if (!csr_self_evident(w, &c))
        return 0;
    return client_update(
        w->client, &certificate_signing_request_resource, STR("approval"),
        csr_copy_with(w, o, REQUEST_CONDITION_TYPE_APPROVED, STR("AutoApproved"),
                      c.signer->server
                          ? STR("Auto approving the serving certificate of a node for its own addresses")
                          : STR("Auto approving the client certificate of a node")),
        NULL, w->err);
}

const struct controller_def certificate_controller = {
    .name = "certificate",
    .component = "certificate-controller",
    .account = "certificate-controller",
    .kind = &certificate_signing_request_resource,
    .reconcile = certificate_reconcile,
    .watches = {{&certificate_signing_request_resource, controller_on_self}},
};
