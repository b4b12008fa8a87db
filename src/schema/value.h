/* JSON as a tree, for what has no struct: patches, custom resources, unstructured input. Everything a tree
 * holds belongs to its arena (or to the text it was parsed from). Members of an object are kept sorted by
 * key, as Go writes them, and are unique: of duplicates the last counts.
 *
 * A pointer to an element or member is good until its list or object next grows or shrinks. */
#pragma once
#include "base/err.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct value;
struct value_list {
    struct value *at;
    size_t n, cap;
};
struct value_members {
    struct value_member *at;
    size_t n, cap;
};
struct value {
    enum json_kind kind; /* zeroed memory is null */
    union {
        bool b;
        int64_t i;
        double d;
        struct str s;
        struct value_list list;
        struct value_members members;
    };
};
struct value_member {
    struct str key;
    struct value value;
};

#define VALUE_NULL      ((struct value){.kind = JSON_NULL})
#define VALUE_BOOL(x)   ((struct value){.kind = JSON_BOOL, .b = (x)})
#define VALUE_INT(x)    ((struct value){.kind = JSON_INT, .i = (x)})
#define VALUE_DOUBLE(x) ((struct value){.kind = JSON_DOUBLE, .d = (x)})
#define VALUE_STR(x)    ((struct value){.kind = JSON_STRING, .s = (x)})
#define VALUE_ARRAY     ((struct value){.kind = JSON_ARRAY})
#define VALUE_OBJECT    ((struct value){.kind = JSON_OBJECT})

/* How deep arrays and objects may nest in a tree (small enough for recursion on a small stack). */
enum { VALUE_DEPTH = 128 };

/* Parses one JSON text; slices of `json` are kept where nothing had to be unescaped. Numbers without fraction
 * and exponent that fit are JSON_INT. `err` says what Go's decoder says: "invalid character ...". */
int value_parse(struct arena *a, struct str json, struct value *out, struct err *err);
/* As value_parse, and adds "duplicate field ..." to `strict` (at most 100 entries; may be NULL). */
struct strict_errors;
int value_parse_strict(struct arena *a, struct str json, struct value *out, struct strict_errors *strict,
                       struct err *err);
/* Compact JSON, as Go's encoding/json writes it. */
void value_write(struct buf *out, const struct value *v);
struct str value_json(struct arena *a, const struct value *v);

/* The member, or NULL when it is absent or `object` is no object. NULL is no object either, so that calls
 * nest. */
struct value *value_get(const struct value *object, struct str key);
/* The string member's text; empty when there is none. */
struct str value_get_str(const struct value *object, struct str key);
/* Sets a member, replacing the one there; returns where it lies. `object` must be one. The key is not copied.
 */
struct value *value_set(struct arena *a, struct value *object, struct str key, struct value v);
bool value_del(struct value *object, struct str key); /* true when it was there */
/* Into an array, before element `at` (n: behind the last); returns where it lies. */
struct value *value_insert(struct arena *a, struct value *array, size_t at, struct value v);
struct value *value_append(struct arena *a, struct value *array, struct value v);
void value_remove(struct value *array, size_t at);

bool value_eq(const struct value *x, const struct value *y);     /* 1 and 1.0 are equal */
struct value value_copy(struct arena *a, const struct value *v); /* deep, strings too */
/* As Go prints what it has decoded: %v, map[a:[1 <nil>]], or with `syntax` %#v. */
void value_print_go(struct buf *out, const struct value *v, bool syntax);
/* "null", "bool", "number", "string", "array", "object": as error messages say it. */
const char *value_kind_name(const struct value *v);
