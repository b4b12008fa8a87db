#define LOG_PART "runtime"
#include "node/runtime/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/random.h"
#include "node/runtime/exits.h"
#include "node/runtime/identity.h"
#include "node/runtime/overlay.h"
#include "node/runtime/record.h"
#include "node/runtime/spec.h"
#include "schema/json.h"

extern char **environ;

enum { CONTAINER_PATH_MAX = 512, CONMON_REPORT_MAX = 64 << 10 };
enum { CREATE_TIMEOUT_S = 120 };

struct runtime {
    char *containers, *exits_dir, *crun_root, *conmon_cgroup;
    struct exits *exits;
};

int runtime_open(const struct runtime_options *o, struct runtime **out, struct err *err)
{
    struct runtime *r = mem_zalloc(sizeof *r);
    struct arena a = {0};
    r->containers = str_dup_c(arena_printf(&a, "%s/containers", o->data_dir));
    r->exits_dir = str_dup_c(arena_printf(&a, "%s/exits", o->data_dir));
    r->crun_root = str_dup_c(arena_printf(&a, "%s/crun", o->run_dir));
    r->conmon_cgroup = o->conmon_cgroup ? str_dup_c(str_from(o->conmon_cgroup)) : NULL;
    arena_free(&a);
    if (file_mkdirs(r->containers, 0700, err) < 0 || file_mkdirs(r->exits_dir, 0700, err) < 0 ||
        file_mkdirs(r->crun_root, 0700, err) < 0 ||
        exits_start(r->exits_dir, o->exited, o->arg, &r->exits, err) < 0) {
        runtime_close(r);
        return -1;
    }
    *out = r;
    return 0;
}

void runtime_close(struct runtime *r)
{
    if (!r)
        return;
    exits_stop(r->exits);
    free(r->containers);
    free(r->exits_dir);
    free(r->crun_root);
    free(r->conmon_cgroup);
    free(r);
}

const char *runtime_crun_root(const struct runtime *r)
{
    return r->crun_root;
}

void container_new_id(char out[65])
{
    unsigned char bytes[32];
    struct buf b = {0};
    random_bytes(bytes, sizeof bytes);
    encode_hex(&b, str_slice((char *)bytes, sizeof bytes));
    memcpy(out, b.p, 64);
    out[64] = 0;
    buf_free(&b);
}

void container_free(struct runtime_container *c)
{
    if (!c)
        return;
    struct arena *arena = c->arena;
    arena_free(arena);
    free(arena);
}

int signal_from(struct str name)
{
    int64_t number;
    if (str_to_i64(name, &number))
        return number > 0 && number < NSIG ? (int)number : 0;
    if (str_starts(name, STR("SIG")))
        name = str_from_at(name, 3);
    if (str_starts(name, STR("RTMIN"))) { /* "RTMIN+3", as systemd wants it */
        struct str plus = str_from_at(name, 5);
        int64_t n = 0;
        if (plus.n && (plus.p[0] != '+' || !str_to_i64(str_from_at(plus, 1), &n)))
            return 0;
        return n >= 0 && SIGRTMIN + n <= SIGRTMAX ? SIGRTMIN + (int)n : 0;
    }
    for (int s = 1; s < NSIG; s++) {
        const char *known = sigabbrev_np(s);
        if (known && str_is(name, known))
            return s;
    }
    return 0;
}

/* --- conmon --- */

static int spawn(const char *const *argv, const char *dir, int sync_fd, pid_t *pid)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                pipe[] = "_OCI_SYNCPIPE=3";
    char *const env[] = {path, pipe, NULL};
    const int fds[] = {-1, -1, -1, sync_fd};
    return process_start(argv, fds, ARRAY_LEN(fds), dir, env,
                         pid); /* conmon leaves its notes where it stands */
}

