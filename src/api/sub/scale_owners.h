/* managedFields of a Scale: those entries of the object behind it that own its number of replicas. */
#pragma once
#include "api/road.h"
#include "kinds/autoscaling_v1.h"
#include "schema/apply/apply.h"

/* The entries that a Scale has, of its object's. */
struct managed_fields_entry_vec scale_owners(const struct road *d,
                                             const struct managed_fields_entry_vec *parent);
/* Sets after->metadata.managed_fields as the request's update changes them. */
void scale_track(const struct road *d, const struct managed_fields_entry_vec *owners,
                 const struct scale *before, struct scale *after);
/* The object's entries, once the Scale has these. */
struct managed_fields_entry_vec scale_owners_of_parent(const struct road *d,
                                                       const struct managed_fields_entry_vec *parent,
                                                       const struct managed_fields_entry_vec *scale);
/* Scales are served in one version. */
extern const struct apply_versions scale_versions;
