#include "schema/custom/custom_valid.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/regex.h"
#include "schema/json.h"
#include "schema/quote.h"

/* --- patterns --- */

struct compiled {
    const struct json_schema_props *schema;
    struct regex *regex; /* NULL: it is none, and nothing matches */
};

struct custom_patterns {
    struct compiled *at; /* by address of the schema */
    size_t n, cap;
};

static void gather(struct custom_patterns *p, const struct json_schema_props *s);

static void gather_all(struct custom_patterns *p, const struct json_schema_props_vec *list)
{
    for (size_t i = 0; i < list->n; i++)
        gather(p, &list->at[i]);
}

static void gather(struct custom_patterns *p, const struct json_schema_props *s)
{
    if (!s)
        return;
    if (s->pattern.n) {
        mem_grow((void **)&p->at, &p->cap, p->n + 1, sizeof *p->at);
        p->at[p->n] = (struct compiled){s, NULL};
        regex_new(s->pattern, &p->at[p->n++].regex, NULL);
    }
    gather_all(p, &s->all_of);
    gather_all(p, &s->any_of);
    gather_all(p, &s->one_of);
    gather(p, s->not_);
    if (s->items)
        gather(p, s->items->schema);
    if (s->additional_properties)
        gather(p, s->additional_properties->schema);
    for (size_t i = 0; i < s->properties.n; i++)
        gather(p, &s->properties.at[i].value);
}

static int by_address(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t)((const struct compiled *)x)->schema,
              b = (uintptr_t)((const struct compiled *)y)->schema;
    return (a > b) - (a < b);
}

struct custom_patterns *custom_patterns_new(const struct json_schema_props *schema)
{
    struct custom_patterns *p = mem_zalloc(sizeof *p);
    gather(p, schema);
    if (p->n)
        qsort(p->at, p->n, sizeof *p->at, by_address);
    return p;
}

void custom_patterns_free(struct custom_patterns *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        regex_free(p->at[i].regex);
    free(p->at);
    free(p);
}

static bool pattern_matches(const struct custom_patterns *p, const struct json_schema_props *s,
                            struct str text)
{
    const struct compiled key = {s, NULL};
    const struct compiled *c = p->n ? bsearch(&key, p->at, p->n, sizeof *p->at, by_address) : NULL;
    return c && c->regex && regex_matches(c->regex, text) > 0;
}

/* --- what is found --- */

/* Of one value against one schema: the errors, and how many checks were gone through. The more, the more it
 * looks like what was meant. */
struct findings {
    struct field_errors e;
    unsigned checks;
};

struct validation {
    const struct custom_patterns *patterns;
    const struct path *base; /* where the whole value stands */
    struct arena a;
};

static void findings_free(struct findings *f)
{
    field_errors_free(&f->e);
}

static void add_findings(struct findings *to, const struct findings *from)
{
    for (size_t i = 0; i < from->e.n && to->e.n < FIELD_ERRORS_MAX; i++) {
        const struct field_error *x = &from->e.at[i];
        mem_grow((void **)&to->e.at, &to->e.cap, to->e.n + 1, sizeof *to->e.at);
        to->e.at[to->e.n++] = (struct field_error){x->type, arena_str(&to->e.arena, x->field),
                                                   arena_str(&to->e.arena, x->body)};
    }
    to->checks += from->checks;
}

/* The value's name in messages: "spec.ports[0]"; "" for the whole. */
static struct str name_of(struct validation *v, const struct path *at)
{
    return at ? path_text(&v->a, at) : STR("");
}

static struct path place(struct validation *v, struct str name)
{
    return path_child(v->base, name.n && name.p[0] == '.' ? str_from_at(name, 1) : name);
}

#define FIND(f, v, type, name, value, ...)                                                                   \
    do {                                                                                                     \
        struct path place_ = place((v), (name));                                                             \
        field_error(&(f)->e, (type), (name).n ? &place_ : (v)->base, (value), __VA_ARGS__);                  \
    } while (0)

/* What is wrong with several schemas at once has no place of its own upstream. */
#define FIND_JUNCTION(f, ...) field_error(&(f)->e, FIELD_ERROR_INVALID, NULL, BAD(STR("")), __VA_ARGS__)

static struct bad_value bad_json(struct validation *v, const struct value *x)
{
    return x->kind == JSON_STRING ? BAD(x->s) : BAD_RAW(value_json(&v->a, x));
}

