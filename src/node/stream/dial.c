#include "node/stream/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"

enum { CONNECT_S = 10 };

/* As Go says it: dial tcp 10.244.0.7:80: connect: connection refused. `local`: one family was asked for. */
static int refuse(struct err *err, const struct sockaddr *to, const char *host, int port, bool local)
{
    int e = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
    const char *why = e == ECONNREFUSED ? "connection refused" : strerror(e);
    bool v6 = to->sa_family == AF_INET6;
    return err_set(err, ERR_UNAVAILABLE, "dial tcp%s %s%s%s:%d: connect: %s",
                   !local ? ""
                   : v6   ? "6"
                          : "4",
                   v6 ? "[" : "", host, v6 ? "]" : "", port, why);
}

static int connect_to(const char *host, int port, bool local, struct err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool is_v4 = inet_pton(AF_INET, host, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
        return err_set(err, ERR_BAD_REQUEST, "dial tcp %s: not an address", host);
    const struct sockaddr *to = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct timeval wait = {.tv_sec = CONNECT_S};
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        if (connect(fd, to, is_v4 ? sizeof v4 : sizeof v6) == 0)
            return fd;
    }
    refuse(err, to, host, port, local);
    file_closep(&fd);
    return -1;
}

static int enter(const char *network, struct err *err)
{
    _cleanup_fd_ int fd = open(network, O_RDONLY | O_CLOEXEC);
    return fd < 0 || setns(fd, CLONE_NEWNET) < 0
               ? err_errno(err, errno, "enter network namespace %s", network)
               : 0;
}

static void finished(struct loop_task *task)
{
    struct dial *d = container_of(task, struct dial, task);
    d->done(d);
}

static void dial_thread(void *arg)
{
    struct dial *d = arg;
    pthread_detach(pthread_self());
    d->fd = -1;
    if (!d->network || enter(d->network, &d->err) == 0) {
        bool local = strcmp(d->host, "localhost") == 0;
        d->fd = connect_to(local ? "127.0.0.1" : d->host, d->port, local, &d->err);
        if (d->fd < 0 && local)
            d->fd = connect_to("::1", d->port, local, NULL);
    }
    d->task.run = finished;
    loop_post(d->loop, &d->task);
}

void dial_start(struct dial *d)
{
    thread_start("dial", dial_thread, d);
}
