/* The API as the command line sees it: paths and JSON trees over HTTPS, found and authenticated by a
 * kubeconfig. */
#pragma once
#include "schema/value.h"

struct cli_api;

int cli_api_open(const char *kubeconfig, struct cli_api **out, struct err *err);
void cli_api_close(struct cli_api *api);
void cli_api_closep(struct cli_api **api);
#define _cleanup_cli_api_ _cleanup_(cli_api_closep)

/* One call: `path` from "/api" on. `body` NULL for none; `content_type` NULL for JSON. The answer, a tree in
 * `a`, may be NULL where it is of no interest. A Status of failure becomes `err` with its reason. */
int cli_api_call(struct cli_api *api, const char *method, struct str path, const char *content_type,
                 const struct value *body, struct arena *a, struct value *answer, struct err *err);
