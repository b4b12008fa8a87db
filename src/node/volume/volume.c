#include "node/volume/volume.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "node/volume/claim.h"
#include "node/volume/content.h"
#include "node/volume/sub_path.h"
#include "schema/quantity.h"

static struct str volume_dir(struct pod_state *p, struct str name, struct arena *a)
{
    return arena_printf(a, "%s/volumes/" STR_FMT, p->dir, STR_ARG(name));
}

static int64_t fs_group(const struct pod *pod)
{
    const struct pod_security_context *s = pod->spec.security_context;
    return s && s->fs_group ? *s->fs_group : -1;
}

static int mount_tmpfs(const char *dir, int64_t size, struct err *err)
{
    struct statfs s;
    char options[64];
    if (statfs(dir, &s) == 0 && s.f_type == TMPFS_MAGIC)
        return 0;
    snprintf(options, sizeof options, size > 0 ? "mode=0777,size=%lld" : "mode=0777", (long long)size);
    return mount("tmpfs", dir, "tmpfs", MS_RELATIME, options) < 0
               ? err_errno(err, errno, "mount tmpfs %s", dir)
               : 0;
}

static int make_empty_dir(const char *dir, const struct volume *v, int64_t gid, struct err *err)
{
    int64_t limit = v->empty_dir->size_limit ? quantity_value_of(*v->empty_dir->size_limit) : 0;
    if (str_is(v->empty_dir->medium, "Memory") && mount_tmpfs(dir, limit, err) < 0)
        return -1;
    if (gid >= 0 && chown(dir, (uid_t)-1, (gid_t)gid) < 0)
        return err_errno(err, errno, "change the group of %s", dir);
    return chmod(dir, gid >= 0 ? 02777 : 0777) < 0 ? err_errno(err, errno, "change the mode of %s", dir) : 0;
}

/* --- hostPath --- */

static int check_host_path(struct str path, struct str type, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char *c = arena_c(&a, path);
    struct stat st;
    static const struct {
        const char *type;
        mode_t mode;
        const char *wanted;
    } kinds[] = {
        {"Directory", S_IFDIR, "a directory"},      {"File", S_IFREG, "a file"},
        {"Socket", S_IFSOCK, "a socket"},           {"CharDevice", S_IFCHR, "a character device"},
        {"BlockDevice", S_IFBLK, "a block device"}, {"DirectoryOrCreate", S_IFDIR, "a directory"},
        {"FileOrCreate", S_IFREG, "a file"},
    };
    if (str_is(type, "DirectoryOrCreate") && !file_exists(c) && file_mkdirs(c, 0755, err) < 0)
        return -1;
    if (str_is(type, "FileOrCreate") && !file_exists(c) && file_replace(c, STR(""), 0644, err) < 0)
        return -1;
    if (!type.n) /* unchecked; what is absent becomes a directory, as Docker did */
        return file_exists(c) ? 0 : file_mkdirs(c, 0755, err);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(type, kinds[i].type) && (stat(c, &st) < 0 || (st.st_mode & S_IFMT) != kinds[i].mode))
            return err_set(err, ERR_INVALID, "hostPath type check failed: " STR_FMT " is not %s",
                           STR_ARG(path), kinds[i].wanted);
    return 0;
}

static int mount_volume(struct pod_state *p, const struct pod *pod, const struct volume *v,
                        const struct field_context *x, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char *dir = volume_dir(p, v->name, &a).p;
    struct str path;
    if (v->host_path)
        return check_host_path(v->host_path->path, v->host_path->type ? *v->host_path->type : STR(""), err);
    if (v->persistent_volume_claim || v->ephemeral)
        return claim_mount(p, pod, v, !p->volumes_ready, &a, &path, err);
    bool fresh = !file_exists(dir);
    if (file_mkdirs(dir, 0755, err) < 0)
        return -1;
    if (v->empty_dir)
        return fresh || str_is(v->empty_dir->medium, "Memory") ? make_empty_dir(dir, v, fs_group(pod), err)
                                                               : 0;
    if (!volume_has_content(v))
        return err_set(err, ERR_INVALID, "no volume plugin matched");
    if ((v->secret || v->projected) && mount_tmpfs(dir, 0, err) < 0) /* secrets do not touch the disk */
        return -1;
    return volume_write_content(p, pod, v, x, dir, fs_group(pod), err);
}

int volumes_mount(struct pod_state *p, const struct pod *pod, const struct field_context *x, struct err *err)
{
    for (size_t i = 0; i < pod->spec.volumes.n; i++)
        if (mount_volume(p, pod, &pod->spec.volumes.at[i], x, err) < 0)
            return err_wrap(err, "MountVolume.SetUp failed for volume \"" STR_FMT "\" ",
                            STR_ARG(pod->spec.volumes.at[i].name));
    return 0;
}

bool volumes_change(const struct pod *pod)
{
    for (size_t i = 0; i < pod->spec.volumes.n; i++)
        if (volume_has_content(&pod->spec.volumes.at[i]))
            return true;
    return false;
}

void volumes_unmount(const char *pod_dir)
{
    char path[1024];
    sub_paths_release_all(pod_dir);
    snprintf(path, sizeof path, "%s/volumes", pod_dir);
    DIR *d = opendir(path);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' &&
            snprintf(path, sizeof path, "%s/volumes/%s", pod_dir, e->d_name) < (int)sizeof path)
            umount2(path, MNT_DETACH);
    closedir(d);
}

/* --- mounts of containers --- */

static const struct volume *find_volume(const struct pod *pod, struct str name)
{
    for (size_t i = 0; i < pod->spec.volumes.n; i++)
        if (str_eq(pod->spec.volumes.at[i].name, name))
            return &pod->spec.volumes.at[i];
    return NULL;
}

int volume_mount_source(struct pod_state *p, const struct pod *pod, const struct container *c, size_t index,
                        struct str container_id, const struct str_vec *vars, struct arena *a, struct str *out,
                        struct err *err)
{
    const struct volume_mount *m = &c->volume_mounts.at[index];
    const struct volume *v = find_volume(pod, m->name);
    if (!v)
        return err_set(err, ERR_INVALID, "volume \"" STR_FMT "\" not found", STR_ARG(m->name));
    if (v->host_path)
        *out = v->host_path->path;
    else if (v->persistent_volume_claim || v->ephemeral) {
        if (claim_mount(p, pod, v, false, a, out, err) < 0)
            return -1;
    } else {
        *out = volume_dir(p, m->name, a);
    }
    struct str sub = m->sub_path;
    if (m->sub_path_expr.n && expand_sub_path(m->sub_path_expr, vars, a, &sub, err) < 0)
        return -1;
    return sub.n ? sub_path_bind(p->dir, container_id, index, *out, sub, a, out, err) : 0;
}
