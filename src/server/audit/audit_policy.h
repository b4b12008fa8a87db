/* An audit policy: which requests are noted, and how much of each (upstream: apiserver/pkg/audit/policy). */
#pragma once
#include "kinds/audit_v1.h"
#include "server/access/rbac.h"

enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };

/* From YAML or JSON, in `a`, checked as upstream does. */
int audit_policy_parse(struct arena *a, struct str text, const struct policy **out, struct err *err);

struct audit_decision {
    enum audit_level level;
    const struct policy *policy; /* these two are set unless it is AUDIT_NONE */
    const struct audit_policy_rule *rule;
};
/* By the first rule that matches; none: AUDIT_NONE. */
struct audit_decision audit_policy_decide(const struct policy *p, const struct attributes *a);
bool audit_omits_stage(const struct audit_decision *d, struct str stage);
bool audit_omits_managed_fields(const struct audit_decision *d);
