#include "node/runtime/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/file.h"
#include "base/thread.h"

static const struct {
    const char *name;
    int flag;
} sandbox_kinds[] = {{"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}};

struct sandbox_work {
    const char *dir;
    const struct sandbox_options *options;
    int flags; /* of the namespaces to make */
    struct err err;
    int result;
};

static bool sandbox_is_pinned(const char *path)
{
    struct statfs s;
    return statfs(path, &s) == 0 && s.f_type == NSFS_MAGIC;
}

static int sandbox_loopback_up(struct err *err)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0 ? err_errno(err, errno, "bring up the loopback") : 0;
}

/* "net.ipv4.ip_forward" is /proc/sys/net/ipv4/ip_forward, as this thread's namespaces see it. */
static int sandbox_sysctl(struct str key, struct str value, struct err *err)
{
    char path[256];
    int n = snprintf(path, sizeof path, "/proc/sys/" STR_FMT, STR_ARG(key));
    if (n >= (int)sizeof path || str_find(key, STR("..")) >= 0)
        return err_set(err, ERR_INVALID, "sysctl \"" STR_FMT "\" is not valid", STR_ARG(key));
    if (str_index(key, '/') < 0)
        for (char *c = path + sizeof "/proc/sys/" - 1; *c; c++)
            if (*c == '.')
                *c = '/';
    return file_put(path, value, err);
}

static int sandbox_pin(const char *dir, const char *name, struct err *err)
{
    char path[512], source[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(source, sizeof source, "/proc/thread-self/ns/%s", name);
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "make %s", path);
    close(fd);
    return mount(source, path, NULL, MS_BIND, NULL) < 0 ? err_errno(err, errno, "pin %s", path) : 0;
}

static int sandbox_make(struct sandbox_work *w)
{
    const struct sandbox_options *o = w->options;
    if (unshare(w->flags) < 0)
        return err_errno(&w->err, errno, "make namespaces");
    if ((w->flags & CLONE_NEWNET) && sandbox_loopback_up(&w->err) < 0)
        return -1;
    if ((w->flags & CLONE_NEWUTS) && o->hostname.n && sethostname(o->hostname.p, o->hostname.n) < 0)
        return err_errno(&w->err, errno, "set the hostname");
    for (size_t i = 0; o->sysctls && i < o->sysctls->n; i++)
        if (sandbox_sysctl(o->sysctls->at[i].key, o->sysctls->at[i].value, &w->err) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_LEN(sandbox_kinds); i++)
        if ((w->flags & sandbox_kinds[i].flag) && sandbox_pin(w->dir, sandbox_kinds[i].name, &w->err) < 0)
            return -1;
    return 0;
}

static void sandbox_thread(void *arg)
{
    struct sandbox_work *w = arg;
    w->result = sandbox_make(w);
}

int sandbox_create(const char *dir, const struct sandbox_options *o, struct err *err)
{
    if (file_mkdirs(dir, 0711, err) < 0)
        return -1;
    struct sandbox_work w = {.dir = dir, .options = o};
    for (size_t i = 0; i < ARRAY_LEN(sandbox_kinds); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, sandbox_kinds[i].name);
        if (!sandbox_is_pinned(path))
            w.flags |= sandbox_kinds[i].flag;
    }
    if (o->host_network)
        w.flags &= ~(CLONE_NEWNET | CLONE_NEWUTS);
    if (o->host_ipc)
        w.flags &= ~CLONE_NEWIPC;
    if (!w.flags)
        return 0;
    /* A thread of its own, as no thread can leave the new namespaces again without their cost. */
    thread_join(thread_start("sandbox", sandbox_thread, &w));
    if (w.result < 0)
        err_move(err, &w.err);
    err_clear(&w.err);
    return w.result;
}

int sandbox_remove(const char *dir, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_kinds); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, sandbox_kinds[i].name);
        if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
            return err_errno(err, errno, "unpin %s", path);
    }
    return file_remove_tree(dir, err);
}
