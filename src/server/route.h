/* What a request's path and method ask for, in the words that authorization, metrics and the API use
 * (upstream: apiserver's RequestInfo). Knows nothing of which resources exist. */
#pragma once
#include "base/arena.h"

struct route {
    bool is_resource;
    bool legacy_watch; /* came by the old /watch/ prefix */
    struct str path;   /* decoded nowhere: as sent */
    struct str verb;   /* "get", "list", "watch", "create", ... ; of other paths the method in lower case */
    struct str group, version;
    struct str ns; /* also of the namespace itself, as RBAC looks at it */
    struct str resource, name, subresource;
    struct str rest; /* what stands behind the subresource, with its leading '/': proxied paths */
};

struct query;

/* Takes the path apart. `q` tells list from watch, and may name the object by fieldSelector=metadata.name=X.
 * Slices point into the path or into `a`. -1: a path that is malformed (bad percent-encoding). */
int route_parse(struct arena *a, struct str method, struct str path, const struct query *q,
                struct route *out);

/* Does it go on to somebody else (exec, proxy)? */
bool route_connects(const struct route *r);
/* For authorization and limits: does the route change anything, and may it stay open for long? */
bool route_read_only(const struct route *r);
bool route_long_running(const struct route *r);
