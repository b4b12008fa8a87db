/* metadata.managedFields: who owns which fields (KEP-555). The bookkeeping of apimachinery's managedfields
 * and structured-merge-diff's updater, for one object.
 *
 * An entry's owner is known by its manager, operation and subresource, and for updates by the version in
 * which the fields are named. Entries keep the bytes they came with as long as nothing of theirs changes. */
#pragma once
#include "kinds/meta_v1.h"
#include "schema/apply/field_compare.h"

enum { MANAGED_UPDATERS_MAX = 10 }; /* the oldest beyond these become "ancient-changes" */

struct owner {
    struct str manager, api_version, subresource;
    bool applied; /* by server-side apply, else by an update */
};
struct managed_entry {
    struct owner owner;
    const struct time *time;
    struct field_set set;
    struct str *bytes; /* of the set; NULL once it has changed */
    bool folded;       /* the set is still only bytes: managed_unfold */
};
struct managed {
    struct managed_entry *at;
    size_t n, cap;
};

bool owner_eq(const struct owner *x, const struct owner *y);
/* Reads entries; -1 with upstream's words when one cannot be read. Strings are shared. */
int managed_read(struct arena *a, const struct managed_fields_entry_vec *from, struct managed *out,
                 struct err *err);
/* The same of entries that have been read before, as those of a stored object: their sets are read when
 * somebody needs them. */
int managed_read_folded(struct arena *a, const struct managed_fields_entry_vec *from, struct managed *out,
                        struct err *err);
const struct field_set *managed_unfold(struct arena *a, struct managed_entry *e);
/* Back, in upstream's order. */
struct managed_fields_entry_vec managed_write(struct arena *a, const struct managed *m);
/* [] or [{}]: a client that wants to be rid of them all. */
bool managed_resets(const struct managed_fields_entry_vec *v);
struct managed_entry *managed_find(const struct managed *m, const struct owner *o);
void managed_remove(struct managed *m, struct managed_entry *e);
/* A new set for the owner, made where it is not there; emptied sets take the entry with them. NULL then. */
struct managed_entry *managed_set(struct arena *a, struct managed *m, const struct owner *o,
                                  struct field_set set);

/* What a change did in another version of the API than the request's: 0, or 1 where that is not served any
 * more (its entries go then). */
struct versions {
    int (*compare)(void *arg, struct str api_version, struct comparison *out);
    void *arg;
};

/* After an update by `self`: what it changed is its own from now on, and no longer that of others; what it
 * took away is nobody's. `c` is what it did in self->api_version. */
void managed_update(struct arena *a, struct managed *m, const struct owner *self, const struct comparison *c,
                    const struct versions *v, struct time now);

/* What others own of what an apply has changed. */
struct conflict {
    const struct managed_entry *entry;
    struct field_set set;
};
struct conflicts {
    struct conflict *at;
    size_t n;
};
struct conflicts managed_conflicts(struct arena *a, struct managed *m, const struct owner *self,
                                   const struct comparison *c, const struct versions *v);
/* Takes from others what `self` has changed or taken away. */
void managed_yield(struct arena *a, struct managed *m, const struct owner *self, const struct comparison *c,
                   const struct versions *v);
/* 409 Conflict, with a cause for every field. Returns -1. */
int managed_conflict_error(const struct conflicts *c, struct err *err);
