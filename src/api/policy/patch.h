/* What a mutation's expression yields, put into effect on an object's JSON. */
#pragma once
#include "cel/cel.h"
#include "schema/value.h"

/* `typed` is the object, a struct of shown->type; *doc is what it becomes. The value is a list of JSONPatch,
 * or an Object that is merged by the rules of server-side apply. Errors in upstream's words. */
int policy_patch(struct arena *a, const struct resource *shown, const void *typed, bool json_patch,
                 const struct cel_value *v, struct value *doc, struct err *err);
