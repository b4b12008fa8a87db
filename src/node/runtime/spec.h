/* Writes config.json (OCI runtime specification) from what is to run. */
#pragma once
#include "node/runtime/container.h"

/* `rootfs` is the mounted root file system. Memory is of `a`. */
void spec_make(const struct container_config *c, const char *rootfs, struct arena *a, struct oci_spec *out);
