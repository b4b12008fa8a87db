/* POST: create. */
#include "api/road.h"
#include "schema/custom/custom.h"

static int create_make(struct road *d)
{
    return road_decode(d, d->resource, &d->object);
}

/* Reviews: answered, never stored. */
static int create_answer(struct road *d)
{
    struct api *a = d->api;
    int rc = a->hooks.answer(a->hooks.arg, d->r, d->resource, d->object, &d->r->err);
    if (rc)
        return rc < 0 ? -1 : ROAD_WAIT;
    d->r->virtual_typed = d->object;
    d->r->virtual_resource = d->resource;
    d->r->code = 201;
    return ROAD_DONE;
}

static int create_virtual(struct road *d)
{
    if (!d->api->hooks.answer)
        return answer_not_found(&d->r->err, d->resource, d->name);
    if (road_decode(d, d->resource, &d->object) < 0)
        return -1;
    d->next = create_answer;
    return create_answer(d);
}

int verb_create(struct road *d)
{
    static const struct write create = {.make = create_make};
    if (d->resource == &binding_resource) /* pods/binding by another road */
        return sub_bindings(d);
    if (d->resource->flags & RESOURCE_VIRTUAL)
        return create_virtual(d);
    if (d->resource->custom && custom_condition_is(d->resource->custom->definition, "Terminating", "True"))
        return err_set(&d->r->err, ERR_METHOD_NOT_ALLOWED,
                       "create not allowed while custom resource definition is terminating");
    return road_write(d, &create);
}
