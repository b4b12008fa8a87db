#include "node/status/pressure.h"

#include <sys/statvfs.h>

#include "base/file.h"

static int64_t memory_available(void)
{
    _cleanup_buf_ struct buf text = {0};
    struct str line, key = STR("MemAvailable:");
    int64_t kib = INT64_MAX >> 10;
    if (file_read("/proc/meminfo", 64 << 10, &text, NULL) < 0)
        return INT64_MAX;
    for (struct str rest = buf_str(&text); str_cut(&rest, '\n', &line);)
        if (str_starts(line, key)) {
            struct str number = str_trim(str_from_at(line, key.n)), digits;
            str_cut(&number, ' ', &digits);
            str_to_i64(digits, &kib);
        }
    return kib << 10;
}

void pressure_read(const char *path, struct pressure *out)
{
    struct statvfs s;
    *out = (struct pressure){.memory_available = memory_available(), .disk_available = INT64_MAX};
    out->memory = out->memory_available < (int64_t)EVICT_MEMORY_MI << 20;
    if (statvfs(path, &s) < 0 || !s.f_blocks)
        return;
    out->disk_available = (int64_t)(s.f_bavail * s.f_frsize);
    out->disk_threshold = (int64_t)(s.f_blocks * s.f_frsize) / 100 * EVICT_DISK_PERCENT;
    out->disk = s.f_bavail * 100 / s.f_blocks < EVICT_DISK_PERCENT ||
                (s.f_files && s.f_favail * 100 / s.f_files < EVICT_INODES_PERCENT);
}
