/* Whether pods and nodes suit each other by what they say: tolerations and taints, node selectors and labels.
 */
#pragma once
#include "kinds/core_v1.h"

/* The value of a label, or NULL. */
const struct str *label_get(const struct str_map *labels, struct str key);

bool labels_same(const struct str_map *a, const struct str_map *b); /* also of other maps of strings */

bool toleration_matches(const struct toleration *t, const struct taint *taint);
/* Whether one of them tolerates the taint. `effect` not empty: only tolerations that are for it, or for any.
 */
bool tolerations_match(const struct toleration_vec *t, const struct taint *taint);

/* A term of a node selector against a node; a term that says nothing matches nothing. */
bool node_term_matches(const struct node_selector_term *t, const struct node *n);
/* Required: nodeSelector and nodeAffinity's required terms (any of them). */
bool node_suits(const struct pod_spec *spec, const struct node *n);
