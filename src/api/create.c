/* POST: create. */
#include "api/road.h"
#include "schema/custom/custom.h"

/* --- reviews: answered, never stored --- */

static int virtual_answer(struct road *d)
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

static int virtual_checked(struct road *d)
{
    int rc = road_admit(d, false);
    if (rc != ROAD_DONE)
        return rc;
    d->next = virtual_answer;
    return virtual_answer(d);
}

/* By the kind's own rules: upstream knows none that are for all of these. */
static int virtual_validate(struct road *d)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    if (d->strategy->validate)
        d->strategy->validate(d->object, &e);
    return field_errors_status(&e, d->resource->group, d->resource->kind, STR(""), &d->r->err);
}

static int virtual_admitted(struct road *d)
{
    int rc = road_admit(d, true);
    if (rc != ROAD_DONE)
        return rc;
    if (virtual_validate(d) < 0)
        return -1;
    d->next = virtual_checked;
    return virtual_checked(d);
}

static int create_virtual(struct road *d)
{
    if (!d->api->hooks.answer)
        return answer_not_found(&d->r->err, d->resource, d->name);
    if (road_decode(d, d->resource, &d->object) < 0 || road_check_namespace(d) < 0)
        return -1;
    road_judge(d, &(struct api_attributes){.request = d->r,
                                           .operation = API_OP_CREATE,
                                           .resource = d->resource,
                                           .object = d->object,
                                           .dry_run = d->r->dry_run});
    d->next = virtual_admitted;
    return virtual_admitted(d);
}

/* --- all others --- */

static int create_make(struct road *d)
{
    return road_decode(d, d->resource, &d->object);
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
