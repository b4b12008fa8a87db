/* Regular expressions in RE2's syntax, as Go has it, on PCRE2: what RE2 does not know (look-around, back
 * references, possessive quantifiers) is refused, and matching takes bounded time. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct regex;

/* Compiles; -1 with Go's "error parsing regexp: ...". The pattern is not kept. */
int regex_new(struct str pattern, struct regex **out, struct err *err);
void regex_free(struct regex *re);

/* 1 and where the first match from byte `from` on lies, 0 when there is none, -1 when it took too long. Any
 * number of threads. */
int regex_find(const struct regex *re, struct str text, size_t from, size_t *start, size_t *end);
/* Only whether there is one: always within polynomial time. */
int regex_matches(const struct regex *re, struct str text);
