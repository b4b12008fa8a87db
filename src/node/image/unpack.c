#include "node/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

enum { UNPACK_BLOCK = 64 * 1024, UNPACK_NAME_MAX = 4096, UNPACK_DEPTH_MAX = 255 };

/* The layer flows through two readers of libarchive: `outer` takes the compression off, its bytes are hashed
 * and go to `inner`, which reads the tar. */
struct unpack {
    const struct unpack_source *source;
    const struct unpack_limits *limits;
    struct archive *outer, *inner;
    struct hasher hasher;
    struct err *err; /* filled by the callbacks, for whoever called libarchive */
    int root_fd;
    uint64_t entries, written;
    struct arena arena;
    struct directory_time *times; /* of directories: set last, as filling them changes them */
    bool root;                    /* may change owners and make devices */
    char block[UNPACK_BLOCK];
};

struct directory_time {
    struct directory_time *next;
    char *path;
    struct timespec at;
};

static la_ssize_t unpack_read_source(struct archive *a, void *arg, const void **block)
{
    struct unpack *u = arg;
    ptrdiff_t got = u->source->read(u->source->arg, block, u->err);
    if (got < 0)
        archive_set_error(a, EIO, "source");
    return got;
}

static la_ssize_t unpack_read_outer(struct archive *a, void *arg, const void **block)
{
    struct unpack *u = arg;
    la_ssize_t got = archive_read_data(u->outer, u->block, sizeof u->block);
    if (got < 0) {
        if (!u->err->reason)
            err_set(u->err, ERR_INVALID, "layer is corrupt: %s", archive_error_string(u->outer));
        archive_set_error(a, EIO, "outer");
        return -1;
    }
    hasher_add(&u->hasher, u->block, (size_t)got);
    if (u->hasher.size > u->limits->bytes) {
        err_set(u->err, ERR_TOO_LARGE, "layer is larger than the limit of %llu bytes",
                (unsigned long long)u->limits->bytes);
        archive_set_error(a, EFBIG, "limit");
        return -1;
    }
    *block = u->block;
    return got;
}

/* Opens what `path` names below the root, as if the root were the whole file system. */
static int unpack_open(const struct unpack *u, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, u->root_fd, path, &how, sizeof how);
}

/* Checks a name of the tar and makes it plain: "./a//b/" becomes "a/b"; "" is the root itself. */
static int unpack_name(const char *name, char out[UNPACK_NAME_MAX], struct err *err)
{
    if (!name || !*name)
        return err_set(err, ERR_INVALID, "layer is corrupt: an entry without a name");
    if (*name == '/')
        return err_set(err, ERR_INVALID, "layer is refused: absolute path \"%.200s\"", name);
    struct str rest = str_from(name), part;
    size_t n = 0;
    for (int depth = 0; str_cut(&rest, '/', &part);) {
        if (!part.n || str_is(part, "."))
            continue;
        if (str_is(part, ".."))
            return err_set(err, ERR_INVALID, "layer is refused: \"..\" in path \"%.200s\"", name);
        if (n + part.n + 2 > UNPACK_NAME_MAX || part.n > 255 || ++depth > UNPACK_DEPTH_MAX)
            return err_set(err, ERR_INVALID, "layer is refused: path too long: \"%.200s\"...", name);
        if (n)
            out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    out[n] = 0;
    return 0;
}

/* Opens the directory that `path` lies in, making what is missing, and points `*last` at the path's last
 * part. */
static int unpack_parent(struct unpack *u, char *path, char **last)
{
    char *slash = strrchr(path, '/');
    *last = slash ? slash + 1 : path;
    if (!slash)
        return fcntl(u->root_fd, F_DUPFD_CLOEXEC, 0);
    *slash = 0;
    int fd = unpack_open(u, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT) {
        char *name;
        int parent = unpack_parent(u, path, &name);
        if (parent >= 0) {
            if (mkdirat(parent, name, 0755) == 0 || errno == EEXIST)
                fd = unpack_open(u, path, O_RDONLY | O_DIRECTORY);
            close(parent);
        }
    }
    *slash = '/';
    return fd;
}

/* Makes way for an entry: whatever has its name goes. */
static int unpack_clear(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    char path[320];
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir_fd, name);
    return file_remove_tree(path, NULL);
}

