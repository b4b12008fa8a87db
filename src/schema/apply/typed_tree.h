/* JSON trees that a type describes: what server-side apply works on, since only a tree knows what its author
 * wrote (`replicas: 0` is not the same as silence). The steps of structured-merge-diff, over descriptors.
 *
 * An atom is what the type says of one place in a tree: a scalar, a struct, a map, a list, or anything at
 * all. It is small and copied around. */
#pragma once
#include "schema/apply/field_set.h"
#include "schema/desc.h"
#include "schema/value.h"

enum atom_kind { ATOM_SCALAR, ATOM_STRUCT, ATOM_MAP, ATOM_LIST, ATOM_ANY };

struct atom {
    enum atom_kind kind;
    bool atomic;               /* owned, merged and removed as a whole */
    const struct field *field; /* of a scalar, map or list; of a struct its type is enough */
    const struct type *type;   /* of a struct */
};

struct atom atom_of_type(const struct type *t);
/* Of the field as a whole, and of one of the items of a list or values of a map. */
struct atom atom_of_field(const struct field *f);
struct atom atom_of_item(const struct field *f);
/* What anything is, once it is known what it holds; other atoms stay. */
struct atom atom_deduce(struct atom atom, const struct value *v);
/* Of a member of a map or struct (or of anything). False: the struct has no such field. `*declared` says
 * whether it is a named field, as opposed to a key of a map. */
bool atom_member(struct atom atom, struct str key, struct atom *out, bool *declared);
/* Of an item of a list. */
struct atom atom_item(struct atom list);
/* The link that leads to an item of a list that is a set or a map. NULL, or why there is none, in upstream's
 * words.
 */
const char *atom_item_link(struct arena *a, struct atom list, const struct value *item,
                           struct field_link *out);

/* Checks a tree from outside: -1 with ERR_INVALID and upstream's message (".spec.foo: field not declared in
 * schema"). `duplicates`: lists may have several items of one key. */
int typed_tree_check(const struct type *t, const struct value *v, bool duplicates, struct err *err);
/* Every field that the tree sets. */
struct field_set typed_tree_fields(struct arena *a, const struct type *t, const struct value *v);
/* `live` with all that `config` sets; shares memory with both. Both have been checked. */
struct value typed_tree_merge(struct arena *a, const struct type *t, const struct value *live,
                              const struct value *config);
/* `v` without the members of the set (and all that they hold). */
struct value typed_tree_remove(struct arena *a, const struct type *t, const struct value *v,
                               const struct field_set *set);
/* The set, and of everything below which it has members the declared fields themselves: who owns
 * .spec.template.spec owns .spec and .spec.template too, but no label's map. */
struct field_set typed_tree_with_parents(struct arena *a, const struct type *t, const struct field_set *set);
