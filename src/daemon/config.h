/* The configuration file: each flag may stand in it under its own name. */
#pragma once
#include "base/flags.h"

/* YAML: `data-dir: /srv/sagong`, `node: false`, `insecure-registries: [a, b]`. What the command line gave
 * wins. A file that is absent says nothing; one that is wrong is an error that names the place. `others`:
 * flags that these do not have may stand in it too, as they are for other commands. */
int config_load(const char *path, const struct flags *flags, bool others, struct err *err);
