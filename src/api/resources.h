/* The resources that are served now: the built-in ones, and those of the custom resource definitions that are
 * established. Definitions are followed in the store, so that whoever asks behind a change sees it; any
 * thread may ask. */
#pragma once
#include "api/api.h"

struct resources;

/* All of them at one time, in the order of discovery; immutable and counted. */
struct resource_set {
    _Atomic uint32_t refs;
    uint64_t generation; /* differs from set to set */
    const struct resource *const *at;
    size_t n;
    const struct resource **all; /* what `at` is; owned, as are references to custom ones */
};

/* The newest set: a reference, which resource_set_unref gives back. */
struct resource_set *api_resources(struct api *a);
void resource_set_unref(struct resource_set *s);
void resource_set_unrefp(struct resource_set **s);
#define _cleanup_resource_set_ _cleanup_(resource_set_unrefp)

/* The resource that is served there, NULL when none is. The caller gets a reference: resource_unref. */
const struct resource *api_resource(struct api *a, struct str group, struct str version, struct str plural);
/* The same of a kind, "stable.example.com/v1", "CronTab"; of kinds that are only sent or received too. */
const struct resource *api_resource_of_kind(struct api *a, struct str api_version, struct str kind);
/* The newest state of what a custom resource's definition makes, in the same version: a reference; NULL when
 * that is not served any more. */
const struct resource *api_resource_now(struct api *a, const struct resource *r);

/* Called with `arg` whenever the set has changed, on a thread that asked; must not block or ask. */
void api_resources_changed(struct api *a, void (*changed)(void *arg), void *arg);

/* --- for src/api --- */
int resources_new(struct store *store, struct resources **out, struct err *err);
void resources_free(struct resources *r);
