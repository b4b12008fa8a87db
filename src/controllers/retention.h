/* What becomes of a stateful set's claims when it is scaled down or deleted (KEP-1847): the claims that are
 * to go have the set, or the pod that is about to go, as their owner. */
#pragma once
#include "controllers/controller.h"
#include "kinds/apps_v1.h"

/* Brings the owners of one claim up to date. `pod` is the claim's member, NULL when there is none;
 * `condemned`: it is about to go because of scaling. */
int claim_retain(struct work *w, struct object *set, struct object *pod, bool condemned, struct str claim);
