#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void file_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *err)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "open %s", path);
    for (size_t total = 0;;) {
        ssize_t got = read(fd, buf_room(out, 4096), 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "read %s", path);
        if (got == 0)
            return 0;
        total += (size_t)got;
        if (total > limit)
            return err_set(err, ERR_TOO_LARGE, "%s is larger than the limit of %zu bytes", path, limit);
        out->n += (size_t)got;
    }
}

static int file_write_all(int fd, struct str content)
{
    while (content.n) {
        ssize_t put = write(fd, content.p, content.n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        content = str_slice(content.p + put, content.n - (size_t)put);
    }
    return 0;
}

static int file_exchange(const char *path, struct str content, mode_t mode, bool sync, struct err *err)
{
    char tmp[4096];
    if ((size_t)snprintf(tmp, sizeof tmp, "%s.XXXXXX", path) >= sizeof tmp)
        return err_errno(err, ENAMETOOLONG, "write %s", path);
    _cleanup_fd_ int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "create %s", tmp);
    if (fchmod(fd, mode) < 0 || file_write_all(fd, content) < 0 || (sync && fsync(fd) < 0) ||
        rename(tmp, path) < 0) {
        int e = errno;
        unlink(tmp);
        return err_errno(err, e, "write %s", path);
    }
    return 0;
}

int file_write(const char *path, struct str content, mode_t mode, struct err *err)
{
    return file_exchange(path, content, mode, true, err);
}

int file_replace(const char *path, struct str content, mode_t mode, struct err *err)
{
    return file_exchange(path, content, mode, false, err);
}

int file_put(const char *path, struct str content, struct err *err)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "open %s", path);
    ssize_t put = write(fd, content.p, content.n);
    if (put < 0 || (size_t)put != content.n)
        return err_errno(err, put < 0 ? errno : EIO, "write %s", path);
    return 0;
}

int file_mkdirs(const char *path, mode_t mode, struct err *err)
{
    _cleanup_free_ char *at = str_dup_c(str_from(path));
    for (char *slash = at + 1;; slash++) {
        if (*slash && *slash != '/')
            continue;
        bool last = !*slash;
        *slash = 0;
        if (mkdir(at, mode) < 0 && errno != EEXIST)
            return err_errno(err, errno, "make directory %s", at);
        if (last)
            return 0;
        *slash = '/';
    }
}

int file_mkdirs_for(const char *path, mode_t mode, struct err *err)
{
    ptrdiff_t slash = str_last_index(str_from(path), '/');
    if (slash <= 0)
        return 0;
    _cleanup_free_ char *dir = str_dup_c(str_slice(path, (size_t)slash));
    return file_mkdirs(dir, mode, err);
}

/* Removes what `dir` holds. `dev` is the device it stands on; another device is a mount, and is left alone.
 */
static int file_remove_in(int dir_fd, dev_t dev)
{
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        close(dir_fd);
        return -1;
    }
    int failed = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
            continue;
        if (unlinkat(dirfd(dir), d->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            failed = errno;
            continue;
        }
        int sub = openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (sub < 0 || fstat(sub, &st) < 0) {
            failed = errno;
            file_closep(&sub);
        } else if (st.st_dev != dev) {
            failed = EBUSY;
            close(sub);
        } else if (file_remove_in(sub, dev) < 0 || unlinkat(dirfd(dir), d->d_name, AT_REMOVEDIR) < 0) {
            failed = errno;
        }
    }
    closedir(dir);
    errno = failed;
    return failed ? -1 : 0;
}

int file_remove_tree(const char *path, struct err *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int e = errno;
        file_closep(&fd);
        return err_errno(err, e, "remove %s", path);
    }
    if (file_remove_in(fd, st.st_dev) < 0 || rmdir(path) < 0)
        return err_errno(err, errno, "remove %s", path);
    return 0;
}
