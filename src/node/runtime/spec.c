#include "node/runtime/spec.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "node/runtime/seccomp.h"

#define STRS(...)                                                                                            \
    {                                                                                                        \
        (struct str[]){__VA_ARGS__}, sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str)                \
    }
#define S STR_INIT

enum { DEVICES_MAX = 1024 };

/* Linux' capabilities by number (capabilities(7)); `usual` are those a container has unless told otherwise
 * (containerd's and Docker's default). */
static const struct {
    struct str name;
    bool usual;
} capabilities[] = {
    {S("CAP_CHOWN"), true},
    {S("CAP_DAC_OVERRIDE"), true},
    {S("CAP_DAC_READ_SEARCH"), false},
    {S("CAP_FOWNER"), true},
    {S("CAP_FSETID"), true},
    {S("CAP_KILL"), true},
    {S("CAP_SETGID"), true},
    {S("CAP_SETUID"), true},
    {S("CAP_SETPCAP"), true},
    {S("CAP_LINUX_IMMUTABLE"), false},
    {S("CAP_NET_BIND_SERVICE"), true},
    {S("CAP_NET_BROADCAST"), false},
    {S("CAP_NET_ADMIN"), false},
    {S("CAP_NET_RAW"), true},
    {S("CAP_IPC_LOCK"), false},
    {S("CAP_IPC_OWNER"), false},
    {S("CAP_SYS_MODULE"), false},
    {S("CAP_SYS_RAWIO"), false},
    {S("CAP_SYS_CHROOT"), true},
    {S("CAP_SYS_PTRACE"), false},
    {S("CAP_SYS_PACCT"), false},
    {S("CAP_SYS_ADMIN"), false},
    {S("CAP_SYS_BOOT"), false},
    {S("CAP_SYS_NICE"), false},
    {S("CAP_SYS_RESOURCE"), false},
    {S("CAP_SYS_TIME"), false},
    {S("CAP_SYS_TTY_CONFIG"), false},
    {S("CAP_MKNOD"), true},
    {S("CAP_LEASE"), false},
    {S("CAP_AUDIT_WRITE"), true},
    {S("CAP_AUDIT_CONTROL"), false},
    {S("CAP_SETFCAP"), true},
    {S("CAP_MAC_OVERRIDE"), false},
    {S("CAP_MAC_ADMIN"), false},
    {S("CAP_SYSLOG"), false},
    {S("CAP_WAKE_ALARM"), false},
    {S("CAP_BLOCK_SUSPEND"), false},
    {S("CAP_AUDIT_READ"), false},
    {S("CAP_PERFMON"), false},
    {S("CAP_BPF"), false},
    {S("CAP_CHECKPOINT_RESTORE"), false},
};

static bool names_capability(const struct str_vec *list, struct str name)
{
    struct str bare = str_from_at(name, sizeof "CAP_" - 1);
    for (size_t i = 0; i < list->n; i++)
        if (str_eq_fold(list->at[i], STR("ALL")) || str_eq_fold(list->at[i], bare) ||
            str_eq_fold(list->at[i], name))
            return true;
    return false;
}

/* What we could hand on at all: the bounding set. */
static uint64_t own_capabilities(void)
{
    _cleanup_buf_ struct buf status = {0};
    if (file_read("/proc/self/status", 64 << 10, &status, NULL) < 0)
        return 0;
    struct str rest = buf_str(&status), line, key;
    while (str_cut(&rest, '\n', &line))
        if (str_cut(&line, '\t', &key) && str_is(key, "CapBnd:")) {
            char hex[32];
            snprintf(hex, sizeof hex, STR_FMT, STR_ARG(line));
            return strtoull(hex, NULL, 16);
        }
    return 0;
}

static void spec_capabilities(const struct container_config *c, struct arena *a, struct oci_capabilities *out)
{
    uint64_t own = own_capabilities();
    struct str_vec have = {arena_new_n(a, struct str, ARRAY_LEN(capabilities)), 0};
    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        struct str name = capabilities[i].name;
        /* Adding and dropping: what is named itself goes before ALL. */
        bool on = capabilities[i].usual;
        if (names_capability(&c->drop_capabilities, name))
            on = false;
        if (names_capability(&c->add_capabilities, name))
            on = true;
        if ((on || c->privileged) && (own >> i & 1))
            have.at[have.n++] = name;
    }
    out->bounding = out->effective = out->permitted = have;
}

