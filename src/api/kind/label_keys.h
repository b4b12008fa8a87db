/* matchLabelKeys and mismatchLabelKeys: labels that a pod must share with others, or not, whatever their
 * values are. On creation they become expressions of the selector (KEP-3633, KEP-3243). */
#pragma once
#include "api/valid.h"

/* The rules, of `at`.matchLabelKeys and `at`.mismatchLabelKeys. */
void valid_label_keys(struct field_errors *e, const struct path *at, const struct str_vec *match,
                      const struct str_vec *mismatch, const struct label_selector *selector);
/* Writes the keys that `labels` has into the selectors of the pod's affinity and spread. */
void pod_merge_label_keys(struct pod_spec *s, const struct str_map *labels, struct arena *a);
