#define LOG_PART "cgroup"
#include "node/runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"

#define CGROUP_ROOT    "/sys/fs/cgroup"
#define CGROUP_UNIFIED CGROUP_ROOT "/unified"
/* Marks, inside the tmpfs of the mount points, those that are ours. */
#define CGROUP_MARK CGROUP_ROOT "/.sagong-"

enum { CGROUP_MOUNTS_MAX = 24, CGROUP_PATH_MAX = 1024 };

bool cgroup_is_unified(void)
{
    struct statfs s;
    return statfs(CGROUP_ROOT, &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC;
}

/* Where groups lie: one directory with version 2, one per hierarchy with version 1. Mounts do not change
 * after cgroup_prepare, so they are read once. */
struct cgroup_mount {
    char dir[128], options[256];
    bool unified;
};
static struct cgroup_mount cgroup_mounts[CGROUP_MOUNTS_MAX];
static size_t n_cgroup_mounts;
static pthread_mutex_t cgroup_mutex = PTHREAD_MUTEX_INITIALIZER;

static void cgroup_find_mounts(void)
{
    _lock_(&cgroup_mutex);
    if (n_cgroup_mounts)
        return;
    FILE *f = setmntent("/proc/self/mounts", "re");
    if (!f)
        return;
    struct mntent m;
    char text[4096];
    while (n_cgroup_mounts < CGROUP_MOUNTS_MAX && getmntent_r(f, &m, text, sizeof text)) {
        if (strcmp(m.mnt_type, "cgroup") && strcmp(m.mnt_type, "cgroup2"))
            continue;
        struct cgroup_mount *to = &cgroup_mounts[n_cgroup_mounts++];
        to->unified = !strcmp(m.mnt_type, "cgroup2");
        snprintf(to->dir, sizeof to->dir, "%.127s", m.mnt_dir);
        snprintf(to->options, sizeof to->options, "%.255s", m.mnt_opts);
    }
    endmntent(f);
}

static bool has_word(const char *list, const char *word, char sep)
{
    struct str rest = str_from(list), item;
    while (str_cut(&rest, sep, &item))
        if (str_is(item, word))
            return true;
    return false;
}

/* The directory of a group for one controller; false when the host lacks it. */
static bool cgroup_dir(const char *controller, const char *path, char out[CGROUP_PATH_MAX])
{
    cgroup_find_mounts();
    if (cgroup_is_unified())
        return snprintf(out, CGROUP_PATH_MAX, CGROUP_ROOT "%s", path) < CGROUP_PATH_MAX;
    for (size_t i = 0; i < n_cgroup_mounts; i++)
        if (has_word(cgroup_mounts[i].options, controller, ','))
            return snprintf(out, CGROUP_PATH_MAX, "%s%s", cgroup_mounts[i].dir, path) < CGROUP_PATH_MAX;
    return false;
}

/* --- making the host ready --- */

static int cgroup_mount_v1(struct str controller, struct err *err)
{
    char dir[128], mark[128], name[64];
    snprintf(name, sizeof name, STR_FMT, STR_ARG(controller));
    snprintf(dir, sizeof dir, CGROUP_ROOT "/%s", name);
    snprintf(mark, sizeof mark, CGROUP_MARK "%s", name);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return err_errno(err, errno, "make %s", dir);
    if (mount("cgroup", dir, "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, name) < 0 &&
        errno != EBUSY)
        return err_errno(err, errno, "mount the cgroup controller %s", name);
    log_info("mounted the cgroup controller %s as version 1, beside the others", name);
    return file_write(mark, STR(""), 0600, err);
}

static int cgroup_enable_v2(const char *dir, struct err *err)
{
    char path[CGROUP_PATH_MAX + 32];
    _cleanup_buf_ struct buf have = {0};
    snprintf(path, sizeof path, "%s/cgroup.controllers", dir);
    if (file_read(path, 4096, &have, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", dir);
    struct str rest = str_trim(buf_str(&have)), controller;
    while (str_cut(&rest, ' ', &controller)) {
        char word[64];
        snprintf(word, sizeof word, "+" STR_FMT, STR_ARG(controller));
        file_put(path, str_from(word), NULL); /* one that cannot be had is missed when a limit needs it */
    }
    return 0;
}

/* Nothing is mounted at all (a bare boot, or a mount namespace with a sysfs of its own, as `ip netns exec`
 * makes): mounts each controller where the kernel has it already. */
static int cgroup_mount_all(struct err *err)
{
    _cleanup_buf_ struct buf known = {0};
    if (file_read("/proc/cgroups", 64 << 10, &known, err) < 0)
        return -1;
    struct str rest = buf_str(&known), line, name, hierarchy;
    bool any_v1 = false;
    while (str_cut(&rest, '\n', &line)) {
        if (!line.n || line.p[0] == '#' || !str_cut(&line, '\t', &name) ||
            !str_cut(&line, '\t', &hierarchy) || str_is(hierarchy, "0"))
            continue;
        if (!any_v1 && mount("tmpfs", CGROUP_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") < 0)
            return err_errno(err, errno, "mount %s", CGROUP_ROOT);
        any_v1 = true;
        if (cgroup_mount_v1(name, err) < 0)
            return -1;
    }
    if (any_v1) {
        if (mkdir(CGROUP_UNIFIED, 0755) < 0 && errno != EEXIST)
            return err_errno(err, errno, "make %s", CGROUP_UNIFIED);
        return mount("cgroup2", CGROUP_UNIFIED, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
                   ? err_errno(err, errno, "mount %s", CGROUP_UNIFIED)
                   : 0;
    }
    return mount("cgroup2", CGROUP_ROOT, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
               ? err_errno(err, errno, "mount %s", CGROUP_ROOT)
               : 0;
}

int cgroup_prepare(struct err *err)
{
    struct statfs root;
    if (statfs(CGROUP_ROOT, &root) == 0 && root.f_type == SYSFS_MAGIC && cgroup_mount_all(err) < 0)
        return -1;
    if (cgroup_is_unified())
        return cgroup_enable_v2(CGROUP_ROOT, err);
    struct statfs s;
    if (statfs(CGROUP_UNIFIED, &s) < 0 || s.f_type != CGROUP2_SUPER_MAGIC)
        return 0;
    _cleanup_buf_ struct buf left = {0};
    if (file_read(CGROUP_UNIFIED "/cgroup.controllers", 4096, &left, err) < 0)
        return -1;
    struct str rest = str_trim(buf_str(&left)), controller;
    while (str_cut(&rest, ' ', &controller))
        if (controller.n && cgroup_mount_v1(controller, err) < 0)
            return -1;
    return 0;
}

void cgroup_restore(void)
{
    DIR *dir = opendir(CGROUP_ROOT);
    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir));) {
        const char *prefix = CGROUP_MARK;
        prefix += sizeof CGROUP_ROOT; /* its last part */
        if (strncmp(d->d_name, prefix, strlen(prefix)))
            continue;
        char mount_point[320], mark[320];
        snprintf(mount_point, sizeof mount_point, CGROUP_ROOT "/%s", d->d_name + strlen(prefix));
        snprintf(mark, sizeof mark, CGROUP_ROOT "/%s", d->d_name);
        struct stat st; /* each group below is a link more: somebody else's containers */
        if (stat(mount_point, &st) == 0 && st.st_nlink <= 2 && umount2(mount_point, 0) == 0) {
            rmdir(mount_point);
            unlink(mark);
        }
    }
    closedir(dir);
}

/* --- groups --- */

int64_t cgroup_weight(int64_t shares)
{
    if (shares < 2)
        shares = 2;
    if (shares > 262144)
        shares = 262144;
    return 1 + (shares - 2) * 9999 / 262142;
}

/* Makes DIR and what leads to it below the mount point, with controllers handed down (v2) or cpuset filled in
 * (v1). */
static int cgroup_make_dir(const char *mount_dir, const char *path, bool unified, struct err *err)
{
    char dir[CGROUP_PATH_MAX];
    size_t n = (size_t)snprintf(dir, sizeof dir, "%s", mount_dir);
    struct str rest = str_from(path + 1), part;
    while (str_cut(&rest, '/', &part)) {
        if (unified && n > strlen(CGROUP_ROOT))
            cgroup_enable_v2(dir, NULL);
        n += (size_t)snprintf(dir + n, sizeof dir - n, "/" STR_FMT, STR_ARG(part));
        if (n >= sizeof dir)
            return err_errno(err, ENAMETOOLONG, "cgroup %s", path);
        if (mkdir(dir, 0755) < 0 && errno != EEXIST)
            return err_errno(err, errno, "make cgroup %s", dir);
    }
    return unified ? cgroup_enable_v2(dir, err) : 0;
}

static int cgroup_set(const char *controller, const char *path, const char *file, const char *value,
                      struct err *err)
{
    char dir[CGROUP_PATH_MAX], full[CGROUP_PATH_MAX + 64];
    if (!cgroup_dir(controller, path, dir))
        return err_set(err, ERR_INTERNAL, "this host has no cgroup controller %s", controller);
    snprintf(full, sizeof full, "%s/%s", dir, file);
    return file_put(full, str_from(value), err);
}

static int cgroup_set_number(const char *controller, const char *path, const char *file, int64_t value,
                             struct err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return cgroup_set(controller, path, file, text, err);
}

static int cgroup_limit(const char *path, const struct cgroup_limits *l, bool unified, struct err *err)
{
    char text[64];
    int64_t period = l->cpu_period_us ? l->cpu_period_us : 100000;
    if (l->cpu_shares &&
        (unified ? cgroup_set_number("cpu", path, "cpu.weight", cgroup_weight(l->cpu_shares), err)
                 : cgroup_set_number("cpu", path, "cpu.shares", l->cpu_shares, err)) < 0)
        return -1;
    if (l->cpu_quota_us && unified) {
        snprintf(text, sizeof text, "%lld %lld", (long long)l->cpu_quota_us, (long long)period);
        if (cgroup_set("cpu", path, "cpu.max", text, err) < 0)
            return -1;
    } else if (l->cpu_quota_us &&
               (cgroup_set_number("cpu", path, "cpu.cfs_period_us", period, err) < 0 ||
                cgroup_set_number("cpu", path, "cpu.cfs_quota_us", l->cpu_quota_us, err) < 0)) {
        return -1;
    }
    if (l->memory_bytes && cgroup_set_number("memory", path, unified ? "memory.max" : "memory.limit_in_bytes",
                                             l->memory_bytes, err) < 0)
        return -1;
    return l->pids ? cgroup_set_number("pids", path, "pids.max", l->pids, err) : 0;
}

int cgroup_make(const char *path, const struct cgroup_limits *limits, struct err *err)
{
    bool unified = cgroup_is_unified();
    char dir[CGROUP_PATH_MAX];
    if (unified) {
        if (cgroup_make_dir(CGROUP_ROOT, path, true, err) < 0)
            return -1;
    } else {
        static const char *const controllers[] = {"cpu", "memory",
                                                  "pids"}; /* crun makes the others as it needs */
        for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
            if (cgroup_dir(controllers[i], "", dir) && cgroup_make_dir(dir, path, false, err) < 0)
                return -1;
    }
    return cgroup_limit(path, limits, unified, err);
}

/* Calls for the group's directory in every hierarchy. */
static int cgroup_each(const char *path, int (*fn)(const char *dir))
{
    int failed = 0;
    cgroup_find_mounts();
    for (size_t i = 0; i < n_cgroup_mounts; i++) {
        char dir[CGROUP_PATH_MAX];
        int n = snprintf(dir, sizeof dir, "%s%s", cgroup_mounts[i].dir, path);
        if (n >= (int)sizeof dir || fn(dir) < 0)
            failed = -1;
    }
    return failed;
}

static int cgroup_walk(const char *dir, int (*fn)(const char *dir))
{
    DIR *d = opendir(dir);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        char below[CGROUP_PATH_MAX];
        if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
            snprintf(below, sizeof below, "%s/%s", dir, e->d_name) < (int)sizeof below)
            cgroup_walk(below, fn);
    }
    closedir(d);
    return fn(dir);
}

static int cgroup_rmdir(const char *dir)
{
    /* A process that was just killed keeps its group busy for a moment. */
    for (int64_t wait = CLOCK_MS;; wait *= 2) {
        if (rmdir(dir) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY || wait > 500 * CLOCK_MS)
            return -1;
        clock_sleep(wait);
    }
}

static int cgroup_rmdir_tree(const char *dir)
{
    return cgroup_walk(dir, cgroup_rmdir);
}

static int cgroup_rmdir_once(const char *dir)
{
    return rmdir(dir);
}

static int cgroup_kill_dir(const char *dir)
{
    char path[CGROUP_PATH_MAX + 32];
    _cleanup_buf_ struct buf pids = {0};
    snprintf(path, sizeof path, "%s/cgroup.procs", dir);
    if (file_read(path, 16 << 20, &pids, NULL) < 0)
        return 0;
    struct str rest = buf_str(&pids), line;
    int64_t pid;
    while (str_cut(&rest, '\n', &line))
        if (str_to_i64(line, &pid) && pid > 1)
            kill((pid_t)pid, SIGKILL);
    return 0;
}

static int cgroup_kill_tree(const char *dir)
{
    return cgroup_walk(dir, cgroup_kill_dir);
}

int cgroup_remove(const char *path, struct err *err)
{
    return cgroup_each(path, cgroup_rmdir_tree) < 0 ? err_set(err, ERR_CONFLICT, "cgroup %s is in use", path)
                                                    : 0;
}

void cgroup_remove_if_empty(const char *path)
{
    cgroup_each(path, cgroup_rmdir_once);
}

void cgroup_kill(const char *path)
{
    cgroup_each(path, cgroup_kill_tree);
}

void cgroup_move_away(const char *path, int64_t pid)
{
    cgroup_find_mounts();
    for (size_t i = 0; i < n_cgroup_mounts; i++) {
        const struct cgroup_mount *m = &cgroup_mounts[i];
        char dir[CGROUP_PATH_MAX], procs[CGROUP_PATH_MAX + 32], text[32];
        /* The hierarchies by which services are told apart: systemd's own and version 2. */
        if (!m->unified && !has_word(m->options, "name=systemd", ','))
            continue;
        if (cgroup_make_dir(m->dir, path, false, NULL) < 0 ||
            snprintf(dir, sizeof dir, "%s%s", m->dir, path) >= (int)sizeof dir)
            continue;
        snprintf(procs, sizeof procs, "%s/cgroup.procs", dir);
        snprintf(text, sizeof text, "%lld", (long long)pid);
        file_put(procs, str_from(text), NULL);
    }
}

void cgroup_read_text(const char *controller, const char *path, const char *file, struct buf *out)
{
    char dir[CGROUP_PATH_MAX], full[CGROUP_PATH_MAX + 64];
    if (!cgroup_dir(controller, path, dir))
        return;
    snprintf(full, sizeof full, "%s/%s", dir, file);
    file_read(full, 64 << 10, out, NULL);
}

int64_t cgroup_read(const char *controller, const char *path, const char *file)
{
    _cleanup_buf_ struct buf text = {0};
    int64_t value;
    cgroup_read_text(controller, path, file, &text);
    return str_to_i64(str_trim(buf_str(&text)), &value) ? value : -1;
}
