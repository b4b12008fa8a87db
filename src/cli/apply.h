/* Making the cluster hold what a file says: each object is created, or changed where it is there already (a
 * JSON merge patch: what the file does not name stays). */
#pragma once
#include "cli/api.h"

/* What became of one object; `object` is the server's answer. */
typedef void (*apply_fn)(void *arg, const struct value *object, bool created);

/* Applies every document of a YAML or JSON file, in order, and stops at the first that fails. `each` may be
 * NULL. */
int apply_file(struct cli_api *api, const char *path, struct arena *a, apply_fn each, void *arg,
               struct err *err);

/* The subcommand: sagong apply [FLAG...] FILE... */
int apply_main(int argc, char **argv);