static struct str number_text(struct validation *v, double d)
{
    _cleanup_buf_ struct buf b = {0};
    json_encode_double(&b, d);
    return arena_str(&v->a, buf_str(&b));
}

/* --- one check each --- */

static void validate(struct validation *v, const struct json_schema_props *s, const struct path *at,
                     const struct value *x, const struct value *old, struct findings *f);

static const char *type_of(const struct value *x)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOL] = "boolean", [JSON_INT] = "integer",  [JSON_DOUBLE] = "number",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array",  [JSON_OBJECT] = "object"};
    return names[x->kind];
}

static bool is_whole(const struct value *x)
{
    return x->kind == JSON_INT ||
           (x->kind == JSON_DOUBLE && floor(x->d) == x->d && fabs(x->d) <= 9007199254740991.0);
}

static void check_type(struct validation *v, const struct json_schema_props *s, struct str name,
                       const struct value *x, struct findings *f)
{
    const char *type = type_of(x);
    bool either = s->x_kubernetes_int_or_string;
    struct str wanted = either ? STR("integer,string") : s->type;
    if (!wanted.n)
        return;
    if (x->kind == JSON_NULL && s->nullable)
        return;
    bool numeric = either || str_is(wanted, "number") || str_is(wanted, "integer");
    if (!numeric && custom_format_known(s->format) && (x->kind == JSON_STRING || x->kind == JSON_ARRAY))
        return;
    bool fits = either ? x->kind == JSON_STRING || is_whole(x)
                       : str_is(wanted, type) || (str_is(wanted, "integer") && is_whole(x)) ||
                             (str_is(wanted, "number") && x->kind == JSON_INT);
    if (fits)
        f->checks++;
    else
        FIND(f, v, FIELD_ERROR_TYPE_INVALID, name, BAD(str_from(type)),
             STR_FMT " in body must be of type " STR_FMT ": \"%s\"", STR_ARG(name), STR_ARG(wanted), type);
}

/* The alternative that came nearest speaks for all. */
static void take_best(struct findings *best, bool *any, struct findings *one)
{
    if (*any && one->checks <= best->checks) {
        findings_free(one);
        return;
    }
    findings_free(best);
    *best = *one;
    *any = true;
}

static void check_any_of(struct validation *v, const struct json_schema_props *s, const struct path *at,
                         const struct value *x, const struct value *old, struct findings *f)
{
    struct findings best = {0};
    bool any = false;
    for (size_t i = 0; i < s->any_of.n; i++) {
        struct findings one = {0};
        validate(v, &s->any_of.at[i], at, x, old, &one);
        if (!one.e.n) {
            f->checks += one.checks;
            findings_free(&one);
            findings_free(&best);
            return;
        }
        take_best(&best, &any, &one);
    }
    if (!any)
        return;
    FIND_JUNCTION(f, "\"" STR_FMT "\" must validate at least one schema (anyOf)", STR_ARG(name_of(v, at)));
    add_findings(f, &best);
    findings_free(&best);
}

static void check_one_of(struct validation *v, const struct json_schema_props *s, const struct path *at,
                         const struct value *x, const struct value *old, struct findings *f)
{
    struct findings best = {0};
    bool any = false;
    size_t valid = 0;
    for (size_t i = 0; i < s->one_of.n; i++) {
        struct findings one = {0};
        validate(v, &s->one_of.at[i], at, x, old, &one);
        bool fits = !one.e.n;
        if (!fits && !valid)
            take_best(&best, &any, &one);
        else
            findings_free(&one);
        valid += fits;
    }
    if (s->one_of.n && valid != 1) {
        struct str found =
            valid ? arena_printf(&v->a, "Found %zu valid alternatives", valid) : STR("Found none valid");
        FIND_JUNCTION(f, "\"" STR_FMT "\" must validate one and only one schema (oneOf). " STR_FMT,
                      STR_ARG(name_of(v, at)), STR_ARG(found));
        if (!valid)
            add_findings(f, &best);
    }
    findings_free(&best);
}

