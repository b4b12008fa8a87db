#include "node/pod/source.h"

int pod_source_get(struct pod_state *p, const struct resource *r, struct str name, const bool *optional,
                   struct object **out, struct err *err)
{
    _cleanup_err_ struct err own = {0};
    *out = NULL;
    if (client_get(p->node->client, r, p->ns, name, out, &own) == 0)
        return 0;
    if (own.reason != ERR_NOT_FOUND) {
        err_move(err, &own);
        return -1;
    }
    return optional && *optional ? 0
                                 : err_set(err, ERR_NOT_FOUND, STR_FMT " \"" STR_FMT "\" not found",
                                           STR_ARG(r->singular), STR_ARG(name));
}
