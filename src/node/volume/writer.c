#include "node/volume/writer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"

enum { VOLUME_PATH_MAX = 1024, VOLUME_FILE_MAX = 4 << 20 };

void volume_files_add(struct volume_files *f, struct arena *a, struct str path, struct str content, int mode)
{
    if (f->n == f->cap) {
        struct volume_file *more = arena_new_n(a, struct volume_file, f->cap = f->cap ? f->cap * 2 : 8);
        if (f->n)
            memcpy(more, f->at, f->n * sizeof *more);
        f->at = more;
    }
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->at[i].path, path)) { /* a later source of a projected volume goes before */
            f->at[i] = (struct volume_file){path, content, mode};
            return;
        }
    f->at[f->n++] = (struct volume_file){path, content, mode};
}

static bool is_safe_path(struct str path)
{
    struct str rest = path, part;
    if (!path.n || path.p[0] == '/' || path.n > 512)
        return false;
    while (str_cut(&rest, '/', &part))
        if (str_starts(part, STR("..")))
            return false;
    return true;
}

/* Counts regular files below, so that one too many shows as well. */
static size_t count_files(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[VOLUME_PATH_MAX];
        if (e->d_name[0] == '.' && (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2])))
            continue;
        if (e->d_type == DT_DIR && snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path)
            n += count_files(path);
        else
            n++;
    }
    closedir(d);
    return n;
}

static bool is_current(const char *dir, const struct volume_files *files, int64_t gid)
{
    _cleanup_arena_ struct arena a = {0};
    const char *data = arena_printf(&a, "%s/..data/", dir).p;
    if (!file_exists(data))
        return false;
    for (size_t i = 0; i < files->n; i++) {
        _cleanup_buf_ struct buf now = {0};
        struct stat st;
        const char *path = arena_printf(&a, "%s" STR_FMT, data, STR_ARG(files->at[i].path)).p;
        if (stat(path, &st) < 0 || (int)(st.st_mode & 07777) != files->at[i].mode ||
            (gid >= 0 && st.st_gid != gid) || file_read(path, VOLUME_FILE_MAX, &now, NULL) < 0 ||
            !str_eq(buf_str(&now), files->at[i].content))
            return false;
    }
    return count_files(data) == files->n;
}

static int write_files(const char *dir, const struct volume_files *files, int64_t gid, struct err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        _cleanup_arena_ struct arena a = {0};
        const struct volume_file *f = &files->at[i];
        if (!is_safe_path(f->path))
            return err_set(err, ERR_INVALID, "invalid path in volume: " STR_FMT, STR_ARG(f->path));
        char *path = arena_c(&a, arena_printf(&a, "%s/" STR_FMT, dir, STR_ARG(f->path)));
        char *slash = strrchr(path, '/');
        *slash = 0;
        if (file_mkdirs(path, 0755, err) < 0)
            return -1;
        *slash = '/';
        if (file_replace(path, f->content, (mode_t)f->mode, err) < 0)
            return -1;
        if (gid >= 0 && lchown(path, (uid_t)-1, (gid_t)gid) < 0)
            return err_errno(err, errno, "change the group of %s", path);
        if (gid >= 0 && chmod(path, (mode_t)f->mode) < 0)
            return err_errno(err, errno, "change the mode of %s", path);
    }
    return 0;
}

/* Links for what is there now; those of what has gone are removed. */
static int link_names(const char *dir, const struct volume_files *files, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < files->n; i++) {
        struct str rest = files->at[i].path, first;
        str_cut(&rest, '/', &first);
        const char *path = arena_printf(&a, "%s/" STR_FMT, dir, STR_ARG(first)).p;
        if (symlink(arena_printf(&a, "..data/" STR_FMT, STR_ARG(first)).p, path) < 0 && errno != EEXIST)
            return err_errno(err, errno, "link %s", path);
    }
    DIR *d = opendir(dir);
    if (!d)
        return err_errno(err, errno, "open %s", dir);
    for (struct dirent *e; (e = readdir(d));) {
        struct str name = str_from(e->d_name);
        bool wanted = str_starts(name, STR("..")) || str_is(name, ".");
        for (size_t i = 0; i < files->n && !wanted; i++) {
            struct str rest = files->at[i].path, first;
            str_cut(&rest, '/', &first);
            wanted = str_eq(first, name);
        }
        if (!wanted)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
    return 0;
}

int volume_write(const char *dir, const struct volume_files *files, int64_t gid, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    if (is_current(dir, files, gid))
        return 0;
    char suffix[11] = {0}, stamp[32], before[64] = {0};
    random_name_suffix(suffix, 10);
    time_t now = (time_t)(clock_wall() / CLOCK_S);
    struct tm tm;
    strftime(stamp, sizeof stamp, "%Y_%m_%d_%H_%M_%S", gmtime_r(&now, &tm));
    const char *name = arena_printf(&a, "..%s.%s", stamp, suffix).p;
    const char *fresh = arena_printf(&a, "%s/%s", dir, name).p, *data = arena_printf(&a, "%s/..data", dir).p,
               *tmp = arena_printf(&a, "%s/..data_tmp", dir).p;
    ssize_t had = readlink(data, before, sizeof before - 1);
    if (mkdir(fresh, 0755) < 0)
        return err_errno(err, errno, "make %s", fresh);
    if (write_files(fresh, files, gid, err) < 0) {
        file_remove_tree(fresh, NULL);
        return -1;
    }
    unlink(tmp);
    if (symlink(name, tmp) < 0 || rename(tmp, data) < 0)
        return err_errno(err, errno, "link %s", data);
    if (link_names(dir, files, err) < 0)
        return -1;
    if (had > 2 && before[0] == '.' && before[1] == '.' && !strchr(before, '/'))
        file_remove_tree(arena_printf(&a, "%s/%s", dir, before).p, NULL);
    return 0;
}