static int unpack_file(struct unpack *u, struct archive_entry *e, int dir_fd, const char *name)
{
    _cleanup_fd_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    const void *block;
    size_t n;
    la_int64_t at;
    for (int r; (r = archive_read_data_block(u->inner, &block, &n, &at)) != ARCHIVE_EOF;) {
        if (r < ARCHIVE_WARN) {
            errno = EIO;
            return -1;
        }
        for (size_t done = 0; done < n;) {
            ssize_t put = pwrite(fd, (const char *)block + done, n - done, at + (la_int64_t)done);
            if (put < 0)
                return -1;
            done += (size_t)put;
        }
        u->written += n;
    }
    return ftruncate(fd, archive_entry_size(e)); /* a sparse file may end in a hole */
}

static int unpack_hard_link(struct unpack *u, const char *target, int dir_fd, const char *name)
{
    char path[UNPACK_NAME_MAX], *target_name;
    if (unpack_name(target, path, u->err) < 0)
        return -1;
    _cleanup_fd_ int target_fd = unpack_parent(u, path, &target_name);
    return target_fd < 0 ? -1 : linkat(target_fd, target_name, dir_fd, name, 0);
}

/* Capabilities of files and what users set; never overlayfs' own attributes or a security module's. */
static bool unpack_xattr_is_safe(const char *name)
{
    return !strncmp(name, "user.", 5) || !strcmp(name, "security.capability");
}