static void check_all_of(struct validation *v, const struct json_schema_props *s, const struct path *at,
                         const struct value *x, const struct value *old, struct findings *f)
{
    size_t valid = 0;
    for (size_t i = 0; i < s->all_of.n; i++) {
        struct findings one = {0};
        validate(v, &s->all_of.at[i], at, x, old, &one);
        valid += one.e.n == 0;
        add_findings(f, &one);
        findings_free(&one);
    }
    if (valid != s->all_of.n)
        FIND_JUNCTION(f, "\"" STR_FMT "\" must validate all the schemas (allOf)%s", STR_ARG(name_of(v, at)),
                      valid ? "" : ". None validated");
}

static void check_not(struct validation *v, const struct json_schema_props *s, const struct path *at,
                      const struct value *x, const struct value *old, struct findings *f)
{
    struct findings one = {0};
    if (!s->not_)
        return;
    validate(v, s->not_, at, x, old, &one);
    if (!one.e.n)
        FIND_JUNCTION(f, "\"" STR_FMT "\" must not validate the schema (not)", STR_ARG(name_of(v, at)));
    findings_free(&one);
}

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void check_string(struct validation *v, const struct json_schema_props *s, struct str name,
                         const struct value *x, struct findings *f)
{
    if (x->kind != JSON_STRING)
        return;
    int64_t n = (int64_t)characters(x->s);
    f->checks++;
    if (s->max_length && n > *s->max_length) {
        FIND(f, v, FIELD_ERROR_TOO_LONG, name, BAD_NONE, "may not be more than %lld %s",
             (long long)*s->max_length, *s->max_length == 1 ? "byte" : "bytes");
        return;
    }
    if (s->min_length && n < *s->min_length) {
        FIND(f, v, FIELD_ERROR_INVALID, name, BAD(x->s),
             STR_FMT " in body should be at least %lld chars long", STR_ARG(name), (long long)*s->min_length);
        return;
    }
    if (s->pattern.n && !pattern_matches(v->patterns, s, x->s))
        FIND(f, v, FIELD_ERROR_INVALID, name, BAD(x->s), STR_FMT " in body should match '" STR_FMT "'",
             STR_ARG(name), STR_ARG(s->pattern));
}

static void check_format(struct validation *v, const struct json_schema_props *s, struct str name,
                         const struct value *x, struct findings *f)
{
    if (x->kind != JSON_STRING || !s->format.n)
        return;
    f->checks++;
    if (!custom_format_ok(s->format, x->s))
        FIND(f, v, FIELD_ERROR_TYPE_INVALID, name, BAD(x->s),
             STR_FMT " in body must be of type " STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(s->format),
             STR_ARG(quote_go_str(&v->a, x->s)));
}

static void check_number(struct validation *v, const struct json_schema_props *s, struct str name,
                         const struct value *x, struct findings *f)
{
    if (x->kind != JSON_INT && x->kind != JSON_DOUBLE)
        return;
    double d = x->kind == JSON_INT ? (double)x->i : x->d;
    f->checks++;
    if (s->multiple_of && *s->multiple_of > 0) {
        double times = d / *s->multiple_of;
        if (floor(times) != times)
            FIND(f, v, FIELD_ERROR_INVALID, name, bad_json(v, x),
                 STR_FMT " in body should be a multiple of " STR_FMT, STR_ARG(name),
                 STR_ARG(number_text(v, *s->multiple_of)));
    }
    if (s->maximum && (s->exclusive_maximum ? d >= *s->maximum : d > *s->maximum))
        FIND(f, v, FIELD_ERROR_INVALID, name, bad_json(v, x),
             STR_FMT " in body should be less than %s" STR_FMT, STR_ARG(name),
             s->exclusive_maximum ? "" : "or equal to ", STR_ARG(number_text(v, *s->maximum)));
    if (s->minimum && (s->exclusive_minimum ? d <= *s->minimum : d < *s->minimum))
        FIND(f, v, FIELD_ERROR_INVALID, name, bad_json(v, x),
             STR_FMT " in body should be greater than %s" STR_FMT, STR_ARG(name),
             s->exclusive_minimum ? "" : "or equal to ", STR_ARG(number_text(v, *s->minimum)));
}

