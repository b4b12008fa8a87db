/* Taints of nodes and tolerations of pods. */
#pragma once
#include "controllers/meta.h"

#define TAINT_NOT_READY   STR("node.kubernetes.io/not-ready")
#define TAINT_UNREACHABLE STR("node.kubernetes.io/unreachable")

bool node_is_ready(const struct node *n);
bool taint_has(const struct taint_vec *taints, struct str key, struct str effect);
/* Adds (with the time) or takes away; true when that changed something. */
bool taint_set(struct arena *a, struct taint_vec *taints, struct str key, struct str effect, bool wanted);
bool toleration_covers(const struct toleration *t, const struct taint *of);
