/* The cells of who may do what and how much: roles, quotas, budgets, certificates, admission, flow control.
 */
#include "kinds/admissionregistration_v1.h"
#include "kinds/apiregistration_v1.h"
#include "kinds/certificates_v1.h"
#include "kinds/coordination_v1.h"
#include "kinds/core_v1.h"
#include "kinds/flowcontrol_v1.h"
#include "kinds/policy_v1.h"
#include "kinds/rbac_v1.h"
#include "kinds/scheduling_v1.h"
#include "schema/table/cells.h"
#include "schema/timestamp.h"

/* --- role bindings --- */

static void binding_cell_role(struct cell *c)
{
    const struct role_ref *r = c->at;
    cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(r->kind), STR_ARG(r->name));
}

static void binding_subjects(struct cell *c, const char *kind)
{
    const struct rbac_subject_vec *v = c->at;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; v && i < v->n; i++) {
        const struct rbac_subject *s = &v->at[i];
        if (!str_is(s->kind, kind))
            continue;
        buf_add_str(&b, b.n ? STR(", ") : STR(""));
        if (str_is(s->kind, "ServiceAccount"))
            buf_addf(&b, STR_FMT "/", STR_ARG(s->namespace));
        buf_add_str(&b, s->name);
    }
    cell_buf(c, &b);
}

static void binding_cell_users(struct cell *c)
{
    binding_subjects(c, "User");
}

static void binding_cell_groups(struct cell *c)
{
    binding_subjects(c, "Group");
}

static void binding_cell_accounts(struct cell *c)
{
    binding_subjects(c, "ServiceAccount");
}

/* --- quotas and budgets --- */

/* "cpu: 1/2, memory: 1Gi/2Gi": those whose name begins with "limits.", or the others. */
static void quota_cell(struct cell *c, bool limits)
{
    const struct resource_quota *q = c->typed;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < q->status.hard.n; i++) {
        struct str name = q->status.hard.at[i].key, used = STR("0");
        if (str_starts(name, STR("limits.")) != limits)
            continue;
        for (size_t k = 0; k < q->status.used.n; k++)
            if (str_eq(q->status.used.at[k].key, name))
                used = q->status.used.at[k].value;
        buf_addf(&b, "%s" STR_FMT ": " STR_FMT "/" STR_FMT, b.n ? ", " : "", STR_ARG(name), STR_ARG(used),
                 STR_ARG(q->status.hard.at[i].value));
    }
    cell_buf(c, &b);
}

static void quota_cell_requests(struct cell *c)
{
    quota_cell(c, false);
}

static void quota_cell_limits(struct cell *c)
{
    quota_cell(c, true);
}

static void budget_cell(struct cell *c)
{
    const struct int_or_str *v = c->at;
    if (!v)
        cell_str(c, STR("N/A"));
    else if (v->is_str)
        cell_str(c, v->s);
    else
        cell_strf(c, "%d", v->i);
}

/* --- certificates, API services, components --- */

static void csr_cell_duration(struct cell *c)
{
    _cleanup_buf_ struct buf b = {0};
    if (c->at)
        duration_write_human(&b, *(const int32_t *)c->at * INT64_C(1000000000));
    cell_or(c, buf_str(&b), "<none>");
}

static void csr_cell_condition(struct cell *c)
{
    const struct certificate_signing_request *r = c->typed;
    bool approved = false, denied = false, failed = false;
    for (size_t i = 0; i < r->status.conditions.n; i++) {
        struct str type = r->status.conditions.at[i].type;
        approved |= str_is(type, "Approved");
        denied |= str_is(type, "Denied");
        failed |= str_is(type, "Failed");
    }
    cell_strf(c, "%s%s%s",
              denied     ? "Denied"
              : approved ? "Approved"
                         : "Pending",
              failed ? ",Failed" : "", r->status.certificate.n ? ",Issued" : "");
}

static void api_service_cell_service(struct cell *c)
{
    const struct api_service *s = c->typed;
    if (s->spec.service)
        cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(s->spec.service->namespace),
                  STR_ARG(s->spec.service->name));
    else
        cell_str(c, STR("Local"));
}

static void api_service_cell_available(struct cell *c)
{
    const struct api_service *s = c->typed;
    for (size_t i = 0; i < s->status.conditions.n; i++) {
        const struct api_service_condition *a = &s->status.conditions.at[i];
        if (!str_is(a->type, "Available"))
            continue;
        if (str_is(a->status, "True") || !a->reason.n)
            cell_str(c, a->status);
        else
            cell_strf(c, STR_FMT " (" STR_FMT ")", STR_ARG(a->status), STR_ARG(a->reason));
        return;
    }
    cell_str(c, STR("Unknown"));
}

static const struct component_condition *component_healthy(const struct cell *c)
{
    const struct component_status *s = c->typed;
    for (size_t i = 0; i < s->conditions.n; i++)
        if (str_is(s->conditions.at[i].type, "Healthy"))
            return &s->conditions.at[i];
    return NULL;
}

