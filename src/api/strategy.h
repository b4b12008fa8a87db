/* What each kind does differently on the road: upstream's registry strategies, as a table. A kind without an
 * entry takes the generic way: metadata is checked, spec and status are kept apart, the declared rules hold.
 */
#pragma once
#include "api/api.h"
#include "api/valid.h"

enum strategy_flag {
    STRATEGY_CREATE_ON_UPDATE = 1 << 0, /* PUT of what is absent creates it */
    STRATEGY_NEEDS_VERSION = 1 << 1,    /* an update without resourceVersion is refused */
    STRATEGY_KEEPS_STATUS = 1 << 2, /* status may be written with the object (upstream does not reset it) */
    STRATEGY_RETURNS_DELETED = 1 << 3, /* a complete delete answers with the object, not with a Status */
    STRATEGY_ORPHANS = 1 << 4,         /* what it owns stays where a delete does not say */
};

/* What hooks may look at beside the object. */
struct strategy_context {
    struct api *api;
    struct api_request *request;
    struct arena *arena;
    const struct resource *resource;
    struct str subresource;
};

struct strategy {
    const struct resource *resource;
    unsigned flags;
    /* Defaults that depend on more than the field itself: upstream's SetDefaults_ functions. */
    void (*defaults)(void *o, struct arena *a);
    void (*prepare_create)(void *o, const struct strategy_context *c);
    void (*prepare_update)(void *o, const void *old, const struct strategy_context *c);
    void (*prepare_status)(void *o, const void *old, const struct strategy_context *c);
    /* Of the stored form. Where another form was sent, its own validate_create and validate_update see the
     * stored one too. */
    void (*validate)(const void *o, struct field_errors *e);
    void (*validate_create)(const void *o, struct field_errors *e); /* beside `validate`, of what is new */
    void (*validate_update)(const void *o, const void *old, struct field_errors *e);
    void (*validate_status)(const void *o, const void *old, struct field_errors *e);
    /* Beside these, what depends on other objects; `old` is NULL for a create, and c->subresource says of
     * what.
     */
    void (*validate_around)(const void *o, const void *old, const struct strategy_context *c,
                            struct field_errors *e);
    void (*warn)(const void *o, const void *old, const struct strategy_context *c);
    const char *warn_orphans; /* what to say to whom did not know of STRATEGY_ORPHANS */
};

/* Never NULL: a generic strategy where the kind has none of its own. */
const struct strategy *strategy_of(const struct resource *r);
/* Declared defaults, then the kind's own. */
void strategy_defaults(const struct resource *r, void *o, struct arena *a);
/* Adds a Warning header. */
void strategy_warn(const struct strategy_context *c, const char *fmt, ...) _printf_(2, 3);
