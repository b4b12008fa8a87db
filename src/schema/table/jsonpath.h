/* JSONPath, as far as printer columns of custom resources use it (client-go's util/jsonpath without
 * templates): .a.b, ['a.b'], [0], [-1], [*], [1:3] and filters such as [?(@.type=="Ready")]. Evaluated over
 * JSON trees; what a path does not find is no error. A compiled path lives as long as its arena and text. */
#pragma once
#include "schema/value.h"

enum { JSONPATH_STEPS = 32, JSONPATH_FOUND = 64 };

struct jsonpath {
    struct jsonpath_step *steps;
    size_t n;
};

/* A leading "$" or '.' is allowed, and braces around all of it. */
int jsonpath_compile(struct arena *a, struct str text, struct jsonpath *out, struct err *err);
/* Puts the first `max` values found, in order, into `found`; returns how many. */
size_t jsonpath_find(const struct jsonpath *p, const struct value *in, const struct value **found,
                     size_t max);
