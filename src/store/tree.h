/* An ordered, copy-on-write B+tree of objects by the key "namespace/name" (or "name"), compared as bytes,
 * which is the order of upstream's lists. NULL is the empty tree.
 *
 * One thread edits; any number read roots that were published before. An edit belongs to a batch: nodes made
 * within the batch are changed in place, older ones are copied, and what the new tree no longer has goes to
 * the batch's garbage, since older snapshots still see it. Everything carries the revision it was born at, so
 * that garbage can tell which snapshots those are. */
#pragma once
#include "schema/object.h"

enum { TREE_FANOUT = 64, TREE_LEAST = 16 };

struct tree_node;

/* What a newer tree dropped: snapshots at `birth` and later (up to the one that holds the list) see it. */
struct garbage {
    struct dead {
        void *what;
        void (*drop)(void *what);
        int64_t birth;
    } * at;
    size_t n, cap;
};
void garbage_add(struct garbage *g, struct dead d);
/* Drops everything in it, and the list. */
void garbage_free(struct garbage *g);

struct tree_edit {
    int64_t birth; /* the batch's first revision; no earlier snapshot shows what it makes */
    struct garbage *dead;
};

/* Borrowed from the tree; NULL when absent. */
struct object *tree_get(const struct tree_node *root, struct str ns, struct str name);
size_t tree_count(const struct tree_node *root);
/* How many objects stand before the key; with ns and an empty name: before the namespace's first. */
size_t tree_rank(const struct tree_node *root, struct str ns, struct str name);
/* How many objects the namespace has. */
size_t tree_count_ns(const struct tree_node *root, struct str ns);

/* Puts an object (taking a reference) in place of what has its key; its revision may come later
 * (object_commit), but before the tree is published. Returns the new root. */
struct tree_node *tree_put(const struct tree_edit *e, struct tree_node *root, struct object *o);
/* Takes out an object that is there. Returns the new root. */
struct tree_node *tree_del(const struct tree_edit *e, struct tree_node *root, struct str ns, struct str name);
/* Frees what the edit made, and no more: the tree before it is whole as it was (its garbage is to be
 * forgotten). */
void tree_undo(const struct tree_edit *e, struct tree_node *root);
/* A tree of objects that stand in key order, taking over their references; older than every edit. */
struct tree_node *tree_load(struct object *const *sorted, size_t n);
/* Frees all of the tree. */
void tree_free(struct tree_node *root);

/* A walk in key order. The tree must stay. */
struct tree_walk {
    const struct tree_node *path[16];
    uint16_t at[16];
    int depth; /* of the leaf in path; -1: at the end */
};
/* Starts at the first key that is not before (ns, name) (`behind`: that is behind it). */
void tree_walk_from(struct tree_walk *w, const struct tree_node *root, struct str ns, struct str name,
                    bool behind);
struct object *tree_walk_next(struct tree_walk *w); /* borrowed; NULL at the end */
