/* Persistent volumes on this node: those that are a directory of it. */
#pragma once
#include "node/pod/pod_state.h"

/* Where the volume of a pod's claim lies; what the built-in provisioner promised is made when it is missing.
 * `group`: takes what is in it over for the pod's fsGroup, where it has one and the volume's plugin knows it.
 */
int claim_mount(struct pod_state *p, const struct pod *pod, const struct volume *v, bool group,
                struct arena *a, struct str *out, struct err *err);
/* Gives a directory and what is in it to a group (fsGroupChangePolicy `policy`, NULL: Always): links are not
 * followed. */
int claim_set_group(const char *dir, int64_t gid, const struct str *policy, struct err *err);

/* Removes the directories of volumes that the built-in provisioner made here, as they go: an informer_fn of
 * persistent volumes, with the agent as its argument. */
void claim_on_volume(void *agent, struct object *before, struct object *after);
