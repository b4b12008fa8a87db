/* What comparing structs and comparing trees have in common: what was found at one place, how that joins what
 * was found around it, and how the items of two lists meet. Private to this folder. */
#pragma once
#include "schema/apply/field_compare.h"

enum { FOUND_ADDED = 1, FOUND_MODIFIED = 2, FOUND_REMOVED = 4 };

/* What was found at a place: below it, and of itself. */
struct found {
    struct comparison below;
    unsigned self; /* FOUND_... */
};

/* Puts it behind what is there already, under that link. */
void found_join(struct arena *a, struct comparison *c, struct field_link link, const struct found *found);

/* The items of a list, in the order of their links; those of equal links stay in the list's order. */
struct linked {
    struct field_link link;
    const void *at;
    size_t place;
};
struct linked_vec {
    struct linked *at;
    size_t n;
};
void linked_sort(struct linked_vec *v);
/* The first of that link, or NULL. */
const struct linked *linked_find(const struct linked_vec *sorted, const struct field_link *link);

struct pairing {
    struct arena *arena;
    void *walker;
    /* NULL: there is none on that side. */
    void (*compare)(void *walker, const void *before, const void *after, struct found *out);
    bool (*equal)(void *walker, const void *x, const void *y);
};
/* Both sides sorted. Items that share a link are compared as one: as upstream, which allows for objects that
 * have been let in with duplicates. */
void linked_compare(struct pairing *p, const struct linked_vec *before, const struct linked_vec *after,
                    struct comparison *out);
