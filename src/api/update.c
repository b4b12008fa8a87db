/* PUT: update, of the object or of its status. */
#include "api/road.h"

static int update_make(struct road *d)
{
    return road_decode(d, d->resource, &d->object);
}

int verb_update(struct road *d)
{
    static const struct write update = {.make = update_make, .create = true};
    static const struct write status = {.make = update_make, .status = true};
    return road_write(d, str_is(d->r->subresource, "status") ? &status : &update);
}
