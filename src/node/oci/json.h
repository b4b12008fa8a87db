/* JSON of the documents that are declared with node/oci/declare.h. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* Fills `out` (zeroed by the caller); unknown fields are passed over. All memory is of `a` or of `text`. */
int oci_json_read(const struct type *t, struct str text, struct arena *a, void *out, struct err *err);
void oci_json_write(const struct type *t, const void *value, struct buf *out);
