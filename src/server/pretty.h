/* JSON for people: two spaces an indentation, as Go's json.Indent. */
#pragma once
#include "base/buf.h"

/* `json` must be valid. */
void json_indent(struct str json, struct buf *out);