const struct value *custom_same_item(const struct json_schema_props *s, const struct value *old,
                                     const struct value *item)
{
    if (!old || old->kind != JSON_ARRAY || item->kind != JSON_OBJECT || !s->x_kubernetes_list_type ||
        !str_is(*s->x_kubernetes_list_type, "map"))
        return NULL;
    for (size_t i = 0; i < old->list.n; i++) {
        bool same = true;
        for (size_t k = 0; same && k < s->x_kubernetes_list_map_keys.n; k++) {
            const struct value *x = value_get(item, s->x_kubernetes_list_map_keys.at[k]),
                               *y = value_get(&old->list.at[i], s->x_kubernetes_list_map_keys.at[k]);
            same = x && y ? value_eq(x, y) : x == y;
        }
        if (same)
            return &old->list.at[i];
    }
    return NULL;
}

static void check_array(struct validation *v, const struct json_schema_props *s, const struct path *at,
                        struct str name, const struct value *x, const struct value *old, struct findings *f)
{
    if (x->kind != JSON_ARRAY)
        return;
    int64_t n = (int64_t)x->list.n;
    f->checks++;
    const struct json_schema_props *items = s->items ? s->items->schema : NULL;
    for (size_t i = 0; items && i < x->list.n; i++) {
        struct path item = path_index(at, i);
        validate(v, items, &item, &x->list.at[i], custom_same_item(s, old, &x->list.at[i]), f);
    }
    if (s->min_items && n < *s->min_items)
        FIND(f, v, FIELD_ERROR_INVALID, name, BAD_INT(n), STR_FMT " in body should have at least %lld items",
             STR_ARG(name), (long long)*s->min_items);
    if (s->max_items && n > *s->max_items)
        FIND(f, v, FIELD_ERROR_TOO_MANY, name, BAD_INT(n), "must have at most %lld %s",
             (long long)*s->max_items, *s->max_items == 1 ? "item" : "items");
}

static void check_enum(struct validation *v, const struct json_schema_props *s, struct str name,
                       const struct value *x, struct findings *f)
{
    if (!s->enum_.n)
        return;
    struct str *texts = arena_new_n(&v->a, struct str, s->enum_.n);
    f->checks++;
    for (size_t i = 0; i < s->enum_.n; i++) {
        struct value one;
        if (value_parse(&v->a, s->enum_.at[i], &one, NULL) < 0)
            continue;
        if (value_eq(&one, x))
            return;
        texts[i] = one.kind == JSON_STRING ? one.s : s->enum_.at[i];
    }
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < s->enum_.n; i++) {
        buf_add_str(&b, i ? STR(", ") : STR("supported values: "));
        quote_go(&b, texts[i]);
    }
    FIND(f, v, FIELD_ERROR_NOT_SUPPORTED, name, bad_json(v, x), STR_FMT, STR_ARG(buf_str(&b)));
}

