#include "fake.h"

#include <stdlib.h>

#include "base/clock.h"

static struct fake *fake_of(struct client *c)
{
    return container_of(c, struct fake, client);
}

/* Gets answer the last body that was created or updated under that name. */
static int fake_get(struct fake *f, const struct call *call, struct object **out, struct err *err)
{
    for (size_t i = f->n; i-- > 0;)
        if (f->calls[i].body && str_eq(f->calls[i].name, call->name)) {
            *out = object_ref(f->calls[i].body);
            return 0;
        }
    return err_set(err, ERR_NOT_FOUND, "not found");
}

static int fake_call(struct client *c, const struct call *call, struct object **out, int64_t *revision,
                     struct err *err)
{
    struct fake *f = fake_of(c);
    _lock_(&f->mutex);
    if (f->refuse) {
        enum err_reason refuse = f->refuse;
        f->refuse = ERR_NONE;
        return err_set(err, refuse, "refused");
    }
    if (call->verb == CALL_GET)
        return fake_get(f, call, out, err);
    if (f->n == FAKE_CALLS)
        return err_set(err, ERR_INTERNAL, "too many calls for a test");
    *revision = ++f->revision;
    struct str name = call->name;
    struct object *body = NULL;
    if (call->typed) {
        body = object_new(call->body_resource, call->typed);
        object_commit(body, *revision);
        name = object_name(body);
        *out = object_ref(body);
    }
    f->calls[f->n].verb = call->verb;
    f->calls[f->n].resource = call->resource;
    f->calls[f->n].name = arena_str(&f->arena, name);
    f->calls[f->n].sub = arena_str(&f->arena, call->sub);
    f->calls[f->n++].body = body;
    return 0;
}

static int fake_list(struct client *c, const struct resource *r, struct str ns,
                     const struct client_list_options *o, struct objects *out, struct err *err)
{
    (void)c, (void)r, (void)ns, (void)o, (void)err;
    *out = (struct objects){0};
    return 0;
}

static void fake_follow(struct client *c, struct informer *i)
{
    (void)c, (void)i;
}

static void fake_stop(struct client *c)
{
    (void)c;
}

static const struct transport fake_transport = {
    .call = fake_call, .list = fake_list, .follow = fake_follow, .stop = fake_stop, .free = fake_stop};

struct fake *fake_new(void)
{
    struct fake *f = mem_zalloc(sizeof *f);
    client_init(&f->client, &fake_transport);
    pthread_mutex_init(&f->mutex, NULL);
    return f;
}

void fake_free(struct fake *f)
{
    client_free(&f->client);
    for (size_t i = 0; i < f->n; i++)
        object_unref(f->calls[i].body);
    pthread_mutex_destroy(&f->mutex);
    arena_free(&f->arena);
    free(f);
}

struct object *fake_map(const char *ns, const char *name, int64_t revision, const char *owner)
{
    bool yes = true;
    struct owner_reference ref = {
        .kind = STR("ReplicaSet"), .name = STR("web"), .uid = str_from(owner), .controller = &yes};
    struct config_map map = {.metadata = {.namespace = str_from(ns), .name = str_from(name)}};
    if (owner) {
        map.metadata.owner_references.at = &ref;
        map.metadata.owner_references.n = 1;
    }
    struct object *o = object_new(&config_map_resource, &map);
    object_commit(o, revision);
    return o;
}
