/* Schemas as CEL sees them (apiserver's cel/common SchemaDeclType), with the sizes that costs are estimated
 * by. */
#include "cel/schemas.h"

#include "kinds/meta_v1.h"

typedef struct json_schema_props schema;

enum { REQUEST_MOST = 3 * 1024 * 1024, TEXT_MOST = REQUEST_MOST - 2 };

/* --- sizes --- */

static bool is_required(const schema *s, struct str name)
{
    for (size_t i = 0; i < s->required.n; i++)
        if (str_eq(s->required.at[i], name))
            return true;
    return false;
}

/* Formats whose values are of known length, in quotes. */
static const struct text_format {
    const char *format;
    uint16_t least, most;
} text_formats[] = {{"duration", 3, 32}, {"date", 12, 12}, {"date-time", 21, 32}};

static const struct text_format *text_format(const schema *s)
{
    for (size_t i = 0; i < ARRAY_LEN(text_formats); i++)
        if (str_is(s->type, "string") && str_is(s->format, text_formats[i].format))
            return &text_formats[i];
    return NULL;
}

/* The fewest bytes that a value takes as JSON. */
static uint64_t least(const schema *s)
{
    if (s->x_kubernetes_int_or_string || str_is(s->type, "integer") || str_is(s->type, "number"))
        return 1;
    if (str_is(s->type, "boolean"))
        return sizeof "true" - 1;
    if (text_format(s))
        return text_format(s)->least;
    uint64_t n = 2; /* quotes, brackets, braces */
    for (size_t i = 0; i < s->properties.n; i++) {
        const struct json_schema_props_entry *p = &s->properties.at[i];
        if (is_required(s, p->key) && !p->value.default_)
            n += p->key.n + 4 + least(&p->value);
    }
    return n;
}

uint64_t cel_schema_most(const schema *s)
{
    return REQUEST_MOST / (least(s) + 1);
}

static uint64_t bound(const int64_t *said, uint64_t otherwise)
{
    return !said ? otherwise : *said > 0 ? (uint64_t)*said : 0;
}

/* Characters of up to four bytes, but for base64. */
static uint64_t most_characters(const schema *s)
{
    bool plain = str_is(s->type, "string") && !str_is(s->format, "byte");
    uint64_t longest = 0;
    if (text_format(s))
        return text_format(s)->most;
    if (s->max_length)
        return bound(s->max_length, 0) * (str_is(s->format, "byte") ? 1 : 4);
    for (size_t i = 0; i < s->enum_.n; i++)
        if (s->enum_.at[i].n > longest + 2)
            longest = s->enum_.at[i].n - 2;
    return s->enum_.n && plain ? longest : TEXT_MOST;
}

/* --- types --- */

struct maker {
    struct arena *a;
    const struct cel_type *metadata; /* of whole objects */
};

static const struct cel_type *make(const struct maker *m, const schema *s, bool root);

static const struct cel_type *string_type(struct arena *a, const schema *s)
{
    const struct cel_type *plain = str_is(s->format, "byte")       ? &cel_bytes
                                   : str_is(s->format, "duration") ? &cel_duration
                                   : str_is(s->format, "date") || str_is(s->format, "date-time")
                                       ? &cel_timestamp
                                       : &cel_string;
    return cel_type_bound(a, plain, most_characters(s));
}

static const struct cel_type *list_type(const struct maker *m, const schema *s)
{
    const schema *items = s->items ? s->items->schema : NULL;
    const struct cel_type *elem = items ? make(m, items, false) : NULL;
    const struct str *how = s->x_kubernetes_list_type;
    if (!elem)
        return NULL;
    uint64_t most = bound(s->max_items, TEXT_MOST / (least(items) + 1));
    struct cel_type *t = arena_dup(m->a, cel_type_list(m->a, elem, most), sizeof *t);
    if (how && str_is(*how, "set"))
        t->list_kind = CEL_LIST_SET;
    if (how && str_is(*how, "map")) {
        t->list_kind = CEL_LIST_MAP;
        t->list_keys = s->x_kubernetes_list_map_keys.at;
        t->n_list_keys = s->x_kubernetes_list_map_keys.n;
    }
    return t;
}

static const struct cel_type *object_type(const struct maker *m, const schema *s, bool whole)
{
    struct cel_field *fields = arena_new_n(m->a, struct cel_field, s->properties.n + 3);
    size_t n = 0;
    if (whole) {
        const struct cel_type *text = cel_type_bound(m->a, &cel_string, TEXT_MOST);
        fields[n++] = (struct cel_field){.name = STR("apiVersion"), .type = text};
        fields[n++] = (struct cel_field){.name = STR("kind"), .type = text};
        fields[n++] = (struct cel_field){.name = STR("metadata"), .type = m->metadata};
    }
    for (size_t i = 0; i < s->properties.n; i++) {
        struct str name = s->properties.at[i].key;
        bool given =
            whole && (str_is(name, "apiVersion") || str_is(name, "kind") || str_is(name, "metadata"));
        const struct cel_type *t = given ? NULL : make(m, &s->properties.at[i].value, false);
        if (t)
            fields[n++] = (struct cel_field){.name = name, .type = t};
    }
    return cel_type_object(m->a, STR("object"), fields, n);
}

static const struct cel_type *make(const struct maker *m, const schema *s, bool root)
{
    const struct json_schema_props_or_bool *more = s->additional_properties;
    if (s->x_kubernetes_int_or_string)
        return cel_type_bound(m->a, &cel_dyn, most_characters(s));
    if (str_is(s->type, "array"))
        return list_type(m, s);
    if (str_is(s->type, "object") && more && more->schema) {
        const struct cel_type *value = make(m, more->schema, false);
        uint64_t most = bound(s->max_properties, TEXT_MOST / (least(more->schema) + 6));
        /* Upstream knows no length of keys, and reckons with none. */
        return value ? cel_type_map(m->a, cel_type_bound(m->a, &cel_string, 0), value, most) : NULL;
    }
    if (str_is(s->type, "object"))
        return object_type(m, s, root || s->x_kubernetes_embedded_resource);
    return str_is(s->type, "string")    ? string_type(m->a, s)
           : str_is(s->type, "boolean") ? &cel_bool
           : str_is(s->type, "integer") ? &cel_int
           : str_is(s->type, "number")  ? &cel_double
                                        : NULL;
}

/* Of metadata rules see names alone. */
static const struct cel_type *names_type(struct arena *a)
{
    const struct cel_type *name = cel_type_bound(a, &cel_string, TEXT_MOST);
    const struct cel_field fields[] = {{.name = STR("generateName"), .type = name},
                                       {.name = STR("name"), .type = name}};
    return cel_type_object(a, STR("object"), fields, ARRAY_LEN(fields));
}

const struct cel_type *cel_schema_type(struct arena *a, const schema *s, bool root)
{
    const struct maker m = {a, names_type(a)};
    return make(&m, s, root);
}

const struct cel_type *cel_schema_type_published(struct arena *a, const schema *s)
{
    const struct maker m = {a, cel_type_described(a, &object_meta_type, true)};
    return make(&m, s, true);
}
