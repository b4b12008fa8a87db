/* Regular expressions as RE2 (and so Go) has them: no references back, no looking around. Matched by PCRE2
 * with a limit on its steps, and beyond that by its automaton, which does not go back, so that no pattern and
 * no text can hold a thread for long. Compiled ones may be used by any number of threads. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct regex;

/* -1: err says what is wrong, mostly as Go does: "error parsing regexp: missing closing ): `(a`". */
int regex_new(struct str pattern, struct regex **out, struct err *err);
void regex_free(struct regex *r); /* NULL is fine */
/* Whether the pattern is found anywhere in the text. What takes too long does not match. */
bool regex_matches(const struct regex *r, struct str text);