static const struct oci_mount usual_mounts[] = {
    {S("/proc"), S("proc"), S("proc"), STRS(S("nosuid"), S("noexec"), S("nodev"))},
    {S("/dev"), S("tmpfs"), S("tmpfs"), STRS(S("nosuid"), S("strictatime"), S("mode=755"), S("size=65536k"))},
    {S("/dev/pts"), S("devpts"), S("devpts"),
     STRS(S("nosuid"), S("noexec"), S("newinstance"), S("ptmxmode=0666"), S("mode=0620"), S("gid=5"))},
    {S("/dev/mqueue"), S("mqueue"), S("mqueue"), STRS(S("nosuid"), S("noexec"), S("nodev"))},
};

static const struct str masked_paths[] = {
    S("/proc/asound"),     S("/proc/acpi"),        S("/proc/interrupts"),
    S("/proc/kcore"),      S("/proc/keys"),        S("/proc/latency_stats"),
    S("/proc/timer_list"), S("/proc/timer_stats"), S("/proc/sched_debug"),
    S("/proc/scsi"),       S("/sys/firmware"),     S("/sys/devices/virtual/powercap"),
};
static const struct str readonly_paths[] = {
    S("/proc/bus"), S("/proc/fs"), S("/proc/irq"), S("/proc/sys"), S("/proc/sysrq-trigger"),
};

/* "ro nosuid" -> {"ro", "nosuid"}; the slices are those of `text`. */
static struct str_vec words(struct arena *a, const char *text)
{
    struct str rest = str_from(text), word;
    struct str_vec v = {arena_new_n(a, struct str, rest.n / 2 + 1), 0};
    while (str_cut(&rest, ' ', &word))
        v.at[v.n++] = word;
    return v;
}

static void spec_mounts(const struct container_config *c, struct arena *a, struct oci_spec *out)
{
    struct oci_mount_vec m = {arena_new_n(a, struct oci_mount, ARRAY_LEN(usual_mounts) + 3 + c->mounts.n), 0};
    bool host_network = str_is(c->network, "host");
    for (size_t i = 0; i < ARRAY_LEN(usual_mounts); i++)
        m.at[m.n++] = usual_mounts[i];
    /* A sysfs shows the network namespace of whoever mounts it: the host's can only be bound. */
    if (host_network)
        m.at[m.n++] = (struct oci_mount){
            STR("/sys"), STR("bind"), STR("/sys"),
            words(a, c->privileged ? "rbind nosuid noexec nodev" : "rbind nosuid noexec nodev ro")};
    else
        m.at[m.n++] =
            (struct oci_mount){STR("/sys"), STR("sysfs"), STR("sysfs"),
                               words(a, c->privileged ? "nosuid noexec nodev" : "nosuid noexec nodev ro")};
    if (!host_network)
        m.at[m.n++] =
            (struct oci_mount){STR("/sys/fs/cgroup"), STR("cgroup"), STR("cgroup"),
                               words(a, c->privileged ? "nosuid noexec nodev" : "nosuid noexec nodev ro")};
    m.at[m.n++] = c->shm_path.n
                      ? (struct oci_mount){STR("/dev/shm"), STR("bind"), c->shm_path, words(a, "rbind rw")}
                      : (struct oci_mount){STR("/dev/shm"), STR("tmpfs"), STR("shm"),
                                           words(a, "nosuid noexec nodev mode=1777 size=65536k")};
    for (size_t i = 0; i < c->mounts.n; i++)
        m.at[m.n++] = c->mounts.at[i];
    out->mounts = m;
}

static void spec_namespaces(const struct container_config *c, struct arena *a, struct oci_linux *out)
{
    const struct {
        struct str type, where;
    } all[] = {{STR("mount"), STR("")},
               {STR("pid"), c->pid},
               {STR("ipc"), c->ipc},
               {STR("network"), c->network},
               {STR("uts"), c->uts}};
    out->namespaces.at = arena_new_n(a, struct oci_namespace, ARRAY_LEN(all) + 1);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (!str_is(all[i].where, "host"))
            out->namespaces.at[out->namespaces.n++] = (struct oci_namespace){all[i].type, all[i].where};
    if (cgroup_is_unified() && !c->privileged)
        out->namespaces.at[out->namespaces.n++] = (struct oci_namespace){STR("cgroup"), STR("")};
}

