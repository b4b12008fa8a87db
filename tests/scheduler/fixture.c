#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "scheduler/words.h"
#include "schema/json.h"

void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    model_init(&f->model);
}

void fixture_free(struct fixture *f)
{
    model_free(&f->model);
    arena_free(&f->arena);
}

static void *parse(struct fixture *f, const struct type *t, const char *fmt, va_list args)
{
    struct str text = arena_vprintf(&f->arena, fmt, args);
    char *p = arena_c(&f->arena, text);
    for (size_t i = 0; i < text.n; i++)
        p[i] = p[i] == '\'' ? '"' : p[i];
    struct err err = {0};
    void *value = arena_alloc(&f->arena, t->size);
    if (json_decode(&f->arena, t, str_slice(p, text.n), 0, value, NULL, &err) < 0)
        fail_msg("%s: " STR_FMT, p, STR_ARG(err.message));
    return value;
}

struct sched_node *add_node(struct fixture *f, const char *json, ...)
{
    va_list args;
    va_start(args, json);
    struct node *n = parse(f, node_resource.type, json, args);
    va_end(args);
    return model_set_node(&f->model, n, NULL);
}

struct sched_node *add_plain_node(struct fixture *f, const char *name, const char *cpu, const char *memory,
                                  const char *labels)
{
    return add_node(f,
                    "{'metadata':{'name':'%s','labels':{%s}},"
                    "'status':{'allocatable':{'cpu':'%s','memory':'%s','pods':'110'}}}",
                    name, labels, cpu, memory);
}

struct sched_pod *add_pod(struct fixture *f, const char *node, const char *json, ...)
{
    va_list args;
    va_start(args, json);
    struct pod *pod = parse(f, pod_resource.type, json, args);
    va_end(args);
    if (!pod->metadata.namespace.n)
        pod->metadata.namespace = STR("default");
    struct sched_pod *p = model_set_pod(&f->model, pod, NULL);
    if (node)
        model_place_by_name(&f->model, p, str_from(node));
    return p;
}

void add_stored(struct fixture *f, const struct resource *r, const char *json, ...)
{
    va_list args;
    va_start(args, json);
    void *typed = parse(f, r->type, json, args);
    va_end(args);
    if (r->flags & RESOURCE_NAMESPACED)
        resource_meta(r, typed)->namespace = STR("default");
    struct object *o = object_new(r, typed);
    storage_follow(&f->model.storage, NULL, o);
    object_unref(o);
}

const char *outcome(struct fixture *f, struct sched_pod *p)
{
    static char text[512];
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct cycle c;
    cycle_begin(&c, &f->model, p, &a);
    cycle_filter(&c);
    struct sched_node *n = cycle_choose(&c);
    if (n)
        buf_add_str(&b, n->name);
    else
        words_unavailable(&c, c.reasons, &b);
    snprintf(text, sizeof text, STR_FMT, STR_ARG(buf_str(&b)));
    return text;
}

const char *choices(struct fixture *f, struct sched_pod *p)
{
    static char text[512];
    text[0] = 0;
    bool chosen[64] = {false};
    for (int i = 0; i < 400; i++) {
        struct sched_node *n = model_node(&f->model, str_from(outcome(f, p)));
        assert_non_null(n);
        chosen[n->index] = true;
    }
    for (size_t i = 0; i < f->model.n_nodes; i++)
        if (chosen[i])
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s" STR_FMT, text[0] ? " " : "",
                     STR_ARG(f->model.nodes[i]->name));
    return text;
}
