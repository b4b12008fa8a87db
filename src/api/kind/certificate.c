/* Certificate signing requests (pkg/apis/certificates/validation, pkg/registry/certificates): say who asked,
 * are approved or denied once, and get one certificate. */
#include "api/kind/certificate.h"

#include "api/kind/kinds.h"
#include "auth/pem.h"
#include "base/encode.h"
#include "schema/timestamp.h"

enum { SECONDS_LEAST = 600, DOMAIN_MAX = 253, SIGNER_MAX = 253 + 253 + 63 + 1 + 1 };

typedef struct certificate_signing_request csr;
typedef struct certificate_signing_request_condition_vec csr_conditions;

static void signing_request_prepare(void *o, const struct strategy_context *c)
{
    csr *r = o;
    const struct user *u = c->request->user;
    r->spec.username = arena_str(c->arena, u->name);
    r->spec.uid = arena_str(c->arena, u->uid);
    r->spec.groups = (struct str_vec){0};
    each (u->groups, i)
        str_vec_add(&r->spec.groups, c->arena, arena_str(c->arena, u->groups.at[i]));
    r->spec.extra.n = u->n_extra;
    r->spec.extra.at = arena_new_n(c->arena, struct certificates_extra_value_entry, u->n_extra);
    for (size_t i = 0; i < u->n_extra; i++) {
        struct certificates_extra_value_entry *to = &r->spec.extra.at[i];
        to->key = arena_str(c->arena, u->extra[i].key);
        to->value.items = (struct str_vec){0};
        each (u->extra[i].values, k)
            str_vec_add(&to->value.items, c->arena, arena_str(c->arena, u->extra[i].values.at[k]));
    }
}

static void signing_request_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    ((csr *)o)->spec = ((const csr *)old)->spec;
}

void signing_request_times(csr_conditions *now, const csr_conditions *old)
{
    each (*now, i) {
        struct certificate_signing_request_condition *c = &now->at[i];
        if (time_is_zero(c->last_update_time))
            c->last_update_time = time_now();
        for (size_t k = 0; k < old->n && time_is_zero(c->last_transition_time); k++)
            if (str_eq(old->at[k].type, c->type) && str_eq(old->at[k].status, c->status))
                c->last_transition_time = old->at[k].last_transition_time;
        if (time_is_zero(c->last_transition_time))
            c->last_transition_time = time_now();
    }
}

static void signing_request_prepare_status(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    signing_request_times(&((csr *)o)->status.conditions, &((const csr *)old)->status.conditions);
}

/* --- what is asked for --- */

static void valid_labels_of(struct field_errors *e, const struct path *at, struct str text, enum format f)
{
    struct str messages[FORMAT_MESSAGES];
    for (struct str label, rest = text; str_cut(&rest, '.', &label);) {
        size_t n = format_check(f, label, messages);
        for (size_t i = 0; i < n; i++)
            field_invalid(e, at, text, "validating label \"" STR_FMT "\": " STR_FMT, STR_ARG(label),
                          STR_ARG(messages[i]));
    }
}

/* "example.com/signer": a domain of two labels or more, and a name. */
static void valid_signer(struct field_errors *e, const struct path *at, struct str signer)
{
    struct str name = signer, domain = {0};
    str_cut(&name, '/', &domain);
    if (!signer.n) {
        field_required(e, at, "%s", "");
        return;
    }
    if (!name.p || str_index(name, '/') >= 0) {
        field_invalid(e, at, signer,
                      "must be a fully qualified domain and path of the form 'example.com/signer-name'");
        return;
    }
    if (domain.n > DOMAIN_MAX)
        field_too_long(e, at, DOMAIN_MAX);
    valid_labels_of(e, at, domain, FORMAT_DNS1123_LABEL);
    if (str_index(domain, '.') < 0)
        field_invalid(e, at, domain, "should be a domain with at least two segments separated by dots");
    valid_labels_of(e, at, name, FORMAT_DNS1123_SUBDOMAIN);
    if (signer.n > SIGNER_MAX)
        field_too_long(e, at, SIGNER_MAX);
}

static void valid_usages(struct field_errors *e, const struct path *at, const struct str_vec *usages)
{
    static const struct str known[] = {
        STR_INIT("any"),
        STR_INIT("cert sign"),
        STR_INIT("client auth"),
        STR_INIT("code signing"),
        STR_INIT("content commitment"),
        STR_INIT("crl sign"),
        STR_INIT("data encipherment"),
        STR_INIT("decipher only"),
        STR_INIT("digital signature"),
        STR_INIT("email protection"),
        STR_INIT("encipher only"),
        STR_INIT("ipsec end system"),
        STR_INIT("ipsec tunnel"),
        STR_INIT("ipsec user"),
        STR_INIT("key agreement"),
        STR_INIT("key encipherment"),
        STR_INIT("microsoft sgc"),
        STR_INIT("netscape sgc"),
        STR_INIT("ocsp signing"),
        STR_INIT("s/mime"),
        STR_INIT("server auth"),
        STR_INIT("signing"),
        STR_INIT("timestamping"),
    };
    if (!usages->n)
        field_required(e, at, "%s", "");
    each (*usages, i) {
        struct str_vec before = {usages->at, i};
        valid_one_of(e, PATH_AT(at, i), usages->at[i], known, ARRAY_LEN(known), true);
        if (str_vec_has(&before, usages->at[i]))
            field_duplicate(e, PATH_AT(at, i), usages->at[i]);
    }
}

