/* JSON into structs, in one pass. What upstream's decoder (sigs.k8s.io/json) accepts is accepted, what it
 * refuses is refused, in its words. Wrong types do not stop the pass, since a wrong syntax further on is told
 * first. */
#include "schema/json_decoder.h"
#include "schema/layout.h"
#include "schema/map_order.h"

/* Deeper than any API type; what holds itself (JSONSchemaProps) must not exhaust a small stack. */
enum { DECODE_DEPTH = 128, SEEN_FIELDS = 256 };

static bool decode_at(struct decoder *d, const struct field *f, void *at, const struct step *step);
static bool decode_struct(struct decoder *d, const struct type *t, char *base, const struct step *up);

/* One value of the field's kind, cursor at its first letter; null leaves it as it is. */
static bool decode_one(struct decoder *d, const struct field *f, void *at, const struct step *step)
{
    if (*d->c.p == 'n' && !(d->keeping && f->kind == VALUE_JSON)) {
        d->misfit |= d->keeping;
        return json_scan_word(&d->c, "null", 4);
    }
    if (f->kind != VALUE_STRUCT)
        return decoder_scalar(d, f, at, step);
    if (*d->c.p == '{' || f->type->flags & (TYPE_BARE | TYPE_EITHER))
        return decode_struct(d, f->type, at, step);
    return decoder_unfit(d, f, step);
}

static bool enter(struct decoder *d)
{
    d->too_deep |= ++d->depth > DECODE_DEPTH;
    return !d->too_deep;
}

/* Moves what was gathered on the scratch stack since `from` into the arena, exactly as large as it is. */
static void gather(struct decoder *d, size_t from, size_t item, struct any_vec *to)
{
    to->n = (d->scratch.n - from) / item;
    to->at = to->n ? arena_dup(d->a, d->scratch.p + from, d->scratch.n - from) : arena_alloc(d->a, 1);
    d->scratch.n = from;
}

static bool decode_list(struct decoder *d, const struct field *f, struct any_vec *to, const struct step *up)
{
    size_t item = layout_stride(f), from = d->scratch.n;
    _Alignas(max_align_t) char one[item];
    if (*d->c.p != '[')
        return decoder_wrong_type(d, f, true, up, json_what_is(*d->c.p), (struct str){0}) && json_skip(&d->c);
    d->c.p++;
    if (!enter(d))
        return false;
    struct step step = {.up = up, .is_element = true};
    if (!json_take(&d->c, ']')) {
        do {
            memset(one, 0, item);
            json_space(&d->c);
            if (d->c.p == d->c.end || !decode_one(d, f, one, &step))
                return false;
            buf_add(&d->scratch, one, item);
            step.index++;
        } while (json_take(&d->c, ','));
        if (!json_take(&d->c, ']'))
            return false;
    }
    gather(d, from, item, to);
    d->depth--;
    return true;
}

/* What map_order finds twice. */
struct twice {
    struct decoder *d;
    const struct step *up;
};

static void tell_duplicate(void *arg, struct str key)
{
    struct twice *twice = arg;
    decoder_strict(twice->d, "duplicate", &(struct step){.up = twice->up, .name = key});
}

/* Takes a null among a custom resource's entries where null says nothing. */
static bool decode_silent(struct decoder *d, const struct field *f)
{
    return d->c.p < d->c.end && *d->c.p == 'n' && f->kind != VALUE_JSON && !(f->flags & FIELD_NULL_ITEMS) &&
           json_scan_word(&d->c, "null", 4);
}

static bool decode_map(struct decoder *d, const struct field *f, struct any_vec *to, const struct step *up)
{
    size_t item = layout_stride(f), from = d->scratch.n;
    _Alignas(max_align_t) char one[item];
    if (*d->c.p != '{')
        return decoder_wrong_type(d, f, true, up, json_what_is(*d->c.p), (struct str){0}) && json_skip(&d->c);
    d->c.p++;
    if (!enter(d))
        return false;
    if (!json_take(&d->c, '}')) {
        do {
            struct str raw;
            bool plain;
            json_space(&d->c);
            if (!json_scan_string(&d->c, &raw, &plain) || !json_take(&d->c, ':'))
                return false;
            json_space(&d->c);
            memset(one, 0, item);
            *(struct str *)(void *)one = decoder_keep(d, raw, plain);
            struct step step = {.up = up, .name = *(struct str *)(void *)one};
            if (d->keeping && decode_silent(d, f))
                continue;
            if (d->c.p == d->c.end || !decode_one(d, f, one + sizeof(struct str), &step))
                return false;
            buf_add(&d->scratch, one, item);
        } while (json_take(&d->c, ','));
        if (!json_take(&d->c, '}'))
            return false;
    }
    gather(d, from, item, to);
    map_order(to, item, tell_duplicate, &(struct twice){d, up});
    d->depth--;
    return true;
}

