/* Who owns which fields, as requests change them (schema/apply/managed_fields.h). */
#pragma once
#include "api/road.h"
#include "schema/apply/apply.h"

/* Who the request makes the owner of what it changes: ?fieldManager, else what the client calls itself, else
 * the API server. */
struct owner managed_owner(const struct road *d, bool applied);
/* What the request cannot change, though it may say it: the server's own metadata, and status on the main
 * resource or all but it on the subresource, as upstream's strategies reset it. */
const struct field_set *managed_ignored(const struct road *d);
/* Writes d->object's managedFields anew by what the request changes of d->old: before admission, so that what
 * the server adds of its own is nobody's, as upstream has it. */
void managed_track(struct road *d);
/* Mutating webhooks may have spoilt the entries: puts back what they were (`before`), and warns. */
void managed_restore(struct road *d, const struct managed_fields_entry_vec *before);
/* The same entries, but for their times. */
bool managed_same(const struct managed_fields_entry_vec *x, const struct managed_fields_entry_vec *y);
/* The versions of the request's kind, for apply; `arg` is the road. */
extern const struct apply_versions managed_versions;
