/* What to run, from what the pod and the image say. */
#pragma once
#include "node/pod/fields.h"
#include "node/pod/pod_state.h"

/* An error here is a CreateContainerConfigError, in upstream's words. `rootfs` is mounted already: users are
 * looked up in it. `out` has its id, slices are in `a`. */
int container_config_make(struct pod_state *p, const struct pod *pod, const struct container *c,
                          const struct image *image, int64_t attempt, const char *rootfs, struct arena *a,
                          struct container_config *out, struct err *err);
/* Its seccomp profile; an error is a CreateContainerError. Localhost profiles lie in DATA/seccomp. */
int container_config_seccomp(struct pod_state *p, const struct pod *pod, const struct container *c,
                             struct arena *a, struct container_config *out, struct err *err);
/* What the pod's fields and files may say of this node and pod. */
struct field_context pod_field_context(const struct pod_state *p, struct arena *a);
