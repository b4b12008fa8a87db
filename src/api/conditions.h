/* Match conditions of webhooks: expressions that must all hold for a change to be asked about. Compiled once
 * for each version of their configuration, and shared. */
#pragma once
#include "api/api.h"
#include "kinds/admissionregistration_v1.h"

struct conditions;

/* Never fails: what does not compile is an error whenever it is asked. One reference. */
struct conditions *conditions_compile(const struct match_condition_vec *from);
struct conditions *conditions_ref(struct conditions *c);
void conditions_unref(struct conditions *c); /* NULL is fine */
/* What is wrong with the i-th; empty: nothing. */
struct str conditions_error(const struct conditions *c, size_t i);

/* Do all hold? 1, 0, or -1 with *why (in the request's arena): none is false, but not all could be evaluated.
 * CONDITIONS_WAIT: they ask an authorizer that does not know yet; the request is woken when it does. `as` is
 * the resource that the webhook's rules name. */
enum { CONDITIONS_WAIT = 2 };
int conditions_hold(const struct conditions *c, struct api *api, const struct api_attributes *at,
                    const struct resource *as, struct str *why);
