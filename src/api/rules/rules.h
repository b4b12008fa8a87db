/* Validation rules of custom resources: x-kubernetes-validations, in CEL (KEP-2876). A rule is about the
 * value at its place in the schema, `self`, and where it says so about what that was before, `oldSelf`.
 *
 * Rules are compiled when a definition is checked, to say what is wrong with them and what they may cost, and
 * again when objects first meet them; from then on the definition's state keeps them. */
#pragma once
#include "cel/schemas.h"
#include "schema/custom/custom.h"
#include "schema/errors.h"

/* --- one rule (compile.c) --- */

struct rule {
    const struct validation_rule *said;
    struct cel_program *program, *message; /* NULL: none, or it does not compile */
    bool uses_old;
};
/* Compiles for values of `self`. What is wrong goes into `err` and `message_err`; what there is of the rule
 * is for rule_clear. */
void rule_compile(struct arena *a, const struct cel_type *self, const struct validation_rule *said,
                  struct rule *out, struct err *err, struct err *message_err);
void rule_clear(struct rule *r);

/* --- definitions (check.c) --- */

/* Adds what is wrong with the rules of a schema that is otherwise valid, and what they cost too much. */
void rules_check(struct field_errors *e, const struct path *at, const struct json_schema_props *s);

/* --- objects (run.c) --- */

/* Whether the version's schema has any. */
bool rules_exist(const struct custom_version *c);
/* Adds what the rules of c's schema say against the value; `old` is what it was, NULL on creation. */
void rules_run(struct field_errors *e, const struct custom_version *c, const struct value *v,
               const struct value *old);
