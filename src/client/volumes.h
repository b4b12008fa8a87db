/* Which persistent volume suits which claim, and how the two say that they belong together: what controllers,
 * scheduler and node have to agree on (pkg/controller/volume/persistentvolume). */
#pragma once
#include "kinds/core_v1.h"
#include "kinds/storage_v1.h"
#include "schema/selector.h"

/* Annotations of volumes and claims; their values are "yes", or a name. */
#define VOLUME_BIND_COMPLETED      STR("pv.kubernetes.io/bind-completed")
#define VOLUME_BOUND_BY_CONTROLLER STR("pv.kubernetes.io/bound-by-controller")
#define VOLUME_PROVISIONED_BY      STR("pv.kubernetes.io/provisioned-by")
#define CLAIM_SELECTED_NODE        STR("volume.kubernetes.io/selected-node")
#define CLAIM_PROVISIONER          STR("volume.kubernetes.io/storage-provisioner")
#define CLAIM_PROVISIONER_BETA     STR("volume.beta.kubernetes.io/storage-provisioner")

/* The built-in provisioner: a directory of the node that a claim's first pod runs on. The class's parameter
 * "path" says where. */
#define LOCAL_PROVISIONER STR("sagong.io/local")

/* The class that a claim or volume is of; empty: none. */
struct str claim_class(const struct persistent_volume_claim *c);
struct str volume_class(const struct persistent_volume *v);
bool class_waits(const struct storage_class *c); /* WaitForFirstConsumer */

/* The volume is bound to just this claim, or set aside for one of its name. */
bool volume_is_for(const struct persistent_volume *v, const struct persistent_volume_claim *c);
/* Large enough, of the right mode, with all access modes. */
bool volume_can_hold(const struct persistent_volume *v, const struct persistent_volume_claim *c);
/* Free, and what the claim asks for: volume_can_hold, class and labels too. */
bool volume_is_free_for(const struct persistent_volume *v, const struct persistent_volume_claim *c);
/* Of two that suit a claim, the smaller one is taken. */
bool volume_is_smaller(const struct persistent_volume *v, const struct persistent_volume *than);

/* The claim that a pod's volume speaks of: by name, or made for the pod (`ephemeral`). False: none. */
bool volume_claim_name(const struct pod *pod, const struct volume *v, struct arena *a, struct str *name);
/* An ephemeral volume's claim has to be the pod's own. */
bool claim_is_of_pod(const struct persistent_volume_claim *c, const struct pod *pod);
