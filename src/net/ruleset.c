#include "net/ruleset.h"

#include <stdlib.h>

#include "net/nft.h"

void items_add(struct items *items, enum item_kind kind, struct str name, struct str text)
{
    mem_grow((void **)&items->at, &items->cap, items->n + 1, sizeof *items->at);
    items->at[items->n++] = (struct item){kind, name, text};
}

void items_free(struct items *items)
{
    free(items->at);
    *items = (struct items){0};
}

struct str item_name(struct arena *a, struct str name)
{
    enum { MOST = 110, KEPT = 90 };
    if (name.n <= MOST)
        return name;
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a: the same in every process, as the names outlive it */
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 0x100000001b3u;
    return arena_printf(a, STR_FMT "/%016llx", KEPT, name.p, (unsigned long long)h);
}

static int items_order(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : str_cmp(x->name, y->name);
}

void items_sort(struct items *items)
{
    size_t n = 0;
    if (items->n)
        qsort(items->at, items->n, sizeof *items->at, items_order);
    for (size_t i = 0; i < items->n; i++)
        if (n == 0 || items_order(&items->at[n - 1], &items->at[i]) != 0)
            items->at[n++] = items->at[i];
    items->n = n;
}

/* An element in the kernel. */
struct element {
    char *name;
    uint64_t text; /* hashed */
    size_t owners;
};

static void element_free(struct element *e)
{
    free(e->name);
    free(e);
}

static void ruleset_clear(struct ruleset *rs)
{
    map_each (&rs->elements, slot)
        element_free(slot->value);
    map_free(&rs->elements);
    rs->stale = false;
}

void ruleset_free(struct ruleset *rs)
{
    ruleset_clear(rs);
}

/* Whether the element is new to the kernel. */
static bool ruleset_claim(struct ruleset *rs, const struct item *i)
{
    struct element *e = map_get(&rs->elements, i->name);
    if (e) {
        e->owners++;
        return false;
    }
    e = mem_alloc(sizeof *e);
    *e = (struct element){str_dup_c(i->name), str_hash(i->text), 1};
    map_put(&rs->elements, str_slice(e->name, i->name.n), e);
    return true;
}

/* Whether nobody wants the element any more. */
static bool ruleset_release(struct ruleset *rs, const struct item *i)
{
    struct element *e = map_get(&rs->elements, i->name);
    ensure(e && e->owners);
    if (--e->owners) {
        rs->stale |= e->text == str_hash(i->text) && i->text.n; /* the others may have wanted another way */
        return false;
    }
    map_del(&rs->elements, i->name);
    element_free(e);
    return true;
}

static void ruleset_line(struct ruleset *rs, struct buf *script, const char *verb, const char *what,
                         struct str name, struct str text)
{
    buf_addf(script, "%s %s %s %s " STR_FMT "%s" STR_FMT "\n", verb, what, nft_ip(rs->family), rs->table,
             STR_ARG(name), text.n ? " " : "", STR_ARG(text));
}

/* What must be there before anything can refer to it. */
static void ruleset_make(struct ruleset *rs, struct buf *script, const struct item *i)
{
    if (i->kind == ITEM_SET)
        ruleset_line(rs, script, "add", "set", i->name, i->text);
    else if (i->kind == ITEM_CHAIN)
        ruleset_line(rs, script, "add", "chain", i->name, (struct str){0});
}

static void ruleset_fill(struct ruleset *rs, struct buf *script, const struct item *i, bool known)
{
    if (i->kind == ITEM_ELEMENT) {
        if (!ruleset_claim(rs, i))
            return;
        buf_addf(script, "add element %s %s " STR_FMT "%s" STR_FMT " }\n", nft_ip(rs->family), rs->table,
                 STR_ARG(i->name), i->text.n ? " : " : "", STR_ARG(i->text));
    } else if (i->kind == ITEM_CHAIN) {
        if (known)
            ruleset_line(rs, script, "flush", "chain", i->name, (struct str){0});
        struct str rules = i->text, rule;
        while (str_cut(&rules, '\n', &rule))
            if (rule.n)
                ruleset_line(rs, script, "add", "rule", i->name, rule);
    }
}

static void ruleset_unlink(struct ruleset *rs, struct buf *script, const struct item *i)
{
    if (i->kind == ITEM_ELEMENT && ruleset_release(rs, i))
        buf_addf(script, "delete element %s %s " STR_FMT " }\n", nft_ip(rs->family), rs->table,
                 STR_ARG(i->name));
    else if (i->kind == ITEM_CHAIN)
        ruleset_line(rs, script, "flush", "chain", i->name, (struct str){0});
}

static void ruleset_delete(struct ruleset *rs, struct buf *script, const struct item *i)
{
    if (i->kind == ITEM_SET || i->kind == ITEM_CHAIN)
        ruleset_line(rs, script, "delete", i->kind == ITEM_SET ? "set" : "chain", i->name, (struct str){0});
}

enum ruleset_pass { PASS_MAKE, PASS_UNLINK, PASS_FILL, PASS_DELETE };

/* Walks both sorted lists side by side; each pass writes its own kind of lines, so that what is referred to
 * is there before the reference and goes after it. */
static void ruleset_pass(struct ruleset *rs, const struct items_change *c, enum ruleset_pass pass,
                         struct buf *script)
{
    const struct items *before = c->before, *after = c->after;
    for (size_t b = 0, a = 0; b < before->n || a < after->n;) {
        const struct item *old = b < before->n ? &before->at[b] : NULL,
                          *new = a < after->n ? &after->at[a] : NULL;
        int order = !old ? 1 : !new ? -1 : items_order(old, new);
        b += order <= 0;
        a += order >= 0;
        bool gone = order<0, fresh = order> 0, changed = order == 0 && !str_eq(old->text, new->text);
        if (pass == PASS_MAKE && fresh)
            ruleset_make(rs, script, new);
        if (pass == PASS_UNLINK && (gone || (changed && old->kind == ITEM_ELEMENT)))
            ruleset_unlink(rs, script, old);
        if (pass == PASS_FILL && (fresh || changed))
            ruleset_fill(rs, script, new, changed);
        if (pass == PASS_DELETE && gone)
            ruleset_delete(rs, script, old);
    }
}

void ruleset_change(struct ruleset *rs, const struct items_change *changes, size_t n, struct buf *script)
{
    for (int pass = PASS_MAKE; pass <= PASS_DELETE; pass++)
        for (size_t i = 0; i < n; i++)
            ruleset_pass(rs, &changes[i], (enum ruleset_pass)pass, script);
}

void ruleset_begin(struct ruleset *rs, struct buf *script)
{
    ruleset_clear(rs);
    nft_remove(nft_ip(rs->family), rs->table, script);
    buf_addf(script, "table %s %s {\n%s}\n", nft_ip(rs->family), rs->table, rs->base);
}
