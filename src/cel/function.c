#include "cel/function.h"

#include "base/map.h"
#include "base/thread.h"

extern const struct library cel_operators, cel_conversions, cel_strings, cel_strings_ext, cel_times,
    cel_regex, cel_lists, cel_sets, cel_optionals, cel_urls, cel_quantities, cel_ips, cel_cidrs, cel_semvers,
    cel_formats, cel_authorizers, cel_messages, cel_orders;

static const struct library *const libraries[] = {
    &cel_operators, &cel_conversions, &cel_strings,   &cel_strings_ext, &cel_times,      &cel_regex,
    &cel_lists,     &cel_sets,        &cel_optionals, &cel_urls,        &cel_quantities, &cel_ips,
    &cel_cidrs,     &cel_semvers,     &cel_formats,   &cel_authorizers, &cel_messages,   &cel_orders,
};

struct set {
    const struct overload **at;
    size_t n, cap;
};

/* Made once and never freed: as constant as the tables it is made from. */
static struct {
    struct arena arena;
    struct map sets;
    pthread_once_t once;
} all = {.once = PTHREAD_ONCE_INIT};

/* --- reading signatures --- */

static struct str word(struct str *s)
{
    size_t n = 0;
    while (
        n < s->n &&
        (s->p[n] == '_' || s->p[n] == '.' || (s->p[n] | 32) >= 'a' || (s->p[n] >= '0' && s->p[n] <= '9')) &&
        s->p[n] != '(')
        n++;
    struct str w = str_slice(s->p, n);
    *s = str_from_at(*s, n);
    return w;
}

static bool skip(struct str *s, char c)
{
    if (!s->n || *s->p != c)
        return false;
    *s = str_from_at(*s, 1);
    return true;
}

static const struct cel_type *named(struct str w)
{
    static const struct cel_type params[] = {
        {.kind = CEL_PARAM, .name = STR_INIT("A")},
        {.kind = CEL_PARAM, .name = STR_INIT("B")},
    };
    static const struct {
        const char *name;
        const struct cel_type *type;
    } names[] = {
        {"A", &params[0]},
        {"B", &params[1]},
        {"null", &cel_null},
        {"timestamp", &cel_timestamp},
        {"duration", &cel_duration},
        {"optional", &cel_optional},
        {"Quantity", &cel_quantity},
        {"IP", &cel_ip},
        {"CIDR", &cel_cidr},
        {"URL", &cel_url},
        {"Semver", &cel_semver},
        {"Format", &cel_named_format},
        {"Authorizer", &cel_authorizer},
        {"PathCheck", &cel_path_check},
        {"GroupCheck", &cel_group_check},
        {"ResourceCheck", &cel_resource_check},
        {"Decision", &cel_decision},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(w, names[i].name))
            return names[i].type;
    const struct cel_type *t = type_named(w);
    ensure(t);
    return t;
}

static const struct cel_type *read_type(struct str *s)
{
    const struct cel_type *t = named(word(s));
    if (!skip(s, '('))
        return t;
    struct cel_type *made = arena_dup(&all.arena, t, sizeof(*t));
    made->elem = read_type(s);
    if (skip(s, ',')) {
        skip(s, ' ');
        made->key = made->elem;
        made->elem = read_type(s);
    }
    ensure(skip(s, ')'));
    return made;
}

static void read_function(const struct function *f)
{
    struct overload *o = arena_new(&all.arena, struct overload);
    struct str s = str_from(f->signature), name;
    o->function = f;
    ptrdiff_t colon = str_index(s, ':'), paren = str_index(s, '(');
    /* list(A):sum() int: the receiver may have parentheses of its own. */
    if (colon >= 0) {
        o->member = true;
        o->params[o->n++] = read_type(&s);
        ensure(skip(&s, ':'));
        paren = str_index(s, '(');
    }
    name = str_slice(s.p, (size_t)paren);
    s = str_from_at(s, (size_t)paren + 1);
    o->name = name;
    while (!skip(&s, ')')) {
        ensure(o->n < ARGS_MAX);
        o->params[o->n++] = read_type(&s);
        skip(&s, ',');
        skip(&s, ' ');
    }
    skip(&s, ' ');
    o->result = read_type(&s);
    o->alternative = f->cost == COST_FREE;
    o->lenient = str_starts(name, STR("_[")) || str_is(name, "@in");
    struct set *set = map_get(&all.sets, name);
    if (!set) {
        set = arena_new(&all.arena, struct set);
        map_put(&all.sets, name, set);
    }
    mem_grow((void **)&set->at, &set->cap, set->n + 1, sizeof(*set->at));
    set->at[set->n++] = o;
}

static void make_all(void)
{
    for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
        for (size_t j = 0; j < libraries[i]->n; j++)
            read_function(&libraries[i]->at[j]);
}

struct overloads functions_named(struct str name)
{
    pthread_once(&all.once, make_all);
    const struct set *set = map_get(&all.sets, name);
    return set ? (struct overloads){set->at, set->n} : (struct overloads){NULL, 0};
}

bool overload_fits(const struct overload *o, const struct cel_value *args, size_t n)
{
    if (n != o->n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct cel_type *p = o->params[i];
        if (p->kind == CEL_DYN || p->kind == CEL_PARAM)
            continue;
        bool object_as_map = p->kind == CEL_MAP && args[i].kind == CEL_OBJECT;
        if ((p->kind != args[i].kind && !object_as_map) || (p->kind == CEL_OPAQUE && p != args[i].type))
            return false;
    }
    return true;
}
