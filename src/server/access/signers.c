/* Who may approve and sign certificates of a signer, and what may not be asked for at all (upstream:
 * plugin/pkg/admission/certificates). */
#include "api/answer.h"
#include "auth/identity.h"
#include "kinds/certificates_v1.h"
#include "schema/copy.h"
#include "server/access/guard.h"

static enum authz_decision ask(const struct guard *g, const char *verb, struct str name)
{
    struct attributes a = {.user = g->request->user,
                           .verb = str_from(verb),
                           .is_resource = true,
                           .group = STR("certificates.k8s.io"),
                           .version = STR("*"),
                           .resource = STR("signers"),
                           .name = name};
    return authz_ask(g->authz, g->request, &a, NULL);
}

/* By the signer's own name, or by all of its domain: "example.com/\*". */
static int need_signer(const struct guard *g, const char *verb, struct str signer, struct err *err)
{
    struct api_request *r = g->request;
    struct str rest = signer, domain;
    enum authz_decision d = ask(g, verb, signer);
    if (d != AUTHZ_ALLOW && d != AUTHZ_WAIT) {
        str_cut(&rest, '/', &domain);
        d = ask(g, verb, arena_printf(r->arena, STR_FMT "/*", STR_ARG(domain)));
    }
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    return answer_forbidden(err, r->resource, r->name,
                            "user not permitted to %s requests with signerName \"" STR_FMT "\"", verb,
                            STR_ARG(signer));
}

/* Nobody asks for a certificate that is above all permissions. */
static int check_subject(const struct guard *g, const struct certificate_signing_request *csr,
                         struct err *err)
{
    static const struct str signer = STR_INIT("kubernetes.io/kube-apiserver-client"),
                            masters = STR_INIT("system:masters");
    struct api_request *r = g->request;
    struct identity who = {0};
    struct str *names;
    size_t n_names;
    if (!str_eq(csr->spec.signer_name, signer))
        return 0;
    _cleanup_err_ struct err why = {0};
    if (identity_of_csr(r->arena, csr->spec.request, &who, &names, &n_names, &why) < 0)
        return 0; /* it is invalid, and that is told elsewhere */
    for (size_t i = 0; i < who.n_groups; i++)
        if (str_eq(who.groups[i], masters))
            return answer_forbidden(err, r->resource, csr->metadata.name,
                                    "use of " STR_FMT " signer with " STR_FMT " group is not allowed",
                                    STR_ARG(signer), STR_ARG(masters));
    return 0;
}

static bool field_same(const char *name, const struct certificate_signing_request_status *x,
                       const struct certificate_signing_request_status *y)
{
    uint32_t base;
    const struct field *f = type_field(&certificate_signing_request_status_type, str_from(name), &base);
    return field_eq(f, field_at(f, (const char *)x + base), field_at(f, (const char *)y + base));
}

/* The signer is that of the present object: nobody gets around it by changing it meanwhile. */
int guard_signing_request(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct certificate_signing_request *csr = typed, *old = before ? object_typed(before) : NULL;
    struct str sub = g->request->subresource;
    if (!old)
        return check_subject(g, csr, err);
    if (str_is(sub, "approval"))
        return need_signer(g, "approve", old->spec.signer_name, err);
    if (str_is(sub, "status") && !(field_same("certificate", &old->status, &csr->status) &&
                                   field_same("conditions", &old->status, &csr->status)))
        return need_signer(g, "sign", old->spec.signer_name, err);
    return 0;
}
