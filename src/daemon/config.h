/* The configuration file: each flag may stand in it under its own name. */
#pragma once
#include "base/flags.h"

/* YAML: `data-dir: /srv/sagong`, `node: false`, `insecure-registries: [a, b]`. What the command line gave
 * wins. A file that is absent says nothing; one that is wrong is an error that names the place. */
int config_load(const char *path, const struct flags *flags, struct err *err);
