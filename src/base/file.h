/* Files, whole. Paths are NUL-terminated. */
#pragma once
#include <sys/types.h>

#include "base/err.h"

/* Adds the content to `out`; more than `limit` bytes is an error. The errno of a failed open or read stays in
 * errno. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *err);
/* Replaces the content as one step (a new file, synced, renamed over the old one), so that a crash leaves old
 * or new. */
int file_write(const char *path, struct str content, mode_t mode, struct err *err);
/* The same without the sync: for what means nothing after a reboot. */
int file_replace(const char *path, struct str content, mode_t mode, struct err *err);
/* Writes into an existing file as it is, in one write: for /proc, /sys and cgroup files. */
int file_put(const char *path, struct str content, struct err *err);
/* mkdir -p: every missing directory of the path, with this mode. */
int file_mkdirs(const char *path, mode_t mode, struct err *err);
/* The same for the directory that the file of this path stands in. */
int file_mkdirs_for(const char *path, mode_t mode, struct err *err);
/* rm -rf, not following symbolic links and not crossing into what is mounted below; what is absent is no
 * error. */
int file_remove_tree(const char *path, struct err *err);
bool file_exists(const char *path);
/* For _cleanup_(file_closep) int fd = -1; */
void file_closep(int *fd);
#define _cleanup_fd_ _cleanup_(file_closep)
