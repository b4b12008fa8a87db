/* The part of an object that a patch may reach: whoever changes two labels need not make a tree of the whole
 * object and read it back. What lies outside, no patch can see.
 *
 * A reach is a tree of names: of a struct's fields, with what is reached within each; null: all of it. */
#pragma once
#include "schema/apply/field_set.h"
#include "schema/desc.h"
#include "schema/value.h"

/* What a merge patch or a strategic one reaches. */
struct value reach_of_merge(struct arena *a, const struct type *t, const struct value *patch);
/* What the operations of a JSON patch reach. */
struct value reach_of_operations(struct arena *a, const struct type *t, const struct value *patch);
/* What is reached by whoever may change the fields of a set is reached too. */
void reach_add_fields(struct arena *a, const struct type *t, struct value *reach,
                      const struct field_set *set);

/* Adds the JSON of what is reached of the struct `v`: an object like any other, with less in it. */
void excerpt_write(struct buf *out, const struct type *t, const void *v, const struct value *reach);
/* A copy of `before` with what is reached taken from `patched`, whose memory it shares. The fields that
 * nothing reaches into it shares with `before`. */
void *excerpt_put_back(struct arena *a, const struct type *t, const void *before, const void *patched,
                       const struct value *reach);
