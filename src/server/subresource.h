/* What each subresource can do and what it takes, which the kinds' declarations do not say: for routing and
 * discovery. */
#pragma once
#include "schema/desc.h"

struct subresource {
    const char *name;
    const char *verbs;                  /* separated by spaces, sorted */
    const char *group, *version, *kind; /* of what it takes and gives; NULL: the resource's own */
};

/* NULL when the resource has no such subresource. */
const struct subresource *subresource_find(const struct resource *r, struct str name);
bool subresource_has_verb(const struct resource *r, struct str name, struct str verb);
