/* Values of opaque types: when two are equal, and which comes first. Private to src/cel. */
#pragma once
#include <stdbool.h>

bool network_equal(const void *x, const void *y);
bool url_equal(const void *x, const void *y);
/* Less than, equal to or greater than zero. */
int semver_order(const void *x, const void *y);
