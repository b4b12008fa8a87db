/* Types while an expression is checked. Private to src/cel. */
#pragma once
#include "cel/cel.h"

/* The opaque types of the libraries. */
extern const struct cel_type cel_ip, cel_cidr, cel_url, cel_semver, cel_named_format, cel_path_check,
    cel_group_check, cel_decision;
/* What every list, map, optional and type is. */
extern const struct cel_type cel_list, cel_map, cel_optional, cel_type_of_types;

static inline const struct cel_type *type_elem(const struct cel_type *t)
{
    return t->elem ? t->elem : &cel_dyn;
}
static inline const struct cel_type *type_key(const struct cel_type *t)
{
    return t->key ? t->key : &cel_dyn;
}
bool type_same(const struct cel_type *x, const struct cel_type *y);
/* The field that an expression calls `name`; NULL: there is none. */
const struct cel_field *type_object_field(const struct cel_type *t, struct str name);
/* The type that an identifier names ("int", "net.IP"); NULL: none. */
const struct cel_type *type_named(struct str name);

/* What the type parameters stand for, as far as it is known. */
struct types {
    struct arena *arena;
    struct type_binding {
        const struct cel_type *param, *to;
    } * at;
    size_t n, cap;
};
/* May a value of `from` stand where `to` is asked for? Binds parameters; what was bound in vain is undone. */
bool types_assignable(struct types *s, const struct cel_type *to, const struct cel_type *from);
/* The type with its parameters replaced; those not bound become dyn where `dyn`. */
const struct cel_type *types_resolve(struct types *s, const struct cel_type *t, bool dyn);
/* A copy with parameters of its own, for one use of a function. */
const struct cel_type *types_fresh(struct types *s, struct types *renamed, const struct cel_type *t);
/* The more general of two of which one is assignable to the other. */
const struct cel_type *types_general(struct types *s, const struct cel_type *x, const struct cel_type *y);
