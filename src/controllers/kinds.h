/* The kinds whose objects are stored: what can own and be owned, and what a namespace is full of. */
#pragma once
#include "schema/desc.h"

/* The i-th, or NULL behind the last: of each kind one version; no events, which neither own nor are owned. */
const struct resource *kind_stored(size_t i);