static bool decode_at(struct decoder *d, const struct field *f, void *at, const struct step *step)
{
    json_space(&d->c);
    if (d->c.p == d->c.end)
        return false;
    if (f->shape == SHAPE_ONE)
        return decode_one(d, f, at, step);
    if (*d->c.p == 'n') {
        d->misfit |= d->keeping;
        memset(at, 0, f->shape == SHAPE_OPTIONAL ? sizeof(void *) : sizeof(struct any_vec));
        return json_scan_word(&d->c, "null", 4);
    }
    if (f->shape == SHAPE_LIST)
        return decode_list(d, f, at, step);
    if (f->shape == SHAPE_MAP)
        return decode_map(d, f, at, step);
    void **p = at;
    if (!*p)
        *p = arena_alloc(d->a, layout_size(f));
    return decode_one(d, f, *p, step);
}

/* A type whose JSON is that of one of its fields, whichever fits. */
static bool decode_either(struct decoder *d, const struct type *t, char *base, const struct step *up)
{
    char first = *d->c.p;
    const struct field *fit = NULL;
    for (unsigned i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        bool fits = f->shape == SHAPE_LIST    ? first == '['
                    : f->kind == VALUE_STRUCT ? first == '{'
                                              : first == 't' || first == 'f';
        if (fits)
            fit = f;
        /* A schema in the place of a boolean allows what it allows. */
        if (f->kind == VALUE_BOOL && first == '{')
            *(bool *)(void *)(base + f->offset) = true;
    }
    if (fit)
        return decode_at(d, fit, base + fit->offset, up);
    struct err err = {0};
    err_set(&err, ERR_BAD_REQUEST, "%s or JSON schema expected",
            t->fields[0].kind == VALUE_BOOL ? "boolean" : "array");
    decoder_wrong_value(d, &err);
    return json_skip(&d->c);
}

/* Takes a key and its colon where it is, to the letter, that of the field expected next or of one soon after,
 * as fields mostly come in the order in which they are declared. The number of that field, or -1. */
static int expected(struct json_cursor *c, const struct type *t, unsigned next)
{
    uint32_t base;
    size_t left = (size_t)(c->end - c->p);
    for (unsigned i = next; i < next + 4; i++) {
        const struct field *f = type_field_at(t, i, &base);
        if (!f)
            break;
        size_t n = f->name.n;
        if (left > n + 2 && c->p[n + 1] == '"' && c->p[n + 2] == ':' && c->p[0] == '"' &&
            memcmp(c->p + 1, f->name.p, n) == 0) {
            c->p += n + 3;
            return (int)i;
        }
    }
    return -1;
}

/* The members without a field that a TYPE_UNKNOWN has gathered so far. */
struct rest {
    struct str_map *map; /* NULL: the type has none */
    size_t cap;
};

static void rest_add(struct decoder *d, struct rest *r, const struct step *step, struct str json)
{
    struct str_map *m = r->map;
    if (m->n >= r->cap) {
        struct str_entry *at = arena_new_n(d->a, struct str_entry, r->cap = 2 * m->n + 4);
        if (m->n)
            memcpy(at, m->at, m->n * sizeof *at);
        m->at = at;
    }
    m->at[m->n++] = (struct str_entry){decoder_keep(d, step->name, true), json};
}

/* Puts them in order. Of a member that came twice, once as it should be, that one counts. */
static void rest_end(struct decoder *d, struct rest *r, const struct type *t, const char *base,
                     const struct step *up)
{
    struct str_map *m = r->map;
    size_t n = 0;
    map_order((struct any_vec *)(void *)m, sizeof *m->at, tell_duplicate, &(struct twice){d, up});
    for (size_t i = 0; i < m->n; i++) {
        uint32_t inner;
        const struct field *f = type_field(t, m->at[i].key, &inner);
        if (!f || layout_absent(f, base + inner + f->offset))
            m->at[n++] = m->at[i];
    }
    m->n = n;
}

/* A member that no field is named for. */
static bool decode_unnamed(struct decoder *d, const struct type *t, struct rest *rest,
                           const struct step *step)
{
    struct str json;
    json_space(&d->c);
    if (rest->map && !(t->flags & TYPE_PRUNED)) {
        if (d->c.p == d->c.end || !decoder_raw(d, &json, step))
            return false;
        rest_add(d, rest, step, json);
        return true;
    }
    decoder_strict(d, "unknown", step);
    return json_skip(&d->c);
}

/* A member of a type that keeps what does not fit: into its field, else beside it. */
static bool decode_kept_member(struct decoder *d, const struct field *f, char *at, struct rest *rest,
                               const struct step *step)
{
    json_space(&d->c);
    if (d->c.p == d->c.end)
        return false;
    struct json_cursor from = d->c;
    size_t scratch = d->scratch.n;
    unsigned depth = d->depth;
    struct str json;
    bool outer = d->misfit;
    size_t size = f->shape == SHAPE_OPTIONAL ? sizeof(void *) : sizeof(struct any_vec);
    if (*d->c.p == 'n') {
        memset(at, 0, size);
        if (f->flags & FIELD_NULLABLE)
            rest_add(d, rest, step, STR("null"));
        return json_scan_word(&d->c, "null", 4);
    }
    d->misfit = false;
    if (!decode_at(d, f, at, step))
        return false;
    if (d->misfit) {
        d->c = from;
        d->scratch.n = scratch;
        d->depth = depth;
        memset(at, 0, size);
        if (!decoder_raw(d, &json, step))
            return false;
        rest_add(d, rest, step, json);
    }
    d->misfit = outer;
    return true;
}

