/* Users that a front proxy vouches for: it has a certificate of an authority of its own, and names the user
 * in headers (upstream: apiserver/pkg/authentication/request/headerrequest). */
#pragma once
#include "api/api.h"
#include "http/http.h"
#include "server/access/front_proxy_options.h"

struct front_proxy; /* what the options say; immutable */

int front_proxy_new(const struct front_proxy_options *o, struct front_proxy **out, struct err *err);
void front_proxy_free(struct front_proxy *f); /* NULL is fine */
/* Whom the request's headers name, when a proxy that may do so has sent them; false: nobody. All in `a`. */
bool front_proxy_user(const struct front_proxy *f, struct arena *a, const struct http_request *r,
                      struct user *out);
