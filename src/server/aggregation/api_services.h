/* The APIService objects that stand for what this server itself serves: one for each group and version, as
 * `kubectl get apiservices` shows them (upstream: kube-aggregator's autoregister controller). */
#pragma once
#include "api/api.h"

/* Makes those that are missing, and takes away those whose group and version is served no more. Blocks. */
void api_services_register(struct api *api);

/* --- for whoever writes APIServices' status --- */

struct api_service_condition;
/* Writes the condition Available where it differs from what is there. Blocks. */
void api_service_report(struct api *api, struct object *o, bool available, const char *reason,
                        struct str message);
