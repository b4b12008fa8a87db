#include "store/tree.h"

#include <stdlib.h>

/* A separator of an inner node: a key of its own memory, since the object it was taken from may go. */
struct tree_key {
    int64_t birth;
    struct str ns, name;
    char bytes[];
};

struct tree_node {
    int64_t birth;
    size_t count;          /* of objects in and below */
    uint16_t n, height;    /* height 0: a leaf */
    void *at[TREE_FANOUT]; /* objects of a leaf, nodes of an inner one */
    /* Inner nodes only: least[i] is at most every key under at[i] and more than every key under at[i - 1];
     * least[0] is NULL. Each key belongs to one node of a tree. */
    struct tree_key *least[];
};

void garbage_add(struct garbage *g, struct dead d)
{
    mem_grow((void **)&g->at, &g->cap, g->n + 1, sizeof *g->at);
    g->at[g->n++] = d;
}

void garbage_free(struct garbage *g)
{
    for (size_t i = 0; i < g->n; i++)
        g->at[i].drop(g->at[i].what);
    free(g->at);
    *g = (struct garbage){0};
}

/* Orders "ns/name" as bytes without joining: where one namespace begins with the other, its next byte meets
 * the other's '/'. */
static int tree_cmp(struct str ns, struct str name, struct str ns2, struct str name2)
{
    size_t n = ns.n < ns2.n ? ns.n : ns2.n;
    int c = n ? memcmp(ns.p, ns2.p, n) : 0;
    if (c)
        return c;
    if (ns.n > n)
        return (unsigned char)ns.p[n] - '/';
    if (ns2.n > n)
        return '/' - (unsigned char)ns2.p[n];
    return str_cmp(name, name2);
}

static int tree_cmp_object(struct str ns, struct str name, const struct object *o)
{
    return tree_cmp(ns, name, object_namespace(o), object_name(o));
}

