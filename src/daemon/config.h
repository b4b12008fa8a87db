/* The configuration file: YAML, a flag's name and its value a line. */
#pragma once
#include "base/flags.h"

/* Sets the flags that the file names and the command line did not. A missing file is no error unless
 * `required`. */
int config_read(const char *path, bool required, const struct flags *f, struct err *err);
