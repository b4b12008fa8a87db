/* Which changes the rules and selectors of webhooks and policies take (upstream: apiserver's
 * admission/plugin/webhook/predicates and admission/plugin/policy/matching). */
#pragma once
#include "api/api.h"
#include "kinds/admissionregistration_v1.h"

/* Configurations of webhooks and policies are judged by none of them. */
bool match_exempt(const struct resource *r);

/* Does a rule name the resource, the operation and the scope? */
bool match_rule(const struct rule_with_operations *rule, const struct api_attributes *at,
                const struct resource *as);
/* The resource as the rules name it: the request's own, or, where that counts as equivalent, another version
 * of the same. NULL: none that `takes` does. */
const struct resource *match_resource(const struct api_attributes *at, bool equivalent,
                                      bool (*takes)(const void *rules, const struct api_attributes *at,
                                                    const struct resource *as),
                                      const void *rules);

/* By the labels of the namespace that the change is in, and by those that the object has or had. 1, 0, or -1
 * with err. A NULL selector takes nothing. */
int match_namespace(struct store *s, const struct api_attributes *at, const struct label_selector *sel,
                    struct err *err);
int match_object(const struct api_attributes *at, const struct label_selector *sel, struct err *err);
