/* Brings an image into the store from wherever it comes: takes its documents and layers, chooses this
 * machine's platform, verifies every digest, unpacks the layers that are missing. */
#pragma once
#include "node/image/store.h"

/* Where an image comes from: an archive, a registry. Called from several threads at once. */
struct image_origin {
    /* A manifest, index or configuration; its digest is verified by the caller. */
    int (*document)(void *arg, const struct oci_descriptor *d, struct arena *a, struct str *out,
                    struct err *err);
    /* A layer as an open file, read from its start; the origin has verified the digest. Returns the
     * descriptor. */
    int (*layer)(void *arg, struct image_adding *adding, const struct oci_descriptor *d, struct err *err);
    void *arg;
};

/* `root` is a manifest or an index. The image gets these names. */
int image_transfer(struct image_store *s, const struct image_origin *origin,
                   const struct oci_descriptor *root, const struct str *names, size_t n_names,
                   struct err *err);
/* The entry of an index that fits this machine, or NULL. */
const struct oci_descriptor *image_choose_platform(const struct oci_manifest *index);
/* The machine as images name it: "amd64", "arm64". */
struct str image_architecture(void);
