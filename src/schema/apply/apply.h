/* Server-side apply of one configuration to one object (KEP-555): merges what the applier wrote, takes out
 * what it wrote last time and nobody else owns, and settles who owns what from now on. Works on trees that
 * have been checked (schema/apply/typed_tree.h), whatever their type. */
#pragma once
#include "schema/apply/managed_fields.h"
#include "schema/apply/typed_tree.h"

/* The versions in which the object's kind is served: owners may have named their fields in another one. */
struct apply_versions {
    /* NULL: not served (any more). */
    const struct type *(*type)(void *arg, struct str api_version);
    /* Both are served. 0 or -1. */
    int (*convert)(void *arg, struct str from, struct str to, const struct value *v, struct value *out);
    void *arg;
};

struct apply {
    struct arena *arena;
    const struct type *type;         /* in owner.api_version */
    struct owner owner;              /* applied is true */
    struct str manager_of_old;       /* who owns what nobody has claimed yet; empty: nobody */
    const struct field_set *ignored; /* fields that the request cannot change; may be NULL */
    const struct apply_versions *versions;
    struct time now;
    bool force;
    struct value live, config; /* live without its managedFields; or, of an object to be, `empty` */
    struct value empty;        /* an object of which nothing is set */

    struct managed managed; /* before, and after */
    struct value result;    /* the object as it shall be, before defaulting */
    bool changed;           /* false: as it was, though owners may have changed */
    struct conflicts conflicts;
};

/* 0; or -1 when there are conflicts and `force` is not set: x->conflicts has them; or with `err` and none,
 * when what would be left is no object of the type: an owner that somebody wrote by hand may have had the key
 * of an item and not the item. `managed` and `result` are of no use then. Everything is in the arena, or
 * shared with what went in. */
int apply_run(struct apply *x, struct err *err);