static const struct json_schema_props *property(const struct json_schema_props *s, struct str name)
{
    size_t from = 0, to = s->properties.n;
    while (from < to) { /* they are in order */
        size_t mid = from + (to - from) / 2;
        int order = str_cmp(s->properties.at[mid].key, name);
        if (!order)
            return &s->properties.at[mid].value;
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

static void check_object(struct validation *v, const struct json_schema_props *s, const struct path *at,
                         struct str name, const struct value *x, const struct value *old, struct findings *f)
{
    if (x->kind != JSON_OBJECT)
        return;
    int64_t n = (int64_t)x->members.n;
    if (s->min_properties && n < *s->min_properties) {
        FIND(f, v, FIELD_ERROR_INVALID, name, BAD_INT(n),
             STR_FMT " in body should have at least %lld properties", STR_ARG(name),
             (long long)*s->min_properties);
        return;
    }
    if (s->max_properties && n > *s->max_properties) {
        FIND(f, v, FIELD_ERROR_TOO_MANY, name, BAD_INT(n), "must have at most %lld %s",
             (long long)*s->max_properties, *s->max_properties == 1 ? "item" : "items");
        return;
    }
    f->checks++;
    for (size_t i = 0; i < x->members.n; i++) {
        const struct value_member *m = &x->members.at[i];
        const struct json_schema_props *p = property(s, m->key);
        struct path child = path_child(at, m->key);
        if (!p && s->additional_properties)
            p = s->additional_properties->schema;
        if (p)
            validate(v, p, &child, &m->value, value_get(old, m->key), f);
    }
    for (size_t i = 0; i < s->required.n; i++)
        if (!value_get(x, s->required.at[i])) {
            struct str missing =
                arena_printf(&v->a, STR_FMT "." STR_FMT, STR_ARG(name), STR_ARG(s->required.at[i]));
            FIND(f, v, FIELD_ERROR_REQUIRED, missing, BAD_NONE, "%s", "");
        }
}

static void validate(struct validation *v, const struct json_schema_props *s, const struct path *at,
                     const struct value *x, const struct value *old, struct findings *f)
{
    if (old && value_eq(x, old))
        return; /* it was accepted before, whatever is asked today */
    struct str name = name_of(v, at);
    check_type(v, s, name, x, f);
    if (x->kind != JSON_NULL) {
        check_any_of(v, s, at, x, old, f);
        check_one_of(v, s, at, x, old, f);
        check_all_of(v, s, at, x, old, f);
        check_not(v, s, at, x, old, f);
        check_string(v, s, name, x, f);
        check_format(v, s, name, x, f);
        check_number(v, s, name, x, f);
        check_array(v, s, at, name, x, old, f);
    }
    check_enum(v, s, name, x, f);
    check_object(v, s, at, name, x, old, f);
    f->checks++;
}

void custom_validate(struct field_errors *e, const struct path *at, const struct json_schema_props *schema,
                     const struct custom_patterns *patterns, const struct value *x, const struct value *old)
{
    struct validation v = {.patterns = patterns, .base = at};
    struct findings found = {0}, all = {.e = *e};
    validate(&v, schema, NULL, x, old, &found);
    add_findings(&all, &found);
    *e = all.e;
    findings_free(&found);
    arena_free(&v.a);
}

/* --- sets and map-like lists --- */

/* Complains of each item whose key is there already: once for each key. */
static void check_unique(struct field_errors *e, const struct path *at, const struct value *keys, size_t n)
{
    _cleanup_map_ struct map seen = {0};
    _cleanup_arena_ struct arena a = {0};
    static char once, twice;
    for (size_t i = 0; i < n; i++) {
        struct str text = value_json(&a, &keys[i]);
        const char *before = map_put(&seen, text, &once);
        if (before)
            map_put(&seen, text, &twice);
        if (before == &once)
            field_error(e, FIELD_ERROR_DUPLICATE, PATH_AT(at, i),
                        keys[i].kind == JSON_STRING ? BAD(keys[i].s) : BAD_RAW(text), "%s", "");
    }
}

static void check_keys(struct field_errors *e, const struct path *at, const struct json_schema_props *s,
                       const struct value *list)
{
    _cleanup_arena_ struct arena a = {0};
    struct value *keys = arena_new_n(&a, struct value, list->list.n);
    for (size_t i = 0; i < list->list.n; i++) {
        const struct value *item = &list->list.at[i];
        keys[i] = VALUE_OBJECT;
        if (item->kind != JSON_OBJECT && item->kind != JSON_NULL) {
            field_error(e, FIELD_ERROR_INVALID, PATH_AT(at, i),
                        item->kind == JSON_STRING ? BAD(item->s) : BAD_RAW(value_json(&a, item)),
                        "must be an object for an array of list-type map");
            return;
        }
        for (size_t k = 0; k < s->x_kubernetes_list_map_keys.n; k++) {
            const struct value *key = value_get(item, s->x_kubernetes_list_map_keys.at[k]);
            if (key)
                value_set(&a, &keys[i], s->x_kubernetes_list_map_keys.at[k], *key);
        }
    }
    check_unique(e, at, keys, list->list.n);
}

void custom_validate_lists(struct field_errors *e, const struct path *at, const struct json_schema_props *s,
                           const struct value *v)
{
    const struct str *how = s->x_kubernetes_list_type;
    if (v->kind == JSON_ARRAY) {
        if (how && str_is(*how, "set"))
            check_unique(e, at, v->list.at, v->list.n);
        else if (how && str_is(*how, "map"))
            check_keys(e, at, s, v);
        for (size_t i = 0; s->items && s->items->schema && i < v->list.n; i++)
            custom_validate_lists(e, PATH_AT(at, i), s->items->schema, &v->list.at[i]);
    }
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n; i++) {
        struct str key = v->members.at[i].key;
        const struct json_schema_props *p = property(s, key);
        bool named = p;
        if (!p && s->additional_properties)
            p = s->additional_properties->schema;
        struct path below = named ? path_child(at, key) : path_key(at, key);
        if (p)
            custom_validate_lists(e, &below, p, &v->members.at[i].value);
    }
}
