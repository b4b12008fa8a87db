/* Tables: what `kubectl get` shows (metav1.Table), written straight as JSON from decoded structs. Which
 * columns a kind has is declared; most cells are a field, found by path, and the others are made by code
 * (schema/table/cells.h). Wide columns are always written, with priority 1, as upstream's server does. The
 * table around the rows is the server's. */
#pragma once
#include "base/buf.h"
#include "schema/desc.h"

struct object;

/* The column definitions: a JSON array. */
void table_write_columns(struct buf *out, const struct resource *r);
/* The cells of a row: what stands behind "cells":. For pods that are done, "conditions" of the row follow. */
void table_write_cells(struct buf *out, struct object *o);
/* The same of a struct; `now` in nanoseconds since 1970, for ages. */
void table_write_cells_of(struct buf *out, const struct resource *r, const void *typed, int64_t now);
