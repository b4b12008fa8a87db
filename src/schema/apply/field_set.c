#include "schema/apply/field_set.h"

#include <stdlib.h>

/* --- order --- */

/* What kind of JSON value begins with this letter, in upstream's order of kinds. */
static int json_rank(char c)
{
    switch (c) {
    case '"':
        return 1;
    case 't':
    case 'f':
        return 2;
    case '[':
        return 3;
    case '{':
        return 4;
    case 'n':
        return 5;
    default:
        return 0; /* a number */
    }
}

static double number_at(struct str s, size_t at)
{
    char text[32];
    size_t n = s.n - at < sizeof text - 1 ? s.n - at : sizeof text - 1;
    memcpy(text, s.p + at, n);
    text[n] = 0;
    return strtod(text, NULL);
}

/* The letter at `at` within a JSON string, escapes undone as far as order needs it; -1 at the end. */
static int letter_at(struct str s, size_t at)
{
    static const char names[] = "bfnrt", letters[] = "\b\f\n\r\t";
    if (at >= s.n || s.p[at] == '"')
        return -1;
    if (s.p[at] != '\\' || at + 1 >= s.n)
        return (unsigned char)s.p[at];
    char c = s.p[at + 1];
    if (c == 'u' && at + 6 <= s.n) {
        char hex[5] = {0};
        memcpy(hex, s.p + at + 2, 4);
        return (int)strtol(hex, NULL, 16);
    }
    const char *name = strchr(names, c);
    return name && c ? letters[name - names] : (unsigned char)c;
}

/* Canonical JSON texts: they part within a string, within a number, or where a value begins. */
static int json_cmp(struct str x, struct str y)
{
    size_t least = x.n < y.n ? x.n : y.n, at = 0, number = 0;
    bool in_string = false, in_number = false;
    for (; at < least && x.p[at] == y.p[at]; at++) {
        char c = x.p[at];
        if (in_string && c == '\\' && at + 1 < least && x.p[at + 1] == y.p[at + 1]) {
            at++;
        } else if (in_string && c == '\\') {
            break;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string) {
            bool digit = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
            if (digit && !in_number)
                number = at;
            in_number = digit;
        }
    }
    if (at == least && x.n == y.n)
        return 0;
    if (in_string) {
        int p = letter_at(x, at), q = letter_at(y, at);
        return (p > q) - (p < q);
    }
    if (!in_number)
        number = at;
    char p = number < x.n ? x.p[number] : 0, q = number < y.n ? y.p[number] : 0;
    if (p == '}' || p == ']' || q == '}' || q == ']') /* the shorter list of keys is less */
        return (q == '}' || q == ']') - (p == '}' || p == ']');
    int rank = json_rank(p) - json_rank(q);
    if (rank || json_rank(p) != 0)
        return rank ? rank : str_cmp(x, y);
    double v = number_at(x, number), w = number_at(y, number);
    return v == w ? str_cmp(x, y) : v < w ? -1 : 1;
}

int field_link_cmp(const struct field_link *x, const struct field_link *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    switch (x->kind) {
    case FIELD_LINK_NAME:
        break;
    case FIELD_LINK_INDEX:
        if (x->text.n != y->text.n)
            return x->text.n < y->text.n ? -1 : 1;
        break;
    case FIELD_LINK_KEY:
    case FIELD_LINK_VALUE:
        return json_cmp(x->text, y->text);
    }
    return str_cmp(x->text, y->text);
}

/* --- making --- */

struct field_node *field_set_append(struct arena *a, struct field_set *s, struct field_link link)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 4;
        struct field_node *at = arena_new_n(a, struct field_node, cap);
        if (s->n)
            memcpy(at, s->at, s->n * sizeof *at);
        s->at = at;
        s->cap = cap;
    }
    struct field_node *n = &s->at[s->n++];
    *n = (struct field_node){.link = link};
    return n;
}

