/* Images in tar files, plain or compressed: OCI layouts (`skopeo copy … oci-archive:`, `buildah push`) and
 * what `docker save` writes. */
#pragma once
#include "node/image/store.h"

/* Loads every image of the file. `name` (may be empty) names an image that the file leaves nameless. `*names`
 * gets what was loaded, in `a`. */
int image_archive_load(struct image_store *s, const char *path, struct str name, struct arena *a,
                       struct str_vec *names, struct err *err);
