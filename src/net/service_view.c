#include "net/service_view.h"

#include <stdlib.h>

#include "base/clock.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"

/* The entry of this name, made when new. */
static struct service_entry *view_entry(struct service_view *v, struct str ns, struct str name)
{
    char stack[512];
    size_t n = ns.n + 1 + name.n;
    ensure(n < sizeof stack); /* names are validated: at most 63 and 253 bytes */
    memcpy(stack, ns.p, ns.n);
    stack[ns.n] = '/';
    memcpy(stack + ns.n + 1, name.p, name.n);
    struct service_entry *e = map_get(&v->entries, str_slice(stack, n));
    if (!e) {
        e = mem_zalloc(v->entry_size);
        e->key = str_slice(mem_dup(stack, n), n);
        map_put(&v->entries, e->key, e);
    }
    return e;
}

static void view_on_service(void *arg, struct object *before, struct object *after)
{
    struct service_view *v = arg;
    struct object *o = after ? after : before;
    _lock_(&v->mutex);
    struct service_entry *e = view_entry(v, object_namespace(o), object_name(o));
    object_unref(e->service);
    e->service = after ? object_ref(after) : NULL;
    v->changed(v, e);
}

static struct str view_slice_service(struct object *slice)
{
    const struct str_map *labels = &object_meta(slice)->labels;
    for (size_t i = 0; i < labels->n; i++)
        if (str_is(labels->at[i].key, "kubernetes.io/service-name") &&
            labels->at[i].value.n + object_namespace(slice).n < 500) /* labels are anyone's to set */
            return labels->at[i].value;
    return (struct str){0};
}

static void view_drop_slice(struct service_entry *e, struct str name)
{
    for (size_t i = 0; i < e->slices.n; i++)
        if (str_eq(object_name(e->slices.at[i]), name)) {
            object_unref(e->slices.at[i]);
            e->slices.at[i] = e->slices.at[--e->slices.n];
            return;
        }
}

static void view_on_slice(void *arg, struct object *before, struct object *after)
{
    struct service_view *v = arg;
    _lock_(&v->mutex);
    struct str was = before ? view_slice_service(before) : (struct str){0};
    struct str is = after ? view_slice_service(after) : (struct str){0};
    if (was.n) {
        struct service_entry *e = view_entry(v, object_namespace(before), was);
        view_drop_slice(e, object_name(before));
        if (!str_eq(was, is))
            v->changed(v, e);
    }
    if (is.n) {
        struct service_entry *e = view_entry(v, object_namespace(after), is);
        view_drop_slice(e, object_name(after));
        e->slices.at = mem_realloc(e->slices.at, (e->slices.n + 1) * sizeof(struct object *));
        e->slices.at[e->slices.n++] = object_ref(after);
        v->changed(v, e);
    }
}

void service_view_start(struct service_view *v, struct client *c)
{
    pthread_mutex_init(&v->mutex, NULL);
    v->services = client_informer(c, &service_resource, NULL);
    v->slices =
        client_informer(c, &endpoint_slice_resource,
                        &(struct informer_options){.label_selector = STR("kubernetes.io/service-name")});
    informer_handle(v->services, view_on_service, v);
    informer_handle(v->slices, view_on_slice, v);
}

void service_view_stop(struct service_view *v)
{
    informer_unhandle(v->services, view_on_service, v);
    informer_unhandle(v->slices, view_on_slice, v);
}

static void entry_free(struct service_entry *e)
{
    object_unref(e->service);
    objects_clear(&e->slices);
    free((char *)e->key.p);
    free(e);
}

void service_view_free(struct service_view *v)
{
    map_each (&v->entries, slot)
        entry_free(slot->value);
    map_free(&v->entries);
    pthread_mutex_destroy(&v->mutex);
}

bool service_view_synced(struct service_view *v, int64_t deadline)
{
    return informer_synced(v->services, deadline) && informer_synced(v->slices, deadline);
}

struct service_entry *service_view_get(struct service_view *v, struct str key)
{
    return map_get(&v->entries, key);
}

void service_view_drop(struct service_view *v, struct service_entry *e)
{
    map_del(&v->entries, e->key);
    entry_free(e);
}
