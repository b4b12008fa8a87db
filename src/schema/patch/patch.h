/* The patches of the API, on JSON trees. Each changes `doc` in place and takes the patch apart: neither it
 * nor, after an error, `doc` is of use then. Everything new belongs to the arena. */
#pragma once
#include "schema/desc.h"
#include "schema/value.h"

enum {
    PATCH_JSON_OPERATIONS = 10000,      /* upstream's limit */
    PATCH_COPY_BYTES = 3 * 1024 * 1024, /* what "copy" operations may copy, as upstream */
    PATCH_COMPARISONS =
        100 * 1000 * 1000, /* of list items with each other, before a patch counts as an attack */
};

/* RFC 6902, application/json-patch+json. A patch that is no list of operations is ERR_BAD_REQUEST, one that
 * does not apply ERR_INVALID (422), too many operations ERR_TOO_LARGE. */
int patch_json(struct arena *a, struct value *doc, struct value *patch, struct err *err);

/* The next part of a JSON pointer (RFC 6901), which starts with '/', and moves on behind it; false at its end
 * or when malformed. */
bool patch_pointer_next(struct arena *a, struct str *pointer, struct str *part);

/* RFC 7386, application/merge-patch+json. */
int patch_merge(struct arena *a, struct value *doc, struct value *patch, struct err *err);

/* application/strategic-merge-patch+json: merges lists by the keys that the type declares, and obeys $patch
 * (replace, delete), $retainKeys, $setElementOrder/x and $deleteFromPrimitiveList/x, as upstream's
 * strategicpatch does. */
int patch_strategic(struct arena *a, const struct type *t, struct value *doc, struct value *patch,
                    struct err *err);
