/* Impersonation: acting as someone else by Impersonate-* headers (upstream: endpoints/filters/impersonation).
 */
#pragma once
#include "http/http.h"
#include "server/access/authz.h"

/* Replaces *user by whom the headers name, if any, when *user may do so for each part of that identity.
 * Strings live in `a`. -1: forbidden, or headers that make no sense. 1: as authz_check. */
int impersonate(struct authz *z, struct arena *a, const struct http_request *r, struct user *user,
                struct waiter *w, struct err *err);
