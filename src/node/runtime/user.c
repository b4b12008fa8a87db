#include "node/runtime/user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

enum { USER_FILE_MAX = 1 << 20 };

/* Reads a regular file of the image, following its links inside the root only; absent is empty. */
static struct str root_read(const char *root, const char *path, struct arena *a)
{
    _cleanup_fd_ int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    _cleanup_fd_ int fd = dir < 0 ? -1 : (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > USER_FILE_MAX)
        return (struct str){0};
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    ssize_t n = read(fd, text, (size_t)st.st_size);
    return str_slice(text, n > 0 ? (size_t)n : 0);
}

/* Splits "a:b:c" into at most `n` fields and returns how many there are. */
static size_t split(struct str line, struct str *fields, size_t n)
{
    size_t got = 0;
    while (got < n && str_cut(&line, ':', &fields[got]))
        got++;
    return got;
}

static bool to_id(struct str s, int64_t *id)
{
    uint64_t v;
    if (!str_to_u64(s, &v) || v > UINT32_MAX - 1)
        return false;
    *id = (int64_t)v;
    return true;
}

static bool find_in_passwd(struct str passwd, struct str who, bool numeric, struct image_user *u,
                           struct str *name)
{
    struct str line, f[7];
    int64_t uid, gid, want = 0;
    if (numeric)
        to_id(who, &want);
    while (str_cut(&passwd, '\n', &line)) {
        if (split(line, f, 7) < 6 || !to_id(f[2], &uid) || !to_id(f[3], &gid))
            continue;
        if (numeric ? uid != want : !str_eq(f[0], who))
            continue;
        u->uid = uid;
        u->gid = gid;
        if (f[5].n)
            u->home = f[5];
        *name = f[0];
        return true;
    }
    return false;
}

static void add_groups(struct str group, struct str name, struct arena *a, struct image_user *u)
{
    struct str line, f[4], member;
    int64_t gid;
    size_t cap = 0;
    while (str_cut(&group, '\n', &line)) {
        if (split(line, f, 4) < 4 || !to_id(f[2], &gid))
            continue;
        while (str_cut(&f[3], ',', &member))
            if (str_eq(member, name)) {
                if (u->groups.n == cap) {
                    int64_t *more = arena_new_n(a, int64_t, cap = cap ? cap * 2 : 8);
                    if (u->groups.n)
                        memcpy(more, u->groups.at, u->groups.n * sizeof *more);
                    u->groups.at = more;
                }
                u->groups.at[u->groups.n++] = gid;
                break;
            }
    }
}

static bool find_group(struct str group, struct str who, int64_t *gid)
{
    struct str line, f[4];
    while (str_cut(&group, '\n', &line))
        if (split(line, f, 4) >= 3 && str_eq(f[0], who))
            return to_id(f[2], gid);
    return false;
}

int user_find(const char *root, struct str spec, struct arena *a, struct image_user *out, struct err *err)
{
    *out = (struct image_user){.home = STR("/")};
    struct str rest = spec, who = {0}, group_name = {0}, name = {0};
    str_cut(&rest, ':', &who);
    if (rest.p)
        group_name = rest;
    if (!who.n)
        who = STR("0");
    struct str passwd = root_read(root, "etc/passwd", a), group = root_read(root, "etc/group", a);
    bool numeric = to_id(who, &out->uid);
    out->named = !numeric;
    bool found = find_in_passwd(passwd, who, numeric, out, &name);
    if (!found && !numeric)
        return err_set(err, ERR_NOT_FOUND,
                       "unable to find user " STR_FMT ": no matching entries in passwd file", STR_ARG(who));
    if (!found && out->uid == 0)
        out->home = STR("/root");
    if (found && !group_name.n)
        add_groups(group, name, a, out);
    if (group_name.n && !to_id(group_name, &out->gid) && !find_group(group, group_name, &out->gid))
        return err_set(err, ERR_NOT_FOUND,
                       "unable to find group " STR_FMT ": no matching entries in group file",
                       STR_ARG(group_name));
    return 0;
}
