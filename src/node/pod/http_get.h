/* A GET for probes and hooks: one connection, no redirects to other hosts, certificates not verified, as
 * upstream's probes do. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* `headers`: name, value, name, value. Blocks up to `timeout_ns`. */
int http_get(struct str url, const struct str_vec *headers, int64_t timeout_ns, int *status, struct err *err);
