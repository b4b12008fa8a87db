#include "api/strategy.h"

#include <pthread.h>
#include <stdlib.h>

#include "api/kind/kinds.h"
#include "schema/default.h"

static const struct strategy generic;
static const struct strategy *sorted[64];
static size_t n_sorted;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int strategy_order(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t)(*(const struct strategy *const *)x)->resource;
    uintptr_t b = (uintptr_t)(*(const struct strategy *const *)y)->resource;
    return (a > b) - (a < b);
}

static void strategy_sort(void)
{
    ensure(n_strategies <= ARRAY_LEN(sorted));
    memcpy(sorted, strategies, n_strategies * sizeof *sorted);
    qsort(sorted, n_strategies, sizeof *sorted, strategy_order);
    n_sorted = n_strategies;
}

const struct strategy *strategy_of(const struct resource *r)
{
    pthread_once(&once, strategy_sort);
    const struct strategy key = {.resource = r}, *wanted = &key;
    const struct strategy *const *found = bsearch(&wanted, sorted, n_sorted, sizeof *sorted, strategy_order);
    return found ? *found : &generic;
}

void strategy_defaults(const struct resource *r, void *o, struct arena *a)
{
    const struct strategy *s = strategy_of(r);
    default_apply(a, r->type, o);
    if (s->defaults)
        s->defaults(o, a);
}

void strategy_warn(const struct strategy_context *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vprintf(c->arena, fmt, args);
    va_end(args);
    str_vec_add(&c->request->warnings, c->arena, text);
}