/* conmon's line on the sync pipe: {"data": PID} or {"data": -1, "message": "why"}. */
static int read_report(int fd, struct arena *a, struct conmon_report *out, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    int64_t deadline = clock_mono() + CREATE_TIMEOUT_S * CLOCK_S;
    while (!b.n || b.p[b.n - 1] != '\n') {
        struct pollfd p = {fd, POLLIN, 0};
        int64_t left = (deadline - clock_mono()) / CLOCK_MS;
        if (left <= 0 || b.n > CONMON_REPORT_MAX)
            return err_set(err, ERR_TIMEOUT, "container create failed: conmon gave no answer");
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(fd, buf_room(&b, 4096), 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        b.n += (size_t)n;
    }
    if (!b.n)
        return err_set(err, ERR_INTERNAL, "container create failed: conmon ended without a word");
    return json_decode(a, &conmon_report_type, arena_str(a, buf_str(&b)), 0, out, NULL, err);
}

static int run_conmon(struct runtime *r, const struct container_config *config, const char *dir,
                      struct arena *a, int64_t *container_pid, struct err *err)
{
    const char *id = arena_c(a, config->id);
    const char *argv[40] = {
        "conmon",
        "--api-version",
        "1",
        "-c",
        id,
        "-u",
        id,
        "-n",
        arena_c(a, config->name),
        "-r",
        "/usr/bin/crun",
        "-b",
        dir,
        "-p",
        arena_printf(a, "%s/pid", dir).p,
        "-P",
        arena_printf(a, "%s/conmon.pid", dir).p,
        "--exit-dir",
        r->exits_dir,
        "--persist-dir",
        dir,
        "--full-attach",
        "--no-sync-log",
        "--log-level",
        "error",
        "-l",
        arena_printf(a, "k8s-file:" STR_FMT, STR_ARG(config->log_path)).p,
        "--runtime-arg",
        arena_printf(a, "--root=%s", r->crun_root).p,
    };
    size_t n = 0;
    while (argv[n])
        n++;
    if (config->tty)
        argv[n++] = "-t";
    if (config->stdin_open)
        argv[n++] = "-i";
    if (config->stdin_open && !config->stdin_once)
        argv[n++] = "--leave-stdin-open";
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(err, errno, "make a pipe");
    pid_t pid;
    int e = spawn(argv, dir, fds[1], &pid);
    close(fds[1]);
    if (e) {
        close(fds[0]);
        return err_errno(err, e, "run conmon");
    }
    struct conmon_report report = {0};
    int failed = read_report(fds[0], a, &report, err);
    close(fds[0]);
    while (waitpid(pid, &(int){0}, 0) < 0 && errno == EINTR)
        ;
    if (failed < 0)
        return -1;
    if (report.data <= 0)
        return err_set(err, ERR_INTERNAL, "container create failed: " STR_FMT,
                       STR_ARG(str_trim(report.message)));
    *container_pid = report.data;
    return 0;
}

/* --- a container's life --- */

static struct str dir_of(struct runtime *r, struct arena *a, struct str id)
{
    return arena_printf(a, "%s/" STR_FMT, r->containers, STR_ARG(id));
}

static int crun(struct runtime *r, const char *verb, const char *option, const struct str id, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char *argv[8] = {"crun", arena_printf(&a, "--root=%s", r->crun_root).p, verb};
    size_t n = 3;
    if (option)
        argv[n++] = option;
    argv[n++] = arena_c(&a, id);
    return process_run(&(struct process_options){.argv = argv}, err);
}

int container_mount_root(struct runtime *r, struct str id, const struct str_vec *layers,
                         char path[static 512], struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char *dir = dir_of(r, &a, id).p;
    if (snprintf(path, CONTAINER_PATH_MAX, "%s/rootfs", dir) >= CONTAINER_PATH_MAX)
        return err_errno(err, ENAMETOOLONG, "%s", dir);
    return overlay_mount(dir, layers, err);
}

void container_unmount_root(struct runtime *r, struct str id)
{
    _cleanup_arena_ struct arena a = {0};
    const char *dir = dir_of(r, &a, id).p;
    overlay_unmount(dir);
    file_remove_tree(dir, NULL);
}

static struct runtime_container *container_from(const struct container_config *config, const char *dir)
{
    struct arena own = {0};
    struct arena *a = &own;
    struct runtime_container *c = arena_new(a, struct runtime_container);
    *c = (struct runtime_container){
        .id = arena_str(a, config->id),
        .pod_uid = arena_str(a, config->pod_uid),
        .pod_namespace = arena_str(a, config->pod_namespace),
        .pod_name = arena_str(a, config->pod_name),
        .name = arena_str(a, config->name),
        .image = arena_str(a, config->image),
        .image_id = arena_str(a, config->image_id),
        .spec_hash = arena_str(a, config->spec_hash),
        .log_path = arena_str(a, config->log_path),
        .cgroup_path = arena_str(a, config->cgroup_path),
        .stop_signal = arena_str(a, config->stop_signal.n ? config->stop_signal : STR("SIGTERM")),
        .dir = arena_str(a, str_from(dir)),
        .attempt = config->attempt,
        .created_ns = clock_wall(),
    };
    c->arena = mem_dup(&own, sizeof own);
    return c;
}

static int64_t read_number(const char *dir, const char *name)
{
    char path[CONTAINER_PATH_MAX + 32];
    _cleanup_buf_ struct buf b = {0};
    int64_t value;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return file_read(path, 32, &b, NULL) == 0 && str_to_i64(str_trim(buf_str(&b)), &value) ? value : 0;
}

int container_create(struct runtime *r, const struct container_config *config, struct runtime_container **out,
                     struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    char rootfs[CONTAINER_PATH_MAX];
    struct oci_spec spec;
    _cleanup_buf_ struct buf text = {0};
    const char *dir = dir_of(r, &a, config->id).p;
    if (container_mount_root(r, config->id, &config->layers, rootfs, err) < 0)
        return -1;
    spec_make(config, rootfs, &a, &spec);
    json_encode(&text, &oci_spec_type, &spec);
    struct runtime_container *c = container_from(config, dir);
    if (file_replace(arena_printf(&a, "%s/config.json", dir).p, buf_str(&text), 0600, err) < 0 ||
        run_conmon(r, config, dir, &a, &c->pid, err) < 0)
        goto failed;
    c->pid_start = process_began(c->pid);
    c->conmon_pid = read_number(dir, "conmon.pid");
    c->conmon_start = process_began(c->conmon_pid);
    if (r->conmon_cgroup && c->conmon_start)
        cgroup_move_away(r->conmon_cgroup, c->conmon_pid);
    if (record_write(c, err) < 0)
        goto failed;
    exits_watch(r->exits, c->id, c->conmon_pid);
    *out = c;
    return 0;
failed:
    container_remove(r, c, NULL);
    container_free(c);
    return -1;
}

int container_record_failure(struct runtime *r, const struct container_config *config, struct str why,
                             struct runtime_container **out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char *dir = dir_of(r, &a, config->id).p;
    if (file_mkdirs(dir, 0711, err) < 0)
        return -1;
    struct runtime_container *c = container_from(config, dir);
    c->start_error = arena_str(c->arena, why);
    c->state = CONTAINER_EXITED;
    c->exit_code = 128;
    c->finished_ns = c->created_ns;
    if (record_write(c, err) < 0) {
        container_free(c);
        return -1;
    }
    *out = c;
    return 0;
}

int container_start(struct runtime *r, struct runtime_container *c, struct err *err)
{
    /* Written before: a container that runs without having been started is never seen. */
    c->started_ns = clock_wall();
    if (record_write(c, err) < 0 || crun(r, "start", NULL, c->id, err) < 0) {
        c->started_ns = 0;
        return -1;
    }
    c->state = CONTAINER_RUNNING;
    return 0;
}

static const char *exit_path(struct runtime *r, const struct runtime_container *c, struct arena *a)
{
    return arena_printf(a, "%s/" STR_FMT, r->exits_dir, STR_ARG(c->id)).p;
}

static void container_ended(struct runtime_container *c, int64_t code, int64_t at)
{
    char oom[CONTAINER_PATH_MAX + 8];
    snprintf(oom, sizeof oom, STR_FMT "/oom", STR_ARG(c->dir));
    c->state = CONTAINER_EXITED;
    c->exit_code = code;
    c->finished_ns = at;
    c->oom_killed = file_exists(oom);
    record_write(c, NULL);
}

bool container_refresh(struct runtime *r, struct runtime_container *c)
{
    if (c->state == CONTAINER_EXITED)
        return false;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf text = {0};
    const char *path = exit_path(r, c, &a);
    struct stat st;
    int64_t code;
    bool conmon_lives = process_is(c->conmon_pid, c->conmon_start);
    if (stat(path, &st) == 0 && file_read(path, 32, &text, NULL) == 0 &&
        str_to_i64(str_trim(buf_str(&text)), &code)) {
        container_ended(c, code, st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec);
        return true;
    }
    if (conmon_lives)
        return false;
    /* conmon is gone and has left no word (killed, or the machine went down): its output has nowhere to go.
     */
    if (process_is(c->pid, c->pid_start))
        cgroup_kill(arena_c(&a, c->cgroup_path));
    c->lost = true;
    container_ended(c, 137, clock_wall());
    return true;
}

int container_signal(struct runtime *r, struct runtime_container *c, int number, struct err *err)
{
    (void)r;
    if (c->state == CONTAINER_EXITED || !process_is(c->pid, c->pid_start))
        return 0;
    if (number == SIGKILL) {
        _cleanup_arena_ struct arena a = {0};
        cgroup_kill(arena_c(&a, c->cgroup_path));
    }
    if (kill((pid_t)c->pid, number) < 0 && errno != ESRCH)
        return err_errno(err, errno, "signal container " STR_FMT, STR_ARG(c->name));
    return 0;
}

void container_release(struct runtime *r, struct runtime_container *c)
{
    _cleanup_arena_ struct arena a = {0};
    const char *cgroup = arena_c(&a, c->cgroup_path);
    crun(r, "delete", "--force", c->id, NULL); /* one that crun does not know any more is fine */
    cgroup_kill(cgroup);
    cgroup_remove(cgroup, NULL);
    overlay_unmount(c->dir.p);
}

int container_remove(struct runtime *r, struct runtime_container *c, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    container_release(r, c);
    /* conmon writes the exit file when the container dies; without the container, nobody wants it. */
    for (int64_t wait = CLOCK_MS; process_is(c->conmon_pid, c->conmon_start) && wait < CLOCK_S; wait *= 2)
        clock_sleep(wait);
    if (process_is(c->conmon_pid, c->conmon_start))
        kill((pid_t)c->conmon_pid, SIGKILL);
    unlink(exit_path(r, c, &a));
    return file_remove_tree(c->dir.p, err);
}

int container_reopen_log(struct runtime *r, const struct runtime_container *c, struct err *err)
{
    (void)r;
    _cleanup_arena_ struct arena a = {0};
    const char *ctl = arena_printf(&a, STR_FMT "/ctl", STR_ARG(c->dir)).p;
    _cleanup_fd_ int fd = open(ctl, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    static const char reopen[] = "2 0 0\n"; /* conmon's control protocol */
    return fd < 0 || write(fd, reopen, sizeof reopen - 1) < 0
               ? err_errno(err, errno, "reopen log through %s", ctl)
               : 0;
}

/* --- adoption --- */

static void load_one(struct runtime *r, const char *id, struct runtime_container ***out, size_t *n,
                     size_t *cap)
{
    _cleanup_arena_ struct arena a = {0};
    const char *dir = dir_of(r, &a, str_from(id)).p;
    struct runtime_container *c;
    if (record_read(dir, &c, NULL) < 0) {
        log_info("removing container %s, which was never whole", id);
        struct runtime_container rest = {
            .id = str_from(id), .dir = str_from(dir), .cgroup_path = STR("/sagong-none")};
        container_remove(r, &rest, NULL);
        return;
    }
    c->adopted = true;
    c->state = c->finished_ns ? CONTAINER_EXITED : c->started_ns ? CONTAINER_RUNNING : CONTAINER_CREATED;
    if (!container_refresh(r, c) && c->state != CONTAINER_EXITED)
        exits_watch(r->exits, c->id, c->conmon_pid);
    mem_grow((void **)out, cap, *n + 1, sizeof **out);
    (*out)[(*n)++] = c;
}

int runtime_load(struct runtime *r, struct runtime_container ***out, size_t *n, struct err *err)
{
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    DIR *dir = opendir(r->containers);
    if (!dir)
        return err_errno(err, errno, "open %s", r->containers);
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            load_one(r, d->d_name, out, n, &cap);
    closedir(dir);
    return 0;
}

/* --- exec --- */

int container_exec(struct runtime *r, const struct runtime_container *c, const struct str_vec *command,
                   int64_t timeout_ns, size_t limit, struct buf *output, int *exit_code, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    const char **argv = arena_new_n(&a, const char *, command->n + 8);
    size_t n = 0;
    argv[n++] = "/bin/sh"; /* joins both streams into one */
    argv[n++] = "-c";
    argv[n++] = "exec 2>&1; exec crun \"$@\"";
    argv[n++] = "crun";
    argv[n++] = arena_printf(&a, "--root=%s", r->crun_root).p;
    argv[n++] = "exec";
    argv[n++] = arena_c(&a, c->id);
    const char **all = arena_new_n(&a, const char *, n + command->n + 1);
    memcpy(all, argv, n * sizeof *all);
    for (size_t i = 0; i < command->n; i++)
        all[n + i] = arena_c(&a, command->at[i]);
    return process_run(
        &(struct process_options){
            .argv = all, .output = output, .limit = limit, .timeout = timeout_ns, .exit_code = exit_code},
        err);
}
