/* What other API servers say of themselves, added to our own document (upstream: kube-aggregator's openapi
 * aggregator, and kube-openapi's merging of specifications). */
#include "schema/openapi/openapi.h"
#include "schema/value.h"

static const struct str definition_prefix = STR_INIT("#/definitions/"),
                        parameter_prefix = STR_INIT("#/parameters/");

enum { PARAMETERS_MOST = 32 << 20 }; /* what they may come to, in bytes */

/* A definition that is taken over, under a name that is free. */
struct taken {
    struct str name, as;
    struct value *definition;
    struct taken *next;
};

struct merge {
    struct arena arena;
    struct buf *doc;
    struct value *definitions, *parameters; /* the other server's; NULL: none */
    struct taken *first, **last;
    size_t put; /* bytes of parameters */
};

/* Whether our document has the member, as it is written: with nothing between key and value. */
static bool doc_has(struct merge *m, struct str key)
{
    struct value quoted = VALUE_STR(key);
    struct str text = arena_printf(&m->arena, STR_FMT ":{", STR_ARG(value_json(&m->arena, &quoted)));
    return str_find(buf_str(m->doc), text) >= 0;
}

static bool is_taken(const struct merge *m, struct str as)
{
    for (const struct taken *t = m->first; t; t = t->next)
        if (str_eq(t->as, as))
            return true;
    return false;
}

/* Definitions of one name differ, as descriptions do: then it is NAME_v2, NAME_v3 ... */
static struct str take(struct merge *m, struct str name)
{
    for (const struct taken *t = m->first; t; t = t->next)
        if (str_eq(t->name, name))
            return t->as;
    struct taken *t = arena_new(&m->arena, struct taken);
    *t = (struct taken){.name = name, .as = name, .definition = value_get(m->definitions, name)};
    for (unsigned i = 2; is_taken(m, t->as) || doc_has(m, t->as); i++)
        t->as = arena_printf(&m->arena, STR_FMT "_v%u", STR_ARG(name), i);
    *m->last = t;
    m->last = &t->next;
    return t->as;
}

/* A copy: each is visited on its own. */
static void put_parameter(struct merge *m, struct value *to, const struct value *p)
{
    *to = VALUE_OBJECT;
    if (!p || value_get(p, STR("$ref")))
        return;
    struct str text = value_json(&m->arena, p);
    m->put += text.n;
    if (m->put < PARAMETERS_MOST)
        value_parse(&m->arena, text, to, NULL);
}

/* References lead to the definitions' new names; parameters that are referred to are put in their place. */
static void visit(struct merge *m, struct value *v, unsigned depth)
{
    if (depth > VALUE_DEPTH)
        return;
    if (v->kind == JSON_ARRAY)
        for (size_t i = 0; i < v->list.n; i++)
            visit(m, &v->list.at[i], depth + 1);
    if (v->kind != JSON_OBJECT)
        return;
    struct value *ref = value_get(v, STR("$ref"));
    if (ref && ref->kind == JSON_STRING && str_starts(ref->s, definition_prefix)) {
        struct str as = take(m, str_from_at(ref->s, definition_prefix.n));
        ref->s = arena_concat(&m->arena, definition_prefix, as);
        return;
    }
    if (ref && ref->kind == JSON_STRING && str_starts(ref->s, parameter_prefix)) {
        put_parameter(m, v, value_get(m->parameters, str_from_at(ref->s, parameter_prefix.n)));
    }
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n; i++)
        visit(m, &v->members.at[i].value, depth + 1);
}

static void add_member(struct merge *m, struct buf *to, struct str key, const struct value *v)
{
    struct value name = VALUE_STR(key);
    buf_addf(to, "," STR_FMT ":", STR_ARG(value_json(&m->arena, &name)));
    value_write(to, v);
}

/* Before the end of one of our document's members, which is the first place where `end` stands. */
static void insert(struct merge *m, struct str end, struct str text)
{
    struct str doc = buf_str(m->doc);
    ptrdiff_t at = str_find(doc, end);
    if (at < 0 || !text.n)
        return;
    bool empty = at > 0 && doc.p[at - 1] == '{';
    struct buf out = {0};
    buf_add(&out, doc.p, (size_t)at);
    buf_add_str(&out, empty ? str_from_at(text, 1) : text);
    buf_add_str(&out, str_from_at(doc, (size_t)at));
    buf_free(m->doc);
    *m->doc = out;
}

/* Whether our document can still be read with these members in it: parameters that were put in their place
 * may nest too deep. */
static bool fits(struct merge *m, struct str members)
{
    struct value v;
    struct str text = arena_printf(&m->arena, "{\"\":{\"\":0" STR_FMT "}}", STR_ARG(members));
    return value_parse(&m->arena, text, &v, NULL) == 0;
}

static void merge_one(struct merge *m, const struct openapi_remote *r, struct value *spec)
{
    _cleanup_buf_ struct buf paths = {0}, definitions = {0};
    struct value *all = value_get(spec, STR("paths"));
    struct str group = arena_printf(&m->arena, "/apis/" STR_FMT "/", STR_ARG(r->group)),
               version = arena_printf(&m->arena, STR_FMT STR_FMT "/", STR_ARG(group), STR_ARG(r->version));
    m->definitions = value_get(spec, STR("definitions"));
    m->parameters = value_get(spec, STR("parameters"));
    for (size_t i = 0; all && all->kind == JSON_OBJECT && i < all->members.n; i++) {
        struct value_member *p = &all->members.at[i];
        if ((!str_starts(p->key, version) && !str_eq(p->key, group)) || doc_has(m, p->key))
            continue;
        visit(m, &p->value, 0);
        add_member(m, &paths, p->key, &p->value);
    }
    /* the list grows as it is gone through */
    for (struct taken *t = m->first; t; t = t->next) {
        struct value none = VALUE_OBJECT;
        if (t->definition)
            visit(m, t->definition, 0);
        add_member(m, &definitions, t->as, t->definition ? t->definition : &none);
    }
    if (!fits(m, buf_str(&paths)) || !fits(m, buf_str(&definitions)))
        return;
    insert(m, STR("},\"securityDefinitions\":"), buf_str(&definitions));
    insert(m, STR("},\"definitions\":{"), buf_str(&paths));
}

void openapi_merge_v2(struct buf *doc, const struct openapi_remote *remotes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct merge m = {.doc = doc, .last = &m.first};
        struct value spec;
        if (value_parse(&m.arena, remotes[i].v2, &spec, NULL) == 0)
            merge_one(&m, &remotes[i], &spec);
        arena_free(&m.arena);
    }
}
