/* The definitions of an OpenAPI document: the types that its resources reach, and the schema of each. */
#pragma once
#include "base/map.h"
#include "schema/openapi/openapi.h"
#include "schema/openapi/openapi_json.h"

/* Types by their OpenAPI names, each once. */
struct openapi_defs {
    const struct openapi_set *set; /* says which kinds a type stands for */
    struct map seen;
    const struct type **at;
    size_t n, cap;
};

void openapi_defs_free(struct openapi_defs *d);
/* Adds the type and all that its fields lead to. */
void openapi_defs_add(struct openapi_defs *d, const struct type *t);
/* Writes them all as members, in the order of their names. */
void openapi_defs_write(struct json_writer *w, struct openapi_defs *d);

/* {"$ref": "..."} to a definition, as a member. */
void openapi_write_ref(struct json_writer *w, const char *key, const struct type *t);
/* "x-kubernetes-group-version-kind" of one kind, as an operation carries it. */
void openapi_write_gvk(struct json_writer *w, struct str group, struct str version, struct str kind);

/* Types that have no struct of their own. */
extern const struct type openapi_patch_type;
