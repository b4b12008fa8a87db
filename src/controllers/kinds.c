#include "controllers/kinds.h"

#include <pthread.h>

#include "kinds/core_v1.h"

enum { KINDS_MAX = 256 };
static const struct resource *kinds[KINDS_MAX + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool has_verb(const struct resource *r, struct str verb)
{
    for (size_t i = 0; i < r->n_verbs; i++)
        if (str_eq(r->verbs[i], verb))
            return true;
    return false;
}

/* Another version of it is the one stored. */
static bool is_other_version(const struct resource *r)
{
    for (size_t i = 0; i < n_builtin_resources && !(r->flags & RESOURCE_PREFERRED); i++) {
        const struct resource *o = builtin_resources[i];
        if (o != r && (o->flags & RESOURCE_PREFERRED) && str_eq(o->group, r->group) &&
            str_eq(o->plural, r->plural))
            return true;
    }
    return false;
}

static void kinds_find(void)
{
    size_t n = 0;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        if (!(r->flags & RESOURCE_VIRTUAL) && has_verb(r, STR("watch")) && has_verb(r, STR("delete")) &&
            !str_eq(r->kind, event_resource.kind) && !is_other_version(r)) {
            ensure(n < KINDS_MAX);
            kinds[n++] = r;
        }
    }
}

const struct resource *kind_stored(size_t i)
{
    pthread_once(&once, kinds_find);
    return i < KINDS_MAX ? kinds[i] : NULL;
}
