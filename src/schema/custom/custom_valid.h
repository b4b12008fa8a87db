/* Validation of custom objects against their definition's schema, with the messages of kube-openapi's
 * validator: `spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer:
 * "string"`.
 *
 * Values are looked at as JSON trees, since a schema may ask of a value what no type promises. On updates
 * what has not changed is not complained about (KEP-4008, ratcheting): `old` is the present value, NULL where
 * there is none. */
#pragma once
#include "kinds/apiextensions_v1.h"
#include "schema/errors.h"
#include "schema/value.h"

/* The patterns of a schema, compiled once. Any thread may use them. */
struct custom_patterns;
struct custom_patterns *custom_patterns_new(const struct json_schema_props *schema);
void custom_patterns_free(struct custom_patterns *p); /* NULL is fine */

/* Adds what the schema says against the value. `at` is where the value stands, NULL for a whole object. */
void custom_validate(struct field_errors *e, const struct path *at, const struct json_schema_props *schema,
                     const struct custom_patterns *patterns, const struct value *v, const struct value *old);
/* Items of sets, and keys of map-like lists, that are there twice. */
void custom_validate_lists(struct field_errors *e, const struct path *at,
                           const struct json_schema_props *schema, const struct value *v);
/* Whether `text` has the format that a schema names; formats that are not known fit everything. */
bool custom_format_ok(struct str format, struct str text);
bool custom_format_known(struct str format);
/* The item of `old` that is the same one as `item`, by the schema's list keys; NULL: none, or not told. */
const struct value *custom_same_item(const struct json_schema_props *schema, const struct value *old,
                                     const struct value *item);
