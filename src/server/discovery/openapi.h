/* /openapi/v2 and /openapi/v3: documents that are made when first asked for, and kept compressed. */
#pragma once
#include "server/request.h"

struct openapi;

struct openapi *openapi_cache_new(struct api *api);
void openapi_cache_free(struct openapi *o);
void openapi_handle(struct openapi *o, struct request *q);
