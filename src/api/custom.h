/* What a custom object must be before it is stored: what its definition's schema asks of it. */
#pragma once
#include "api/road.h"
#include "kinds/apiextensions_v1.h"
#include "schema/value.h"

/* Adds what is wrong with d->object, of a custom resource. What d->old had already is let be. */
void custom_check(struct road *d, struct field_errors *e);
/* Warns of new finalizers that name no domain: they may be anyone's. */
void custom_warn(const struct road *d);
/* The object as a tree, in `a`; false: it nests too deep for one. */
bool custom_tree(struct arena *a, const struct resource *r, const void *typed, struct value *out);
/* What a path of names leads to (".spec.replicas"), or NULL. */
struct value *custom_at(struct value *v, struct str path);
/* Objects within the object (x-kubernetes-embedded-resource) have a kind, an apiVersion and metadata. */
void custom_check_embedded(struct field_errors *e, const struct path *at,
                           const struct json_schema_props *schema, const struct value *v);
