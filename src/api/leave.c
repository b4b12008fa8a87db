/* Whether the request's user may: what a request implies beside its own verb, and, for callers in process,
 * the request itself. */
#include "api/road.h"
#include "cel/cel.h"

int road_ask_leave_for(struct road *d, const struct cel_authz_check *what, struct str *reason)
{
    const struct api_hooks *hooks = &d->api->hooks;
    if (!hooks->authorize)
        return ROAD_DONE;
    struct cel_authz_answer answer = {0};
    hooks->authorize(hooks->arg, d->r, what, &answer);
    *reason = answer.reason;
    return answer.waits ? ROAD_WAIT : answer.allowed ? ROAD_DONE : -1;
}

int road_ask_leave(struct road *d, struct str verb, struct str subresource, struct str *reason)
{
    const struct api_request *r = d->r;
    struct cel_authz_check what = {.verb = verb,
                                   .group = r->resource->group,
                                   .version = r->resource->version,
                                   .resource = r->resource->plural,
                                   .subresource = subresource,
                                   .ns = d->ns,
                                   .name = d->name,
                                   .field_selector = r->field_selector,
                                   .label_selector = r->label_selector};
    return road_ask_leave_for(d, &what, reason);
}

/* As the server says it at its own door. */
static int turn_away(struct road *d, struct str verb, struct str reason)
{
    const struct api_request *r = d->r;
    struct str slash = r->subresource.n ? STR("/") : STR("");
    struct str where = d->ns.n ? arena_printf(r->arena, "in the namespace \"" STR_FMT "\"", STR_ARG(d->ns))
                               : STR("at the cluster scope");
    return answer_forbidden(&d->r->err, r->resource, d->name,
                            "User \"" STR_FMT "\" cannot " STR_FMT " resource \"" STR_FMT STR_FMT STR_FMT
                            "\" in API group \"" STR_FMT "\" " STR_FMT "%s" STR_FMT,
                            STR_ARG(r->user->name), STR_ARG(verb), STR_ARG(r->resource->plural),
                            STR_ARG(slash), STR_ARG(r->subresource), STR_ARG(r->resource->group),
                            STR_ARG(where), reason.n ? ": " : "", STR_ARG(reason));
}

int road_at_the_door(struct road *d)
{
    static const struct str verbs[] = {
        [API_GET] = STR_INIT("get"),       [API_LIST] = STR_INIT("list"),
        [API_WATCH] = STR_INIT("watch"),   [API_CREATE] = STR_INIT("create"),
        [API_UPDATE] = STR_INIT("update"), [API_PATCH] = STR_INIT("patch"),
        [API_DELETE] = STR_INIT("delete"), [API_DELETE_COLLECTION] = STR_INIT("deletecollection"),
        [API_CONNECT] = STR_INIT("get"),
    };
    struct str reason;
    int rc = road_ask_leave(d, verbs[d->r->verb], d->r->subresource, &reason);
    if (rc < 0)
        return turn_away(d, verbs[d->r->verb], reason);
    if (rc != ROAD_DONE)
        return rc;
    d->next = d->inside;
    return d->next(d);
}