/* A privileged container has the host's devices, but for terminals and what it has of its own. */
static void add_devices(const char *dir, struct arena *a, struct oci_device_vec *out, size_t *cap)
{
    static const char *const own[] = {"pts",  "shm",  "mqueue", "fd",     "console", "ptmx", "tty",
                                      "null", "zero", "full",   "random", "urandom", "."};
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        bool skip = e->d_name[0] == '.';
        for (size_t i = 0; i < ARRAY_LEN(own) && !skip; i++)
            skip = !strcmp(e->d_name, own[i]);
        struct str path = arena_printf(a, "%s/%s", dir, e->d_name);
        struct stat st;
        if (skip || lstat(path.p, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && str_index(str_from_at(path, 5), '/') < 0)
            add_devices(path.p, a, out, cap);
        if ((!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) || out->n >= DEVICES_MAX)
            continue;
        if (out->n == *cap) {
            struct oci_device *more = arena_new_n(a, struct oci_device, *cap = *cap ? *cap * 2 : 64);
            if (out->n)
                memcpy(more, out->at, out->n * sizeof *more);
            out->at = more;
        }
        out->at[out->n++] = (struct oci_device){.path = path,
                                                .type = S_ISCHR(st.st_mode) ? STR("c") : STR("b"),
                                                .major = (int64_t)major(st.st_rdev),
                                                .minor = (int64_t)minor(st.st_rdev),
                                                .file_mode = st.st_mode & 07777,
                                                .uid = st.st_uid,
                                                .gid = st.st_gid};
    }
    if (d)
        closedir(d);
}

static void spec_resources(const struct container_config *c, struct arena *a, struct oci_resources *out)
{
    struct oci_device_rule *rule = arena_new(a, struct oci_device_rule);
    bool *allow = arena_new(a, bool);
    *allow = c->privileged;
    *rule = (struct oci_device_rule){.allow = allow, .access = STR("rwm")};
    out->devices = (struct oci_device_rule_vec){rule, 1};
    const struct cgroup_limits *l = &c->limits;
    if (l->memory_bytes) {
        out->memory = arena_new(a, struct oci_memory);
        out->memory->limit = l->memory_bytes;
    }
    if (l->cpu_shares || l->cpu_quota_us) {
        out->cpu = arena_new(a, struct oci_cpu);
        *out->cpu = (struct oci_cpu){l->cpu_shares, l->cpu_quota_us, l->cpu_quota_us ? l->cpu_period_us : 0};
    }
    if (l->pids) {
        out->pids = arena_new(a, struct oci_pids);
        out->pids->limit = l->pids;
    }
}

/* The kernel lets only CAP_SYS_RESOURCE go below what we have ourselves. */
static int64_t reachable_oom_score(int64_t wanted)
{
    _cleanup_buf_ struct buf text = {0};
    int64_t own;
    if ((own_capabilities() >> 24 & 1) || file_read("/proc/self/oom_score_adj", 32, &text, NULL) < 0 ||
        !str_to_i64(str_trim(buf_str(&text)), &own))
        return wanted;
    return wanted < own ? own : wanted;
}

static int64_t *number(struct arena *a, int64_t value)
{
    return arena_dup(a, &value, sizeof value);
}

void spec_make(const struct container_config *c, const char *rootfs, struct arena *a, struct oci_spec *out)
{
    *out = (struct oci_spec){
        .oci_version = STR("1.0.2"),
        .process = {.terminal = c->tty,
                    .user = {number(a, c->uid), number(a, c->gid), c->groups, NULL},
                    .args = c->args,
                    .env = c->env,
                    .cwd = c->cwd.n ? c->cwd : STR("/"),
                    .no_new_privileges = c->no_new_privileges,
                    .oom_score_adj = number(a, reachable_oom_score(c->oom_score_adj))},
        .root = {str_from(rootfs), c->readonly_root},
        .linux_ = {.cgroups_path = c->cgroup_path, .sysctl = c->sysctls},
    };
    spec_capabilities(c, a, &out->process.capabilities);
    if (!c->privileged)
        out->linux_.seccomp =
            c->seccomp_default ? seccomp_default(&out->process.capabilities.bounding, a) : c->seccomp;
    spec_mounts(c, a, out);
    spec_namespaces(c, a, &out->linux_);
    spec_resources(c, a, &out->linux_.resources);
    size_t cap = 0;
    if (c->privileged)
        add_devices("/dev", a, &out->linux_.devices, &cap);
    if (!c->privileged && !c->unmasked_proc) {
        out->linux_.masked_paths = (struct str_vec){(struct str *)masked_paths, ARRAY_LEN(masked_paths)};
        out->linux_.readonly_paths =
            (struct str_vec){(struct str *)readonly_paths, ARRAY_LEN(readonly_paths)};
    }
}
