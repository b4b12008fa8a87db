/* The environment of a container: services, envFrom, env, in upstream's order. */
#pragma once
#include "node/pod/fields.h"
#include "node/pod/pod_state.h"

/* "NAME=value" each, later ones go before earlier ones of the same name; image's own first. An error is a
 * CreateContainerConfigError in upstream's words. */
int container_env(struct pod_state *p, const struct pod *pod, const struct container *c,
                  const struct field_context *x, const struct str_vec *image_env, struct arena *a,
                  struct str_vec *out, struct err *err);
