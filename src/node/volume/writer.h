/* Fills a volume with files as one step, in upstream's layout: the files lie in "..TIMESTAMP", "..data" is a
 * symbolic link to that directory, and what a pod sees are links through "..data". So a reader finds all old
 * or all new. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

struct volume_file {
    struct str path; /* relative, no ".." */
    struct str content;
    int mode;
};
struct volume_files {
    struct volume_file *at;
    size_t n, cap;
};

void volume_files_add(struct volume_files *f, struct arena *a, struct str path, struct str content, int mode);
/* Nothing changes when the volume holds exactly these files already. `gid` >= 0: they belong to this group.
 */
int volume_write(const char *dir, const struct volume_files *files, int64_t gid, struct err *err);