/* Owner, mode, attributes and time, without following what was just made. */
static int unpack_metadata(struct unpack *u, struct archive_entry *e, int dir_fd, const char *name,
                           char *path)
{
    mode_t type = archive_entry_filetype(e), mode = archive_entry_mode(e) & 07777;
    if (u->root && fchownat(dir_fd, name, (uid_t)archive_entry_uid(e), (gid_t)archive_entry_gid(e),
                            AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (type != AE_IFLNK && fchmodat(dir_fd, name, mode, 0) < 0)
        return -1;
    char self[320];
    snprintf(self, sizeof self, "/proc/self/fd/%d/%s", dir_fd, name);
    const char *key;
    const void *value;
    size_t n;
    for (archive_entry_xattr_reset(e); archive_entry_xattr_next(e, &key, &value, &n) == ARCHIVE_OK;)
        if (unpack_xattr_is_safe(key) && lsetxattr(self, key, value, n, 0) < 0 && errno != ENOTSUP &&
            errno != EPERM)
            return -1;
    struct timespec at = {archive_entry_mtime(e), archive_entry_mtime_nsec(e)};
    if (type == AE_IFDIR) {
        struct directory_time *t = arena_new(&u->arena, struct directory_time);
        *t = (struct directory_time){u->times, arena_c(&u->arena, str_from(path)), at};
        u->times = t;
        return 0;
    }
    return utimensat(dir_fd, name, (struct timespec[]){at, at}, AT_SYMLINK_NOFOLLOW);
}

/* ".wh.NAME" hides NAME of the layers below, ".wh..wh..opq" all of the directory. */
static int unpack_whiteout(int dir_fd, const char *name)
{
    if (!strcmp(name, WHITEOUT_OPAQUE))
        return fsetxattr(dir_fd, "trusted.overlay.opaque", "y", 1, 0);
    name += sizeof WHITEOUT_PREFIX - 1;
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) {
        errno = EINVAL;
        return -1;
    }
    if (unpack_clear(dir_fd, name) < 0)
        return -1;
    return mknodat(dir_fd, name, S_IFCHR, makedev(0, 0));
}

static int unpack_make(struct unpack *u, struct archive_entry *e, char *path)
{
    char *name;
    _cleanup_fd_ int dir_fd = unpack_parent(u, path, &name);
    if (dir_fd < 0)
        return -1;
    if (!strncmp(name, WHITEOUT_PREFIX, sizeof WHITEOUT_PREFIX - 1))
        return unpack_whiteout(dir_fd, name);
    mode_t type = archive_entry_filetype(e);
    const char *hard_link = archive_entry_hardlink(e);
    struct stat st;
    bool present = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (present && !(type == AE_IFDIR && S_ISDIR(st.st_mode) && !hard_link) && unpack_clear(dir_fd, name) < 0)
        return -1;
    if (hard_link)
        return unpack_hard_link(u, hard_link, dir_fd, name);
    int made = -1;
    switch (type) {
    case AE_IFREG:
        made = unpack_file(u, e, dir_fd, name);
        break;
    case AE_IFDIR:
        made = present && S_ISDIR(st.st_mode) ? 0 : mkdirat(dir_fd, name, 0755);
        break;
    case AE_IFLNK:
        made = symlinkat(archive_entry_symlink(e), dir_fd, name);
        break;
    case AE_IFIFO:
        made = mknodat(dir_fd, name, S_IFIFO | 0600, 0);
        break;
    case AE_IFCHR:
    case AE_IFBLK: {
        dev_t dev = makedev(archive_entry_rdevmajor(e), archive_entry_rdevminor(e));
        if (!u->root)
            return 0;
        if (type == AE_IFCHR && dev == 0)
            return mknodat(dir_fd, name, S_IFCHR, 0); /* a whiteout in overlayfs' own form */
        made = mknodat(dir_fd, name, (type == AE_IFCHR ? S_IFCHR : S_IFBLK) | 0600, dev);
        break;
    }
    default:
        errno = EINVAL;
    }
    return made < 0 ? -1 : unpack_metadata(u, e, dir_fd, name, path);
}

static int unpack_entry(struct unpack *u, struct archive_entry *e)
{
    char path[UNPACK_NAME_MAX];
    if (++u->entries > u->limits->entries)
        return err_set(u->err, ERR_TOO_LARGE, "layer has more than the limit of %llu entries",
                       (unsigned long long)u->limits->entries);
    if (unpack_name(archive_entry_pathname(e), path, u->err) < 0)
        return -1;
    if (!*path) /* the root itself: its mode and owner only */
        return archive_entry_filetype(e) == AE_IFDIR
                   ? fchmod(u->root_fd, archive_entry_mode(e) & 07777)
                   : err_set(u->err, ERR_INVALID, "layer is refused: its root is no directory");
    if (unpack_make(u, e, path) == 0)
        return 0;
    int e_no = errno;
    if (u->err->reason)
        return -1;
    if (archive_errno(u->inner) && e_no == EIO)
        return err_set(u->err, ERR_INVALID, "layer is corrupt: %s", archive_error_string(u->inner));
    return err_errno(u->err, e_no, "unpack \"%.200s\"", path);
}

static void unpack_set_times(struct unpack *u)
{
    for (struct directory_time *t = u->times; t; t = t->next) {
        _cleanup_fd_ int fd = unpack_open(u, t->path, O_RDONLY | O_DIRECTORY);
        if (fd >= 0)
            futimens(fd, (struct timespec[]){t->at, t->at});
    }
}

static int unpack_all(struct unpack *u)
{
    struct archive_entry *e;
    archive_read_support_filter_gzip(u->outer);
    archive_read_support_filter_zstd(u->outer);
    archive_read_support_format_raw(u->outer);
    archive_read_support_format_tar(u->inner);
    if (archive_read_open(u->outer, u, NULL, unpack_read_source, NULL) != ARCHIVE_OK ||
        archive_read_next_header(u->outer, &e) != ARCHIVE_OK)
        return u->err->reason
                   ? -1
                   : err_set(u->err, ERR_INVALID, "layer is corrupt: %s", archive_error_string(u->outer));
    int r = archive_read_open(u->inner, u, NULL, unpack_read_outer, NULL);
    while (r >= ARCHIVE_WARN && (r = archive_read_next_header(u->inner, &e)) >= ARCHIVE_WARN &&
           r != ARCHIVE_EOF)
        if (unpack_entry(u, e) < 0)
            return -1;
    if (r != ARCHIVE_EOF)
        return u->err->reason
                   ? -1
                   : err_set(u->err, ERR_INVALID, "layer is corrupt: %s", archive_error_string(u->inner));
    const void *block; /* what follows the end of the tar is part of the digest */
    for (la_ssize_t got; (got = unpack_read_outer(u->inner, u, &block)) != 0;)
        if (got < 0)
            return -1;
    unpack_set_times(u);
    return 0;
}

int unpack_layer(const struct unpack_source *source, int root_fd, const struct unpack_limits *limits,
                 struct digest *diff_id, uint64_t *size, struct err *err)
{
    _cleanup_err_ struct err own = {0};
    struct unpack *u = mem_zalloc(sizeof *u); /* too large for a worker's stack */
    *u = (struct unpack){
        .source = source, .limits = limits, .root_fd = root_fd, .err = &own, .root = geteuid() == 0};
    u->outer = archive_read_new();
    u->inner = archive_read_new();
    hasher_begin(&u->hasher);
    int r = unpack_all(u);
    if (r == 0) {
        *diff_id = hasher_end(&u->hasher);
        *size = u->written;
    }
    archive_read_free(u->inner);
    archive_read_free(u->outer);
    hasher_free(&u->hasher);
    arena_free(&u->arena);
    free(u);
    if (r < 0)
        err_move(err, &own);
    return r;
}
