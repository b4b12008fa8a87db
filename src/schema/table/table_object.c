/* The cells of objects; apart from table.c so that this stands on plain structs. */
#include "base/clock.h"
#include "schema/object.h"
#include "schema/table/table.h"

void table_write_cells(struct buf *out, struct object *o)
{
    table_write_cells_of(out, object_resource(o), object_typed(o), clock_wall());
}
