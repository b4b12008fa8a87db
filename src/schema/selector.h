/* Label selectors, in the API's text form ("app=web,tier in (a,b),!debug") and as metav1.LabelSelector,
 * compiled once and matched often. An empty selector matches everything. A compiled selector lives as long as
 * the arena and the text or struct it was made from. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"
#include "schema/path.h"

enum selector_op {
    SELECTOR_EQUALS,        /* = */
    SELECTOR_DOUBLE_EQUALS, /* == */
    SELECTOR_NOT_EQUALS,    /* != */
    SELECTOR_IN,
    SELECTOR_NOT_IN,
    SELECTOR_EXISTS,
    SELECTOR_NOT_EXISTS,
    SELECTOR_GREATER, /* > : the label is an integer above the value (node affinity's Gt) */
    SELECTOR_LESS,    /* < */
};

struct requirement {
    struct str key;
    enum selector_op op;
    const struct str *values; /* sorted, each once */
    size_t n;
    int64_t number; /* of SELECTOR_GREATER and SELECTOR_LESS */
};

struct selector {
    struct requirement *at; /* sorted by key */
    size_t n;
    bool nothing; /* matches no labels at all: what a nil metav1.LabelSelector means */
};

struct label_selector; /* kinds/meta_v1.h */

/* The longest text, in bytes. */
enum { SELECTOR_TEXT_MAX = 64 * 1024 };

/* Errors are ERR_BAD_REQUEST with the words of upstream's labels.Parse, for example
 * `unable to parse requirement: found ')', expected: identifier`. */
int selector_parse(struct arena *a, struct str text, struct selector *out, struct err *err);
/* From the struct; NULL gives a selector that matches nothing, an empty struct one that matches everything
 * (metav1.LabelSelectorAsSelector). Errors as upstream's: `"x" is not a valid label selector operator`. */
int selector_from(struct arena *a, const struct label_selector *from, struct selector *out, struct err *err);
/* key=value for each entry, unchecked (labels.SelectorFromSet): what the selectors of services and
 * replication controllers are. */
void selector_from_map(struct arena *a, const struct str_map *from, struct selector *out);
/* Adds one requirement, checked as labels.NewRequirement does. */
int selector_add(struct arena *a, struct selector *s, struct str key, enum selector_op op,
                 const struct str *values, size_t n, struct err *err);

/* `labels` is sorted by key. */
bool selector_matches(const struct selector *s, const struct str_map *labels);
static inline bool selector_empty(const struct selector *s)
{
    return s->n == 0 && !s->nothing;
}
/* The one value that `key` must have, or NULL when the selector does not demand a single one. */
const struct str *selector_exact(const struct selector *s, struct str key);
/* The text form, as upstream prints it (Scale.status.selector); "" for everything. */
void selector_write(struct buf *out, const struct selector *s);
/* "in", "notin", "=", ..., "exists", "!", "gt", "lt": as upstream calls them in messages. */
const char *selector_op_name(enum selector_op op);
