/* Tables of expressions and what they yield. A result is written as JSON shows it; "error: ..." is an
 * evaluation that fails, "issue: ..." a compilation that does, by a part of its text. */
#pragma once
#include "cel/cel.h"

struct expectation {
    const char *expression, *result;
};

/* Checks each, in the environment with these bindings (both may be NULL), and fails the test with all that
 * differ. */
void expect_all(const struct expectation *all, size_t n, const struct cel_env *env,
                const struct cel_value *vars);
#define EXPECT(table) expect_all(table, ARRAY_LEN(table), NULL, NULL)
