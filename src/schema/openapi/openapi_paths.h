/* The paths of an OpenAPI document: every resource's operations, with their parameters, bodies and answers.
 */
#pragma once
#include "schema/openapi/openapi_defs.h"

/* Writes the paths of one resource as members of "paths", and adds what their bodies and answers are to `d`.
 */
void openapi_write_paths(struct json_writer *w, struct openapi_defs *d, const struct resource *r);
