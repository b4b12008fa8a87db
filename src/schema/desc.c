#include "schema/desc.h"

#include <stdlib.h>

/* RawExtension, FieldsV1 and JSON are whatever JSON they hold: nothing but a name is known of them. */
const struct type raw_extension_type = {
    .name = STR_INIT("RawExtension"),
    .openapi_name = STR_INIT("io.k8s.apimachinery.pkg.runtime.RawExtension"),
};
const struct type fields_v1_type = {
    .name = STR_INIT("FieldsV1"),
    .openapi_name = STR_INIT("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"),
};
const struct type json_type = {
    .name = STR_INIT("JSON"),
    .openapi_name = STR_INIT("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"),
};

/* tools/apigen fills the tables of the built-in types by the same sum. */
static unsigned type_hash(struct str name)
{
    const unsigned char *p = (const unsigned char *)name.p;
    return (((unsigned)name.n * 31 + p[0]) * 31 + p[name.n / 2]) * 31 + p[name.n - 1];
}

int type_field_number(const struct type *t, struct str name)
{
    const struct type_index *index = t->index;
    if (!index || !name.n)
        return -1;
    for (unsigned at = type_hash(name) & index->mask; index->slots[at]; at = (at + 1) & index->mask) {
        uint32_t base;
        unsigned i = index->slots[at] - 1u;
        if (str_eq(type_field_at(t, i, &base)->name, name))
            return (int)i;
    }
    return -1;
}

const struct field *type_field_numbered(const struct type *t, uint32_t number, unsigned *guess)
{
    const struct type_index *index = t->index;
    for (unsigned tries = 0, at = *guess; tries <= index->n_numbered; tries++, at++) {
        at = at < index->n_numbered ? at : 0;
        if (at < index->n_numbered && t->fields[index->numbered[at]].number == number) {
            *guess = at;
            return &t->fields[index->numbered[at]];
        }
    }
    return NULL;
}

const struct field *type_field(const struct type *t, struct str name, uint32_t *base)
{
    int i = type_field_number(t, name);
    *base = 0;
    return i < 0 ? NULL : type_field_at(t, (unsigned)i, base);
}

struct named {
    struct str name; /* first, for str_qsort */
    uint16_t i;
};

static void order_names(const struct type *t, uint16_t *by_name)
{
    unsigned n = t->index->n;
    struct named *names = mem_alloc((n + 1) * sizeof *names);
    for (unsigned i = 0; i < n; i++) {
        uint32_t base;
        names[i] = (struct named){type_field_at(t, i, &base)->name, (uint16_t)i};
    }
    qsort(names, n, sizeof *names, str_qsort);
    for (unsigned i = 0; i < n; i++)
        by_name[i] = names[i].i;
    free(names);
}

void type_index_make(struct arena *a, struct type *t)
{
    unsigned n = 0, n_fields = t->flags & TYPE_UNKNOWN ? t->n_fields - 1u : t->n_fields;
    bool inlined = false;
    for (unsigned i = 0; i < n_fields; i++) {
        bool inner = t->fields[i].shape == SHAPE_INLINE;
        n += inner ? t->fields[i].type->index->n : 1;
        inlined |= inner;
    }
    struct flat_field *flat = inlined ? arena_new_n(a, struct flat_field, n) : NULL;
    for (unsigned i = 0, to = 0; inlined && i < n_fields; i++) {
        const struct field *f = &t->fields[i];
        if (f->shape != SHAPE_INLINE) {
            flat[to++].field = f;
            continue;
        }
        for (unsigned j = 0; j < f->type->index->n; j++) {
            uint32_t base;
            const struct field *inner = type_field_at(f->type, j, &base);
            flat[to++] = (struct flat_field){inner, base + f->offset};
        }
    }
    unsigned size = 4;
    while (size < 2 * n)
        size *= 2;
    uint16_t *slots = arena_new_n(a, uint16_t, size);
    struct type_index *index = arena_new(a, struct type_index);
    uint16_t *by_name = arena_new_n(a, uint16_t, n);
    *index = (struct type_index){
        .flat = flat, .slots = slots, .n = (uint16_t)n, .mask = (uint16_t)(size - 1), .by_name = by_name};
    t->index = index;
    for (unsigned i = 0; i < n; i++) {
        uint32_t base;
        struct str name = type_field_at(t, i, &base)->name;
        if (!name.n) /* a schema may have it; no lookup finds it */
            continue;
        unsigned at = type_hash(name) & index->mask;
        while (slots[at])
            at = (at + 1) & index->mask;
        slots[at] = (uint16_t)(i + 1);
    }
    order_names(t, by_name);
}

const struct resource *resource_find(struct str group, struct str version, struct str plural)
{
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        if (str_eq(r->plural, plural) && str_eq(r->group, group) && str_eq(r->version, version))
            return r;
    }
    return NULL;
}

const struct resource *resource_find_kind(struct str api_version, struct str kind)
{
    for (size_t i = 0; i < n_builtin_kinds; i++) {
        const struct resource *r = builtin_kinds[i];
        if (str_eq(r->kind, kind) && str_eq(r->api_version, api_version))
            return r;
    }
    return NULL;
}

struct str resource_qualified(const struct resource *r)
{
    return r->qualified;
}
