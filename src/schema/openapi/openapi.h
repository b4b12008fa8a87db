/* OpenAPI, generated from descriptors: version 2 as one document, version 3 as one per group and version,
 * with the definitions' names, extensions and paths that kubectl (explain, apply, validation) and client
 * generators look for. Writing all of it takes tens of milliseconds and megabytes: callers keep the result.
 */
#pragma once
#include "base/buf.h"
#include "schema/desc.h"

/* What is served: all resources, in the order of discovery, and what /version says ("v1.36.0"). */
struct openapi_set {
    const struct resource *const *resources;
    size_t n;
    struct str version;
};

/* /openapi/v2 as JSON. */
void openapi_write_v2(struct buf *out, const struct openapi_set *set);
/* Adds to that what other servers say of a group and version of theirs: its paths, and the definitions that
 * these need, renamed to NAME_v2 and so on where we have others of that name. What is no OpenAPI adds
 * nothing. */
struct openapi_remote {
    struct str group, version, v2; /* their document, JSON */
};
void openapi_merge_v2(struct buf *doc, const struct openapi_remote *remotes, size_t n);
/* The same document, given as its JSON, in gnostic's Protobuf form:
 * application/com.github.proto-openapi.spec.v2@v1.0+protobuf. */
void openapi_write_v2_proto(struct buf *out, struct str v2_json);

/* /openapi/v3/PATH as JSON, PATH being "api/v1" or "apis/apps/v1"; false when nothing of it is served. */
bool openapi_write_v3(struct buf *out, const struct openapi_set *set, struct str path);
/* /openapi/v3: the paths, each with the hash of its document, which a client may cache for ever. */
void openapi_write_v3_index(struct buf *out, const struct openapi_set *set);
