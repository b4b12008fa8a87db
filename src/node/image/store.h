/* The images of this node, on disk:
 *
 *   DIR/blobs/sha256/HEX    manifests and configurations, as they came
 *   DIR/layers/HEX          layers, unpacked once each, by the digest of their tar (diff id), for overlayfs
 *   DIR/names               which manifest a name means: lines "MANIFEST NAME", sorted by name
 *   DIR/pins/NAME           a file per user of an image (a container) that holds the image's id: kept while
 * used DIR/tmp                 what is being made; renamed to its place when whole and verified
 *
 * Everything is there or not: a crash leaves at most rubbish in tmp, removed at the next start. Several
 * processes may use one store at once (the agent, and `sagong image load`): flock on DIR/lock and
 * DIR/names.lock. */
#pragma once
#include "kinds/oci_v1.h"
#include "node/image/unpack.h"

struct image_store;

/* Makes what is missing under `dir` (its permissions: root only). */
int image_store_open(const char *dir, struct image_store **out, struct err *err);
void image_store_close(struct image_store *s);
void image_store_closep(struct image_store **s);
#define _cleanup_image_store_ _cleanup_(image_store_closep)

/* An image that is here, with all its layers. Memory is of the arena it was asked with. */
struct image {
    struct str id;        /* the digest of its configuration: what CRI calls the image id */
    struct str manifest;  /* digest */
    struct str_vec names; /* "docker.io/library/busybox:1.35"; none when only pinned */
    uint64_t size;        /* bytes of its layers and documents, as they came */
    struct oci_image config;
    struct str_vec layers; /* directories, lowest first */
};
struct image_vec {
    struct image *at;
    size_t n;
};

/* By name (completed), "NAME@DIGEST", or id. ERR_NOT_FOUND when it is not here. */
int image_store_find(struct image_store *s, struct str reference, struct arena *a, struct image *out,
                     struct err *err);
int image_store_list(struct image_store *s, struct arena *a, struct image_vec *out, struct err *err);
/* Takes the name away; by id, all its names. Layers that nobody uses any more go too. */
int image_store_remove(struct image_store *s, struct str reference, struct err *err);
/* Keeps the image's layers as long as the pin is there. */
int image_store_pin(struct image_store *s, struct str pin, struct str image_id, struct err *err);
void image_store_unpin(struct image_store *s, struct str pin);
bool image_store_is_pinned(struct image_store *s, struct str image_id);
/* Removes what no name and no pin leads to, and what crashes left behind. Does nothing when someone is
 * adding. */
int image_store_collect(struct image_store *s, struct err *err);

/* --- adding: begin, then blobs and layers in any order and from any threads, then commit; always end --- */
struct image_adding {
    struct image_store *store;
    int lock_fd;
};
int image_add_begin(struct image_store *s, struct image_adding *out, struct err *err);
void image_add_end(struct image_adding *adding);
#define _cleanup_image_adding_ _cleanup_(image_add_end)
/* A new temporary file's path and descriptor; the caller unlinks it. */
int image_add_temporary(struct image_adding *adding, char path[static 512], struct err *err);
bool image_has_layer(struct image_store *s, const struct digest *diff_id);
/* Unpacks a layer, verifying its diff id. One that is here already is not read. */
int image_add_layer(struct image_adding *adding, const struct digest *diff_id,
                    const struct unpack_source *source, struct err *err);
/* Verifies the digest. */
int image_add_blob(struct image_adding *adding, const struct digest *digest, struct str bytes,
                   struct err *err);
/* The image is complete: its documents and layers are here. Gives it its names. */
int image_add_commit(struct image_adding *adding, const struct digest *manifest, const struct str *names,
                     size_t n, struct err *err);
/* A document of the store, into `a`. */
int image_store_read(struct image_store *s, const struct digest *d, struct arena *a, struct str *out,
                     struct err *err);
