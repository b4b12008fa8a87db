/* Protobuf of described values, byte for byte as upstream's generated code writes it: fields in order of
 * their numbers, plain fields even when zero, pointers, lists and maps only when there, maps sorted by key.
 */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* Decodes a message into the zeroed struct `out`; what it points at is in `a`, or in `message` when `borrow`
 * says that this lives as long. Unknown fields are skipped; repeated single fields merge or replace as the
 * format says. */
int proto_decode(struct arena *a, const struct type *t, struct str message, bool borrow, void *out,
                 struct err *err);
/* Adds the message (without length or envelope). */
void proto_encode(struct buf *out, const struct type *t, const void *v);

/* The envelope of upstream's storage and wire: "k8s\0" and a runtime.Unknown. Slices point into the bytes. */
struct proto_envelope {
    struct str api_version, kind, raw, content_encoding, content_type;
};
bool proto_has_envelope(struct str bytes);
int proto_open(struct str bytes, struct proto_envelope *out, struct err *err);
/* Adds envelope and message of a struct. */
void proto_seal(struct buf *out, struct str api_version, struct str kind, const struct type *t,
                const void *v);
/* Adds an envelope around a message that is encoded already. */
void proto_seal_raw(struct buf *out, struct str api_version, struct str kind, struct str raw);
