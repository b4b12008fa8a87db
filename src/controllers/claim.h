/* Which objects belong to a controller: those that name it as theirs and that its selector matches. Those
 * that it matches and that have no controller are adopted, those that it matches no longer are let go
 * (controller_ref_manager.go's rules). */
#pragma once
#include "controllers/controller.h"
#include "controllers/meta.h"

/* `dependents` is the informer of the kind that may belong to `owner`. Adds them to `out`, in key order, each
 * with a reference and as it is after adoption. */
int claim_dependents(struct work *w, struct object *owner, const struct selector *selector,
                     struct informer *dependents, struct objects *out);
