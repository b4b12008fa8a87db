/* An object, as the whole cluster shares it: immutable once committed, reference-counted, in up to three
 * forms, each made at most once, when someone first needs it: JSON bytes, Protobuf bytes, and the decoded C
 * struct.
 *
 * Any thread may read an object it holds a reference to. All slices it hands out live as long as the object.
 */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

struct object;

/* Makes an object from a struct that resource->type describes (defaulted and validated already). Encodes it
 * to JSON at once; the struct is not kept. References: 1. `revision` 0 means not committed yet: object_commit
 * comes later. */
struct object *object_new(const struct resource *r, const void *typed);
/* Makes an object from bytes read back from the store (Protobuf with the k8s envelope, or JSON). The bytes
 * are copied, and decoded only when first needed; the name and namespace come from the caller, who knows them
 * from the key. */
struct object *object_load(const struct resource *r, struct str name_space, struct str name,
                           struct str stored, int64_t revision);
/* Only for the store, before anyone else sees the object: gives it the revision that is its resourceVersion.
 */
void object_commit(struct object *o, int64_t revision);

/* What its stored form is sealed with, as store/encryption.h numbers it; 0: nothing. Set before anyone else
 * sees the object. */
void object_set_seal(struct object *o, uint64_t id);
uint32_t object_seal(const struct object *o); /* folded: compare with object_seal_of */
uint32_t object_seal_of(uint64_t id);

struct object *object_ref(struct object *o); /* returns o */
void object_unref(struct object *o);         /* NULL is fine */
void object_unrefp(struct object **o);
#define _cleanup_object_ _cleanup_(object_unrefp)

/* It was read from the store, by object_load: it may lack what is a default only since it was written. */
bool object_is_loaded(const struct object *o);

const struct resource *object_resource(const struct object *o);
int64_t object_revision(const struct object *o);
struct str object_namespace(const struct object *o); /* "" for cluster-scoped */
struct str object_name(const struct object *o);

/* The decoded struct, read-only: `const struct pod *pod = object_typed(o);`. Decoded once; the defaults are
 * in. */
const void *object_typed(struct object *o);
/* Its metadata. */
const struct object_meta *object_meta(struct object *o);
/* {"kind":...,"apiVersion":...,"metadata":...}, resourceVersion included. */
struct str object_json(struct object *o);
/* The same without kind and apiVersion, as lists carry it: '{' and this slice; the slice starts behind them.
 */
struct str object_json_item(struct object *o);
/* The message without envelope, with resourceVersion. */
struct str object_proto(struct object *o);
/* What goes to disk: upstream's stored form (k8s envelope and Protobuf, or JSON for custom resources),
 * without resourceVersion. Added to `out`. */
void object_stored(struct object *o, struct buf *out);
/* Roughly how much memory it holds now, in bytes. */
size_t object_size(const struct object *o);

/* A copy of the decoded struct, to change and write back; all of it in `a`. */
void *object_copy(struct object *o, struct arena *a);
