/* PATCH with application/apply-patch+yaml: server-side apply. */
#pragma once
#include "api/road.h"

/* One application to something of `resource` (the request's kind, or a Scale that stands for it). */
struct application {
    struct road *road;
    const struct resource *resource;
    const void *live; /* what is there, or a zeroed struct; of resource->type */
    const struct managed_fields_entry_vec *managed;
    const struct field_set *ignored;
    const struct apply_versions *versions;

    /* The result: the new struct, with its defaults and its own managedFields. */
    void *object;
    bool names_version; /* the configuration has a resourceVersion */
};

/* 0, or -1 with the request's err set. */
int apply_body(struct application *x);
/* Sets d->object. */
int apply_make(struct road *d);
