/* Values while an expression runs: looking into lists, maps and objects wherever they lie, and comparing.
 * Private to src/cel. */
#pragma once
#include "cel/type.h"

/* Characters of a string, bytes, items, entries; 1 for all else. */
uint64_t value_count(const struct cel_value *v);
/* Item i of a list; i is less than its count. */
struct cel_value value_list_item(struct arena *a, const struct cel_value *list, size_t i);
/* The next entry of a map or object; `*cursor` starts at 0. */
bool value_next(struct arena *a, const struct cel_value *map, size_t *cursor, struct cel_value *key,
                struct cel_value *value);
/* The entry of that key; false: there is none. */
bool value_find(struct arena *a, const struct cel_value *map, const struct cel_value *key,
                struct cel_value *out);
/* The same of objects and of maps with string keys. Not for CEL_IN_LAZY. */
bool value_field(struct arena *a, const struct cel_value *object, struct str name, struct cel_value *out);

/* Entries of maps that are made: put says false when the key is there already; get gives NULL when it is not.
 */
bool pairs_put(struct arena *a, struct cel_pairs *p, struct cel_value key, struct cel_value value);
const struct cel_value *pairs_get(const struct cel_pairs *p, const struct cel_value *key);

/* RFC 3339; the first second of the year 1 is a time too, not "no time" as elsewhere. */
int value_time_parse(struct str s, struct time *out, struct err *err);

bool value_is_number(const struct cel_value *v);
/* Compares two numbers of any kinds; false when one is not a number. */
bool value_compare_numbers(const struct cel_value *x, const struct cel_value *y, int *out);
bool value_equal(struct arena *a, const struct cel_value *x, const struct cel_value *y);
/* The type of the value itself: "int", "list", "net.IP". */
const struct cel_type *value_type(const struct cel_value *v);

/* Of the libraries: are two opaque values of one type equal? */
bool opaque_equal(const struct cel_value *x, const struct cel_value *y);
static inline bool value_is_opaque(const struct cel_value *v, const struct cel_type *t)
{
    return v->kind == CEL_OPAQUE && v->type == t;
}
static inline struct cel_value value_error(struct str message)
{
    return (struct cel_value){.kind = CEL_ERROR, .s = message};
}
