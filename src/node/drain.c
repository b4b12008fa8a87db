/* The end of a node: everything that runs on it goes. */
#define LOG_PART "node"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "node/image/store.h"
#include "node/node.h"
#include "node/runtime/container.h"
#include "node/runtime/sandbox.h"
#include "node/volume/volume.h"

static void drain_ignore(void *arg, struct str id)
{
    (void)arg, (void)id;
}

/* Calls for each entry of DIR, with its whole path. `root`: of all pods' control groups. */
static void drain_each(const char *dir, const char *root, void (*fn)(const char *path, const char *root))
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        if (e->d_name[0] != '.' && snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path)
            fn(path, root);
    }
    closedir(d);
}

static void drain_sandbox(const char *path, const char *root)
{
    (void)root;
    char below[1100];
    _cleanup_err_ struct err err = {0};
    snprintf(below, sizeof below, "%s/shm", path);
    umount2(below, MNT_DETACH);
    snprintf(below, sizeof below, "%s/ns", path);
    if (sandbox_remove(below, &err) < 0 || file_remove_tree(path, &err) < 0)
        log_warn(STR_FMT, STR_ARG(err.message));
}

/* A pod without containers has a control group all the same. */
static void drain_pod_files(const char *path, const char *root)
{
    static const char *const classes[] = {"", "/burstable", "/besteffort"};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        cgroup_remove(arena_printf(&a, "%s%s/pod%s", root, classes[i], strrchr(path, '/') + 1).p, NULL);
    volumes_unmount(path);
    if (file_remove_tree(path, &err) < 0)
        log_warn(STR_FMT, STR_ARG(err.message));
}

static void drain_file(const char *path, const char *root)
{
    (void)root;
    unlink(path);
}

static void drain_container(struct runtime *r, struct image_store *images, struct runtime_container *c)
{
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    char *cgroup = arena_c(&a, c->cgroup_path), *logs = arena_c(&a, c->log_path);
    if (container_remove(r, c, &err) < 0)
        log_warn(STR_FMT, STR_ARG(err.message));
    image_store_unpin(images, c->id);
    for (char *slash; (slash = strrchr(cgroup, '/')) && slash != cgroup;) {
        *slash = 0; /* the pod's group, its class's, all pods': as far as they are empty */
        cgroup_remove_if_empty(cgroup);
    }
    for (int up = 0; up < 2; up++) { /* LOGS/NS_POD_UID/CONTAINER/0.log */
        char *slash = strrchr(logs, '/');
        if (!slash)
            break;
        *slash = 0;
        if (up == 1 && str_find(str_from(logs), c->pod_uid) >= 0)
            file_remove_tree(logs, NULL);
    }
    container_free(c);
}

int node_drain(const struct node_options *o, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_image_store_ struct image_store *images = NULL;
    const char *data = o->data_dir && *o->data_dir ? o->data_dir : "/var/lib/sagong/node";
    const char *run = o->run_dir && *o->run_dir ? o->run_dir : "/run/sagong";
    if (!file_exists(data))
        return 0;
    struct runtime_options options = {.data_dir = data, .run_dir = run, .exited = drain_ignore};
    struct runtime *r;
    struct runtime_container **all;
    size_t n;
    if (image_store_open(arena_printf(&a, "%s/images", data).p, &images, err) < 0 ||
        runtime_open(&options, &r, err) < 0)
        return -1;
    int failed = runtime_load(r, &all, &n, err);
    for (size_t i = 0; failed == 0 && i < n; i++)
        drain_container(r, images, all[i]);
    if (failed == 0)
        free(all);
    runtime_close(r);
    if (failed < 0)
        return -1;
    const char *root = o->cgroup_root && *o->cgroup_root ? o->cgroup_root : "/kubepods";
    drain_each(arena_printf(&a, "%s/pods", run).p, root, drain_sandbox);
    drain_each(arena_printf(&a, "%s/pods", data).p, root, drain_pod_files);
    drain_each(arena_printf(&a, "%s/network", data).p, root, drain_file);
    const char *groups[] = {"/burstable", "/besteffort", "/conmon", ""};
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        cgroup_remove_if_empty(arena_printf(&a, "%s%s", root, groups[i]).p);
    cgroup_restore();
    return 0;
}
