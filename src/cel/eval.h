/* One evaluation: what functions may ask of it. Private to src/cel. */
#pragma once
#include "cel/function.h"

struct run {
    struct cel_run *io;
    struct arena *arena;
    struct cel_value *locals;
    uint64_t limit;
    struct str error;                /* of what returned -1 */
    bool fatal;                      /* cost or interruption: && and || do not absorb it */
    const struct overload *overload; /* of the call at hand */
    const struct regex *regex;       /* its pattern, when that is constant */
    unsigned turns;                  /* of loops, since it was last asked whether to go on */
};

/* Sets the error; returns -1. */
int run_error(struct run *r, const char *fmt, ...) _printf_(2, 3);
/* "no such overload". */
int run_no_overload(struct run *r);
/* Counts cost; -1 when that is too much. */
int run_charge(struct run *r, uint64_t cost);

/* What one call of `o` costs (cost.c). */
uint64_t cost_of_call(struct run *r, const struct overload *o, const struct cel_value *args,
                      const struct cel_value *result);
/* Of putting a list into order, or finding what is in it twice. */
uint64_t cost_of_sort(struct arena *a, const struct cel_value *list);

/* Lists that grow. */
struct values {
    struct cel_value *at;
    size_t n, cap;
};
void values_add(struct run *r, struct values *v, struct cel_value value);
static inline struct cel_value values_list(const struct values *v)
{
    return (struct cel_value){.kind = CEL_LIST, .in = CEL_IN_ARENA, .list = {v->at, v->n}};
}
/* Sorts the items by their keys, of which there are as many (lists.c). -1: they have no order. */
int values_sort(struct run *r, struct values *items, const struct values *keys);
/* Puts an entry into a map that is being made; -1 with the error when the key is there or can be none. */
int pairs_add(struct run *r, struct cel_pairs *p, struct cel_value key, struct cel_value value);
static inline struct cel_value pairs_map(struct run *r, const struct cel_pairs *p)
{
    return (struct cel_value){.kind = CEL_MAP, .in = CEL_IN_ARENA, .map = arena_dup(r->arena, p, sizeof(*p))};
}
/* An optional with a value, and one without. */
struct cel_value value_some(struct run *r, struct cel_value of);
static inline struct cel_value value_none(void)
{
    return (struct cel_value){.kind = CEL_OPTIONAL};
}

/* Evaluates a node (eval.c), a macro (fold.c). */
int eval(struct run *r, const struct node *n, struct cel_value *out);
int eval_fold(struct run *r, const struct node *n, struct cel_value *out);
