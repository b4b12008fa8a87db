#include "node/runtime/identity.h"

#include <stdio.h>

#include "base/file.h"

/* Field 22 of /proc/PID/stat. */
int64_t process_began(int64_t pid)
{
    char path[64];
    _cleanup_buf_ struct buf b = {0};
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (pid <= 0 || file_read(path, 4096, &b, NULL) < 0)
        return 0;
    struct str rest = str_from_at(buf_str(&b), (size_t)str_last_index(buf_str(&b), ')') + 2), field = {0};
    for (int i = 3; i <= 22; i++) {
        if (!str_cut(&rest, ' ', &field))
            return 0;
        if (i == 3 && (str_is(field, "Z") || str_is(field, "X")))
            return 0;
    }
    int64_t start;
    return str_to_i64(field, &start) ? start : 0;
}

bool process_is(int64_t pid, int64_t began)
{
    return began && process_began(pid) == began;
}
