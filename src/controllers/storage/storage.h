/* What the storage controllers share. */
#pragma once
#include "client/volumes.h"
#include "controllers/controller.h"
#include "controllers/meta.h"

static inline const struct persistent_volume *volume_of(struct object *o)
{
    return object_typed(o);
}

static inline const struct persistent_volume_claim *claim_of(struct object *o)
{
    return object_typed(o);
}

/* Makes a volume for a claim that waits for one and whose class names our provisioner (provision.c). `class`
 * is the claim's. Says in events of the claim how it went. */
int provision_local(struct work *w, struct object *claim, const struct storage_class *class);
