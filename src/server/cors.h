/* Pages of other origins that may use the API (CORS, the fetch standard; upstream: server/filters/cors.go).
 */
#pragma once
#include "http/http.h"

struct cors;

/* `patterns`: regular expressions of whole origins, separated by commas, as upstream's
 * --cors-allowed-origins. -1: one of them is none, or leaves open where the host begins or ends. */
int cors_new(struct str patterns, struct cors **out, struct err *err);
void cors_free(struct cors *c); /* NULL is fine */

enum { CORS_HEADERS = 5 };
/* The headers that let this origin in; how many: none where it may not. `c` may be NULL. */
size_t cors_headers(const struct cors *c, const struct http_request *r, struct http_header out[CORS_HEADERS]);
