/* Named formats of strings. Private to src/cel. */
#pragma once
#include "cel/value.h"

struct named_format;
/* The size of the regular expression that it counts as. */
uint64_t format_size(const struct named_format *f);