static void valid_request(struct field_errors *e, const struct path *at, struct str pem)
{
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    if (pem_check_request(pem, &err) == 0)
        return;
    encode_base64(&b, pem);
    field_invalid(e, at, buf_str(&b), STR_FMT, STR_ARG(err.message));
}

/* --- what became of it --- */

static bool decides(struct str type)
{
    return str_is(type, "Approved") || str_is(type, "Denied") || str_is(type, "Failed");
}

static void valid_conditions(struct field_errors *e, const csr_conditions *all)
{
    struct path status = path_child(NULL, STR("status")), list = path_child(&status, STR("conditions"));
    static const struct str values[] = {STR_INIT("False"), STR_INIT("True"), STR_INIT("Unknown")};
    bool approved = false, denied = false;
    each (*all, i) {
        const struct certificate_signing_request_condition *c = &all->at[i];
        const struct path *at = PATH_AT(&list, i), *type = PATH(at, "type");
        bool is_approved = str_is(c->type, "Approved"), is_denied = str_is(c->type, "Denied");
        valid_required(e, type, c->type);
        if (decides(c->type))
            valid_one_of(e, PATH(at, "status"), c->status, values + 1, 1, true);
        else
            valid_one_of(e, PATH(at, "status"), c->status, values, ARRAY_LEN(values), true);
        if ((is_approved && denied) || (is_denied && approved))
            field_invalid(e, type, c->type, "Approved and Denied conditions are mutually exclusive");
        approved |= is_approved;
        denied |= is_denied;
        for (size_t k = 0; k < i; k++)
            if (str_eq(all->at[k].type, c->type)) {
                field_duplicate(e, type, c->type);
                break;
            }
    }
}

static void valid_certificate(struct field_errors *e, struct str pem)
{
    struct path status = path_child(NULL, STR("status"));
    _cleanup_err_ struct err err = {0};
    if (pem.n && pem_check_certificates(pem, &err) < 0)
        field_invalid(e, PATH(&status, "certificate"), STR("<certificate data>"), STR_FMT,
                      STR_ARG(err.message));
}

static void signing_request_validate(const void *o, struct field_errors *e)
{
    const csr *r = o;
    struct path spec = path_child(NULL, STR("spec"));
    valid_request(e, PATH(&spec, "request"), r->spec.request);
    valid_usages(e, PATH(&spec, "usages"), &r->spec.usages);
    if (str_is(r->spec.signer_name, "kubernetes.io/legacy-unknown"))
        field_invalid(e, PATH(&spec, "signerName"), r->spec.signer_name,
                      "the legacy signerName is not allowed via this API version");
    else
        valid_signer(e, PATH(&spec, "signerName"), r->spec.signer_name);
    if (r->spec.expiration_seconds && *r->spec.expiration_seconds < SECONDS_LEAST)
        field_invalid_int(e, PATH(&spec, "expirationSeconds"), *r->spec.expiration_seconds,
                          "may not specify a duration less than 600 seconds (10 minutes)");
    valid_conditions(e, &r->status.conditions);
    valid_certificate(e, r->status.certificate);
}

static const struct certificate_signing_request_condition *condition_of(const csr *r, const char *type)
{
    each (r->status.conditions, i)
        if (str_is(r->status.conditions.at[i].type, type))
            return &r->status.conditions.at[i];
    return NULL;
}

/* Decisions stay; new ones come by the approval only. */
static void valid_decisions(struct field_errors *e, const csr *now, const csr *old, bool may_decide)
{
    static const char *const types[] = {"Approved", "Denied", "Failed"};
    struct path status = path_child(NULL, STR("status")), at = path_child(&status, STR("conditions"));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct certificate_signing_request_condition *is = condition_of(now, types[i]),
                                                           *was = condition_of(old, types[i]);
        bool may = may_decide || str_is(str_from(types[i]), "Failed");
        if (was && !is)
            field_forbidden(e, &at, "updates may not remove a condition of type \"%s\"", types[i]);
        else if (!may && is && !was)
            field_forbidden(e, &at, "updates may not add a condition of type \"%s\"", types[i]);
        else if (!may && is && !same(&certificate_signing_request_condition_type, is, was))
            field_forbidden(e, &at, "updates may not modify a condition of type \"%s\"", types[i]);
    }
}

void signing_request_valid_approval(const void *o, const void *before, struct field_errors *e)
{
    const csr *now = o, *old = before;
    valid_conditions(e, &now->status.conditions);
    valid_decisions(e, now, old, true);
}

static void signing_request_validate_status(const void *o, const void *before, struct field_errors *e)
{
    const csr *now = o, *old = before;
    struct path status = path_child(NULL, STR("status"));
    valid_conditions(e, &now->status.conditions);
    valid_certificate(e, now->status.certificate);
    valid_decisions(e, now, old, false);
    if (old->status.certificate.n && !str_eq(now->status.certificate, old->status.certificate))
        field_forbidden(e, PATH(&status, "certificate"),
                        "updates may not modify existing certificate content");
}

const struct strategy signing_request_strategy = {
    .resource = &certificate_signing_request_resource,
    .prepare_create = signing_request_prepare,
    .prepare_update = signing_request_prepare_update,
    .prepare_status = signing_request_prepare_status,
    .validate = signing_request_validate,
    .validate_status = signing_request_validate_status,
};
