/* Sets of fields, as managedFields knows who owns what (structured-merge-diff's fieldpath): paths whose links
 * are fields (f:name), items of lists that are maps (k:{"name":"x"}) or sets (v:"x"), and places (i:0).
 *
 * A set is a tree; each node has one link, says whether the path that ends there is a member, and what lies
 * below. Siblings are in upstream's order: fields, keys, values, places. Sets are never changed once made, so
 * results share what they were made of; everything belongs to the arena. A set without nodes is empty, and
 * no node is without purpose: it is a member or has something below. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum field_link_kind { FIELD_LINK_NAME, FIELD_LINK_KEY, FIELD_LINK_VALUE, FIELD_LINK_INDEX };

/* The text is the name of a field, or the canonical JSON (compact, names sorted) of a key or value, or the
 * digits of a place. */
struct field_link {
    enum field_link_kind kind;
    struct str text;
};

struct field_node;
struct field_set {
    struct field_node *at;
    size_t n, cap;
};
struct field_node {
    struct field_link link;
    bool member;
    struct field_set below;
};

static inline bool field_set_empty(const struct field_set *s)
{
    return s->n == 0;
}

/* Upstream's order: numbers by value, names and strings by bytes. */
int field_link_cmp(const struct field_link *x, const struct field_link *y);
static inline struct field_link field_link_name(struct str name)
{
    return (struct field_link){FIELD_LINK_NAME, name};
}

/* --- making --- */

/* Adds a node behind the others, for those who walk in order; returns it. Good until the next. */
struct field_node *field_set_append(struct arena *a, struct field_set *s, struct field_link link);
/* The node of that link, made where it is not there yet. Only for sets that nobody shares yet. */
struct field_node *field_set_insert(struct arena *a, struct field_set *s, struct field_link link);
/* Makes a member of a path of names: "metadata", "labels". */
void field_set_insert_names(struct arena *a, struct field_set *s, const struct str *names, size_t n);

/* --- asking --- */

/* The node of that link, or NULL. */
const struct field_node *field_set_find(const struct field_set *s, struct field_link link);
bool field_set_has(const struct field_set *s, const struct str *names, size_t n);
bool field_set_eq(const struct field_set *x, const struct field_set *y);
size_t field_set_size(const struct field_set *s);

/* --- reckoning --- */

struct field_set field_set_union(struct arena *a, const struct field_set *x, const struct field_set *y);
struct field_set field_set_intersection(struct arena *a, const struct field_set *x,
                                        const struct field_set *y);
/* The members of x that are not members of y: those below a member of y stay. */
struct field_set field_set_difference(struct arena *a, const struct field_set *x, const struct field_set *y);
/* The members of x that neither are members of y nor lie below one. */
struct field_set field_set_without(struct arena *a, const struct field_set *x, const struct field_set *y);

/* --- as text --- */

/* FieldsV1: {"f:metadata":{"f:labels":{".":{},"f:app":{}}}}. */
void field_set_write(struct buf *out, const struct field_set *s);
/* Back. The text is checked JSON; links of kinds that are not known are left out, as upstream does. Strings
 * may lie in the text. */
int field_set_parse(struct arena *a, struct str json, struct field_set *out, struct err *err);
/* Adds the text of what is left of a set, itself still text (checked, as above; compact), without the members
 * of `s`: nothing where nothing is left. Much quicker than reading and writing it. False: none of these was a
 * member. */
bool field_set_subtract(struct buf *out, struct str json, const struct field_set *s);
/* A link as errors show it: .name, [name="x",port=80], [="x"], [0]. */
void field_link_write(struct buf *out, const struct field_link *link);
/* Calls `each` with the text of every member, in order : upstream's order has the members of a level before
 * what lies below any of them: ".spec.replicas". */
void field_set_each(const struct field_set *s, void (*each)(void *arg, struct str path), void *arg);
