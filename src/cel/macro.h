/* Macros: calls that are rewritten as they are parsed (CEL specification, "Macros"; cel-go's extensions for
 * two variables, bindings and optionals). Private to src/cel. */
#pragma once
#include "cel/ast.h"

/* Turns `call` into what the macro of that name and number of arguments stands for, when there is one. -1: it
 * is one, wrongly used; told. */
int macro_expand(const struct cel_env *env, struct arena *a, struct node *call, struct cel_issues *issues);

struct node *node_new(struct arena *a, enum node_op op, uint32_t at, struct node *const *args, size_t n);
/* "a.b.c", when that is what the node says. */
bool node_qualified_name(struct arena *a, const struct node *n, struct str *out);
