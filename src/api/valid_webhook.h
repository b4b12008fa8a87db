/* Where a webhook stands, as its clientConfig says: the same rules for admission webhooks and for the
 * conversion of custom resources (apiserver/pkg/util/webhook/validation.go). */
#pragma once
#include "api/valid.h"

void valid_webhook_url(struct field_errors *e, const struct path *at, struct str url);
/* `path` may be NULL; an absent port counts as 443. */
void valid_webhook_service(struct field_errors *e, const struct path *at, struct str ns, struct str name,
                           const struct str *path, const int32_t *port);
/* Of both exactly one; `at` is the clientConfig. */
void valid_webhook_one_of(struct field_errors *e, const struct path *at, bool url, bool service);
