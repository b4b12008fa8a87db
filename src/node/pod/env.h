/* The environment of a container: services, envFrom, env, in upstream's order. */
#pragma once
#include "node/pod/fields.h"
#include "node/pod/pod_state.h"

/* What the pod says, "NAME=value" each; $(NAME) in commands and paths means these. An error is a
 * CreateContainerConfigError in upstream's words. */
int container_env(struct pod_state *p, const struct pod *pod, const struct container *c,
                  const struct field_context *x, struct arena *a, struct str_vec *out, struct err *err);
/* All that the container gets: the runtime's own, the image's over them, then those of the pod. */
struct str_vec env_with_image(const struct str_vec *vars, const struct str_vec *image_env,
                              struct str hostname, bool tty, struct arena *a);
