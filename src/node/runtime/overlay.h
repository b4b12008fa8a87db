/* A container's root file system: overlayfs over the layers of its image, DIR/upper and DIR/work, at
 * DIR/rootfs. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* Makes the directories; mounted already is fine. Layers: lowest first. */
int overlay_mount(const char *dir, const struct str_vec *layers, struct err *err);
/* Not mounted is fine. Afterwards what the container wrote is gone too. */
void overlay_unmount(const char *dir);
