/* Admission webhooks: asked about every change that their configurations name, the mutating ones one after
 * the other, then the validating ones at once (upstream: admission/plugin/webhook/mutating and validating).
 */
#pragma once
#include "api/api.h"
#include "server/webhook/webhook_client.h"

struct webhooks;

/* Joins the API's admission; `client` must outlive it. No request may be under way, now or at the end. */
struct webhooks *webhooks_new(struct api *api, struct webhook_client *client);
void webhooks_free(struct webhooks *w);
