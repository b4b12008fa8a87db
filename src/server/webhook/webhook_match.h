/* Which admission webhooks a change concerns (upstream: apiserver's admission/plugin/webhook/generic and its
 * predicates). */
#pragma once
#include "api/api.h"
#include "kinds/admissionregistration_v1.h"

/* A mutating or validating webhook, as both are called. Everything belongs to its configuration. */
struct admission_webhook {
    struct object *configuration;
    struct str name;
    const struct admissionregistration_webhook_client_config *client;
    struct rule_with_operations_vec rules;
    const struct label_selector *namespaces, *objects; /* NULL: nothing matches, as upstream has it */
    struct match_condition_vec conditions;
    struct str_vec versions; /* of AdmissionReview */
    struct str side_effects;
    int32_t timeout_s;
    bool mutates, equivalent, ignores_failure, reinvokes;
};

/* The webhooks of one sort, in the order that they are asked: by configuration, then as they stand there.
 * Each configuration is referenced once for each of its webhooks. In `a`. */
size_t webhooks_list(struct store *s, struct arena *a, bool mutating, struct admission_webhook **out);

/* Is the webhook to be asked? 1 with the resource that it shall see the change as, 0, or -1 with err. */
int webhook_matches(struct store *s, const struct api_attributes *at, const struct admission_webhook *w,
                    const struct resource **as, struct err *err);
