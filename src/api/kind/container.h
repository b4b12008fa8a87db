/* Containers of a pod: their rules (upstream's validateContainers and what it calls). */
#pragma once
#include "api/valid.h"

enum container_role { CONTAINER_REGULAR, CONTAINER_INIT, CONTAINER_EPHEMERAL };

/* What the containers' rules look at in the pod around them. */
struct container_scope {
    const struct pod_spec *pod;
    const struct path *spec;
};

void valid_containers(struct field_errors *e, const struct container_scope *scope);
/* Ephemeral containers have the fields of a container, in the same order. */
static inline const struct container *ephemeral_as_container(const struct ephemeral_container *c)
{
    return (const struct container *)(const void *)c;
}

/* Probes and lifecycle hooks: kind/probe.c. */
void valid_container_probes(struct field_errors *e, const struct path *at, const struct container *c,
                            enum container_role role);
/* Environment: kind/env.c. */
void valid_container_env(struct field_errors *e, const struct path *at, const struct container *c);
/* A field of the pod by its path, as environment and downward files name it. */
void valid_field_selector(struct field_errors *e, const struct path *at,
                          const struct object_field_selector *s, bool as_file);
void valid_resource_field(struct field_errors *e, const struct path *at,
                          const struct resource_field_selector *s, bool as_file);
/* Security contexts: kind/security.c. */
void valid_container_security(struct field_errors *e, const struct path *at, const struct security_context *s,
                              const struct pod_spec *pod);
void valid_pod_security(struct field_errors *e, const struct path *at, const struct pod_spec *pod);
/* Volumes: kind/volume.c. */
void valid_volumes(struct field_errors *e, const struct path *at, const struct volume_vec *volumes);
/* Affinity, tolerations, spread: kind/placement.c. */
void valid_placement(struct field_errors *e, const struct path *spec, const struct pod_spec *pod);
void valid_node_selector(struct field_errors *e, const struct path *at, const struct node_selector *s);
void valid_tolerations(struct field_errors *e, const struct path *at, const struct toleration_vec *t);
/* Claims and volumes: kind/claim.c. */
void valid_access_modes(struct field_errors *e, const struct path *at, const struct str_vec *modes);
