#include "server/authz.h"

#include <stdlib.h>

#include "server/node_authz.h"

struct authz {
    struct store *store;
    struct rbac *rbac;
};

int authz_new(struct store *s, struct authz **out, struct err *err)
{
    struct authz *z = mem_zalloc(sizeof *z);
    z->store = s;
    if (rbac_new(s, &z->rbac, err) < 0) {
        free(z);
        return -1;
    }
    *out = z;
    return 0;
}

void authz_free(struct authz *z)
{
    if (z)
        rbac_free(z->rbac);
    free(z);
}

struct rbac *authz_rbac(struct authz *z)
{
    return z->rbac;
}

bool user_in_group(const struct user *u, struct str group)
{
    for (size_t i = 0; i < u->groups.n; i++)
        if (str_eq(u->groups.at[i], group))
            return true;
    return false;
}

bool authz_allows(struct authz *z, const struct attributes *a, struct buf *reason)
{
    if (user_in_group(a->user, STR("system:masters")))
        return true;
    _cleanup_buf_ struct buf why = {0};
    if (node_authz_allows(z->store, a, reason ? &why : NULL))
        return true;
    if (!reason)
        return rbac_allows(z->rbac, a, NULL);
    _cleanup_buf_ struct buf rbac = {0};
    bool allowed = rbac_allows(z->rbac, a, &rbac);
    if (!allowed && why.n)
        buf_addf(reason, STR_FMT "%s", STR_ARG(buf_str(&why)), rbac.n ? "\n" : "");
    buf_add_str(reason, buf_str(&rbac));
    return allowed;
}

/* User "x" cannot list resource "pods" in API group "" in the namespace "y" */
static void describe(const struct attributes *a, struct buf *out)
{
    buf_addf(out, "User \"" STR_FMT "\" cannot " STR_FMT " ", STR_ARG(a->user->name), STR_ARG(a->verb));
    if (!a->is_resource) {
        buf_addf(out, "path \"" STR_FMT "\"", STR_ARG(a->path));
        return;
    }
    buf_addf(out, "resource \"" STR_FMT "%s" STR_FMT "\" in API group \"" STR_FMT "\" ", STR_ARG(a->resource),
             str_empty(a->subresource) ? "" : "/", STR_ARG(a->subresource), STR_ARG(a->group));
    if (str_empty(a->ns))
        buf_add_lit(out, "at the cluster scope");
    else
        buf_addf(out, "in the namespace \"" STR_FMT "\"", STR_ARG(a->ns));
}

int authz_check(struct authz *z, const struct attributes *a, struct err *err)
{
    if (authz_allows(z, a, NULL))
        return 0;
    _cleanup_buf_ struct buf reason = {0}, what = {0};
    if (authz_allows(z, a, &reason)) /* asked again for its reason; meanwhile it may have been granted */
        return 0;
    describe(a, &what);
    if (reason.n)
        buf_addf(&what, ": " STR_FMT, STR_ARG(buf_str(&reason)));
    struct str text = buf_str(&what), dot = str_empty(a->group) ? STR("") : STR(".");
    if (!a->is_resource)
        return err_set(err, ERR_FORBIDDEN, "forbidden: " STR_FMT, STR_ARG(text));
    if (str_empty(a->name))
        err_set(err, ERR_FORBIDDEN, STR_FMT STR_FMT STR_FMT " is forbidden: " STR_FMT, STR_ARG(a->resource),
                STR_ARG(dot), STR_ARG(a->group), STR_ARG(text));
    else
        err_set(err, ERR_FORBIDDEN, STR_FMT STR_FMT STR_FMT " \"" STR_FMT "\" is forbidden: " STR_FMT,
                STR_ARG(a->resource), STR_ARG(dot), STR_ARG(a->group), STR_ARG(a->name), STR_ARG(text));
    return err_about(err, a->group, a->resource, a->name);
}
