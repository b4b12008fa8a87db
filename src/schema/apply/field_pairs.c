#include "schema/apply/field_pairs.h"

#include <stdlib.h>

static void join(struct arena *a, struct field_set *to, struct field_link link, bool member,
                 const struct field_set *below)
{
    if (member || below->n)
        *field_set_append(a, to, link) = (struct field_node){link, member, *below};
}

void found_join(struct arena *a, struct comparison *c, struct field_link link, const struct found *found)
{
    join(a, &c->added, link, found->self & FOUND_ADDED, &found->below.added);
    join(a, &c->modified, link, found->self & FOUND_MODIFIED, &found->below.modified);
    join(a, &c->removed, link, found->self & FOUND_REMOVED, &found->below.removed);
}

static int linked_order(const void *x, const void *y)
{
    const struct linked *a = x, *b = y;
    int order = field_link_cmp(&a->link, &b->link);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

void linked_sort(struct linked_vec *v)
{
    bool sorted = true;
    for (size_t i = 1; i < v->n && sorted; i++)
        sorted = linked_order(&v->at[i - 1], &v->at[i]) < 0;
    if (!sorted)
        qsort(v->at, v->n, sizeof *v->at, linked_order);
}

const struct linked *linked_find(const struct linked_vec *v, const struct field_link *link)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (field_link_cmp(&v->at[middle].link, link) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->n && field_link_cmp(&v->at[low].link, link) == 0 ? &v->at[low] : NULL;
}

/* How many from `i` on share its link. */
static size_t run_of(const struct linked_vec *v, size_t i)
{
    size_t n = 1;
    while (i + n < v->n && field_link_cmp(&v->at[i].link, &v->at[i + n].link) == 0)
        n++;
    return n;
}

/* Several of one link are owned by that link alone: how it comes, changes and goes. */
static void compare_runs(struct pairing *p, const struct linked *before, size_t n, const struct linked *after,
                         size_t m, struct found *out)
{
    if (n <= 1 && m <= 1) {
        p->compare(p->walker, n ? before->at : NULL, m ? after->at : NULL, out);
        return;
    }
    if (n >= 2 && m >= 2) {
        bool same = n == m;
        for (size_t i = 0; same && i < n; i++)
            same = p->equal(p->walker, before[i].at, after[i].at);
        out->self = same ? 0 : FOUND_MODIFIED;
        return;
    }
    if (n >= 2) {
        if (m)
            p->compare(p->walker, NULL, after->at, out);
        out->self |= FOUND_REMOVED;
    } else {
        if (n)
            p->compare(p->walker, before->at, NULL, out);
        out->self |= FOUND_ADDED;
    }
}

void linked_compare(struct pairing *p, const struct linked_vec *before, const struct linked_vec *after,
                    struct comparison *out)
{
    for (size_t i = 0, j = 0; i < before->n || j < after->n;) {
        int order = i == before->n  ? 1
                    : j == after->n ? -1
                                    : field_link_cmp(&before->at[i].link, &after->at[j].link);
        size_t n = order <= 0 ? run_of(before, i) : 0, m = order >= 0 ? run_of(after, j) : 0;
        struct found found = {0};
        compare_runs(p, n ? &before->at[i] : NULL, n, m ? &after->at[j] : NULL, m, &found);
        found_join(p->arena, out, n ? before->at[i].link : after->at[j].link, &found);
        i += n;
        j += m;
    }
}
