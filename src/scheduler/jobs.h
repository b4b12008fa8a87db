/* Work that may block, on a few threads that start when there is enough of it. Jobs may run in any order. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct job {
    void (*run)(struct job *job); /* owns the job */
    struct job *next;
};

struct jobs {
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t cond;
    struct job *first, **last;
    pthread_t threads[64];
    size_t n_threads, most, n_idle, n_waiting;
    bool stopping;
    const char *name;
};

void jobs_init(struct jobs *j, const char *name, size_t most);
void jobs_add(struct jobs *j, struct job *job); /* any thread */
/* Runs what was added, ends the threads. */
void jobs_stop(struct jobs *j);
