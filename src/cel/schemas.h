/* What expressions see of values that the schema of a custom kind allows. */
#pragma once
#include "cel/cel.h"
#include "kinds/apiextensions_v1.h"

/* For validation rules; NULL: they cannot see such values. `root`: of whole objects, which have kind,
 * apiVersion and a name besides. */
const struct cel_type *cel_schema_type(struct arena *a, const struct json_schema_props *s, bool root);
/* Of whole objects as the API publishes what they look like, with all of their metadata. */
const struct cel_type *cel_schema_type_published(struct arena *a, const struct json_schema_props *s);
/* How many values of the schema fit into the largest request, for estimates. */
uint64_t cel_schema_most(const struct json_schema_props *s);
