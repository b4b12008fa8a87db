/* What a plain YAML scalar means: go-yaml v2's resolution, which is YAML 1.1 with a few additions. */
#pragma once
#include "schema/value.h"

/* The value; a string when it is nothing else. NaN and infinities come as JSON_DOUBLE. */
struct value yaml_scalar(struct str text);
