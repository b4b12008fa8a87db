#include "scheduler/storage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static void stored_free(struct stored *s)
{
    if (s)
        object_unref(s->object);
    free(s);
}

static void map_clear(struct map *m)
{
    map_each (m, slot)
        stored_free(slot->value);
    map_free(m);
}

void storage_free(struct model_storage *s)
{
    map_clear(&s->claims);
    map_clear(&s->volumes);
    map_clear(&s->classes);
}

static size_t key_write(char *out, size_t cap, struct str ns, struct str name)
{
    int n = ns.n ? snprintf(out, cap, STR_FMT "/" STR_FMT, STR_ARG(ns), STR_ARG(name))
                 : snprintf(out, cap, STR_FMT, STR_ARG(name));
    return (size_t)n;
}

enum { STORED_KEY_MAX = 512 }; /* names of the API are shorter, both together */

static struct object *find(const struct map *m, struct str ns, struct str name)
{
    char key[STORED_KEY_MAX];
    size_t n = key_write(key, sizeof key, ns, name);
    struct stored *s = n < sizeof key ? map_get(m, str_slice(key, n)) : NULL;
    return s ? s->object : NULL;
}

static struct map *map_for(struct model_storage *s, const struct resource *r)
{
    return r == &persistent_volume_claim_resource ? &s->claims
           : r == &persistent_volume_resource     ? &s->volumes
                                                  : &s->classes;
}

void storage_follow(struct model_storage *s, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    struct map *m = map_for(s, object_resource(o));
    char key[STORED_KEY_MAX];
    size_t n = key_write(key, sizeof key, object_namespace(o), object_name(o));
    if (n >= sizeof key)
        return;
    stored_free(map_del(m, str_slice(key, n)));
    if (!after)
        return;
    struct stored *fresh = mem_zalloc(sizeof *fresh + n);
    fresh->object = object_ref(after);
    memcpy(fresh->key, key, n);
    map_put(m, str_slice(fresh->key, n), fresh);
}

struct object *storage_claim_object(const struct model_storage *s, struct str ns, struct str name)
{
    struct object *o = find(&s->claims, ns, name);
    return o ? object_ref(o) : NULL;
}

struct object *storage_volume_object(const struct model_storage *s, struct str name)
{
    struct object *o = find(&s->volumes, (struct str){0}, name);
    return o ? object_ref(o) : NULL;
}

const struct persistent_volume_claim *storage_claim(const struct model_storage *s, struct str ns,
                                                    struct str name)
{
    struct object *o = find(&s->claims, ns, name);
    return o ? object_typed(o) : NULL;
}

const struct persistent_volume *storage_volume(const struct model_storage *s, struct str name)
{
    struct object *o = find(&s->volumes, (struct str){0}, name);
    return o ? object_typed(o) : NULL;
}

const struct storage_class *storage_class_named(const struct model_storage *s, struct str name)
{
    struct object *o = find(&s->classes, (struct str){0}, name);
    return o ? object_typed(o) : NULL;
}
