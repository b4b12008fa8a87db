#include "node/volume/sub_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

enum { SUB_PATH_MAX = 1024 };

/* Opens a path of the volume; nothing leads out of it. */
static int open_beneath(int volume, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, volume, path, &how, sizeof how);
}

/* Makes what is absent as directories: part by part, as each may be a link of the pod's. */
static int open_sub_path(int volume, struct str sub, struct arena *a)
{
    int fd = open_beneath(volume, arena_c(a, sub), O_PATH);
    struct str rest = sub, part;
    if (fd >= 0 || errno != ENOENT)
        return fd;
    struct str done = STR(".");
    while (str_cut(&rest, '/', &part)) {
        _cleanup_fd_ int parent = open_beneath(volume, done.p, O_PATH | O_DIRECTORY);
        if (parent < 0 || (part.n && mkdirat(parent, arena_c(a, part), 0750) < 0 && errno != EEXIST))
            return -1;
        done = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(done), STR_ARG(part));
    }
    return open_beneath(volume, arena_c(a, sub), O_PATH);
}

/* A mount lies on what is of its kind: a directory, or a file for all else. */
static int make_target(const char *dir, const char *target, int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || file_mkdirs(dir, 0700, err) < 0)
        return err_errno(err, errno, "make %s", dir);
    if (S_ISDIR(st.st_mode))
        return file_mkdirs(target, 0700, err);
    _cleanup_fd_ int made = open(target, O_CREAT | O_CLOEXEC | O_RDONLY | O_NOFOLLOW, 0600);
    return made < 0 ? err_errno(err, errno, "make %s", target) : 0;
}

static bool has_backsteps(struct str path)
{
    struct str part;
    while (str_cut(&path, '/', &part))
        if (str_is(part, ".."))
            return true;
    return false;
}

int sub_path_bind(const char *pod_dir, struct str container_id, size_t index, struct str volume,
                  struct str sub, struct arena *a, struct str *out, struct err *err)
{
    if (sub.p[0] == '/')
        return err_set(err, ERR_INVALID, "error SubPath `" STR_FMT "` must not be an absolute path",
                       STR_ARG(sub));
    if (has_backsteps(sub))
        return err_set(err, ERR_INVALID, "unable to provision SubPath `" STR_FMT "`: must not contain '..'",
                       STR_ARG(sub));
    _cleanup_fd_ int at = open(arena_c(a, volume), O_PATH | O_DIRECTORY | O_CLOEXEC);
    _cleanup_fd_ int fd = at < 0 ? -1 : open_sub_path(at, sub, a);
    if (fd < 0)
        return err_errno(err, errno, "failed to prepare subPath \"" STR_FMT "\"", STR_ARG(sub));
    const char *dir = arena_printf(a, "%s/subpaths/" STR_FMT, pod_dir, STR_ARG(container_id)).p;
    *out = arena_printf(a, "%s/%zu", dir, index);
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (make_target(dir, out->p, fd, err) < 0)
        return -1;
    return mount(self, out->p, NULL, MS_BIND | MS_REC, NULL) < 0
               ? err_errno(err, errno, "failed to prepare subPath \"" STR_FMT "\"", STR_ARG(sub))
               : 0;
}

static void release_dir(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[SUB_PATH_MAX];
        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        if (rmdir(path) < 0) /* a file, then; what is mounted still is left as it is */
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

void sub_paths_release(const char *pod_dir, struct str container_id)
{
    char dir[SUB_PATH_MAX];
    if (snprintf(dir, sizeof dir, "%s/subpaths/" STR_FMT, pod_dir, STR_ARG(container_id)) < (int)sizeof dir)
        release_dir(dir);
}

void sub_paths_release_all(const char *pod_dir)
{
    char dir[SUB_PATH_MAX];
    if (snprintf(dir, sizeof dir, "%s/subpaths", pod_dir) >= (int)sizeof dir)
        return;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            sub_paths_release(pod_dir, str_from(e->d_name));
    if (d)
        closedir(d);
}
