/* The descriptor of a custom kind, built from the structural schema of one of its versions: the same tables
 * as built-in kinds have, so that everything generic works on custom objects too.
 *
 * Scalars and structs are optional, so that silence is told from zero; every struct keeps what does not fit
 * beside its fields (TYPE_UNKNOWN), and drops what the schema does not name (TYPE_PRUNED) unless that says to
 * preserve it. What the schema leaves open is a VALUE_JSON. Lists, maps and structs carry how they merge. */
#pragma once
#include "kinds/apiextensions_v1.h"

/* Whether fields that the schema does not name are kept at this level. */
bool custom_preserves(const struct json_schema_props *p);
/* The type of whole objects: kind, apiVersion and metadata stand in front. `name` is the kind. A NULL schema
 * keeps everything. `status`: there is a field of that name whenever one can be kept. All in `a`; the schema
 * must live as long. */
const struct type *custom_type_make(struct arena *a, const struct json_schema_props *schema, struct str name,
                                    struct str openapi_name, bool status);
/* The type of lists of `item`. */
const struct type *custom_type_make_list(struct arena *a, const struct type *item, struct str name,
                                         struct str openapi_name);
