#include "node/runtime/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/file.h"
#include "base/thread.h"
#include "node/runtime/identity.h"

static const struct {
    const char *name;
    int flag;
} sandbox_kinds[] = {{"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}};

struct sandbox_work {
    const char *dir;
    const struct sandbox_options *options;
    int flags; /* of the namespaces to make */
    bool share_pid;
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

/* The shell's `wait` reaps whatever the pod's processes leave behind. */
static const char sandbox_init[] = "trap '' HUP INT TERM; while :; do sleep 1000000000 & wait; done";

/* Pins a new process namespace, and notes its first process in DIR/init. */
static int sandbox_pin_pid(const char *dir, struct err *err)
{
    char path[512], source[64];
    _cleanup_arena_ struct arena a = {0};
    if (unshare(CLONE_NEWPID) < 0)
        return err_errno(err, errno, "make a process namespace");
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(err, errno, "start the first process of a pod");
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd);
        execl("/bin/sh", "sh", "-c", sandbox_init, NULL);
        _exit(127);
    }
    struct str note = arena_printf(&a, "%d %lld", (int)pid, (long long)process_began(pid));
    snprintf(path, sizeof path, "%s/init", dir);
    if (file_replace(path, note, 0600, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/pid", dir);
    snprintf(source, sizeof source, "/proc/%d/ns/pid", (int)pid);
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "make %s", path);
    close(fd);
    return mount(source, path, NULL, MS_BIND, NULL) < 0 ? err_errno(err, errno, "pin %s", path) : 0;
}

static void sandbox_end_init(const char *dir)
{
    char path[512];
    _cleanup_buf_ struct buf note = {0};
    int64_t pid, began;
    struct str rest, first;
    snprintf(path, sizeof path, "%s/init", dir);
    if (file_read(path, 64, &note, NULL) < 0)
        return;
    rest = buf_str(&note);
    if (!str_cut(&rest, ' ', &first) || !str_to_i64(first, &pid) || !str_to_i64(rest, &began) ||
        !process_is(pid, began))
        return;
    kill((pid_t)pid, SIGKILL);
    waitpid((pid_t)pid, NULL, 0); /* not ours when an agent before us began it: then this does nothing */
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
    return w->share_pid ? sandbox_pin_pid(w->dir, &w->err) : 0;
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
    char pid_path[512];
    snprintf(pid_path, sizeof pid_path, "%s/pid", dir);
    w.share_pid = o->share_pid && !sandbox_is_pinned(pid_path);
    if (!w.flags && !w.share_pid)
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
    static const char *const pinned[] = {"net", "ipc", "uts", "pid"};
    sandbox_end_init(dir);
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, pinned[i]);
        if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
            return err_errno(err, errno, "unpin %s", path);
    }
    return file_remove_tree(dir, err);
}
