/* Rules for schemas of custom resource definitions. */
#pragma once
#include "api/valid.h"
#include "kinds/apiextensions_v1.h"

/* Everything about one openAPIV3Schema, which stands at `at`: that it is structural (KEP-1693), that it asks
 * for nothing that is not supported, that its lists and maps say well how they merge, that its defaults fit.
 * `status`: the version has the status subresource, which allows less at the root. */
void valid_definition_schema(struct field_errors *e, const struct path *at, const struct json_schema_props *s,
                             bool status);
/* Only the first: what decides whether a schema is structural. */
void valid_structural(struct field_errors *e, const struct path *at, const struct json_schema_props *s);
