#include "net/ruleset.h"

#include <stdlib.h>

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

static void ruleset_line(struct buf *script, const char *verb, const char *what, struct str name,
                         struct str text)
{
    buf_addf(script, "%s %s " RULESET_TABLE " " STR_FMT "%s" STR_FMT "\n", verb, what, STR_ARG(name),
             text.n ? " " : "", STR_ARG(text));
}

/* What must be there before anything can refer to it. */
static void ruleset_make(struct buf *script, const struct item *i)
{
    if (i->kind == ITEM_SET)
        ruleset_line(script, "add", "set", i->name, i->text);
    else if (i->kind == ITEM_CHAIN)
        ruleset_line(script, "add", "chain", i->name, (struct str){0});
}

static void ruleset_fill(struct ruleset *rs, struct buf *script, const struct item *i, bool known)
{
    if (i->kind == ITEM_ELEMENT) {
        if (!ruleset_claim(rs, i))
            return;
        buf_addf(script, "add element " RULESET_TABLE " " STR_FMT "%s" STR_FMT " }\n", STR_ARG(i->name),
                 i->text.n ? " : " : "", STR_ARG(i->text));
    } else if (i->kind == ITEM_CHAIN) {
        if (known)
            ruleset_line(script, "flush", "chain", i->name, (struct str){0});
        struct str rules = i->text, rule;
        while (str_cut(&rules, '\n', &rule))
            if (rule.n)
                ruleset_line(script, "add", "rule", i->name, rule);
    }
}

static void ruleset_unlink(struct ruleset *rs, struct buf *script, const struct item *i)
{
    if (i->kind == ITEM_ELEMENT && ruleset_release(rs, i))
        buf_addf(script, "delete element " RULESET_TABLE " " STR_FMT " }\n", STR_ARG(i->name));
    else if (i->kind == ITEM_CHAIN)
        ruleset_line(script, "flush", "chain", i->name, (struct str){0});
}

static void ruleset_delete(struct buf *script, const struct item *i)
{
    if (i->kind != ITEM_ELEMENT)
        ruleset_line(script, "delete", i->kind == ITEM_SET ? "set" : "chain", i->name, (struct str){0});
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
            ruleset_make(script, new);
        if (pass == PASS_UNLINK && (gone || (changed && old->kind == ITEM_ELEMENT)))
            ruleset_unlink(rs, script, old);
        if (pass == PASS_FILL && (fresh || changed))
            ruleset_fill(rs, script, new, changed);
        if (pass == PASS_DELETE && gone)
            ruleset_delete(script, old);
    }
}

void ruleset_change(struct ruleset *rs, const struct items_change *changes, size_t n, struct buf *script)
{
    for (int pass = PASS_MAKE; pass <= PASS_DELETE; pass++)
        for (size_t i = 0; i < n; i++)
            ruleset_pass(rs, &changes[i], (enum ruleset_pass)pass, script);
}

void ruleset_remove(struct buf *script)
{
    buf_add_lit(script, "add table " RULESET_TABLE "\ndelete table " RULESET_TABLE "\n");
}

void ruleset_begin(struct ruleset *rs, struct buf *script)
{
    ruleset_clear(rs);
    ruleset_remove(script);
    /* 0x4000 is the mark that upstream's proxies use for "masquerade this". A service's address that no map
     * led on from is one without endpoints or without that port. */
    buf_add_lit(
        script,
        "table " RULESET_TABLE " {\n"
        "  map services { type ipv4_addr . inet_proto . inet_service : verdict; }\n"
        "  map node-ports { type inet_proto . inet_service : verdict; }\n"
        "  set cluster-ips { type ipv4_addr; }\n"
        "  set hairpins { type ipv4_addr . ipv4_addr; }\n"
        "  chain dispatch {\n"
        "    ip daddr . meta l4proto . th dport vmap @services\n"
        "    ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node-ports\n"
        "  }\n"
        "  chain prerouting { type nat hook prerouting priority dstnat; jump dispatch; }\n"
        "  chain output { type nat hook output priority -100; jump dispatch; }\n"
        "  chain mark-masquerade { meta mark set mark or 0x4000; }\n"
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat;\n"
        "    mark and 0x4000 != 0 meta mark set mark and 0xffffbfff masquerade fully-random\n"
        "    ct status dnat ip saddr . ip daddr @hairpins masquerade fully-random\n"
        "  }\n"
        "  chain unserved { ip daddr @cluster-ips reject; }\n"
        "  chain unserved-forward { type filter hook forward priority -110; ct state new jump unserved; }\n"
        "  chain unserved-output { type filter hook output priority -90; ct state new jump unserved; }\n"
        "  chain unserved-input { type filter hook input priority -110; ct state new jump unserved; }\n"
        "}\n");
}