/* In a leaf: the first object whose key is not before (ns, name). */
static size_t tree_leaf_find(const struct tree_node *leaf, struct str ns, struct str name, bool *found)
{
    size_t low = 0, high = leaf->n;
    *found = false;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = tree_cmp_object(ns, name, leaf->at[mid]);
        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* In an inner node: the child whose keys surround (ns, name). */
static size_t tree_child_find(const struct tree_node *node, struct str ns, struct str name)
{
    size_t low = 1, high = node->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (tree_cmp(ns, name, node->least[mid]->ns, node->least[mid]->name) < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low - 1;
}

struct object *tree_get(const struct tree_node *root, struct str ns, struct str name)
{
    if (!root)
        return NULL;
    while (root->height)
        root = root->at[tree_child_find(root, ns, name)];
    bool found;
    size_t i = tree_leaf_find(root, ns, name, &found);
    return found ? root->at[i] : NULL;
}

size_t tree_count(const struct tree_node *root)
{
    return root ? root->count : 0;
}

size_t tree_rank(const struct tree_node *root, struct str ns, struct str name)
{
    size_t rank = 0;
    if (!root)
        return 0;
    while (root->height) {
        size_t i = tree_child_find(root, ns, name);
        for (size_t k = 0; k < i; k++)
            rank += ((const struct tree_node *)root->at[k])->count;
        root = root->at[i];
    }
    bool found;
    return rank + tree_leaf_find(root, ns, name, &found);
}

size_t tree_count_ns(const struct tree_node *root, struct str ns)
{
    /* No name has a byte as great as 0xff. */
    return tree_rank(root, ns, STR("\xff")) - tree_rank(root, ns, (struct str){0});
}

/* --- making, copying and burying --- */

static struct tree_node *tree_node_new(int64_t birth, uint16_t height)
{
    size_t keys = height ? TREE_FANOUT * sizeof(struct tree_key *) : 0;
    struct tree_node *node = mem_alloc(sizeof *node + keys);
    node->birth = birth;
    node->count = 0;
    node->n = 0;
    node->height = height;
    return node;
}

static struct tree_key *tree_key_of(int64_t birth, const struct object *o)
{
    struct str ns = object_namespace(o), name = object_name(o);
    struct tree_key *k = mem_alloc(sizeof *k + ns.n + name.n);
    k->birth = birth;
    if (ns.n)
        memcpy(k->bytes, ns.p, ns.n);
    memcpy(k->bytes + ns.n, name.p, name.n);
    k->ns = str_slice(k->bytes, ns.n);
    k->name = str_slice(k->bytes + ns.n, name.n);
    return k;
}

/* The least key under a node whose first leaf is not empty. */
static struct tree_key *tree_least_of(int64_t birth, const struct tree_node *node)
{
    while (node->height)
        node = node->at[0];
    return tree_key_of(birth, node->at[0]);
}

static void tree_drop_object(void *o)
{
    object_unref(o);
}

/* What this batch made, no snapshot has seen: it goes at once. */
static void tree_bury(const struct tree_edit *e, void *what, void (*drop)(void *), int64_t birth)
{
    if (birth >= e->birth)
        drop(what);
    else
        garbage_add(e->dead, (struct dead){what, drop, birth});
}

/* An object gets its revision when its batch is certain; until then no snapshot has seen it. */
static int64_t tree_object_birth(const struct object *o)
{
    int64_t revision = object_revision(o);
    return revision ? revision : INT64_MAX;
}

static void tree_bury_object(const struct tree_edit *e, struct object *o)
{
    tree_bury(e, o, tree_drop_object, tree_object_birth(o));
}

/* The node itself for the batch to change: as it is when the batch made it, else a copy. */
static struct tree_node *tree_own(const struct tree_edit *e, void **slot)
{
    struct tree_node *node = *slot;
    if (node->birth == e->birth)
        return node;
    struct tree_node *copy = tree_node_new(e->birth, node->height);
    copy->count = node->count;
    copy->n = node->n;
    memcpy(copy->at, node->at, node->n * sizeof *copy->at);
    if (node->height)
        memcpy(copy->least, node->least, node->n * sizeof *copy->least);
    tree_bury(e, node, free, node->birth);
    return *slot = copy;
}

static void tree_open_slot(struct tree_node *node, size_t i)
{
    memmove(node->at + i + 1, node->at + i, (node->n - i) * sizeof *node->at);
    if (node->height)
        memmove(node->least + i + 1, node->least + i, (node->n - i) * sizeof *node->least);
    node->n++;
}

static void tree_close_slot(struct tree_node *node, size_t i)
{
    node->n--;
    memmove(node->at + i, node->at + i + 1, (node->n - i) * sizeof *node->at);
    if (node->height)
        memmove(node->least + i, node->least + i + 1, (node->n - i) * sizeof *node->least);
}

static void tree_recount(struct tree_node *node)
{
    node->count = node->height ? 0 : node->n;
    for (size_t i = 0; node->height && i < node->n; i++)
        node->count += ((struct tree_node *)node->at[i])->count;
}

/* Moves `n` items of `from`, at `at`, to `to`, at `i`, where room for them was made. */
static void tree_copy_items(struct tree_node *to, size_t i, const struct tree_node *from, size_t at, size_t n)
{
    memcpy(to->at + i, from->at + at, n * sizeof *to->at);
    if (to->height)
        memcpy(to->least + i, from->least + at, n * sizeof *to->least);
}

/* Makes two neighbours, at[j] and at[j + 1], one, or where that is too much for one, equally full. */
static void tree_even_out(const struct tree_edit *e, struct tree_node *node, size_t j)
{
    struct tree_node *left = tree_own(e, &node->at[j]), *right = tree_own(e, &node->at[j + 1]);
    size_t total = (size_t)left->n + right->n, keep = total <= TREE_FANOUT ? total : total / 2;
    struct tree_key **between = &node->least[j + 1];
    if (node->height > 1)
        right->least[0] = *between; /* so that it wanders with its child */
    else
        tree_bury(e, *between, free, (*between)->birth);
    if (keep > left->n) {
        size_t n = keep - left->n;
        tree_copy_items(left, left->n, right, 0, n);
        memmove(right->at, right->at + n, (right->n - n) * sizeof *right->at);
        if (right->height)
            memmove(right->least, right->least + n, (right->n - n) * sizeof *right->least);
    } else {
        size_t n = left->n - keep;
        memmove(right->at + n, right->at, right->n * sizeof *right->at);
        if (right->height)
            memmove(right->least + n, right->least, right->n * sizeof *right->least);
        tree_copy_items(right, 0, left, keep, n);
    }
    left->n = (uint16_t)keep;
    right->n = (uint16_t)(total - keep);
    tree_recount(left);
    tree_recount(right);
    if (right->n == 0) {
        tree_close_slot(node, j + 1);
        free(right);
    } else if (node->height > 1) {
        *between = right->least[0];
        right->least[0] = NULL;
    } else {
        *between = tree_least_of(e->birth, right);
    }
}

/* Splits at[i] of an inner node, which has room, in two. */
static void tree_split(const struct tree_edit *e, struct tree_node *node, size_t i)
{
    struct tree_node *left = tree_own(e, &node->at[i]), *right = tree_node_new(e->birth, left->height);
    size_t keep = left->n / 2;
    right->n = (uint16_t)(left->n - keep);
    tree_copy_items(right, 0, left, keep, right->n);
    left->n = (uint16_t)keep;
    tree_recount(left);
    tree_recount(right);
    tree_open_slot(node, i + 1);
    node->at[i + 1] = right;
    if (right->height) {
        node->least[i + 1] = right->least[0];
        right->least[0] = NULL;
    } else {
        node->least[i + 1] = tree_least_of(e->birth, right);
    }
}

/* --- editing --- */

/* A root above `root`, when that is full and needs to be split. */
static struct tree_node *tree_raise(const struct tree_edit *e, struct tree_node *root)
{
    struct tree_node *above = tree_node_new(e->birth, root->height + 1);
    above->at[0] = root;
    above->least[0] = NULL;
    above->n = 1;
    above->count = root->count;
    tree_split(e, above, 0);
    return above;
}

struct tree_node *tree_put(const struct tree_edit *e, struct tree_node *root, struct object *o)
{
    struct str ns = object_namespace(o), name = object_name(o);
    bool found = tree_get(root, ns, name) != NULL;
    if (!root)
        root = tree_node_new(e->birth, 0);
    if (!found && root->n == TREE_FANOUT)
        root = tree_raise(e, root);
    /* Down the path, splitting what is full ahead, so that every parent has room. */
    void *top = root, **slot = &top;
    struct tree_node *node = tree_own(e, slot);
    while (node->height) {
        size_t i = tree_child_find(node, ns, name);
        if (!found && ((struct tree_node *)node->at[i])->n == TREE_FANOUT) {
            tree_split(e, node, i);
            i = tree_child_find(node, ns, name);
        }
        node->count += !found;
        node = tree_own(e, &node->at[i]);
    }
    size_t i = tree_leaf_find(node, ns, name, &found);
    if (found) {
        tree_bury_object(e, node->at[i]);
    } else {
        tree_open_slot(node, i);
        node->count++;
    }
    node->at[i] = object_ref(o);
    return top;
}

static void tree_del_below(const struct tree_edit *e, void **slot, struct str ns, struct str name)
{
    struct tree_node *node = tree_own(e, slot);
    node->count--;
    if (node->height == 0) {
        bool found;
        size_t i = tree_leaf_find(node, ns, name, &found);
        ensure(found);
        tree_bury_object(e, node->at[i]);
        tree_close_slot(node, i);
        return;
    }
    size_t i = tree_child_find(node, ns, name);
    tree_del_below(e, &node->at[i], ns, name);
    if (((struct tree_node *)node->at[i])->n < TREE_LEAST && node->n > 1)
        tree_even_out(e, node, i > 0 ? i - 1 : 0);
}

struct tree_node *tree_del(const struct tree_edit *e, struct tree_node *root, struct str ns, struct str name)
{
    void *top = root;
    tree_del_below(e, &top, ns, name);
    struct tree_node *node = top;
    while (node->height && node->n == 1) {
        struct tree_node *only = node->at[0];
        free(node); /* the batch owns it */
        node = only;
    }
    if (node->n)
        return node;
    tree_bury(e, node, free, node->birth);
    return NULL;
}

void tree_undo(const struct tree_edit *e, struct tree_node *root)
{
    if (!root || root->birth != e->birth)
        return;
    for (size_t i = 0; i < root->n; i++) {
        if (root->height) {
            tree_undo(e, root->at[i]);
            if (root->least[i] && root->least[i]->birth == e->birth)
                free(root->least[i]);
        } else if (tree_object_birth(root->at[i]) >= e->birth) {
            object_unref(root->at[i]);
        }
    }
    free(root);
}

void tree_free(struct tree_node *root)
{
    if (!root)
        return;
    for (size_t i = 0; i < root->n; i++) {
        if (root->height) {
            tree_free(root->at[i]);
            free(root->least[i]);
        } else {
            object_unref(root->at[i]);
        }
    }
    free(root);
}

struct tree_node *tree_load(struct object *const *sorted, size_t n)
{
    if (n == 0)
        return NULL;
    /* Level by level, each node three quarters full and the rest spread evenly. */
    enum { FILL = TREE_FANOUT * 3 / 4 };
    size_t cap = (n + FILL - 1) / FILL, made = 0;
    struct tree_node **level = mem_alloc(cap * sizeof(struct tree_node *));
    for (size_t from = 0; made < cap; made++) {
        struct tree_node *leaf = level[made] = tree_node_new(0, 0);
        leaf->n = (uint16_t)((n - from) / (cap - made));
        leaf->count = leaf->n;
        memcpy(leaf->at, sorted + from, leaf->n * sizeof *leaf->at);
        from += leaf->n;
    }
    for (uint16_t height = 1; made > 1; height++) {
        size_t parents = (made + FILL - 1) / FILL;
        for (size_t p = 0, from = 0; p < parents; p++) {
            struct tree_node *node = tree_node_new(0, height);
            node->n = (uint16_t)((made - from) / (parents - p));
            for (size_t i = 0; i < node->n; i++) {
                node->at[i] = level[from + i];
                node->least[i] = i ? tree_least_of(0, level[from + i]) : NULL;
            }
            tree_recount(node);
            from += node->n;
            level[p] = node;
        }
        made = parents;
    }
    struct tree_node *root = level[0];
    free(level);
    return root;
}

/* --- walking --- */

/* Goes on to the next leaf. */
static void tree_walk_on(struct tree_walk *w)
{
    int d = w->depth - 1;
    while (d >= 0 && w->at[d] + 1 >= w->path[d]->n)
        d--;
    if (d < 0) {
        w->depth = -1;
        return;
    }
    w->at[d]++;
    for (; d < w->depth; d++) {
        w->path[d + 1] = w->path[d]->at[w->at[d]];
        w->at[d + 1] = 0;
    }
}

void tree_walk_from(struct tree_walk *w, const struct tree_node *root, struct str ns, struct str name,
                    bool behind)
{
    w->depth = -1;
    if (!root)
        return;
    ensure(root->height < ARRAY_LEN(w->path));
    for (;;) {
        w->path[++w->depth] = root;
        if (!root->height)
            break;
        w->at[w->depth] = (uint16_t)tree_child_find(root, ns, name);
        root = root->at[w->at[w->depth]];
    }
    bool found;
    size_t i = tree_leaf_find(root, ns, name, &found);
    w->at[w->depth] = (uint16_t)(i + (found && behind));
}

struct object *tree_walk_next(struct tree_walk *w)
{
    while (w->depth >= 0) {
        const struct tree_node *leaf = w->path[w->depth];
        if (w->at[w->depth] < leaf->n)
            return leaf->at[w->at[w->depth]++];
        tree_walk_on(w);
    }
    return NULL;
}
