/* Volumes whose files the agent writes: config maps, secrets, the downward API, and all of them projected
 * together with service account tokens. */
#pragma once
#include "node/pod/fields.h"
#include "node/pod/pod_state.h"

bool volume_has_content(const struct volume *v);
int volume_write_content(struct pod_state *p, const struct pod *pod, const struct volume *v,
                         const struct field_context *x, const char *dir, int64_t gid, struct err *err);
