#include "thing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "kinds/coordination_v1.h"
#include "kinds/core_v1.h"

const struct resource *const things = &pod_resource, *const wide_things = &node_resource,
                             *const late_things = &lease_resource;

_Thread_local char thing_failure[256];

struct object *thing_new(const struct resource *r, const char *ns, const char *name, const char *value)
{
    union {
        struct pod pod;
        struct node node;
        struct lease lease;
    } typed = {0};
    struct str v = str_from(value);
    if (r == things)
        typed.pod.spec.node_name = v;
    else if (r == wide_things)
        typed.node.spec.pod_cidr = v;
    else
        typed.lease.spec.holder_identity = &v;
    resource_meta(r, &typed)->namespace = str_from(ns);
    resource_meta(r, &typed)->name = str_from(name);
    return object_new(r, &typed);
}

struct str thing_value(struct object *o)
{
    if (object_resource(o) == things)
        return ((const struct pod *)object_typed(o))->spec.node_name;
    if (object_resource(o) == wide_things)
        return ((const struct node *)object_typed(o))->spec.pod_cidr;
    const struct lease *lease = object_typed(o);
    return lease->spec.holder_identity ? *lease->spec.holder_identity : STR("");
}

static void thing_answered(struct change *c)
{
    latch_set(&container_of(c, struct waited, change)->done);
}

static enum change_result thing_change(struct store *s, struct change c, int64_t *revision)
{
    struct waited w = {.change = c};
    latch_init(&w.done);
    w.change.done = thing_answered;
    store_submit(s, &w.change);
    latch_wait(&w.done, INT64_MAX);
    latch_destroy(&w.done);
    if (revision)
        *revision = w.change.revision;
    snprintf(thing_failure, sizeof thing_failure, STR_FMT, STR_ARG(w.change.err.message));
    object_unref(w.change.current);
    err_clear(&w.change.err);
    return w.change.result;
}

enum change_result thing_create(struct store *s, const struct resource *r, const char *ns, const char *name,
                                const char *value, int64_t *revision)
{
    _cleanup_object_ struct object *o = thing_new(r, ns, name, value);
    return thing_change(s,
                        (struct change){.op = CHANGE_CREATE,
                                        .table = store_table(s, r),
                                        .object = o,
                                        .ns = str_from(ns),
                                        .name = str_from(name)},
                        revision);
}

enum change_result thing_update(struct store *s, const struct resource *r, const char *ns, const char *name,
                                const char *value, int64_t expect, int64_t *revision)
{
    _cleanup_object_ struct object *o = thing_new(r, ns, name, value);
    return thing_change(s,
                        (struct change){.op = CHANGE_UPDATE,
                                        .table = store_table(s, r),
                                        .object = o,
                                        .ns = str_from(ns),
                                        .name = str_from(name),
                                        .expect = expect},
                        revision);
}

enum change_result thing_delete(struct store *s, const struct resource *r, const char *ns, const char *name,
                                int64_t expect, int64_t *revision)
{
    return thing_change(s,
                        (struct change){.op = CHANGE_DELETE,
                                        .table = store_table(s, r),
                                        .ns = str_from(ns),
                                        .name = str_from(name),
                                        .expect = expect},
                        revision);
}

char *thing_dir_make(void)
{
    char *path = str_dup_c(STR("/tmp/sagong-store-XXXXXX"));
    ensure(mkdtemp(path));
    return path;
}

void thing_dir_remove(char *path)
{
    file_remove_tree(path, NULL);
    free(path);
}
