#include "node/pod/start.h"

#include "base/clock.h"
#include "base/file.h"
#include "node/pod/container_config.h"
#include "node/pod/hook.h"
#include "node/pod/pods.h"
#include "node/pod/probe.h"
#include "node/pod/puller.h"
#include "node/pod/resize.h"
#include "node/volume/sub_path.h"
#include "schema/copy.h"

enum { START_RETRY_S = 10 };

static void wait_for(struct pod_state *p, struct container_control *k, const char *reason, struct str message)
{
    k->waiting_reason = str_from(reason);
    if (!str_eq(k->waiting_message, message))
        k->waiting_message = arena_str(&p->arena, message);
}

static void failed(struct pod_state *p, struct object *pod, const struct container *c,
                   struct container_control *k, const char *reason, struct str message, int64_t *next)
{
    container_event(p, pod, c, "Warning", "Failed", "Error: " STR_FMT, STR_ARG(message));
    wait_for(p, k, reason, message);
    int64_t later = clock_mono() + START_RETRY_S * CLOCK_S;
    *next = later < *next ? later : *next;
}

/* The container is the current one now; the one before is kept for its end and its log, older ones go. */
static void take(struct pod_state *p, const struct container *c, struct container_control *k,
                 struct runtime_container *made)
{
    struct runtime_container *old = k->previous;
    pods_add_container(p->node->pods, p, made);
    {
        _lock_(&p->mutex);
        k->previous = k->current;
        k->current = made;
        probes_reset(k, false);
        k->post_start = k->pre_stop = JOB_NONE;
    }
    k->kill_deadline_ns = 0;
    k->term_sent = false;
    k->applied = struct_dup(&p->arena, &resource_requirements_type, container_resources(p, k, c));
    if (!old)
        return;
    _cleanup_arena_ struct arena a = {0};
    pods_forget_container(p->node->pods, old);
    file_remove_tree(arena_c(&a, old->log_path), NULL);
    file_remove_tree(arena_printf(&a, "%s/termination-" STR_FMT, p->dir, STR_ARG(old->id)).p, NULL);
    container_remove(p->node->runtime, old, NULL);
    container_free(old);
}

/* What status says an image is: "docker.io/library/busybox@sha256:…", or its id when it has no name. */
static struct str image_shown(const struct image *image, struct arena *a)
{
    if (!image->names.n)
        return image->id;
    struct str name = image->names.at[0];
    ptrdiff_t at = str_index(name, '@'), colon = str_last_index(name, ':'), slash = str_last_index(name, '/');
    if (at >= 0)
        name.n = (size_t)at;
    else if (colon > slash)
        name.n = (size_t)colon;
    return arena_printf(a, STR_FMT "@" STR_FMT, STR_ARG(name), STR_ARG(image->manifest));
}

/* Takes back what was made for a container that did not come about. */
static void undo(struct pod_state *p, struct str id)
{
    sub_paths_release(p->dir, id);
    image_store_unpin(p->node->images, id);
}

/* Makes the container, or a record of why it could not be started. NULL: it is to be tried again. */
static struct runtime_container *create(struct pod_state *p, struct object *object, const struct container *c,
                                        struct container_control *k, const struct image *image,
                                        struct arena *a, int64_t *next)
{
    struct node_agent *n = p->node;
    struct container_config config = {0};
    char id[65], rootfs[512];
    _cleanup_err_ struct err err = {0};
    struct runtime_container *made = NULL;
    container_new_id(id);
    config.id = arena_str(a, str_from(id));
    if (image_store_pin(n->images, config.id, image->id, &err) < 0 ||
        container_mount_root(n->runtime, config.id, &image->layers, rootfs, &err) < 0) {
        image_store_unpin(n->images, config.id);
        failed(p, object, c, k, "CreateContainerError", err.message, next);
        return NULL;
    }
    if (container_config_make(p, object_typed(object), c, image, k->current ? k->current->attempt + 1 : 0,
                              rootfs, a, &config, &err) < 0) {
        container_unmount_root(n->runtime, config.id);
        undo(p, config.id);
        failed(p, object, c, k, "CreateContainerConfigError", err.message, next);
        return NULL;
    }
    if (container_config_seccomp(p, object_typed(object), c, a, &config, &err) < 0) {
        container_unmount_root(n->runtime, config.id);
        undo(p, config.id);
        failed(p, object, c, k, "CreateContainerError", err.message, next);
        return NULL;
    }
    config.image_id = image_shown(image, a);
    if (container_create(n->runtime, &config, &made, &err) == 0) {
        container_event(p, object, c, "Normal", "Created", "Container created");
        return made;
    }
    undo(p, config.id);
    if (container_record_failure(n->runtime, &config, err.message, &made, NULL) < 0)
        return NULL;
    failed(p, object, c, k, "RunContainerError", err.message, next);
    return made;
}

void container_try_start(struct pod_state *p, struct object *object, const struct container *c,
                         struct container_control *k, struct arena *a, int64_t *next)
{
    struct image image;
    if (image_ensure(p, object, c, k, a, &image, next) <= 0)
        return;
    struct runtime_container *made = create(p, object, c, k, &image, a, next);
    if (!made)
        return;
    take(p, c, k, made);
    if (made->state == CONTAINER_EXITED)
        return;
    _cleanup_err_ struct err err = {0};
    if (container_start(p->node->runtime, made, &err) < 0) {
        made->start_error = arena_str(made->arena, err.message);
        made->state = CONTAINER_EXITED;
        made->exit_code = 128;
        made->finished_ns = clock_wall();
        container_release(p->node->runtime, made);
        failed(p, object, c, k, "RunContainerError", err.message, next);
        return;
    }
    k->waiting_reason = k->waiting_message = (struct str){0};
    container_event(p, object, c, "Normal", "Started", "Container started");
    if (c->lifecycle && c->lifecycle->post_start)
        hook_post_start(p, object, c, k);
}
