/* What a type says of a tree: its atoms, what leads to an item, and which fields a tree sets. */
#include "schema/apply/typed_tree.h"

/* --- atoms --- */

struct atom atom_of_type(const struct type *t)
{
    return (struct atom){ATOM_STRUCT, t->flags & TYPE_ATOMIC, NULL, t};
}

struct atom atom_of_item(const struct field *f)
{
    if (f->kind == VALUE_JSON)
        return f->type == &raw_extension_type ? (struct atom){ATOM_SCALAR, true, f, NULL}
                                              : (struct atom){.kind = ATOM_ANY};
    if (f->kind != VALUE_STRUCT)
        return (struct atom){ATOM_SCALAR, false, f, NULL};
    if (f->type->flags & TYPE_BARE)
        return atom_of_field(f->type->fields);
    if (f->type->flags & TYPE_EITHER)
        return (struct atom){.kind = ATOM_ANY};
    return atom_of_type(f->type);
}

struct atom atom_of_field(const struct field *f)
{
    bool atomic = f->flags & FIELD_ATOMIC;
    if (f->shape == SHAPE_LIST)
        return (struct atom){ATOM_LIST, !(f->flags & (FIELD_LIST_SET | FIELD_LIST_MAP)), f, NULL};
    if (f->shape == SHAPE_MAP)
        return (struct atom){ATOM_MAP, atomic, f, NULL};
    struct atom atom = atom_of_item(f);
    atom.atomic |= atomic;
    return atom;
}

struct atom atom_deduce(struct atom atom, const struct value *v)
{
    if (atom.kind != ATOM_ANY || !v || v->kind == JSON_NULL)
        return atom;
    if (v->kind == JSON_OBJECT)
        return (struct atom){.kind = ATOM_MAP};
    if (v->kind == JSON_ARRAY)
        return (struct atom){.kind = ATOM_LIST, .atomic = true};
    return (struct atom){.kind = ATOM_SCALAR};
}

bool atom_member(struct atom atom, struct str key, struct atom *out, bool *declared)
{
    *declared = false;
    if (atom.kind != ATOM_STRUCT) { /* a map, of anything when it has no field */
        *out = atom.field ? atom_of_item(atom.field) : (struct atom){.kind = ATOM_ANY};
        return true;
    }
    uint32_t base;
    const struct field *f = type_field(atom.type, key, &base);
    bool keeps = (atom.type->flags & (TYPE_UNKNOWN | TYPE_PRUNED)) == TYPE_UNKNOWN;
    if (f && f->name.n) { /* what is kept beside the fields has no name */
        *declared = true;
        *out = atom_of_field(f);
        return true;
    }
    *out = (struct atom){.kind = ATOM_ANY};
    return keeps;
}

struct atom atom_item(struct atom list)
{
    return list.field ? atom_of_item(list.field) : (struct atom){.kind = ATOM_ANY};
}

static const char *link_by_key(struct arena *a, const struct field *list, const struct value *item,
                               struct field_link *out)
{
    if (item->kind == JSON_NULL)
        return "associative list with keys may not have a null element";
    if (item->kind != JSON_OBJECT)
        return "associative list with keys may not have non-map elements";
    struct value key = VALUE_OBJECT;
    for (size_t i = 0; i < list->n_list_keys; i++) {
        struct str name = list->list_keys[i];
        const struct value *given = value_get(item, name);
        struct value v;
        uint32_t base;
        const struct field *f = list->kind == VALUE_STRUCT ? type_field(list->type, name, &base) : NULL;
        if (given)
            v = *given;
        else if (!f || !f->rules || !f->rules->default_json.n ||
                 value_parse(a, f->rules->default_json, &v, NULL) < 0)
            return arena_c(a, arena_printf(a,
                                           "associative list with keys has an element that omits key field "
                                           "\"" STR_FMT "\" (and doesn't have default value)",
                                           STR_ARG(name)));
        value_set(a, &key, name, v);
    }
    *out = (struct field_link){FIELD_LINK_KEY, value_json(a, &key)};
    return NULL;
}

