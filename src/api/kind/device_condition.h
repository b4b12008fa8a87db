/* Conditions on devices, in CEL, as classes of devices and claims of them hold
 * (k8s.io/dynamic-resource-allocation/cel). */
#pragma once
#include "api/valid.h"

/* Adds what is wrong with the expression: it must compile, and not cost too much. */
void valid_device_condition(struct field_errors *e, const struct path *at, struct str text);
