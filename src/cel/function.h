/* Functions: declared in tables, an overload a line, by signature. Private to src/cel.
 *
 *     {"string:charAt(int) string", char_at, COST_FIRST_TENTH}     a member of strings
 *     {"sets.contains(list(A), list(A)) bool", ...}                a function with a name of two parts
 *
 * A table belongs to one library; function.c lists them all. */
#pragma once
#include "cel/ast.h"
#include "cel/value.h"

/* What a call costs, at run time and in estimates (cost.c). */
enum call_cost {
    COST_ONE,
    COST_FREE,
    COST_FIRST_TENTH,  /* a tenth of the first argument's size, rounded up: one traversal */
    COST_FIRST_FIFTH,  /* traversal and construction */
    COST_SECOND_TENTH, /* startsWith: estimated by what is looked for, run by what is looked at */
    COST_IN_LIST,      /* the list's size */
    COST_LEAST_TENTH,  /* comparing: a tenth of the shorter */
    COST_SUM_TENTH,    /* joining two: a tenth of both */
    COST_ADD_LIST,
    COST_MATCHES,  /* (string + 1) / 10 times pattern / 4 */
    COST_FIND,     /* the same, as Kubernetes' library says it */
    COST_CONTAINS, /* string / 10 times substring / 10 */
    COST_TRAVERSE, /* every item, and characters */
    COST_STRING_INDEX,
    COST_REPLACE,
    COST_SPLIT,
    COST_JOIN,
    COST_FORMAT,
    COST_TO_BYTES,
    COST_TO_STRING,
    COST_CHECK, /* of an authorizer */
    COST_CONTAINS_IP,
    COST_CONTAINS_IP_STRING,
    COST_CONTAINS_CIDR,
    COST_CONTAINS_CIDR_STRING,
    COST_INDEX_LIST,
    COST_INDEX_MAP,
    COST_STRUCT,   /* a message */
    COST_QUOTE,    /* a tenth of what may be twice as long then */
    COST_EQUAL,    /* as COST_LEAST_TENTH; of opaque values by their types */
    COST_SELECTOR, /* of an authorizer: parsing, and a requirement for every two characters */
    COST_VALIDATE, /* of a named format: as a regular expression of its size */
    COST_SLICE,
    COST_RANGE,
    COST_REVERSE,
    COST_FLATTEN,
    COST_SORT, /* every item with every other: twice, and a tenth more of text */
    COST_DISTINCT,
    COST_SETS,       /* size times size */
    COST_SETS_TWICE, /* both ways */
};

enum { ARGS_MAX = 4 };

struct run; /* one evaluation: eval.h */
struct function {
    const char *signature;
    int (*call)(struct run *r, const struct cel_value *args, struct cel_value *out);
    uint8_t cost; /* enum call_cost */
};
struct library {
    const struct function *at;
    size_t n;
};

struct overload {
    struct str name;
    bool member;
    uint8_t n;
    const struct cel_type *params[ARGS_MAX]; /* the receiver first */
    const struct cel_type *result;
    const struct function *function;
    bool lenient;     /* looks at the kinds itself, when no overload fits (indexes, in) */
    bool alternative; /* or, orValue: needs its second argument only when the first has no value */
};

struct overloads {
    const struct overload *const *at;
    size_t n;
};

/* All overloads of that name, in the order of the tables; n is 0 when there are none. */
struct overloads functions_named(struct str name);
/* Do the arguments' own kinds fit? */
bool overload_fits(const struct overload *o, const struct cel_value *args, size_t n);

/* A library that function.c names. */
#define LIBRARY(name, table)                                                                                 \
    extern const struct library name;                                                                        \
    const struct library name = {table, ARRAY_LEN(table)}
