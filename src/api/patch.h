/* Patches applied to structs. */
#pragma once
#include "api/strategy.h"

enum { PATCH_BODY_MAX = 3 * 1024 * 1024 }; /* bytes */

/* Patches `before` (a struct of r->type) with the request's body; the result is fresh in the request's arena
 * and defaulted. Errors are upstream's: 415 for patch types that the kind does not take, 422 for patches that
 * fail. */
int patch_struct(const struct strategy_context *c, const struct resource *r, const void *before, void **out,
                 struct err *err);