const char *atom_item_link(struct arena *a, struct atom list, const struct value *item,
                           struct field_link *out)
{
    if (list.atomic || !list.field)
        return "invalid indexing of non-associative list";
    if (list.field->flags & FIELD_LIST_MAP)
        return link_by_key(a, list.field, item, out);
    if (item->kind == JSON_OBJECT)
        return "associative list without keys has an element that's a map type";
    if (item->kind == JSON_ARRAY)
        return "not supported: associative list with lists as elements";
    if (item->kind == JSON_NULL)
        return "associative list without keys has an element that's an explicit null";
    *out = (struct field_link){FIELD_LINK_VALUE, value_json(a, item)};
    return NULL;
}

/* --- the fields that a tree sets --- */

/* What is below `atom`; *self when the place itself is a member. */
static struct field_set fields_of(struct arena *a, struct atom atom, const struct value *v, bool *self);

static struct field_set fields_of_list(struct arena *a, struct atom list, const struct value *v)
{
    struct field_set out = {0};
    for (size_t i = 0; i < v->list.n; i++) { /* twice there: owned as one, and not looked into */
        struct field_link link;
        if (atom_item_link(a, list, &v->list.at[i], &link))
            continue;
        struct field_node *n = field_set_insert(a, &out, link);
        bool again = n->member, self;
        n->member = true;
        n->below = again ? (struct field_set){0} : fields_of(a, atom_item(list), &v->list.at[i], &self);
    }
    return out;
}

static struct field_set fields_of_map(struct arena *a, struct atom map, const struct value *v)
{
    struct field_set out = {0};
    for (size_t i = 0; i < v->members.n; i++) {
        const struct value *item = &v->members.at[i].value;
        struct atom member;
        bool declared, self;
        if (!atom_member(map, v->members.at[i].key, &member, &declared))
            continue;
        struct field_set below = fields_of(a, member, item, &self);
        self |= !declared || item->kind == JSON_NULL || (item->kind == JSON_OBJECT && !item->members.n);
        if (self || below.n)
            *field_set_append(a, &out, field_link_name(v->members.at[i].key)) =
                (struct field_node){field_link_name(v->members.at[i].key), self, below};
    }
    return out;
}

static struct field_set fields_of(struct arena *a, struct atom atom, const struct value *v, bool *self)
{
    atom = atom_deduce(atom, v);
    *self = atom.kind == ATOM_SCALAR || atom.atomic;
    if (!*self && atom.kind == ATOM_LIST && v->kind == JSON_ARRAY)
        return fields_of_list(a, atom, v);
    if (!*self && atom.kind != ATOM_LIST && v->kind == JSON_OBJECT)
        return fields_of_map(a, atom, v);
    return (struct field_set){0};
}

struct field_set typed_tree_fields(struct arena *a, const struct type *t, const struct value *v)
{
    bool self;
    return fields_of(a, atom_of_type(t), v, &self);
}

/* --- sets with the fields that lead to their members --- */

static struct field_set with_parents(struct arena *a, struct atom atom, const struct field_set *set)
{
    struct field_set out = {0};
    for (size_t i = 0; i < set->n; i++) {
        const struct field_node *n = &set->at[i];
        struct atom next = {.kind = ATOM_ANY};
        bool declared = false;
        if (n->link.kind == FIELD_LINK_NAME && atom.kind != ATOM_LIST)
            atom_member(atom, n->link.text, &next, &declared);
        else if (atom.kind == ATOM_LIST)
            next = atom_item(atom);
        *field_set_append(a, &out, n->link) = (struct field_node){
            n->link, n->member || (declared && n->below.n), with_parents(a, next, &n->below)};
    }
    return out;
}

struct field_set typed_tree_with_parents(struct arena *a, const struct type *t, const struct field_set *set)
{
    return with_parents(a, atom_of_type(t), set);
}
