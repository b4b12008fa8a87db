/* Defaulting: fills what is absent and has a declared default (field_rules.default_json), at any depth. An
 * optional field is absent when NULL, any other when zero, as in upstream's defaulting functions. A default
 * of {} makes the struct, whose own defaults then follow. Defaults that depend on other fields are the API's
 * (src/api). */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* What it adds belongs to the arena, or is static. The declarations are trusted: a default that does not fit
 * its field's type aborts. */
void default_apply(struct arena *a, const struct type *t, void *value);
/* One field of a struct. */
void default_field(struct arena *a, const struct field *f, void *base);
