/* The record of a container: record.json in its directory, which is there once the container is whole. */
#pragma once
#include "node/runtime/container.h"

int record_write(const struct container *c, struct err *err);
int record_read(const char *dir, struct container **out, struct err *err);
