/* POST: create. */
#include "api/road.h"

static int create_make(struct road *d)
{
    return road_decode(d, d->resource, &d->object);
}

/* Reviews: answered, never stored. */
static int create_virtual(struct road *d)
{
    struct api *a = d->api;
    void *typed;
    if (!a->hooks.answer)
        return answer_not_found(&d->r->err, d->resource, d->name);
    if (road_decode(d, d->resource, &typed) < 0)
        return -1;
    d->object = typed;
    if (a->hooks.answer(a->hooks.arg, d->r, d->resource, typed, &d->r->err) < 0)
        return -1;
    d->r->virtual_typed = typed;
    d->r->virtual_resource = d->resource;
    d->r->code = 201;
    return ROAD_DONE;
}

int verb_create(struct road *d)
{
    static const struct write create = {.make = create_make};
    if (d->resource == &binding_resource) /* pods/binding by another road */
        return sub_bindings(d);
    if (d->resource->flags & RESOURCE_VIRTUAL)
        return create_virtual(d);
    return road_write(d, &create);
}
