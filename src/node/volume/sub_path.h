/* Parts of volumes (volumeMounts.subPath). A volume is its pod's to fill, with links that lead elsewhere and
 * change at any time: so a part is opened without leaving the volume, and what was opened is bound to
 * DATA/pods/UID/subpaths/CONTAINER/INDEX, which is what the runtime mounts. */
#pragma once
#include "base/err.h"

/* Binds `sub` of the volume, made as a directory where it is absent; `*out` is where. */
int sub_path_bind(const char *pod_dir, struct str container_id, size_t index, struct str volume,
                  struct str sub, struct arena *a, struct str *out, struct err *err);
/* Takes back those of a container, which has ended. */
void sub_paths_release(const char *pod_dir, struct str container_id);
/* Takes back those of all of the pod's containers. */
void sub_paths_release_all(const char *pod_dir);
