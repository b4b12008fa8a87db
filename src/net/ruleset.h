/* A table of rules in the kernel, for one family of addresses, as items that come and go: chains with their
 * rules, elements of the dispatching maps, sets. Each owner (a service, a policy) has a list of items; when
 * lists change, only the difference is written, as lines of one nft transaction. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/ip.h"
#include "base/map.h"

enum item_kind {
    ITEM_FLOW, /* no rule, but where rules lead UDP: "ADDRESS PORT ADDRESS PORT" (0.0.0.0, ::
                  any of the node's) */
    ITEM_SET,
    ITEM_CHAIN,
    ITEM_ELEMENT
};

struct item {
    enum item_kind kind;
    struct str name; /* of the set or chain; an element: its map and key, "services { 10.0.0.1 . tcp . 80" */
    struct str text; /* the set's definition; the chain's rules, a line each; what the element leads to */
};

struct items {
    struct item *at;
    size_t n, cap;
};

void items_add(struct items *items, enum item_kind kind, struct str name,
               struct str text); /* borrows the strings */
void items_free(struct items *items);
/* A name that the kernel takes (at most 128 bytes): where this one is too long, cut short, with a hash that
 * keeps it unique. */
struct str item_name(struct arena *a, struct str name);
/* Sorts, and leaves out what is named twice. Lists must be so before they are compared. */
void items_sort(struct items *items);

/* What is in the kernel that more than one owner may ask for: elements, counted. */
struct ruleset {
    enum ip_family family;
    const char *table; /* "sagong" */
    const char *base;  /* its hooks, and the sets and maps that are always there: in nft's language */
    struct map elements;
    bool stale; /* an element went whose other owner wanted it to lead elsewhere: build it all anew */
};
void ruleset_free(struct ruleset *rs);

struct items_change {
    const struct items *before, *after;
};
/* Adds to `script` what all these changes together ask for. When two owners want one element, the first has
 * it. */
void ruleset_change(struct ruleset *rs, const struct items_change *changes, size_t n, struct buf *script);
/* Starts anew: adds the table with what is always there, in place of whatever was there. */
void ruleset_begin(struct ruleset *rs, struct buf *script);