static void component_cell_status(struct cell *c)
{
    const struct component_condition *h = component_healthy(c);
    cell_str(c, !h ? STR("Unknown") : str_is(h->status, "True") ? STR("Healthy") : STR("Unhealthy"));
}

static void component_cell_message(struct cell *c)
{
    const struct component_condition *h = component_healthy(c);
    cell_str(c, h ? h->message : STR(""));
}

static void component_cell_error(struct cell *c)
{
    const struct component_condition *h = component_healthy(c);
    cell_str(c, h ? h->error : STR(""));
}

/* --- admission --- */

static void policy_cell_param_kind(struct cell *c)
{
    const struct param_kind *k = c->at;
    if (k)
        cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(k->api_version), STR_ARG(k->kind));
    else
        cell_str(c, STR("<unset>"));
}

static void policy_cell_param_ref(struct cell *c)
{
    const struct param_ref *r = c->at;
    if (!r)
        cell_str(c, STR("<unset>"));
    else
        cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(r->namespace.n ? r->namespace : STR("*")),
                  STR_ARG(r->name.n ? r->name : STR("*")));
}

/* --- flow control --- */

static void flow_cell_method(struct cell *c)
{
    const struct flow_distinguisher_method *m = c->at;
    cell_str(c, m ? m->type : STR("<none>"));
}

static void flow_cell_missing(struct cell *c)
{
    const struct flow_schema *f = c->typed;
    struct str status = STR("?");
    for (size_t i = 0; i < f->status.conditions.n; i++)
        if (str_is(f->status.conditions.at[i].type, "Dangling"))
            status = f->status.conditions.at[i].status;
    cell_str(c, status);
}

static void cell_int32_or_none(struct cell *c)
{
    if (c->at)
        cell_int(c, *(const int32_t *)c->at);
    else
        cell_str(c, STR("<none>"));
}

#define BINDING_CELLS(type)                                                                                  \
    {type, "Role", binding_cell_role, "roleRef"}, {type, "Users", binding_cell_users, "subjects"},           \
        {type, "Groups", binding_cell_groups, "subjects"},                                                   \
    {                                                                                                        \
        type, "ServiceAccounts", binding_cell_accounts, "subjects"                                           \
    }
#define LIMITED(field) "spec.limited." field

static const struct cell_maker makers[] = {
    BINDING_CELLS(&role_binding_type),
    BINDING_CELLS(&cluster_role_binding_type),
    {&resource_quota_type, "Request", quota_cell_requests, NULL},
    {&resource_quota_type, "Limit", quota_cell_limits, NULL},
    {&pod_disruption_budget_type, "Min Available", budget_cell, "spec.minAvailable"},
    {&pod_disruption_budget_type, "Max Unavailable", budget_cell, "spec.maxUnavailable"},
    {&lease_type, "Holder", cell_or_empty, "spec.holderIdentity"},
    {&priority_class_type, "PreemptionPolicy", cell_or_empty, "preemptionPolicy"},
    {&certificate_signing_request_type, "RequestedDuration", csr_cell_duration, "spec.expirationSeconds"},
    {&certificate_signing_request_type, "Condition", csr_cell_condition, NULL},
    {&api_service_type, "Service", api_service_cell_service, NULL},
    {&api_service_type, "Available", api_service_cell_available, NULL},
    {&component_status_type, "Status", component_cell_status, NULL},
    {&component_status_type, "Message", component_cell_message, NULL},
    {&component_status_type, "Error", component_cell_error, NULL},
    {&validating_webhook_configuration_type, "Webhooks", cell_count, "webhooks"},
    {&mutating_webhook_configuration_type, "Webhooks", cell_count, "webhooks"},
    {&validating_admission_policy_type, "Validations", cell_count, "spec.validations"},
    {&validating_admission_policy_type, "ParamKind", policy_cell_param_kind, "spec.paramKind"},
    {&validating_admission_policy_binding_type, "ParamRef", policy_cell_param_ref, "spec.paramRef"},
    {&mutating_admission_policy_type, "Mutations", cell_count, "spec.mutations"},
    {&mutating_admission_policy_type, "ParamKind", policy_cell_param_kind, "spec.paramKind"},
    {&mutating_admission_policy_binding_type, "ParamRef", policy_cell_param_ref, "spec.paramRef"},
    {&flow_schema_type, "DistinguisherMethod", flow_cell_method, "spec.distinguisherMethod"},
    {&flow_schema_type, "MissingPL", flow_cell_missing, NULL},
    {&priority_level_configuration_type, "NominalConcurrencyShares", cell_int32_or_none,
     LIMITED("nominalConcurrencyShares")},
    {&priority_level_configuration_type, "Queues", cell_int32_or_none,
     LIMITED("limitResponse.queuing.queues")},
    {&priority_level_configuration_type, "HandSize", cell_int32_or_none,
     LIMITED("limitResponse.queuing.handSize")},
    {&priority_level_configuration_type, "QueueLengthLimit", cell_int32_or_none,
     LIMITED("limitResponse.queuing.queueLengthLimit")},
};
const struct cell_makers cells_policy = {makers, ARRAY_LEN(makers)};
