/* Whether a claim, or a template of claims, may ask for admin access to devices in its namespace. */
#pragma once
#include "api/strategy.h"

struct device_request_vec;
struct allocation_result;

void valid_admin_requests(const struct strategy_context *c, const struct device_request_vec *requests,
                          struct field_errors *e);
/* Likewise of what a driver says that was given; `before` (NULL: nothing) had it already or not. */
void valid_admin_results(const struct strategy_context *c, const struct allocation_result *now,
                         const struct allocation_result *before, struct field_errors *e);
