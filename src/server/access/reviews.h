/* Reviews: the API's own questions of authentication and authorization (TokenReview, SubjectAccessReview and
 * its like), answered in place. */
#pragma once
#include "server/access/authn.h"
#include "server/access/authz.h"

/* An api_hooks answer. */
int reviews_answer(struct authn *n, struct authz *z, struct api_request *r, const struct resource *type,
                   void *typed, struct err *err);
