/* Certificate signing requests: what their subresources have of their rules. */
#pragma once
#include "api/valid.h"
#include "kinds/certificates_v1.h"

/* Conditions say when they came, and when their status changed. */
void signing_request_times(struct certificate_signing_request_condition_vec *now,
                           const struct certificate_signing_request_condition_vec *old);
/* An update of the approval: conditions may come, and not go. */
void signing_request_valid_approval(const void *o, const void *old, struct field_errors *e);
