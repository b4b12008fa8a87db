/* An event loop: one thread that runs a libuv loop. Only loop_post and loop_stop may be called from other
 * threads; everything else happens on the loop's own thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/mem.h"

struct loop;

/* Work handed to a loop. The caller embeds it and owns it; it is free again once `run` has been called. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next;
};

struct loop *loop_new(const char *name);
/* Runs on a new thread until loop_stop; loop_join waits for that and frees nothing. */
void loop_start(struct loop *l);
void loop_join(struct loop *l);
/* Asks the loop to end after closing every handle that is still open. Tasks posted later are not run. */
void loop_stop(struct loop *l);
void loop_free(struct loop *l);
/* Any thread: runs the task on the loop, in the order posted. */
void loop_post(struct loop *l, struct loop_task *task);
/* The libuv loop, for handles of one's own. */
uv_loop_t *loop_uv(struct loop *l);
/* Whether the caller is on the loop's thread. */
bool loop_here(const struct loop *l);
