#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

extern char **environ;

enum { PROCESS_IN, PROCESS_OUT, PROCESS_ERR, PROCESS_STREAMS };
enum { PROCESS_SAID_MAX = 4096 };

/* Both ends of the three streams: ours, and the program's. */
struct process_pipes {
    int ours[PROCESS_STREAMS], theirs[PROCESS_STREAMS];
};

static void process_close_pipes(struct process_pipes *p)
{
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        file_closep(&p->ours[i]);
        file_closep(&p->theirs[i]);
    }
}

static int process_open_pipes(struct process_pipes *p)
{
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        int fd[2];
        if (pipe2(fd, O_CLOEXEC) < 0)
            return -1;
        p->ours[i] = fd[i == PROCESS_IN];
        p->theirs[i] = fd[i != PROCESS_IN];
        fcntl(p->ours[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

int process_start(const char *const *argv, const int *fds, int n_fds, const char *dir, char *const *env,
                  pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    for (int fd = 0; fd < n_fds; fd++)
        if (fds[fd] >= 0)
            posix_spawn_file_actions_adddup2(&actions, fds[fd], fd);
        else
            posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
    if (dir)
        posix_spawn_file_actions_addchdir_np(&actions, dir);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int e = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)argv, env ? env : environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return e;
}

/* Reads what is there; closes the pipe at its end. What goes beyond `limit` is read and dropped. */
static void process_read(int *fd, struct buf *out, size_t limit)
{
    char chunk[16384];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        file_closep(fd);
        return;
    }
    if (n > 0 && out && out->n < limit)
        buf_add(out, chunk, (size_t)n < limit - out->n ? (size_t)n : limit - out->n);
}

static void process_feed(int *fd, struct str *input)
{
    ssize_t n = input->n ? write(*fd, input->p, input->n) : 0;
    if (n > 0)
        *input = str_slice(input->p + n, input->n - (size_t)n);
    if (input->n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        file_closep(fd);
}

int process_run(const struct process_options *o, struct err *err)
{
    _cleanup_(process_close_pipes) struct process_pipes p = {{-1, -1, -1}, {-1, -1, -1}};
    _cleanup_buf_ struct buf said = {0};
    if (process_open_pipes(&p) < 0)
        return err_errno(err, errno, "make a pipe");
    pid_t pid;
    int e = process_start(o->argv, p.theirs, PROCESS_STREAMS, NULL, NULL, &pid);
    if (e)
        return err_errno(err, e, "run %s", o->argv[0]);
    for (int i = 0; i < PROCESS_STREAMS; i++)
        file_closep(&p.theirs[i]);
    struct str input = o->input;
    size_t limit = o->limit ? o->limit : 1 << 20;
    int64_t deadline = clock_mono() + (o->timeout ? o->timeout : 60 * CLOCK_S);
    bool late = false;
    while (p.ours[PROCESS_OUT] >= 0 || p.ours[PROCESS_ERR] >= 0) {
        int64_t left = deadline - clock_mono();
        if (left <= 0) {
            late = true;
            break;
        }
        struct pollfd fds[] = {{p.ours[PROCESS_IN], POLLOUT, 0},
                               {p.ours[PROCESS_OUT], POLLIN, 0},
                               {p.ours[PROCESS_ERR], POLLIN, 0}};
        poll(fds, PROCESS_STREAMS, (int)(left / CLOCK_MS) + 1);
        if (fds[PROCESS_IN].revents)
            process_feed(&p.ours[PROCESS_IN], &input);
        if (fds[PROCESS_OUT].revents)
            process_read(&p.ours[PROCESS_OUT], o->output, limit);
        if (fds[PROCESS_ERR].revents)
            process_read(&p.ours[PROCESS_ERR], &said, PROCESS_SAID_MAX);
    }
    if (late)
        kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (late)
        return err_set(err, ERR_TIMEOUT, "%s did not end in time", o->argv[0]);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (o->exit_code) {
        *o->exit_code = code;
        return 0;
    }
    struct str words = str_trim(buf_str(&said));
    return code ? err_set(err, ERR_INTERNAL, "%s failed (%d): " STR_FMT, o->argv[0], code, STR_ARG(words))
                : 0;
}
