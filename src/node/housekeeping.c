#define LOG_PART "node"
#include "node/housekeeping.h"

#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "node/eviction.h"
#include "node/logs/rotate.h"
#include "node/pod/pods.h"

enum {
    HOUSEKEEPING_S = 10,
    IMAGES_EVERY = 30, /* looks: upstream looks at images every 5 minutes */
    IMAGES_HIGH_PERCENT = 85,
    IMAGES_LOW_PERCENT = 80,
    LOG_MAX_SIZE = 10 << 20,
    LOG_MAX_FILES = 5,
};

struct housekeeping {
    struct node_agent *node;
    pthread_t thread;
    struct latch stop;
};

static int disk_used_percent(const char *path)
{
    struct statvfs s;
    return statvfs(path, &s) < 0 || !s.f_blocks ? 0 : (int)(100 - s.f_bavail * 100 / s.f_blocks);
}

void housekeeping_collect_images(struct node_agent *n, int high_percent, int low_percent)
{
    _cleanup_arena_ struct arena a = {0};
    struct image_vec images;
    if (disk_used_percent(n->options.data_dir) < high_percent ||
        image_store_list(n->images, &a, &images, NULL) < 0)
        return;
    for (size_t i = 0; i < images.n && disk_used_percent(n->options.data_dir) > low_percent; i++) {
        _cleanup_err_ struct err err = {0};
        if (image_store_is_pinned(n->images, images.at[i].id))
            continue;
        log_info("removing image " STR_FMT ": the disk is %d %% full", STR_ARG(images.at[i].names.at[0]),
                 disk_used_percent(n->options.data_dir));
        if (image_store_remove(n->images, images.at[i].id, &err) < 0)
            log_warn(STR_FMT, STR_ARG(err.message));
    }
}

static void rotate(void *arg, struct runtime_container *c)
{
    log_rotate(arg, c, LOG_MAX_SIZE, LOG_MAX_FILES);
}

static void housekeeping_main(void *arg)
{
    struct housekeeping *h = arg;
    for (unsigned look = 1; !latch_wait(&h->stop, clock_mono() + HOUSEKEEPING_S * CLOCK_S); look++) {
        pods_each_running(h->node->pods, rotate, h->node->runtime);
        eviction_look(h->node);
        if (look % IMAGES_EVERY == 0)
            housekeeping_collect_images(h->node, IMAGES_HIGH_PERCENT, IMAGES_LOW_PERCENT);
    }
}

struct housekeeping *housekeeping_start(struct node_agent *n)
{
    struct housekeeping *h = mem_zalloc(sizeof *h);
    h->node = n;
    latch_init(&h->stop);
    h->thread = thread_start("housekeeping", housekeeping_main, h);
    return h;
}

void housekeeping_stop(struct housekeeping *h)
{
    if (!h)
        return;
    latch_set(&h->stop);
    thread_join(h->thread);
    latch_destroy(&h->stop);
    free(h);
}
