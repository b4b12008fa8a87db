/* Keeps container logs small: a file above its limit is moved away and conmon told to begin a new one; of
 * those that were moved only the newest stay (upstream: containerLogMaxSize 10Mi, containerLogMaxFiles 5). */
#pragma once
#include "node/runtime/container.h"

void log_rotate(struct runtime *r, const struct runtime_container *c, int64_t max_size, int max_files);
