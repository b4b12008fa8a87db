/* How OpenAPI documents show custom kinds: their definition's schema, with what every object has. Version 2
 * knows less than version 3, and kubectl takes it at its word, so there less is said
 * (apiextensions-apiserver's controller/openapi). */
#pragma once
#include "schema/custom/custom.h"
#include "schema/openapi/openapi_json.h"

/* The members of the definition of v's kind, within its braces. */
void custom_openapi_write(struct json_writer *w, const struct custom_version *v);