static bool decode_member(struct decoder *d, const struct field *f, char *at, struct rest *rest,
                          const struct step *step)
{
    /* What every object has is read as in every object. */
    d->keeping = rest->map && (f->flags & FIELD_OMIT_ABSENT);
    return d->keeping ? decode_kept_member(d, f, at, rest, step) : decode_at(d, f, at, step);
}

static bool decode_struct(struct decoder *d, const struct type *t, char *base, const struct step *up)
{
    if (t->flags & TYPE_BARE)
        return decode_at(d, &t->fields[0], base + t->fields[0].offset, up);
    if (t->flags & TYPE_EITHER)
        return decode_either(d, t, base, up);
    d->c.p++;
    if (!enter(d))
        return false;
    if (json_take(&d->c, '}')) {
        d->depth--;
        return true;
    }
    uint64_t seen[SEEN_FIELDS / 64] = {0};
    unsigned guess = 0;
    bool outer = d->keeping;
    struct rest rest = {type_rest(t, base), 0};
    do {
        struct str raw;
        bool plain;
        struct step step = {.up = up, .owner = t};
        uint32_t inner;
        json_space(&d->c);
        int number = expected(&d->c, t, guess);
        if (number >= 0) {
            step.name = type_field_at(t, (unsigned)number, &inner)->name;
        } else {
            if (!json_scan_string(&d->c, &raw, &plain) || !json_take(&d->c, ':'))
                return false;
            step.name = plain ? raw : json_unescape(d->a, raw);
            number = type_field_number(t, step.name);
        }
        if (number < 0) {
            d->keeping = rest.map;
            if (!decode_unnamed(d, t, &rest, &step))
                return false;
            continue;
        }
        guess = (unsigned)number + 1;
        if (number < SEEN_FIELDS) {
            if (seen[number / 64] >> number % 64 & 1)
                decoder_strict(d, "duplicate", &step);
            seen[number / 64] |= UINT64_C(1) << number % 64;
        }
        const struct field *f = type_field_at(t, (unsigned)number, &inner);
        if (!decode_member(d, f, base + inner + f->offset, &rest, &step))
            return false;
    } while (json_take(&d->c, ','));
    d->keeping = outer;
    d->depth--;
    if (rest.map)
        rest_end(d, &rest, t, base, up);
    return json_take(&d->c, '}');
}

int json_decode(struct arena *a, const struct type *t, struct str json, unsigned flags, void *out,
                struct strict_errors *strict, struct err *err)
{
    struct decoder d = {.c = json_start(json),
                        .a = a,
                        .borrow = flags & JSON_BORROW,
                        .own = flags & JSON_OWN,
                        .strict = strict};
    const struct field whole = {.type = t, .kind = VALUE_STRUCT, .shape = SHAPE_ONE};
    bool ok = decode_at(&d, &whole, out, NULL);
    json_space(&d.c);
    buf_free(&d.scratch);
    int result = 0;
    if (d.too_deep)
        result = err_set(err, ERR_BAD_REQUEST, "exceeded max depth");
    else if (!ok || d.c.p < d.c.end)
        result = json_syntax_error(json, err);
    else if (d.wrong_type || d.wrong_value) {
        result = -1;
        if (err)
            err_move(err, &d.problem);
    }
    err_clear(&d.problem);
    return result;
}

/* The two strings, where they stand at the top of an object. */
int json_peek(struct arena *a, struct str json, struct json_type_meta *out, struct err *err)
{
    if (json_check(json, err) < 0)
        return -1;
    *out = (struct json_type_meta){0};
    struct json_cursor c = json_start(json);
    json_space(&c);
    if (*c.p == 'n')
        return 0;
    if (*c.p != '{')
        return err_set(err, ERR_BAD_REQUEST,
                       "json: cannot unmarshal %s into Go value of type struct { APIVersion string "
                       "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
                       json_what_is(*c.p));
    c.p++;
    if (json_take(&c, '}'))
        return 0;
    do {
        struct str raw;
        bool plain;
        json_space(&c);
        json_scan_string(&c, &raw, &plain);
        json_take(&c, ':');
        json_space(&c);
        struct str key = plain ? raw : json_unescape(a, raw);
        struct str *to = str_is(key, "kind")         ? &out->kind
                         : str_is(key, "apiVersion") ? &out->api_version
                                                     : NULL;
        if (!to || *c.p == 'n') {
            json_skip(&c);
        } else if (*c.p == '"') {
            json_scan_string(&c, &raw, &plain);
            *to = plain ? raw : json_unescape(a, raw);
        } else {
            return err_set(err, ERR_BAD_REQUEST,
                           "json: cannot unmarshal %s into Go struct field ." STR_FMT " of type string",
                           json_what_is(*c.p), STR_ARG(key));
        }
    } while (json_take(&c, ','));
    return 0;
}
