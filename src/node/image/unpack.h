/* Unpacks one layer of an image (OCI image layer specification: a tar, plain or compressed by gzip or zstd)
 * into a directory that overlayfs can use: whiteouts become its 0/0 devices, opaque directories its extended
 * attribute.
 *
 * A layer is hostile: whatever it says, nothing is made, changed or followed outside the directory. Every
 * path is resolved inside it by the kernel (openat2, RESOLVE_IN_ROOT); absolute names and ".." are refused;
 * only harmless extended attributes are taken over; size and number of entries have a limit. */
#pragma once
#include "node/image/digest.h"

struct unpack_limits {
    uint64_t bytes; /* uncompressed */
    uint64_t entries;
};
#define UNPACK_LIMITS ((struct unpack_limits){.bytes = UINT64_C(64) << 30, .entries = 2000000})

/* Where the layer's bytes come from: a block at a time, 0 at the end, -1 with `err`. */
struct unpack_source {
    ptrdiff_t (*read)(void *arg, const void **block, struct err *err);
    void *arg;
};

/* Unpacks into the empty directory `root_fd`. `*diff_id` gets the digest of the uncompressed tar, `*size` the
 * bytes that its files hold. After an error the directory holds whatever was made until then. */
int unpack_layer(const struct unpack_source *source, int root_fd, const struct unpack_limits *limits,
                 struct digest *diff_id, uint64_t *size, struct err *err);
