/* What runs short on this machine, by upstream's default thresholds for hard eviction. */
#pragma once
#include "base/err.h"

enum {
    EVICT_MEMORY_MI = 100,    /* memory.available */
    EVICT_DISK_PERCENT = 10,  /* nodefs.available */
    EVICT_INODES_PERCENT = 5, /* nodefs.inodesFree */
};

struct pressure {
    bool memory, disk;
    int64_t memory_available, disk_available, disk_threshold; /* bytes */
};
/* `path` lies on the disk that pods fill. */
void pressure_read(const char *path, struct pressure *out);
