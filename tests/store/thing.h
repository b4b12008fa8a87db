/* Small objects for the store's tests, and changes that wait for their answer. */
#pragma once
#include "base/thread.h"
#include "store/store.h"

/* Namespaced, with a field to select by (a pod's spec.nodeName); cluster-scoped (a node); acknowledged before
 * the sync (a lease). */
extern const struct resource *const things, *const wide_things, *const late_things;

/* `value` is the field's. A reference. */
struct object *thing_new(const struct resource *r, const char *ns, const char *name, const char *value);
struct str thing_value(struct object *o);

/* A change that is waited for. */
struct waited {
    struct change change;
    struct latch done;
};

/* Submits one change and waits: the result, and the revision in `*revision` (may be NULL). */
enum change_result thing_create(struct store *s, const struct resource *r, const char *ns, const char *name,
                                const char *value, int64_t *revision);
enum change_result thing_update(struct store *s, const struct resource *r, const char *ns, const char *name,
                                const char *value, int64_t expect, int64_t *revision);
enum change_result thing_delete(struct store *s, const struct resource *r, const char *ns, const char *name,
                                int64_t expect, int64_t *revision);
/* The message of the last CHANGE_FAILED that this thread saw. */
extern _Thread_local char thing_failure[256];
/* A directory of its own for a test, and its end. */
char *thing_dir_make(void);
void thing_dir_remove(char *path);
