#include "daemon/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

static const struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

static void pidfile_path(const char *dir, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", dir, name);
}

int pidfile_take(const char *dir, const char *name, struct err *err)
{
    char path[4096], text[24];
    if (file_mkdirs(dir, 0700, err) < 0)
        return -1;
    pidfile_path(dir, name, path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* stays open: closing would drop the lock */
    if (fd < 0)
        return err_errno(err, errno, "open %s", path);
    struct flock lock = whole_file;
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        pid_t holder = pidfile_holder(dir, name);
        close(fd);
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by process %d; stop it first: sagong down --data-dir %s", dir,
                       (int)holder, dir);
    }
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, text, (size_t)n) != n)
        return err_errno(err, errno, "write %s", path);
    return 0;
}

pid_t pidfile_holder(const char *dir, const char *name)
{
    char path[4096];
    pidfile_path(dir, name, path);
    _cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = whole_file;
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid;
}
