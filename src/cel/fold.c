/* Macros over lists and maps. What they cost is what upstream's loops over an accumulator cost, step by step:
 * the condition, the step, and in the end the accumulator. */
#include "cel/eval.h"

struct fold_state {
    const struct node *node;
    struct cel_value range;
    size_t cursor, n;
    struct values list, keys;
    struct cel_pairs map;
    struct str error; /* of a predicate, until one decides */
    size_t hits;
};

/* Sets the variables to the next item or entry; 0 at the end. */
static int next(struct run *r, struct fold_state *f)
{
    struct cel_value *first = &r->locals[f->node->slot], second;
    bool two = f->node->name2.n;
    if (++r->turns % 100 == 0 && r->io->interrupted && r->io->interrupted(r->io->arg)) {
        r->fatal = true;
        return run_error(r, "operation interrupted");
    }
    if (f->range.kind == CEL_LIST) {
        if (f->cursor >= f->n)
            return 0;
        if (two)
            *first = cel_from_int((int64_t)f->cursor);
        first[two] = value_list_item(r->arena, &f->range, f->cursor++);
        return 1;
    }
    if (!value_next(r->arena, &f->range, &f->cursor, first, &second))
        return 0;
    if (two)
        first[1] = second;
    return 1;
}

/* The predicate; anything but a bool is an error. */
static int test(struct run *r, const struct node *n, bool *out)
{
    struct cel_value v;
    if (eval(r, n, &v) < 0)
        return -1;
    if (v.kind != CEL_BOOL)
        return run_no_overload(r);
    *out = v.b;
    return 0;
}

/* all and exists: as && and || do. 1: decided. */
static int step_logical(struct run *r, struct fold_state *f, bool wins)
{
    bool yes = false;
    if (run_charge(r, wins ? 4 : 3) < 0)
        return -1;
    int rc = test(r, f->node->args[1], &yes);
    if (r->fatal)
        return -1;
    if (rc < 0 && !f->error.p)
        f->error = r->error;
    return rc == 0 && yes == wins;
}

static int add_entries(struct run *r, struct fold_state *f, const struct cel_value *entries)
{
    struct cel_value key, value;
    if (entries->kind != CEL_MAP)
        return run_no_overload(r);
    for (size_t cursor = 0; value_next(r->arena, entries, &cursor, &key, &value);)
        if (pairs_add(r, &f->map, key, value) < 0)
            return run_error(r, "insert failed: key already exists");
    return 0;
}

static int step(struct run *r, struct fold_state *f)
{
    const struct node *n = f->node;
    struct cel_value v;
    bool yes = true;
    if (n->sub == FOLD_ALL || n->sub == FOLD_EXISTS)
        return step_logical(r, f, n->sub == FOLD_EXISTS);
    if (n->args[1] && test(r, n->args[1], &yes) < 0)
        return -1;
    if (!yes)
        return 0; /* the accumulator, as a branch of a conditional, is free */
    switch ((enum fold)n->sub) {
    case FOLD_EXISTS_ONE:
        f->hits++;
        return run_charge(r, 2);
    case FOLD_FILTER:
        values_add(r, &f->list, r->locals[n->slot]);
        return run_charge(r, 13);
    case FOLD_MAP:
        if (eval(r, n->args[2], &v) < 0)
            return -1;
        values_add(r, &f->list, v);
        return run_charge(r, 12);
    case FOLD_MAP_VALUE:
        if (eval(r, n->args[2], &v) < 0 ||
            pairs_add(r, &f->map,
                      f->range.kind == CEL_LIST && !n->name2.n ? cel_from_int((int64_t)f->cursor - 1)
                                                               : r->locals[n->slot],
                      v) < 0)
            return -1;
        return run_charge(r, 3);
    case FOLD_MAP_ENTRY:
        if (eval(r, n->args[2], &v) < 0 || add_entries(r, f, &v) < 0)
            return -1;
        return run_charge(r, 2);
    case FOLD_SORT_BY:
        if (eval(r, n->args[2], &v) < 0)
            return -1;
        values_add(r, &f->list, r->locals[n->slot]);
        values_add(r, &f->keys, v);
        return run_charge(r, 12);
    case FOLD_ALL:
    case FOLD_EXISTS:
        break;
    }
    return 0;
}

static int result(struct run *r, struct fold_state *f, bool decided, struct cel_value *out)
{
    switch ((enum fold)f->node->sub) {
    case FOLD_ALL:
        *out = cel_from_bool(!decided);
        return 0;
    case FOLD_EXISTS:
        *out = cel_from_bool(decided);
        return 0;
    case FOLD_EXISTS_ONE:
        *out = cel_from_bool(f->hits == 1);
        return 0;
    case FOLD_FILTER:
    case FOLD_MAP:
        *out = values_list(&f->list);
        return 0;
    case FOLD_MAP_VALUE:
    case FOLD_MAP_ENTRY:
        *out = pairs_map(r, &f->map);
        return 0;
    case FOLD_SORT_BY:
        *out = values_list(&f->keys);
        if (run_charge(r, cost_of_sort(r->arena, out)) < 0)
            return -1;
        *out = values_list(&f->list);
        return values_sort(r, &f->list, &f->keys);
    }
    return 0;
}

__attribute__((noinline)) int eval_fold(struct run *r, const struct node *n, struct cel_value *out)
{
    struct fold_state f = {.node = n};
    if (eval(r, n->args[0], &f.range) < 0)
        return -1;
    bool keyed = (f.range.kind == CEL_MAP || f.range.kind == CEL_OBJECT) && f.range.in != CEL_IN_LAZY;
    if (f.range.kind != CEL_LIST && !keyed)
        return run_error(r, "got '" STR_FMT "', expected iterable type", STR_ARG(value_type(&f.range)->name));
    f.n = f.range.kind == CEL_LIST ? value_count(&f.range) : 0;
    int more, decided = 0;
    while (!decided && (more = next(r, &f)) != 0) {
        if (more < 0 || (decided = step(r, &f)) < 0)
            return -1;
    }
    /* One that ends early has looked at its condition once more. */
    if (decided && f.cursor < value_count(&f.range) && run_charge(r, n->sub == FOLD_EXISTS ? 3 : 2) < 0)
        return -1;
    if (!decided && f.error.p) {
        r->error = f.error;
        return -1;
    }
    return run_charge(r, n->sub == FOLD_EXISTS_ONE ? 2
                         : n->sub == FOLD_SORT_BY  ? 3
                                                   : 1) < 0
               ? -1
               : result(r, &f, decided, out);
}
