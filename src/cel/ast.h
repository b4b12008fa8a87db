/* An expression as a tree: what the parser makes, the checker completes, and the evaluator walks. Macros are
 * nodes of their own, not loops over accumulators as the specification explains them; what they yield and
 * cost is the same. Private to src/cel. */
#pragma once
#include "cel/cel.h"

enum node_op {
    NODE_CONST,  /* value */
    NODE_IDENT,  /* name; after checking a variable of the environment, a local one, or a type (CONST) */
    NODE_SELECT, /* args[0].name */
    NODE_HAS,    /* has(args[0].name) */
    NODE_CALL,   /* name(args...), operators too; the receiver is args[0] when `member` */
    NODE_AND,    /* of two or more */
    NODE_OR,
    NODE_COND, /* args[0] ? args[1] : args[2] */
    NODE_LIST,
    NODE_MAP,  /* key, value, key, value ... */
    NODE_NEW,  /* name{field: args[i] ...} */
    NODE_FOLD, /* a macro over a list or map: args[0] is what it goes over */
    NODE_BIND, /* cel.bind(var, args[0], args[1]), and optMap, optFlatMap */
};

enum fold {
    FOLD_ALL,
    FOLD_EXISTS,
    FOLD_EXISTS_ONE,
    FOLD_FILTER,
    FOLD_MAP,       /* args[2]; where args[1] holds when that is not NULL */
    FOLD_MAP_VALUE, /* transformMap: the keys stay */
    FOLD_MAP_ENTRY, /* transformMapEntry: args[2] yields maps */
    FOLD_SORT_BY,   /* args[2] yields what to sort by */
};

enum bind { BIND_PLAIN, BIND_OPT_MAP, BIND_OPT_FLAT_MAP };

struct overload;

struct node {
    uint8_t op;  /* enum node_op */
    uint8_t sub; /* enum fold, enum bind; of lists: of mixed types; of calls: free */
    bool member;
    bool optional; /* a.?b, a[?b] */
    uint16_t slot; /* of NODE_IDENT: which variable; of folds and binds: the first local they set */
    bool local;    /* of NODE_IDENT */
    uint32_t at;   /* where it stands in the text, in bytes */
    uint32_t n;
    struct node **args;
    struct str name;        /* identifier, field, function, first variable of a fold */
    struct str name2;       /* second variable; empty: none */
    struct cel_value value; /* of constants */
    struct str *fields;     /* of NODE_NEW: names; of lists and maps: see optionals */
    bool *optionals;        /* [?x], {?k: v}, one for each item or entry; NULL: none */
    const struct cel_type *type;
    const struct overload *const *overloads; /* of calls: those that can be meant */
    uint32_t n_overloads;
    struct regex *regex; /* of calls of matches and find whose pattern is constant */
};

#define CEL_NOWHERE UINT32_MAX
enum { CEL_DEPTH = 250, CEL_TEXT_MAX = 100000, CEL_LOCALS = 256 };

/* What is wrong with a text, in upstream's form; collected, then told at once. */
struct cel_issues {
    struct arena *arena;
    struct str text;
    struct cel_issue {
        uint32_t at; /* CEL_NOWHERE: about all of it */
        struct str message;
    } * list;
    size_t n, cap;
};
void cel_issue(struct cel_issues *i, uint32_t at, const char *fmt, ...) _printf_(3, 4);
/* "ERROR: <input>:1:5: ...", with the lines that they are about. */
struct str cel_issues_str(struct cel_issues *i);

/* Parses. NULL: the issues say why. Everything is in the issues' arena. */
struct node *cel_parse(const struct cel_env *env, struct cel_issues *issues);

/* Resolves names and overloads, sets every node's type. -1: the issues say why. `*locals` is how many local
 * variables a run needs. */
int cel_check(struct arena *a, const struct cel_env *env, struct node *root, struct cel_issues *issues,
              unsigned *locals);
/* The cost of a checked tree (cost.c). */
struct cel_cost cel_estimate(const struct cel_env *env, const struct node *root, unsigned locals);
