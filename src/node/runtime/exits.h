/* Learns of containers that end, without asking: conmon leaves a file DIR/ID with the exit code, which
 * inotify tells; and should conmon itself be killed, its process descriptor does. One thread. */
#pragma once
#include "base/err.h"

struct exits;

/* `ended` is called with the container's id, on the thread; more than once perhaps. */
int exits_start(const char *dir, void (*ended)(void *arg, struct str id), void *arg, struct exits **out,
                struct err *err);
void exits_stop(struct exits *e);
/* Watches a conmon; when it is gone already, `ended` is called soon. Any thread. */
void exits_watch(struct exits *e, struct str id, int64_t conmon_pid);
