/* The record of a container: record.json in its directory, which is there once the container is whole. */
#pragma once
#include "node/runtime/container.h"

int record_write(const struct runtime_container *c, struct err *err);
int record_read(const char *dir, struct runtime_container **out, struct err *err);
