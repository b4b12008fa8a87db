#include "controllers/node/taints.h"

bool node_is_ready(const struct node *n)
{
    const struct node_condition *c =
        condition_find(&node_condition_type, &n->status.conditions, NODE_CONDITION_TYPE_READY);
    return c && str_eq(c->status, CONDITION_STATUS_TRUE);
}

static size_t taint_place(const struct taint_vec *taints, struct str key, struct str effect)
{
    size_t i = 0;
    while (i < taints->n && !(str_eq(taints->at[i].key, key) && str_eq(taints->at[i].effect, effect)))
        i++;
    return i;
}

bool taint_has(const struct taint_vec *taints, struct str key, struct str effect)
{
    return taint_place(taints, key, effect) < taints->n;
}

bool taint_set(struct arena *a, struct taint_vec *taints, struct str key, struct str effect, bool wanted)
{
    size_t i = taint_place(taints, key, effect);
    if ((i < taints->n) == wanted)
        return false;
    if (!wanted) {
        memmove(taints->at + i, taints->at + i + 1, (--taints->n - i) * sizeof *taints->at);
        return true;
    }
    struct taint *at = arena_new_n(a, struct taint, taints->n + 1);
    if (taints->n)
        memcpy(at, taints->at, taints->n * sizeof *at);
    struct time now = time_now();
    at[taints->n++] =
        (struct taint){.key = key, .effect = effect, .time_added = arena_dup(a, &now, sizeof now)};
    taints->at = at;
    return true;
}

bool toleration_covers(const struct toleration *t, const struct taint *of)
{
    if (!str_empty(t->effect) && !str_eq(t->effect, of->effect))
        return false;
    if (!str_empty(t->key) && !str_eq(t->key, of->key))
        return false;
    return str_is(t->operator, "Exists") || ((str_empty(t->operator) || str_is(t->operator, "Equal")) &&
                                             !str_empty(t->key) && str_eq(t->value, of->value));
}
