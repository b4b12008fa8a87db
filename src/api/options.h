/* The options of a request, checked as apimachinery/pkg/apis/meta/v1/validation does. */
#pragma once
#include "api/api.h"

/* 0, or -1 with an Invalid Status of CreateOptions, UpdateOptions ... in r->err. Sets r->dry_run. */
int options_check(struct api_request *r);
/* A resourceVersion given for reading: 0 when empty; -1 with BadRequest when it is none. */
int options_revision(struct str text, int64_t *out, struct err *err);
