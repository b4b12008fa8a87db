/* A pod's volumes on this node: DATA/pods/UID/volumes/NAME. */
#pragma once
#include "node/pod/fields.h"
#include "node/pod/pod_state.h"

/* Makes every volume and brings the contents of config maps, secrets, tokens and the downward API up to date.
 * Again and again for a running pod. Errors are in upstream's words (FailedMount). */
int volumes_mount(struct pod_state *p, const struct pod *pod, const struct field_context *x, struct err *err);
/* Whether some volume's content may change while the pod runs. */
bool volumes_change(const struct pod *pod);
/* Unmounts what is mounted; the files go with the pod's directory. */
void volumes_unmount(const char *pod_dir);
/* The host's path of the container's volume mount of that index; a sub path is bound (see sub_path.h), to be
 * released with the container. `vars` are for subPathExpr. */
int volume_mount_source(struct pod_state *p, const struct pod *pod, const struct container *c, size_t index,
                        struct str container_id, const struct str_vec *vars, struct arena *a, struct str *out,
                        struct err *err);
