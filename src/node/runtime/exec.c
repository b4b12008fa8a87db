#include "node/runtime/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "base/random.h"
#include "schema/json.h"

extern char **environ;

enum { CONFIG_MAX = 4 << 20, TERMINAL_WAIT_MS = 30000, COMPLAINT_MAX = 4096 };

/* crun's descriptors, by number. Paths to the last three are /proc/self/fd/N, so that nothing lies about when
 * the agent dies, and no path is too long for a socket. */
enum their_fd { FD_IN, FD_OUT, FD_ERR, FD_LOG, FD_PROCESS, FD_DIRECTORY, FD_COUNT };

static void close_all(int (*fds)[FD_COUNT])
{
    for (size_t i = 0; i < FD_COUNT; i++)
        file_closep(&(*fds)[i]);
}

void exec_process_close(struct exec_process *p)
{
    file_closep(&p->pidfd);
    file_closep(&p->terminal);
    file_closep(&p->in);
    file_closep(&p->out);
    file_closep(&p->err);
    file_closep(&p->complaints);
}

/* The container's own process, but for the command and the terminal: a file in memory. */
static int make_process(struct str dir, const struct exec_options *o, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf text = {0}, out = {0};
    struct oci_spec spec = {0};
    if (file_read(arena_printf(&a, STR_FMT "/config.json", STR_ARG(dir)).p, CONFIG_MAX, &text, err) < 0 ||
        json_decode(&a, &oci_spec_type, buf_str(&text), JSON_BORROW, &spec, NULL, err) < 0)
        return -1;
    struct oci_process *p = &spec.process;
    p->args = o->command;
    p->terminal = o->tty;
    bool said = false;
    for (size_t i = 0; i < p->env.n; i++)
        said = said || str_starts(p->env.at[i], STR("TERM="));
    if (o->tty && !said) {
        struct str *env = arena_new_n(&a, struct str, p->env.n + 1);
        memcpy(env, p->env.at, p->env.n * sizeof *env);
        env[p->env.n] = STR("TERM=xterm");
        p->env = (struct str_vec){env, p->env.n + 1};
    }
    json_encode(&out, &oci_process_type, p);
    int fd = memfd_create("process", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, out.p, out.n) == (ssize_t)out.n)
        return fd;
    err_errno(err, errno, "describe a process");
    file_closep(&fd);
    return -1;
}

/* --- the terminal --- */

/* A socket in the directory; the path is one of this process. */
static int listen_for_terminal(int directory, const char *name, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", directory, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0)
        return fd;
    err_errno(err, errno, "make a socket for the terminal");
    file_closep(&fd);
    return -1;
}

static int receive_descriptor(int fd)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec io = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) <= 0)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len != CMSG_LEN(sizeof(int)))
        return -1;
    int got;
    memcpy(&got, CMSG_DATA(c), sizeof got);
    return got;
}

/* crun connects and sends the terminal's master, or ends before. -1 without an error: it has ended. */
static int accept_terminal(int listener, int pidfd)
{
    struct pollfd fds[] = {{listener, POLLIN, 0}, {pidfd, POLLIN, 0}};
    while (poll(fds, ARRAY_LEN(fds), TERMINAL_WAIT_MS) < 0 && errno == EINTR)
        ;
    if (!fds[0].revents)
        return -1;
    _cleanup_fd_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct pollfd one = {fd, POLLIN, 0};
    return fd >= 0 && poll(&one, 1, TERMINAL_WAIT_MS) == 1 ? receive_descriptor(fd) : -1;
}

/* --- start and end --- */

static int make_pipe(int *reader, int *writer, struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(err, errno, "make a pipe");
    *reader = fds[0];
    *writer = fds[1];
    return 0;
}

static int open_streams(const struct exec_options *o, struct exec_process *p, int theirs[static FD_COUNT],
                        struct err *err)
{
    if (make_pipe(&p->complaints, &theirs[FD_LOG], err) < 0)
        return -1;
    if (o->tty)
        return 0;
    return (o->in && make_pipe(&theirs[FD_IN], &p->in, err) < 0) ||
                   (o->out && make_pipe(&p->out, &theirs[FD_OUT], err) < 0) ||
                   (o->err && make_pipe(&p->err, &theirs[FD_ERR], err) < 0)
               ? -1
               : 0;
}

