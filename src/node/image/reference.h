/* Image references: "busybox", "ghcr.io/a/b:v1", "localhost:5000/x@sha256:…", taken apart and completed as
 * Docker's distribution/reference does (its grammar, its defaults, its words for what is wrong). */
#pragma once
#include "node/image/digest.h"

struct image_reference {
    struct str registry;   /* "docker.io", "localhost:5000" */
    struct str repository; /* "library/busybox" */
    struct str tag;        /* "latest" when neither tag nor digest was given; empty with a digest alone */
    struct str digest;     /* "sha256:…", or empty */
    struct str name;       /* all of it, complete: "docker.io/library/busybox:latest" */
};

/* Memory comes from `a`. The message of an error is Docker's: "invalid reference format" and such. */
int image_reference_parse(struct str text, struct arena *a, struct image_reference *out, struct err *err);
/* The host that serves the registry's API: "registry-1.docker.io" for docker.io, else the registry itself. */
struct str image_reference_host(const struct image_reference *r);
/* "docker.io/library/busybox", without tag and digest. */
struct str image_reference_base(const struct image_reference *r, struct arena *a);
