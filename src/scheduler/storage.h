/* The model's picture of storage: claims, volumes and classes as they were last seen. */
#pragma once
#include "base/map.h"
#include "client/volumes.h"
#include "schema/object.h"

struct stored {
    struct object *object; /* a reference */
    char key[];            /* "ns/name", or the name of what has no namespace */
};

struct model_storage {
    struct map claims, volumes, classes; /* of struct stored, by key */
};
void storage_free(struct model_storage *s);

/* Adds, changes or (with `after` NULL) removes a claim, a volume or a class. */
void storage_follow(struct model_storage *s, struct object *before, struct object *after);
/* NULL when there is none. */
const struct persistent_volume_claim *storage_claim(const struct model_storage *s, struct str ns,
                                                    struct str name);
const struct persistent_volume *storage_volume(const struct model_storage *s, struct str name);
const struct storage_class *storage_class_named(const struct model_storage *s, struct str name);
/* A reference to what storage_claim or storage_volume gives. */
struct object *storage_claim_object(const struct model_storage *s, struct str ns, struct str name);
struct object *storage_volume_object(const struct model_storage *s, struct str name);
