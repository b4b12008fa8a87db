/* Reading a snapshot. */
#include "store/snapshots.h"
#include "store/table.h"

static struct tree_node *snapshot_root(const struct snapshot *snap, const struct table *t)
{
    return t->index < snap->n ? snap->roots[t->index] : t->loaded;
}

struct object *snapshot_get(struct snapshot *snap, struct table *t, struct str ns, struct str name)
{
    return tree_get(snapshot_root(snap, t), ns, name);
}

size_t snapshot_count(struct snapshot *snap, struct table *t, struct str ns)
{
    const struct tree_node *root = snapshot_root(snap, t);
    return ns.n ? tree_count_ns(root, ns) : tree_count(root);
}

void cursor_open(struct cursor *c, struct snapshot *snap, struct table *t, struct str ns, struct str after_ns,
                 struct str after_name)
{
    const struct tree_node *root = snapshot_root(snap, t);
    bool behind = after_name.n > 0;
    struct str from = behind ? after_ns : ns;
    c->ns = ns;
    tree_walk_from(&c->walk, root, from, after_name, behind);
    size_t begin = tree_rank(root, from, after_name);
    if (behind && tree_get(root, from, after_name))
        begin++;
    size_t end = ns.n ? tree_rank(root, ns, (struct str){0}) + tree_count_ns(root, ns) : tree_count(root);
    c->left = end > begin ? end - begin : 0;
}

struct object *cursor_next(struct cursor *c)
{
    if (!c->left)
        return NULL;
    c->left--;
    return tree_walk_next(&c->walk);
}
