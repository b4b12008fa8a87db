/* Rules of what the configurations of webhooks and of policies have both (kind/webhook.c). */
#pragma once
#include "api/valid.h"
#include "kinds/admissionregistration_v1.h"

void valid_admission_rule(struct field_errors *e, const struct path *at,
                          const struct rule_with_operations *r);
/* Names and number; not whether they compile. */
void valid_match_conditions(struct field_errors *e, const struct path *at,
                            const struct match_condition_vec *v);
