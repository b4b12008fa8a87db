#define LOG_PART "node"
#include "node/volume/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "client/volumes.h"
#include "schema/str_map.h"

enum { CLAIM_DEPTH_MAX = 64, CLAIM_GROUP_BITS = 0660, CLAIM_GROUP_DIR_BITS = 02770 };

/* --- fsGroup --- */

static int set_group_of(int dir, const char *name, const struct stat *st, int64_t gid, struct err *err)
{
    mode_t bits = S_ISDIR(st->st_mode) ? CLAIM_GROUP_DIR_BITS : CLAIM_GROUP_BITS;
    if (fchownat(dir, name, (uid_t)-1, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "change the group of %s", name);
    if (!S_ISLNK(st->st_mode) && fchmodat(dir, name, (st->st_mode & 07777) | bits, 0) < 0)
        return err_errno(err, errno, "change the mode of %s", name);
    return 0;
}

static int set_group_below(int fd, int64_t gid, int depth, struct err *err)
{
    DIR *d = fdopendir(fd);
    int r = 0;
    if (!d) {
        close(fd);
        return err_errno(err, errno, "read a directory");
    }
    for (struct dirent *e; r == 0 && (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        r = set_group_of(dirfd(d), e->d_name, &st, gid, err);
        if (r < 0 || !S_ISDIR(st.st_mode))
            continue;
        int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
            continue;
        if (depth == CLAIM_DEPTH_MAX) {
            close(below);
            r = err_set(err, ERR_INVALID, "the volume is too deep");
        } else {
            r = set_group_below(below, gid, depth + 1, err);
        }
    }
    closedir(d);
    return r;
}

int claim_set_group(const char *dir, int64_t gid, const struct str *policy, struct err *err)
{
    struct stat st;
    if (stat(dir, &st) < 0)
        return err_errno(err, errno, "%s", dir);
    bool right = st.st_gid == gid && (st.st_mode & CLAIM_GROUP_DIR_BITS) == CLAIM_GROUP_DIR_BITS;
    if (right && policy && str_is(*policy, "OnRootMismatch"))
        return 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "open %s", dir);
    /* The directory itself last: what was begun and not ended is begun again. */
    return set_group_below(fd, gid, 0, err) < 0 ? -1 : set_group_of(AT_FDCWD, dir, &st, gid, err);
}

/* --- the pod's claims --- */

static bool is_made_here(const struct persistent_volume *v)
{
    return v->spec.local &&
           str_eq(str_map_text(&v->metadata.annotations, VOLUME_PROVISIONED_BY), LOCAL_PROVISIONER);
}

/* The bound volume of the claim. */
static int find_volume(struct pod_state *p, const struct pod *pod, const struct volume *v, struct arena *a,
                       struct object **out, struct err *err)
{
    struct str name;
    _cleanup_object_ struct object *o = NULL;
    volume_claim_name(pod, v, a, &name);
    if (client_get(p->node->client, &persistent_volume_claim_resource, p->ns, name, &o, err) < 0)
        return err_wrap(err, "error processing PVC " STR_FMT "/" STR_FMT, STR_ARG(p->ns), STR_ARG(name));
    const struct persistent_volume_claim *c = object_typed(o);
    if (v->ephemeral && !claim_is_of_pod(c, pod))
        return err_set(err, ERR_CONFLICT,
                       "PVC \"" STR_FMT "\" was not created for pod \"" STR_FMT "\" (pod is not owner)",
                       STR_ARG(name), STR_ARG(p->name));
    if (c->metadata.deletion_timestamp && !p->volumes_ready)
        return err_set(err, ERR_CONFLICT, "PVC is being deleted");
    if (!str_is(c->status.phase, "Bound") || !c->spec.volume_name.n)
        return err_set(err, ERR_CONFLICT, "PVC " STR_FMT "/" STR_FMT " is not bound", STR_ARG(p->ns),
                       STR_ARG(name));
    if (client_get(p->node->client, &persistent_volume_resource, STR(""), c->spec.volume_name, out, err) < 0)
        return -1;
    return volume_is_for(object_typed(*out), c)
               ? 0
               : err_set(err, ERR_CONFLICT, "PV " STR_FMT " is bound to another claim",
                         STR_ARG(c->spec.volume_name));
}

int claim_mount(struct pod_state *p, const struct pod *pod, const struct volume *v, bool group,
                struct arena *a, struct str *out, struct err *err)
{
    _cleanup_object_ struct object *o = NULL;
    if (find_volume(p, pod, v, a, &o, err) < 0)
        return -1;
    const struct persistent_volume *pv = object_typed(o);
    if (pv->spec.volume_mode && str_is(*pv->spec.volume_mode, "Block"))
        return err_set(err, ERR_INVALID, "volumes of mode Block are not supported");
    if (pv->spec.host_path) {
        *out = arena_str(a, pv->spec.host_path->path);
        return 0;
    }
    if (!pv->spec.local)
        return err_set(err, ERR_INVALID, "no volume plugin matched");
    const char *path = arena_c(a, pv->spec.local->path);
    *out = str_from(path);
    if (is_made_here(pv) && !file_exists(path) &&
        (file_mkdirs_for(path, 0711, err) < 0 || file_mkdirs(path, 0777, err) < 0 || chmod(path, 0777) < 0))
        return -1;
    if (!file_exists(path))
        return err_set(err, ERR_NOT_FOUND, "path \"%s\" does not exist", path);
    const struct pod_security_context *s = pod->spec.security_context;
    return group && s && s->fs_group ? claim_set_group(path, *s->fs_group, s->fs_group_change_policy, err)
                                     : 0;
}

/* --- the end of a volume --- */

static bool is_on(const struct persistent_volume *v, struct str host)
{
    const struct node_selector *s = v->spec.node_affinity ? v->spec.node_affinity->required : NULL;
    if (!s || s->node_selector_terms.n != 1 || s->node_selector_terms.at[0].match_expressions.n != 1)
        return false;
    const struct node_selector_requirement *r = &s->node_selector_terms.at[0].match_expressions.at[0];
    return str_is(r->key, "kubernetes.io/hostname") && r->values.n == 1 && str_eq(r->values.at[0], host);
}

/* Only what looks like the provisioner's own: an absolute path, as it is, whose last part is the volume's
 * name. */
static bool is_plain_path(struct str path, struct str name)
{
    struct str rest = path, part;
    if (!path.n || path.p[0] != '/' || !str_starts(name, STR("pvc-")) || path.n < name.n + 2)
        return false;
    while (str_cut(&rest, '/', &part))
        if (str_is(part, "..") || str_is(part, "."))
            return false;
    return str_ends(path, name) && path.p[path.n - name.n - 1] == '/';
}

static void remove_volume(void *path)
{
    _cleanup_err_ struct err err = {0};
    if (file_remove_tree(path, &err) < 0)
        log_warn("failed to remove volume %s: " STR_FMT, (char *)path, STR_ARG(err.message));
    else
        log_info("removed volume %s", (char *)path);
    free(path);
}

void claim_on_volume(void *agent, struct object *before, struct object *after)
{
    const struct node_agent *n = agent;
    const struct persistent_volume *v = before ? object_typed(before) : NULL;
    if (after || !is_made_here(v) || !is_on(v, n->name) || !str_is(v->status.phase, "Released") ||
        !str_is(v->spec.persistent_volume_reclaim_policy, "Delete") ||
        !is_plain_path(v->spec.local->path, v->metadata.name))
        return;
    pthread_detach(thread_start("volume", remove_volume, str_dup_c(v->spec.local->path)));
}
