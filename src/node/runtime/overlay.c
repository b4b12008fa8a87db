#include "node/runtime/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"

enum { OVERLAY_OPTIONS_MAX = 4095, OVERLAY_LAYERS_MAX = 128 }; /* mount(2) takes a page */

struct overlay_fds {
    int fd[OVERLAY_LAYERS_MAX];
    size_t n;
};

static void overlay_close(struct overlay_fds *f)
{
    while (f->n)
        close(f->fd[--f->n]);
}

/* Long lists of layers fit into a page only as descriptors. */
static int overlay_open(const struct str_vec *layers, struct overlay_fds *fds, struct arena *a,
                        struct buf *options, struct err *err)
{
    if (layers->n > OVERLAY_LAYERS_MAX)
        return err_set(err, ERR_INVALID, "image has more than %d layers", OVERLAY_LAYERS_MAX);
    for (size_t i = layers->n; i-- > 0;) {
        int fd = open(arena_c(a, layers->at[i]), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return err_errno(err, errno, "open layer " STR_FMT, STR_ARG(layers->at[i]));
        fds->fd[fds->n++] = fd;
        buf_addf(options, "%s/proc/self/fd/%d", i + 1 == layers->n ? "" : ":", fd);
    }
    return 0;
}

int overlay_mount(const char *dir, const struct str_vec *layers, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf options = {0};
    _cleanup_(overlay_close) struct overlay_fds fds = {.n = 0};
    const char *rootfs = arena_printf(&a, "%s/rootfs", dir).p;
    struct statfs s;
    if (statfs(rootfs, &s) == 0 && s.f_type == OVERLAYFS_SUPER_MAGIC)
        return 0;
    static const char *const parts[] = {"", "/upper", "/work", "/rootfs"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (file_mkdirs(arena_printf(&a, "%s%s", dir, parts[i]).p, i ? 0755 : 0711, err) < 0)
            return -1;
    buf_add_lit(&options, "lowerdir=");
    if (layers->n <= 20)
        for (size_t i = layers->n; i-- > 0;)
            buf_addf(&options, "%s" STR_FMT, i + 1 == layers->n ? "" : ":", STR_ARG(layers->at[i]));
    else if (overlay_open(layers, &fds, &a, &options, err) < 0)
        return -1;
    buf_addf(&options, ",upperdir=%s/upper,workdir=%s/work", dir, dir);
    if (options.n > OVERLAY_OPTIONS_MAX)
        return err_set(err, ERR_INVALID, "paths of the image's layers are too long");
    buf_add_c(&options, 0);
    if (!layers->n) /* an image made from scratch, of nothing */
        return mount(arena_printf(&a, "%s/upper", dir).p, rootfs, NULL, MS_BIND, NULL) < 0
                   ? err_errno(err, errno, "mount %s", rootfs)
                   : 0;
    if (mount("overlay", rootfs, "overlay", 0, options.p) < 0)
        return err_errno(err, errno, "mount overlay %s", rootfs);
    return 0;
}

void overlay_unmount(const char *dir)
{
    _cleanup_arena_ struct arena a = {0};
    umount2(arena_printf(&a, "%s/rootfs", dir).p, MNT_DETACH);
    file_remove_tree(arena_printf(&a, "%s/upper", dir).p, NULL);
    file_remove_tree(arena_printf(&a, "%s/work", dir).p, NULL);
}
