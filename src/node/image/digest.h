/* Digests: the names of blobs by their content (OCI image specification, "Digests"). SHA-256 only, the one
 * algorithm that every registry and image in use has. */
#pragma once
#include "base/err.h"

/* "sha256:" and 64 lower-case hexadecimal digits, NUL-terminated. */
struct digest {
    char text[72];
};

/* False when it is malformed or of another algorithm. */
bool digest_parse(struct str text, struct digest *out);
/* The 64 digits alone. */
static inline const char *digest_hex(const struct digest *d)
{
    return d->text + sizeof "sha256:" - 1;
}
static inline struct str digest_str(const struct digest *d)
{
    return str_from(d->text);
}
struct digest digest_of(struct str bytes);

/* A digest in the making, for bytes that pass by. hasher_free is harmless after hasher_end. */
struct hasher {
    void *context;
    uint64_t size; /* bytes so far */
};
void hasher_begin(struct hasher *h);
void hasher_add(struct hasher *h, const void *p, size_t n);
struct digest hasher_end(struct hasher *h);
void hasher_free(struct hasher *h);
#define _cleanup_hasher_ _cleanup_(hasher_free)
