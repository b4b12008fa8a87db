/* The way to the API for everything that is not the API itself: controllers, scheduler, node, proxy, CLI. In
 * the server's own process it joins the road behind authentication, with an identity of its own, and shares
 * the objects; elsewhere it speaks HTTPS. The caller cannot tell the difference. Calls block; any thread may
 * call. */
#pragma once
#include "base/err.h"
#include "schema/object.h"

struct client;

/* Ends its informers first. Reconcilers and recorders that use it must be gone. */
void client_free(struct client *c);
/* The same client with the same informers, calling as a service account; `c` itself where its credentials say
 * who calls (over HTTPS). Goes with `c`; may be asked for once an account. */
struct client *client_as(struct client *c, struct str ns, struct str name);

enum patch_type { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC, PATCH_APPLY };

struct client_list_options {
    struct str label_selector, field_selector; /* in the API's text form; empty: everything */
};

struct objects {
    struct object **at; /* each with a reference */
    size_t n;
    int64_t revision; /* of the list */
};
void objects_clear(struct objects *list);
#define _cleanup_objects_ _cleanup_(objects_clear)

enum propagation { PROPAGATE_DEFAULT, PROPAGATE_BACKGROUND, PROPAGATE_FOREGROUND, PROPAGATE_ORPHAN };
struct client_delete_options {
    struct str uid;              /* only this one; empty: any */
    struct str resource_version; /* only at this; empty: any */
    int64_t grace_s;             /* -1: the object's own */
    enum propagation propagation;
};
#define DELETE_OPTIONS_DEFAULT ((struct client_delete_options){.grace_s = -1})

/* `out` may be NULL where the result is of no interest; else the caller gets a reference (NULL where the API
 * answered with a Status). `sub` is "" for the object itself, or "status", "scale", "binding" ...: what the
 * subresource of that name takes. `typed` is a struct of r->type (of the subresource's own type for scale,
 * binding, eviction ...). An update carries its precondition in the struct's metadata.resourceVersion; empty
 * means none. Errors are the API's own: check err.reason. */
int client_get(struct client *c, const struct resource *r, struct str ns, struct str name,
               struct object **out, struct err *err);
int client_list(struct client *c, const struct resource *r, struct str ns,
                const struct client_list_options *o, struct objects *out, struct err *err);
int client_create(struct client *c, const struct resource *r, struct str ns, const void *typed,
                  struct object **out, struct err *err);
/* POST to a subresource of a named object: binding, eviction, token. `type` describes `typed`. */
int client_create_sub(struct client *c, const struct resource *r, struct str ns, struct str name,
                      struct str sub, const struct resource *type, const void *typed, struct object **out,
                      struct err *err);
int client_update(struct client *c, const struct resource *r, struct str sub, const void *typed,
                  struct object **out, struct err *err);
int client_patch(struct client *c, const struct resource *r, struct str ns, struct str name, struct str sub,
                 enum patch_type type, struct str body, struct object **out, struct err *err);
int client_delete(struct client *c, const struct resource *r, struct str ns, struct str name,
                  const struct client_delete_options *o, struct err *err);
/* Deletes all of a namespace that `which` selects (NULL: everything there). */
int client_delete_collection(struct client *c, const struct resource *r, struct str ns,
                             const struct client_list_options *which, const struct client_delete_options *o,
                             struct err *err);

/* What became of one of several calls made at once. */
struct client_result {
    struct object *object; /* a reference, or NULL */
    struct err err;        /* reason ERR_NONE: it worked */
};
void client_results_clear(struct client_result *results, size_t n);
/* Creates, or deletes (each only if it is still the same object), `n` at once: in process they become durable
 * together, in a fraction of the time of one after the other. results[n] are filled. */
void client_create_many(struct client *c, const struct resource *r, struct str ns, const void *const *typed,
                        size_t n, struct client_result *results);
void client_delete_many(struct client *c, struct object *const *which, size_t n,
                        const struct client_delete_options *o, struct client_result *results);
