/* A webhook that gets audit events, as an EventList (audit.k8s.io/v1) in JSON, at the address that a
 * kubeconfig names. Any thread. */
#pragma once
#include "base/err.h"

struct audit_webhook;

int audit_webhook_new(const char *kubeconfig, int64_t backoff_ns, struct audit_webhook **out,
                      struct err *err);
void audit_webhook_free(struct audit_webhook *w);
/* Posts them; what may pass is tried five times, at growing intervals. Blocks. */
int audit_webhook_send(void *webhook, const struct str *events, size_t n, struct err *err);
/* From now on nothing is tried again. */
void audit_webhook_hurry(struct audit_webhook *w);
