#include "node/runtime/exits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"

enum { EXITS_ID_MAX = 64 };

struct exits {
    int epoll, inotify, wake;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct watch *watches; /* guarded by mutex */
    void (*ended)(void *arg, struct str id);
    void *arg;
};

struct watch {
    struct watch *next;
    int pidfd; /* -1: gone before we looked */
    char id[EXITS_ID_MAX + 1];
};

static void exits_unlink(struct exits *e, struct watch *w)
{
    _lock_(&e->mutex);
    for (struct watch **at = &e->watches; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            return;
        }
}

static void exits_read_inotify(struct exits *e)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = read(e->inotify, events, sizeof events);
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(events + at);
        struct str name = str_from(event->len ? event->name : "");
        if (name.n == EXITS_ID_MAX)
            e->ended(e->arg, name);
        at += (ssize_t)(sizeof *event + event->len);
    }
}

static void exits_main(void *arg)
{
    struct exits *e = arg;
    for (;;) {
        struct epoll_event events[32];
        int n = epoll_wait(e->epoll, events, ARRAY_LEN(events), -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &e->wake)
                return;
            if (events[i].data.ptr == &e->inotify) {
                exits_read_inotify(e);
                continue;
            }
            struct watch *w = events[i].data.ptr;
            exits_unlink(e, w);
            e->ended(e->arg, str_from(w->id));
            /* Closing is not enough: a program being spawned just now has a copy of the descriptor. */
            epoll_ctl(e->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
            close(w->pidfd);
            free(w);
        }
    }
}

static int exits_add(struct exits *e, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event);
}

int exits_start(const char *dir, void (*ended)(void *arg, struct str id), void *arg, struct exits **out,
                struct err *err)
{
    struct exits *e = mem_zalloc(sizeof *e);
    *e = (struct exits){.epoll = epoll_create1(EPOLL_CLOEXEC),
                        .inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
                        .wake = eventfd(0, EFD_CLOEXEC),
                        .ended = ended,
                        .arg = arg};
    pthread_mutex_init(&e->mutex, NULL);
    if (e->epoll < 0 || e->inotify < 0 || e->wake < 0 ||
        inotify_add_watch(e->inotify, dir, IN_CLOSE_WRITE | IN_MOVED_TO) < 0 ||
        exits_add(e, e->inotify, &e->inotify) < 0 || exits_add(e, e->wake, &e->wake) < 0) {
        err_errno(err, errno, "watch %s", dir);
        file_closep(&e->epoll);
        file_closep(&e->inotify);
        file_closep(&e->wake);
        free(e);
        return -1;
    }
    e->thread = thread_start("exits", exits_main, e);
    *out = e;
    return 0;
}

void exits_stop(struct exits *e)
{
    if (!e)
        return;
    uint64_t one = 1;
    ensure(write(e->wake, &one, sizeof one) == sizeof one);
    thread_join(e->thread);
    for (struct watch *w; (w = e->watches);) {
        e->watches = w->next;
        close(w->pidfd);
        free(w);
    }
    close(e->epoll);
    close(e->inotify);
    close(e->wake);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void exits_watch(struct exits *e, struct str id, int64_t conmon_pid)
{
    struct watch *w = mem_zalloc(sizeof *w);
    memcpy(w->id, id.p, id.n < EXITS_ID_MAX ? id.n : EXITS_ID_MAX);
    /* One that has gone becomes an event that is there at once. */
    w->pidfd = conmon_pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)conmon_pid, 0) : -1;
    if (w->pidfd < 0)
        w->pidfd = eventfd(1, EFD_CLOEXEC);
    ensure(w->pidfd >= 0);
    {
        _lock_(&e->mutex);
        w->next = e->watches;
        e->watches = w;
    }
    ensure(exits_add(e, w->pidfd, w) == 0);
}
