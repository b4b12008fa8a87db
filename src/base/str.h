/* Strings are slices: a pointer and a length in bytes, not NUL-terminated, owned by whoever made them (an
 * arena, an object, a literal). `p == NULL` is the empty string too. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A slice of a string literal, also usable in constant initialisers through STR_INIT. */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_INIT(lit)                                                                                        \
    {                                                                                                        \
        (lit), sizeof(lit) - 1                                                                               \
    }
/* For printf: printf(STR_FMT, STR_ARG(s)). */
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *c)
{
    return (struct str){c, c ? strlen(c) : 0};
}

static inline struct str str_slice(const char *p, size_t n)
{
    return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Compares with a NUL-terminated string. */
static inline bool str_is(struct str a, const char *b)
{
    return str_eq(a, str_from(b));
}

static inline bool str_empty(struct str a)
{
    return a.n == 0;
}

/* Order of bytes, as Go's and strcmp's: negative, zero or positive. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_eq_fold(struct str a, struct str b); /* ASCII case does not matter */
/* The slice from byte `from` on; empty when `from` is past the end. */
struct str str_from_at(struct str s, size_t from);
/* Where `c` (or `needle`) first stands in `s`, or -1. */
ptrdiff_t str_index(struct str s, char c);
ptrdiff_t str_last_index(struct str s, char c);
ptrdiff_t str_find(struct str s, struct str needle);
struct str str_trim(struct str s); /* ASCII white space off both ends */
/* Takes what stands before the first `sep` into `*head` and moves `*rest` behind it; without a `sep`, all of
 * it. False when `*rest` is already used up (its p is NULL). "a,,b" gives "a", "", "b". */
bool str_cut(struct str *rest, char sep, struct str *head);
/* Parse all of `s` as a decimal number (optionally signed); false when it is anything else or out of range.
 */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, uint64_t *out);
/* True when `s` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);
/* A NUL-terminated copy, from malloc; the caller frees it. */
char *str_dup_c(struct str s);
/* A hash keyed by a random seed of this process, so that outsiders cannot aim for collisions. */
uint64_t str_hash(struct str s);
/* qsort comparator over struct str. */
int str_qsort(const void *a, const void *b);
