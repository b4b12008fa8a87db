#include "scheduler/jobs.h"

#include "base/thread.h"

void jobs_init(struct jobs *j, const char *name, size_t most)
{
    *j = (struct jobs){.name = name, .most = most < ARRAY_LEN(j->threads) ? most : ARRAY_LEN(j->threads)};
    j->last = &j->first;
    pthread_mutex_init(&j->mutex, NULL);
    thread_cond_init(&j->cond);
}

static void jobs_work(void *arg)
{
    struct jobs *j = arg;
    pthread_mutex_lock(&j->mutex);
    for (;;) {
        j->n_idle++;
        while (!j->first && !j->stopping)
            pthread_cond_wait(&j->cond, &j->mutex);
        j->n_idle--;
        struct job *job = j->first;
        if (!job)
            break;
        j->first = job->next;
        j->n_waiting--;
        if (!j->first)
            j->last = &j->first;
        pthread_mutex_unlock(&j->mutex);
        job->run(job);
        pthread_mutex_lock(&j->mutex);
    }
    pthread_mutex_unlock(&j->mutex);
}

void jobs_add(struct jobs *j, struct job *job)
{
    job->next = NULL;
    _lock_(&j->mutex);
    *j->last = job;
    j->last = &job->next;
    j->n_waiting++;
    if (j->n_waiting > j->n_idle && j->n_threads < j->most)
        j->threads[j->n_threads++] = thread_start(j->name, jobs_work, j);
    pthread_cond_signal(&j->cond);
}

void jobs_stop(struct jobs *j)
{
    pthread_mutex_lock(&j->mutex);
    j->stopping = true;
    pthread_cond_broadcast(&j->cond);
    pthread_mutex_unlock(&j->mutex);
    for (size_t i = 0; i < j->n_threads; i++)
        thread_join(j->threads[i]);
    pthread_cond_destroy(&j->cond);
    pthread_mutex_destroy(&j->mutex);
}