/* Descriptors that are 0 to 5 already would be overwritten before they are copied. */
static int move_up(int theirs[static FD_COUNT], struct err *err)
{
    for (size_t i = 0; i < FD_COUNT; i++) {
        if (theirs[i] < 0 || theirs[i] >= FD_COUNT)
            continue;
        int fd = fcntl(theirs[i], F_DUPFD_CLOEXEC, FD_COUNT);
        if (fd < 0)
            return err_errno(err, errno, "copy a descriptor");
        close(theirs[i]);
        theirs[i] = fd;
    }
    return 0;
}

static int run_crun(const char *crun_root, struct str id, const char *terminal_socket,
                    int theirs[static FD_COUNT], struct exec_process *p, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char *argv[12] = {"crun",
                            arena_printf(&a, "--root=%s", crun_root).p,
                            arena_printf(&a, "--log=file:/proc/self/fd/%d", FD_LOG).p,
                            "exec",
                            "--process",
                            arena_printf(&a, "/proc/self/fd/%d", FD_PROCESS).p};
    size_t n = 6;
    if (terminal_socket) {
        argv[n++] = "--console-socket";
        argv[n++] = arena_printf(&a, "/proc/self/fd/%d/%s", FD_DIRECTORY, terminal_socket).p;
    }
    argv[n++] = arena_c(&a, id);
    pid_t pid;
    int e = move_up(theirs, err) < 0 ? -1 : process_start(argv, theirs, FD_COUNT, NULL, NULL, &pid);
    if (e)
        return e < 0 ? -1 : err_errno(err, e, "run crun");
    p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p->pidfd >= 0)
        return 0;
    err_errno(err, errno, "watch a process");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

int container_exec_start(const char *crun_root, struct str dir, struct str id, const struct exec_options *o,
                         struct exec_process *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_(close_all) int theirs[FD_COUNT] = {-1, -1, -1, -1, -1, -1};
    _cleanup_fd_ int listener = -1;
    struct exec_process p = {-1, -1, -1, -1, -1, -1};
    char nonce[37];
    random_uuid(nonce);
    const char *name = arena_printf(&a, "exec-%.36s", nonce).p;
    int rc = -1;
    theirs[FD_DIRECTORY] = open(arena_c(&a, dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
    theirs[FD_PROCESS] = make_process(dir, o, err);
    if (theirs[FD_PROCESS] >= 0 && open_streams(o, &p, theirs, err) == 0 &&
        (!o->tty || (listener = listen_for_terminal(theirs[FD_DIRECTORY], name, err)) >= 0)) {
        rc = run_crun(crun_root, id, o->tty ? name : NULL, theirs, &p, err);
        if (rc == 0 && o->tty) /* where none comes, container_exec_end says why */
            p.terminal = accept_terminal(listener, p.pidfd);
        if (o->tty)
            unlinkat(theirs[FD_DIRECTORY], name, 0);
    }
    if (rc < 0)
        exec_process_close(&p);
    else
        *out = p;
    return rc;
}

int container_exec_end(struct exec_process *p, struct err *err)
{
    siginfo_t info = {0};
    char words[COMPLAINT_MAX];
    while (waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    file_closep(&p->pidfd);
    fcntl(p->complaints, F_SETFL, O_NONBLOCK);
    ssize_t n = read(p->complaints, words, sizeof words);
    int code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    if (n <= 0 || !code)
        return code;
    struct str text = str_trim(str_slice(words, (size_t)n));
    return err_set(err, ERR_INTERNAL, STR_FMT, STR_ARG(text));
}

/* --- the container's own process --- */

int container_attach(struct str dir, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    _cleanup_fd_ int dir_fd = open(arena_c(&a, dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/attach", dir_fd);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    err_errno(err, errno, "attach to the container");
    file_closep(&fd);
    return -1;
}

int container_resize(struct str dir, uint16_t columns, uint16_t rows, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct str line = arena_printf(&a, "1 %u %u\n", rows, columns); /* conmon's control protocol */
    _cleanup_fd_ int fd =
        open(arena_printf(&a, STR_FMT "/ctl", STR_ARG(dir)).p, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 || write(fd, line.p, line.n) < 0 ? err_errno(err, errno, "resize the terminal") : 0;
}
