#include <stdlib.h>

#include "client/transport.h"
#include "kinds/meta_v1.h"

void client_init(struct client *c, const struct transport *t)
{
    *c = (struct client){.transport = t, .shared = c};
    pthread_mutex_init(&c->mutex, NULL);
}

struct client *client_as(struct client *c, struct str ns, struct str name)
{
    if (!c->transport->as)
        return c;
    struct client *as = c->transport->as(c, ns, name);
    as->shared = c;
    _lock_(&c->mutex);
    as->next = c->others;
    c->others = as;
    return as;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    while (c->others) {
        struct client *as = c->others;
        c->others = as->next;
        pthread_mutex_destroy(&as->mutex);
        c->transport->free(as);
    }
    event_sink_free(c->sink);
    c->transport->stop(c);
    while (c->informers) {
        struct informer *i = c->informers;
        c->informers = i->next;
        informer_free(i);
    }
    pthread_mutex_destroy(&c->mutex);
    c->transport->free(c);
}

void objects_clear(struct objects *list)
{
    for (size_t i = 0; i < list->n; i++)
        object_unref(list->at[i]);
    free(list->at);
    *list = (struct objects){0};
}

static int client_call(struct client *c, const struct call *call, struct object **out, struct err *err)
{
    _cleanup_object_ struct object *answer = NULL;
    int64_t revision = 0;
    if (out)
        *out = NULL;
    if (c->transport->call(c, call, &answer, &revision, err) < 0)
        return -1;
    if (call->verb != CALL_GET && revision)
        client_wrote(c, call->resource, revision);
    if (out) {
        *out = answer;
        answer = NULL;
    }
    return 0;
}

int client_get(struct client *c, const struct resource *r, struct str ns, struct str name,
               struct object **out, struct err *err)
{
    return client_call(c, &(struct call){.verb = CALL_GET, .resource = r, .ns = ns, .name = name}, out, err);
}

int client_list(struct client *c, const struct resource *r, struct str ns,
                const struct client_list_options *o, struct objects *out, struct err *err)
{
    static const struct client_list_options everything;
    return c->transport->list(c, r, ns, o ? o : &everything, out, err);
}

int client_create(struct client *c, const struct resource *r, struct str ns, const void *typed,
                  struct object **out, struct err *err)
{
    return client_call(
        c, &(struct call){.verb = CALL_CREATE, .resource = r, .ns = ns, .body_resource = r, .typed = typed},
        out, err);
}

int client_create_sub(struct client *c, const struct resource *r, struct str ns, struct str name,
                      struct str sub, const struct resource *type, const void *typed, struct object **out,
                      struct err *err)
{
    return client_call(c,
                       &(struct call){.verb = CALL_CREATE,
                                      .resource = r,
                                      .ns = ns,
                                      .name = name,
                                      .sub = sub,
                                      .body_resource = type,
                                      .typed = typed},
                       out, err);
}

int client_update(struct client *c, const struct resource *r, struct str sub, const void *typed,
                  struct object **out, struct err *err)
{
    /* A scale is the only body of an update that is of another type than the resource itself. */
    const struct resource *body =
        str_is(sub, "scale") ? resource_find_kind(STR("autoscaling/v1"), STR("Scale")) : r;
    const struct object_meta *meta = resource_meta(body, typed);
    return client_call(c,
                       &(struct call){.verb = CALL_UPDATE,
                                      .resource = r,
                                      .ns = meta->namespace,
                                      .name = meta->name,
                                      .sub = sub,
                                      .body_resource = body,
                                      .typed = typed},
                       out, err);
}

int client_patch(struct client *c, const struct resource *r, struct str ns, struct str name, struct str sub,
                 enum patch_type type, struct str body, struct object **out, struct err *err)
{
    return client_call(c,
                       &(struct call){.verb = CALL_PATCH,
                                      .resource = r,
                                      .ns = ns,
                                      .name = name,
                                      .sub = sub,
                                      .patch_type = type,
                                      .body = body},
                       out, err);
}

int client_delete(struct client *c, const struct resource *r, struct str ns, struct str name,
                  const struct client_delete_options *o, struct err *err)
{
    return client_call(c,
                       &(struct call){.verb = CALL_DELETE,
                                      .resource = r,
                                      .ns = ns,
                                      .name = name,
                                      .options = o ? *o : DELETE_OPTIONS_DEFAULT},
                       NULL, err);
}

int client_delete_collection(struct client *c, const struct resource *r, struct str ns,
                             const struct client_list_options *which, const struct client_delete_options *o,
                             struct err *err)
{
    return client_call(c,
                       &(struct call){.verb = CALL_DELETE_COLLECTION,
                                      .resource = r,
                                      .ns = ns,
                                      .which = which ? *which : (struct client_list_options){0},
                                      .options = o ? *o : DELETE_OPTIONS_DEFAULT},
                       NULL, err);
}

/* --- several at once --- */

void client_results_clear(struct client_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        object_unref(results[i].object);
        err_clear(&results[i].err);
    }
}

static void client_calls(struct client *c, const struct call *calls, size_t n, struct client_result *results)
{
    _cleanup_free_ int64_t *revisions = mem_zalloc((n + 1) * sizeof *revisions);
    memset(results, 0, n * sizeof *results);
    if (c->transport->calls)
        c->transport->calls(c, calls, n, results, revisions);
    else
        for (size_t i = 0; i < n; i++)
            c->transport->call(c, &calls[i], &results[i].object, &revisions[i], &results[i].err);
    int64_t newest = 0;
    for (size_t i = 0; i < n; i++)
        if (revisions[i] > newest)
            newest = revisions[i];
    if (newest)
        client_wrote(c, calls[0].resource, newest);
}

void client_create_many(struct client *c, const struct resource *r, struct str ns, const void *const *typed,
                        size_t n, struct client_result *results)
{
    _cleanup_free_ struct call *calls = mem_zalloc((n + 1) * sizeof *calls);
    for (size_t i = 0; i < n; i++)
        calls[i] = (struct call){
            .verb = CALL_CREATE, .resource = r, .ns = ns, .body_resource = r, .typed = typed[i]};
    client_calls(c, calls, n, results);
}

void client_delete_many(struct client *c, struct object *const *which, size_t n,
                        const struct client_delete_options *o, struct client_result *results)
{
    _cleanup_free_ struct call *calls = mem_zalloc((n + 1) * sizeof *calls);
    for (size_t i = 0; i < n; i++) {
        calls[i] = (struct call){.verb = CALL_DELETE,
                                 .resource = object_resource(which[i]),
                                 .ns = object_namespace(which[i]),
                                 .name = object_name(which[i]),
                                 .options = o ? *o : DELETE_OPTIONS_DEFAULT};
        calls[i].options.uid = object_meta(which[i])->uid;
    }
    client_calls(c, calls, n, results);
}
