/* CONNECT: what streams (exec, attach, portforward, proxy) is asked of admission like any change, its options
 * being the object; then the floor above goes on by itself. */
#include "api/road.h"

static int connect_judged(struct road *d)
{
    int rc = road_admit_all(d);
    if (rc == ROAD_DONE)
        d->r->code = 200;
    return rc;
}

int verb_connect(struct road *d)
{
    const struct resource *options = d->r->typed_resource;
    road_judge(d, &(struct api_attributes){
                      .request = d->r,
                      .operation = API_OP_CONNECT,
                      .resource = options,
                      .object = struct_dup(d->r->arena, options->type, d->r->typed),
                      .dry_run = d->r->dry_run,
                  });
    d->next = connect_judged;
    return connect_judged(d);
}