/* Where the link is, or where it belongs. */
static size_t place_of(const struct field_set *s, const struct field_link *link, bool *found)
{
    size_t low = 0, high = s->n;
    *found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = field_link_cmp(&s->at[middle].link, link);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct field_node *field_set_insert(struct arena *a, struct field_set *s, struct field_link link)
{
    bool found = false;
    size_t at = s->n;
    if (s->n && field_link_cmp(&s->at[s->n - 1].link, &link) >= 0)
        at = place_of(s, &link, &found);
    if (found)
        return &s->at[at];
    field_set_append(a, s, link);
    memmove(s->at + at + 1, s->at + at, (s->n - 1 - at) * sizeof *s->at);
    s->at[at] = (struct field_node){.link = link};
    return &s->at[at];
}

void field_set_insert_names(struct arena *a, struct field_set *s, const struct str *names, size_t n)
{
    struct field_node *node = NULL;
    for (size_t i = 0; i < n; i++, s = &node->below)
        node = field_set_insert(a, s, field_link_name(names[i]));
    if (node)
        node->member = true;
}

/* --- asking --- */

const struct field_node *field_set_find(const struct field_set *s, struct field_link link)
{
    bool found;
    size_t at = place_of(s, &link, &found);
    return found ? &s->at[at] : NULL;
}

bool field_set_has(const struct field_set *s, const struct str *names, size_t n)
{
    const struct field_node *node = NULL;
    for (size_t i = 0; i < n; i++, s = &node->below)
        if (!(node = field_set_find(s, field_link_name(names[i]))))
            return false;
    return node && node->member;
}

bool field_set_eq(const struct field_set *x, const struct field_set *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (x->at[i].member != y->at[i].member || field_link_cmp(&x->at[i].link, &y->at[i].link) != 0 ||
            !field_set_eq(&x->at[i].below, &y->at[i].below))
            return false;
    return true;
}

size_t field_set_size(const struct field_set *s)
{
    size_t size = 0;
    for (size_t i = 0; i < s->n; i++)
        size += s->at[i].member + field_set_size(&s->at[i].below);
    return size;
}

/* --- reckoning --- */

/* What becomes of a node of x, of y, or of one that both have (the other is NULL then). An empty node is
 * dropped. */
typedef struct field_node (*pair_rule)(struct arena *a, const struct field_node *x,
                                       const struct field_node *y);

static struct field_set zip(struct arena *a, const struct field_set *x, const struct field_set *y,
                            pair_rule rule)
{
    struct field_set out = {0};
    for (size_t i = 0, j = 0; i < x->n || j < y->n;) {
        int order = i == x->n ? 1 : j == y->n ? -1 : field_link_cmp(&x->at[i].link, &y->at[j].link);
        const struct field_node *p = order <= 0 ? &x->at[i++] : NULL, *q = order >= 0 ? &y->at[j++] : NULL;
        struct field_node node = rule(a, p, q);
        if (node.member || node.below.n)
            *field_set_append(a, &out, (p ? p : q)->link) = node;
    }
    return out;
}

static struct field_node unite(struct arena *a, const struct field_node *x, const struct field_node *y)
{
    if (!x || !y)
        return x ? *x : *y;
    return (struct field_node){x->link, x->member || y->member, field_set_union(a, &x->below, &y->below)};
}

struct field_set field_set_union(struct arena *a, const struct field_set *x, const struct field_set *y)
{
    return !x->n ? *y : !y->n ? *x : zip(a, x, y, unite);
}

static struct field_node intersect(struct arena *a, const struct field_node *x, const struct field_node *y)
{
    if (!x || !y)
        return (struct field_node){0};
    return (struct field_node){x->link, x->member && y->member,
                               field_set_intersection(a, &x->below, &y->below)};
}

struct field_set field_set_intersection(struct arena *a, const struct field_set *x, const struct field_set *y)
{
    return !x->n || !y->n ? (struct field_set){0} : zip(a, x, y, intersect);
}

static struct field_node subtract(struct arena *a, const struct field_node *x, const struct field_node *y)
{
    if (!x || !y)
        return x ? *x : (struct field_node){0};
    return (struct field_node){x->link, x->member && !y->member,
                               field_set_difference(a, &x->below, &y->below)};
}

struct field_set field_set_difference(struct arena *a, const struct field_set *x, const struct field_set *y)
{
    return !x->n || !y->n ? *x : zip(a, x, y, subtract);
}

static struct field_node cut(struct arena *a, const struct field_node *x, const struct field_node *y)
{
    if (!x || !y)
        return x ? *x : (struct field_node){0};
    if (y->member)
        return (struct field_node){0};
    return (struct field_node){x->link, x->member, field_set_without(a, &x->below, &y->below)};
}

struct field_set field_set_without(struct arena *a, const struct field_set *x, const struct field_set *y)
{
    return !x->n || !y->n ? *x : zip(a, x, y, cut);
}
