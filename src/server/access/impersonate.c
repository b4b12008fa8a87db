#include "server/access/impersonate.h"

#include "auth/service_account.h"
#include "base/encode.h"
#include "server/access/authn.h"

/* Whoever wants to be someone else. */
struct impersonator {
    struct authz *authz;
    const struct user *user;
    struct waiter *waiter;
};

static int may(const struct impersonator *who, const char *group, const char *resource,
               struct str subresource, struct str ns, struct str name, struct err *err)
{
    struct attributes a = {.user = who->user,
                           .verb = STR("impersonate"),
                           .is_resource = true,
                           .group = str_from(group),
                           .version = STR("v1"),
                           .resource = str_from(resource),
                           .subresource = subresource,
                           .ns = ns,
                           .name = name};
    return authz_check(who->authz, &a, who->waiter, err);
}

static struct str lower(struct arena *a, struct str s)
{
    char *p = arena_c(a, s);
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return str_slice(p, s.n);
}

/* Who the headers name; false when there are none. */
static bool read_headers(struct arena *a, const struct http_request *r, struct user *as)
{
    static const char extra[] = "impersonate-extra-";
    bool any = false;
    size_t n;
    const struct http_header *headers = http_headers(r, &n);
    for (size_t i = 0; i < n; i++) {
        struct str name = headers[i].name, value = headers[i].value, key;
        if (!str_starts(name, STR("impersonate-")))
            continue;
        any = true;
        if (str_is(name, "impersonate-user"))
            as->name = value;
        else if (str_is(name, "impersonate-uid"))
            as->uid = value;
        else if (str_is(name, "impersonate-group"))
            user_add_group(a, as, value);
        else if (str_starts(name, STR(extra)) &&
                 decode_percent(a, str_from_at(name, sizeof extra - 1), false, &key) == 0)
            user_add_extra(a, as, lower(a, key), value);
    }
    return any;
}

/* All parts of an identity are asked about, in upstream's order. */
static int may_be(const struct impersonator *who, const struct user *as, struct err *err)
{
    struct str ns, account, none = {0};
    int rc = service_account_split(as->name, &ns, &account)
                 ? may(who, "", "serviceaccounts", none, ns, account, err)
                 : may(who, "", "users", none, none, as->name, err);
    for (size_t i = 0; rc == 0 && i < as->groups.n; i++)
        rc = may(who, "", "groups", none, none, as->groups.at[i], err);
    if (rc == 0 && !str_empty(as->uid))
        rc = may(who, "authentication.k8s.io", "uids", none, none, as->uid, err);
    for (size_t i = 0; i < as->n_extra; i++)
        for (size_t k = 0; rc == 0 && k < as->extra[i].values.n; k++)
            rc = may(who, "authentication.k8s.io", "userextras", as->extra[i].key, none,
                     as->extra[i].values.at[k], err);
    return rc;
}

int impersonate(struct authz *z, struct arena *a, const struct http_request *r, struct user *user,
                struct waiter *w, struct err *err)
{
    struct user as = {0};
    struct str ns, account;
    if (!read_headers(a, r, &as))
        return 0;
    if (str_empty(as.name))
        return err_set(err, ERR_INTERNAL, "requested [{UID  " STR_FMT "  }] without impersonating a user",
                       STR_ARG(as.uid));
    int rc = may_be(&(struct impersonator){z, user, w}, &as, err);
    if (rc)
        return rc;
    if (service_account_split(as.name, &ns, &account) && !as.groups.n) {
        user_add_group(a, &as, STR("system:serviceaccounts"));
        user_add_group(a, &as, arena_printf(a, "system:serviceaccounts:" STR_FMT, STR_ARG(ns)));
    }
    /* Whoever is named is authenticated, unless it is the one that never is. */
    user_add_group(a, &as,
                   str_is(as.name, "system:anonymous") ? STR("system:unauthenticated")
                                                       : STR("system:authenticated"));
    *user = as;
    return 0;
}
