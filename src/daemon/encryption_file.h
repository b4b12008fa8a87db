/* The file that says how objects are encrypted at rest: read at the start, and followed while the server runs
 * (--encryption-provider-config-automatic-reload). */
#pragma once
#include "store/encryption.h"

struct encryption_file;

/* Reads it; asks its key services how they are, and waits for that once. */
int encryption_file_open(const char *path, struct encryption **out, struct err *err);
/* Looks at the file every `period_ns` (0: a minute, as upstream) from now on, on a thread of its own; what
 * was read last is `e`'s. A file that is wrong, or names a key service that is not well, is logged and looked
 * at again. */
struct encryption_file *encryption_file_follow(const char *path, struct encryption *e, int64_t period_ns);
void encryption_file_stop(struct encryption_file *f); /* NULL is fine */
