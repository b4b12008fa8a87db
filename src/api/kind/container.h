/* Containers of a pod: their rules (upstream's validateContainers and what it calls). */
#pragma once
#include "api/valid.h"
#include "base/map.h"

enum container_role { CONTAINER_REGULAR, CONTAINER_INIT, CONTAINER_EPHEMERAL };

/* What the containers' rules look at in the pod around them. */
struct container_scope {
    const struct pod_spec *pod;
    const struct path *spec;
    const struct object_meta *meta; /* the pod's; NULL in a template */
    const struct map *volumes;      /* the pod's `struct volume`s that nothing is wrong with, by name */
};

void valid_containers(struct field_errors *e, const struct container_scope *scope);
/* Ephemeral containers have the fields of a container, in the same order. */
static inline const struct container *ephemeral_as_container(const struct ephemeral_container *c)
{
    return (const struct container *)(const void *)c;
}
/* A sidecar: an init container that stays. */
static inline bool container_is_sidecar(const struct container *c)
{
    return c->restart_policy && str_is(*c->restart_policy, "Always");
}
/* Calls `visit` for every container with its path, in upstream's order: init, regular, ephemeral. */
typedef void (*container_visit)(const struct container *c, const struct path *at, void *arg);
void containers_visit(const struct pod_spec *pod, const struct path *spec, container_visit visit, void *arg);

/* What becomes of a container that ends, or whose resources change: kind/restart.c. */
void valid_container_restart(struct field_errors *e, const struct path *at, const struct container *c,
                             const struct pod_spec *pod, enum container_role role);
/* Volumes in containers: kind/mount.c. */
void valid_container_volumes(struct field_errors *e, const struct path *at, const struct container *c,
                             const struct container_scope *scope);
/* Probes and lifecycle hooks: kind/probe.c. */
void valid_container_probes(struct field_errors *e, const struct path *at, const struct container *c,
                            const struct pod_spec *pod, enum container_role role);
/* Environment: kind/env.c. */
void valid_container_env(struct field_errors *e, const struct path *at, const struct container *c);
void valid_env_files(struct field_errors *e, const struct path *spec, const struct pod_spec *pod);
/* A field of the pod by its path, as environment and downward files name it. */
void valid_field_selector(struct field_errors *e, const struct path *at,
                          const struct object_field_selector *s, bool as_file);
void valid_resource_field(struct field_errors *e, const struct path *at,
                          const struct resource_field_selector *s, bool as_file);
/* Security contexts: kind/security.c. */
void valid_container_security(struct field_errors *e, const struct path *at, const struct security_context *s,
                              const struct pod_spec *pod);
void valid_pod_security(struct field_errors *e, const struct path *spec, const struct pod_spec *pod);
void valid_host_users(struct field_errors *e, const struct path *spec, const struct pod_spec *pod);
/* Operating systems and their options: kind/windows.c. */
void valid_windows_options(struct field_errors *e, const struct path *at,
                           const struct windows_security_context_options *o);
void valid_host_process(struct field_errors *e, const struct path *spec, const struct pod_spec *pod);
void valid_pod_os(struct field_errors *e, const struct path *spec, const struct pod_spec *pod);
/* Volumes: kind/volume.c. `meta` is the pod's, NULL in a template; those that nothing is wrong with are put
 * into `sound`, by name. */
void valid_volumes(struct field_errors *e, const struct path *at, const struct volume_vec *volumes,
                   const struct object_meta *meta, struct map *sound);
/* Affinity, tolerations: kind/placement.c. Spread: kind/spread.c. */
void valid_affinity(struct field_errors *e, const struct path *at, const struct affinity *a);
void valid_spread(struct field_errors *e, const struct path *at, const struct pod_spec *pod);
void valid_node_selector(struct field_errors *e, const struct path *at, const struct node_selector *s);
void valid_tolerations(struct field_errors *e, const struct path *at, const struct toleration_vec *t);
void valid_taint_effect(struct field_errors *e, const struct path *at, struct str effect, bool required);
/* Claims and volumes: kind/claim.c. */
void valid_access_modes(struct field_errors *e, const struct path *at, const struct str_vec *modes,
                        const char *missing);
void valid_claim_template(struct field_errors *e, const struct path *at,
                          const struct persistent_volume_claim_template *t);
