/* The resources that a CustomResourceDefinition makes, one per version, as descriptors built at run time
 * (schema/custom/custom_type.h).
 *
 * They all live in one `struct custom`, which is immutable and counted: when the definition changes, another
 * is made, and this one stays as long as there are objects, requests or watches that were begun with it. Its
 * resources are referenced through resource_ref and resource_unref. */
#pragma once
#include <stdatomic.h>

#include "kinds/apiextensions_v1.h"
#include "schema/desc.h"

struct custom_version {
    struct resource resource;
    const struct custom_resource_definition_version *declared;
    const struct json_schema_props *schema;     /* NULL: everything is allowed and kept */
    struct custom_patterns *patterns;           /* of the schema (schema/custom/custom_valid.h) */
    struct custom_attachment *_Atomic attached; /* what a floor above has made of it */
};

struct custom {
    _Atomic uint32_t refs;
    struct custom_fate *fate; /* shared by all states of one definition */
    struct arena arena;
    const struct custom_resource_definition *definition; /* as it was then */
    struct custom_version *versions;                     /* as in the definition, served or not */
    size_t n;
    const struct custom_version *storage;
};

/* By the accepted names; the definition is valid. References: 1, which custom_unref gives back. */
struct custom *custom_new(const struct custom_resource_definition *definition);
struct custom *custom_ref(struct custom *c); /* returns c */
void custom_unref(struct custom *c);         /* NULL is fine */
/* `now` is what `before`'s definition says after a change. Before anybody else sees it. */
void custom_succeed(struct custom *now, const struct custom *before);
/* The definition is deleted: all states of it know. */
void custom_end(struct custom *c);
bool custom_is_gone(const struct custom *c);
/* NULL when there is none of that name. */
const struct custom_version *custom_version(const struct custom *c, struct str name);
/* The version that a RESOURCE_CUSTOM is. */
static inline const struct custom_version *custom_version_of(const struct resource *r)
{
    return (const struct custom_version *)(const void *)r; /* its first member */
}
/* What custom_attach has left with the version, or NULL. */
void *custom_attached(const struct custom_version *v);
/* Leaves something with it, which `release` is called for in the end; when another thread was first, at once.
 * Returns what is there now. */
void *custom_attach(const struct custom_version *v, void *what, void (*release)(void *what));
/* Whether the strategy for that version's objects is a webhook. */
bool custom_has_webhook(const struct custom *c);
/* The condition of that type, or NULL. */
const struct custom_resource_definition_condition *
custom_condition(const struct custom_resource_definition *d, const char *type);
bool custom_condition_is(const struct custom_resource_definition *d, const char *type, const char *status);
