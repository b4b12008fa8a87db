#define LOG_PART "node"
#include "node/logs/rotate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum { ROTATED_MAX = 64 };

static int by_text(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Removes the oldest of PATH.STAMP but for `keep`. */
static void remove_old(char *path, int keep)
{
    struct arena a = {0};
    char *slash = strrchr(path, '/'), *names[ROTATED_MAX];
    int n = 0;
    *slash = 0;
    DIR *d = opendir(path);
    size_t base = strlen(slash + 1);
    for (struct dirent *e; d && n < ROTATED_MAX && (e = readdir(d));)
        if (!strncmp(e->d_name, slash + 1, base) && e->d_name[base] == '.')
            names[n++] = arena_c(&a, str_from(e->d_name));
    if (n)
        qsort(names, (size_t)n, sizeof names[0], by_text);
    for (int i = 0; i < n - keep; i++)
        unlinkat(dirfd(d), names[i], 0);
    if (d)
        closedir(d);
    *slash = '/';
    arena_free(&a);
}

void log_rotate(struct runtime *r, const struct runtime_container *c, int64_t max_size, int max_files)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    char *path = arena_c(&a, c->log_path), stamp[32];
    struct stat st;
    if (stat(path, &st) < 0 || st.st_size < max_size)
        return;
    time_t now = (time_t)(clock_wall() / CLOCK_S);
    struct tm tm;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
    const char *moved = arena_printf(&a, "%s.%s", path, stamp).p;
    if (file_exists(moved)) /* less than a second ago: the next look will do */
        return;
    if (rename(path, moved) < 0 || container_reopen_log(r, c, &err) < 0) {
        log_warn("failed to rotate %s: " STR_FMT, path, STR_ARG(err.message));
        rename(moved, path);
        return;
    }
    remove_old(path, max_files - 1);
}
