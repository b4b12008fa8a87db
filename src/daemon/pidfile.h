/* Who runs on a data directory: a file that its process keeps locked. The lock is the kernel's, so it is
 * never stale: it goes with its process, however that ends, and containers' monitors do not inherit it. */
#pragma once
#include <sys/types.h>

#include "base/err.h"

/* Takes the file DIR/NAME for this process, for as long as it lives. ERR_CONFLICT with the holder's pid in
 * the message when another has it. */
int pidfile_take(const char *dir, const char *name, struct err *err);
/* The pid of the process that holds it, or 0. */
pid_t pidfile_holder(const char *dir, const char *name);

#define PIDFILE_NAME "sagong.pid"
