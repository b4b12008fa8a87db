/* Containers really run: crun, conmon, overlayfs, cgroups, namespaces, adoption. */
#include "node/runtime/container.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fixture.h"
#include "node/image/archive.h"
#include "node/logs/rotate.h"
#include "node/runtime/exec.h"
#include "node/runtime/sandbox.h"
#include "node/runtime/user.h"

struct world {
    char *dir, data[128], run[128], sandbox[128], cgroup[64];
    struct image_store *store;
    struct runtime *runtime;
    struct image image;
    struct latch ended;
    struct arena arena;
    struct err err;
};

static void on_exit_of(void *arg, struct str id)
{
    (void)id;
    struct world *w = arg;
    latch_set(&w->ended);
}

static void open_runtime(struct world *w)
{
    struct runtime_options o = {.data_dir = w->data, .run_dir = w->run, .exited = on_exit_of, .arg = w};
    assert_ok(runtime_open(&o, &w->runtime, &w->err), w->err);
}

static int setup(void **state)
{
    struct world *w = mem_zalloc(sizeof *w);
    w->dir = fixture_directory();
    latch_init(&w->ended);
    *state = w;
    if (geteuid() != 0 || !file_exists(BUSYBOX) || !fixture_has("crun") || !fixture_has("conmon"))
        return 0;
    char archive[128], images[128];
    sprintf(archive, "%s/image.tar", w->dir);
    sprintf(images, "%s/images", w->dir);
    sprintf(w->data, "%s/data", w->dir);
    sprintf(w->run, "%s/run", w->dir);
    sprintf(w->sandbox, "%s/ns", w->dir);
    sprintf(w->cgroup, "/sagong-test-%d", (int)getpid());
    struct str_vec names;
    fixture_image(archive, "boat:1", "");
    assert_ok(image_store_open(images, &w->store, &w->err), w->err);
    assert_ok(image_archive_load(w->store, archive, STR(""), &w->arena, &names, &w->err), w->err);
    assert_ok(image_store_find(w->store, STR("boat:1"), &w->arena, &w->image, &w->err), w->err);
    assert_ok(cgroup_prepare(&w->err), w->err);
    struct sandbox_options o = {.hostname = STR("boat")};
    assert_ok(sandbox_create(w->sandbox, &o, &w->err), w->err);
    open_runtime(w);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->runtime) {
        runtime_close(w->runtime);
        assert_ok(sandbox_remove(w->sandbox, &w->err), w->err);
        cgroup_remove(w->cgroup, NULL);
    }
    image_store_close(w->store);
    fixture_remove(w->dir);
    latch_destroy(&w->ended);
    arena_free(&w->arena);
    err_clear(&w->err);
    free(w);
    return 0;
}

#define NEED_RUNTIME(w) SKIP_UNLESS((w)->runtime, "root, crun, conmon and busybox-static")

/* A container that runs `script` in busybox' shell. */
static struct container_config config(struct world *w, const char *script)
{
    struct container_config c = {
        .pod_uid = STR("uid"), .pod_namespace = STR("default"), .pod_name = STR("pod"), .name = STR("c")};
    char id[65];
    container_new_id(id);
    struct arena *a = &w->arena;
    c.id = arena_str(a, str_from(id));
    c.log_path = arena_printf(a, "%s/log-%.8s", w->dir, id);
    c.args = (struct str_vec){arena_new_n(a, struct str, 3), 3};
    c.args.at[0] = STR("/bin/sh");
    c.args.at[1] = STR("-c");
    c.args.at[2] = str_from(script);
    c.env = (struct str_vec){arena_new_n(a, struct str, 1), 1};
    c.env.at[0] = STR("PATH=/bin");
    c.layers = w->image.layers;
    c.network = arena_printf(a, "%s/net", w->sandbox);
    c.ipc = arena_printf(a, "%s/ipc", w->sandbox);
    c.uts = arena_printf(a, "%s/uts", w->sandbox);
    c.cgroup_path = arena_printf(a, "%s/%s", w->cgroup, id);
    return c;
}

static struct runtime_container *start(struct world *w, const struct container_config *c)
{
    struct runtime_container *out;
    latch_reset(&w->ended);
    assert_ok(container_create(w->runtime, c, &out, &w->err), w->err);
    assert_ok(container_start(w->runtime, out, &w->err), w->err);
    return out;
}

static void wait_for_end(struct world *w, struct runtime_container *c)
{
    int64_t deadline = clock_mono() + 20 * CLOCK_S;
    while (!container_refresh(w->runtime, c)) {
        assert_true(latch_wait(&w->ended, deadline));
        latch_reset(&w->ended);
    }
}

/* Its log without times and streams. */
static struct str output(struct world *w, struct runtime_container *c)
{
    _cleanup_buf_ struct buf b = {0}, text = {0};
    assert_ok(file_read(arena_c(&w->arena, c->log_path), 1 << 20, &b, &w->err), w->err);
    struct str rest = buf_str(&b), line, part;
    while (str_cut(&rest, '\n', &line)) {
        for (int i = 0; i < 3; i++)
            str_cut(&line, ' ', &part);
        buf_addf(&text, STR_FMT "\n", STR_ARG(line));
    }
    return arena_str(&w->arena, str_trim(buf_str(&text)));
}

static struct str run(struct world *w, struct container_config *c, int64_t code)
{
    struct runtime_container *made = start(w, c);
    wait_for_end(w, made);
    struct str said = output(w, made);
    if (made->exit_code != code)
        fail_msg("exit code %d, output: " STR_FMT, (int)made->exit_code, STR_ARG(said));
    assert_ok(container_remove(w->runtime, made, &w->err), w->err);
    container_free(made);
    return said;
}

static void runs_and_reports_the_exit_code(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "echo hello; hostname; echo $$; exit 3");
    assert_str(run(w, &c, 3), "hello\nboat\n1");
}

static void user_directory_and_environment(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c =
        config(w, "exec 2>&1; id; pwd; echo $BOAT; touch /tmp/x && echo wrote; touch /etc/x || echo kept");
    struct str env[] = {STR("PATH=/bin"), STR("BOAT=sagong")};
    c.env = (struct str_vec){env, 2};
    c.cwd = STR("/var");
    char root[512];
    struct image_user u;
    assert_ok(container_mount_root(w->runtime, c.id, &c.layers, root, &w->err), w->err);
    assert_ok(user_find(root, STR("boat"), &w->arena, &u, &w->err), w->err);
    c.uid = u.uid;
    c.gid = u.gid;
    c.groups = u.groups;
    assert_str(run(w, &c, 0), "uid=1234(boat) gid=1235(boat) groups=77(crew)\n/var\nsagong\nwrote\n"
                              "touch: /etc/x: Permission denied\nkept");
}

static void users_of_the_image(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct image_user u;
    char *root = arena_c(&w->arena, w->image.layers.at[0]);
    assert_ok(user_find(root, STR(""), &w->arena, &u, &w->err), w->err);
    assert_int_equal(u.uid, 0);
    assert_str(u.home, "/root");
    assert_ok(user_find(root, STR("1234"), &w->arena, &u, &w->err), w->err);
    assert_int_equal(u.gid, 1235);
    assert_ok(user_find(root, STR("99:crew"), &w->arena, &u, &w->err), w->err);
    assert_int_equal(u.uid, 99);
    assert_int_equal(u.gid, 77);
    assert_int_equal(user_find(root, STR("nobody"), &w->arena, &u, &w->err), -1);
    assert_str(w->err.message, "unable to find user nobody: no matching entries in passwd file");
}

static void the_root_can_be_read_only(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "touch /x");
    c.readonly_root = true;
    assert_str(run(w, &c, 1), "touch: /x: Read-only file system");
}

static void writes_do_not_reach_the_image(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "touch /x");
    run(w, &c, 0);
    char path[300];
    sprintf(path, STR_FMT "/x", STR_ARG(w->image.layers.at[0]));
    assert_false(file_exists(path));
}

static void mounts_are_there(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    char volume[128], file[160];
    sprintf(volume, "%s/volume", w->dir);
    sprintf(file, "%s/hello", volume);
    assert_ok(file_mkdirs(volume, 0755, &w->err), w->err);
    assert_ok(file_replace(file, STR("from outside\n"), 0644, &w->err), w->err);
    struct container_config c = config(w, "exec 2>&1; cat /data/hello; touch /data/x");
    struct str options[] = {STR("rbind"), STR("ro")};
    struct oci_mount m = {STR("/data"), STR("bind"), str_from(volume), {options, 2}};
    c.mounts = (struct oci_mount_vec){&m, 1};
    assert_str(run(w, &c, 1), "from outside\ntouch: /data/x: Read-only file system");
}

static void limits_are_the_kernels(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "sleep 100");
    c.limits = (struct cgroup_limits){512, 50000, 100000, 64 << 20, 50};
    struct runtime_container *made = start(w, &c);
    const char *path = arena_c(&w->arena, c.cgroup_path);
    bool v2 = cgroup_is_unified();
    assert_int_equal(cgroup_read("memory", path, v2 ? "memory.max" : "memory.limit_in_bytes"), 64 << 20);
    assert_int_equal(cgroup_read("pids", path, "pids.max"), 50);
    assert_int_equal(cgroup_read("cpu", path, v2 ? "cpu.weight" : "cpu.shares"),
                     v2 ? cgroup_weight(512) : 512);
    assert_ok(container_signal(w->runtime, made, SIGKILL, &w->err), w->err);
    wait_for_end(w, made);
    assert_int_equal(made->exit_code, 137);
    assert_false(made->oom_killed);
    assert_ok(container_remove(w->runtime, made, &w->err), w->err);
    assert_int_equal(cgroup_read("pids", path, "pids.max"), -1);
    container_free(made);
}

static void too_much_memory_is_an_oom_kill(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "tail /dev/zero");
    c.limits = (struct cgroup_limits){.memory_bytes = 16 << 20};
    struct runtime_container *made = start(w, &c);
    wait_for_end(w, made);
    assert_int_equal(made->exit_code, 137);
    assert_true(made->oom_killed);
    assert_ok(container_remove(w->runtime, made, &w->err), w->err);
    container_free(made);
}

static void a_missing_command_is_an_error_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "");
    c.args.at[0] = STR("/bin/nothing");
    struct runtime_container *made = NULL;
    assert_int_equal(container_create(w->runtime, &c, &made, &w->err), -1);
    if (str_find(w->err.message, STR("No such file or directory")) < 0)
        fail_msg(STR_FMT, STR_ARG(w->err.message));
    struct runtime_container **all;
    size_t n;
    assert_ok(runtime_load(w->runtime, &all, &n, &w->err), w->err);
    assert_int_equal(n, 0);
    free(all);
}

static void exec_runs_inside(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "sleep 100");
    struct runtime_container *made = start(w, &c);
    _cleanup_buf_ struct buf out = {0};
    int code;
    struct str command[] = {STR("sh"), STR("-c"), STR("hostname; echo no >&2; exit 7")};
    struct str_vec v = {command, 3};
    assert_ok(container_exec(w->runtime, made, &v, 5 * CLOCK_S, 1000, &out, &code, &w->err), w->err);
    assert_int_equal(code, 7);
    assert_str(buf_str(&out), "boat\nno\n");
    assert_ok(container_remove(w->runtime, made, &w->err), w->err);
    container_free(made);
}

/* Reads to the end. */
static void read_all(int fd, struct buf *out)
{
    for (ssize_t n; (n = read(fd, buf_room(out, 4096), 4096)) > 0;)
        out->n += (size_t)n;
}

static int finish(struct exec_process *p, struct err *err)
{
    struct pollfd ended = {p->pidfd, POLLIN, 0};
    assert_int_equal(poll(&ended, 1, 5000), 1);
    int code = container_exec_end(p, err);
    exec_process_close(p);
    return code;
}

static void exec_gives_its_streams(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "sleep 100");
    struct runtime_container *made = start(w, &c);
    const char *root = runtime_crun_root(w->runtime);
    struct str command[] = {STR("sh"), STR("-c"), STR("read x; echo got $x; echo no >&2; exit 7")};
    struct exec_options o = {.command = {command, 3}, .in = true, .out = true, .err = true};
    struct exec_process p;
    _cleanup_buf_ struct buf out = {0}, errors = {0}, screen = {0};
    assert_ok(container_exec_start(root, made->dir, made->id, &o, &p, &w->err), w->err);
    assert_int_equal(write(p.in, "word\n", 5), 5);
    read_all(p.out, &out);
    read_all(p.err, &errors);
    assert_str(buf_str(&out), "got word\n");
    assert_str(buf_str(&errors), "no\n");
    assert_int_equal(finish(&p, &w->err), 7);

    /* a terminal is one stream, and somebody's */
    command[2] = STR("test -t 0 && test -t 2 && echo $TERM && stty size");
    o.tty = true;
    assert_ok(container_exec_start(root, made->dir, made->id, &o, &p, &w->err), w->err);
    assert_true(p.terminal >= 0 && p.in < 0 && p.out < 0);
    read_all(p.terminal, &screen);
    assert_true(str_starts(buf_str(&screen), STR("xterm\r\n")));
    finish(&p, &w->err);

    o = (struct exec_options){.command = {(struct str[]){STR("/bin/nothing")}, 1}, .out = true};
    assert_ok(container_exec_start(root, made->dir, made->id, &o, &p, &w->err), w->err);
    assert_int_equal(finish(&p, &w->err), -1);
    if (str_find(w->err.message, STR("/bin/nothing")) < 0)
        fail_msg(STR_FMT, STR_ARG(w->err.message));
    assert_ok(container_remove(w->runtime, made, &w->err), w->err);
    container_free(made);
}

static void a_new_agent_adopts_what_runs(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "while sleep 0.01; do test -e /stop && exit 5; done");
    struct container_config ended = config(w, "exit 4"), lost = config(w, "sleep 100");
    struct runtime_container *running = start(w, &c), *done, *gone;
    int64_t pid = running->pid;
    done = start(w, &ended);
    gone = start(w, &lost);
    container_free(running);
    /* The agent is gone; one container ends meanwhile, another loses its conmon. */
    runtime_close(w->runtime);
    kill((pid_t)gone->conmon_pid, SIGKILL);
    container_free(done);
    container_free(gone);
    clock_sleep(200 * CLOCK_MS);
    open_runtime(w);
    struct runtime_container **all;
    size_t n;
    assert_ok(runtime_load(w->runtime, &all, &n, &w->err), w->err);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        if (str_eq(all[i]->id, ended.id)) {
            assert_int_equal(all[i]->state, CONTAINER_EXITED);
            assert_int_equal(all[i]->exit_code, 4);
        } else if (str_eq(all[i]->id, lost.id)) {
            assert_int_equal(all[i]->state, CONTAINER_EXITED);
            assert_int_equal(all[i]->exit_code, 137);
            assert_true(all[i]->lost);
        } else {
            assert_int_equal(all[i]->state, CONTAINER_RUNNING);
            assert_int_equal(all[i]->pid, pid);
            assert_true(all[i]->adopted);
            char stop[600];
            sprintf(stop, STR_FMT "/rootfs/stop", STR_ARG(all[i]->dir));
            latch_reset(&w->ended);
            assert_ok(file_replace(stop, STR(""), 0644, &w->err), w->err);
            wait_for_end(w, all[i]);
            assert_int_equal(all[i]->exit_code, 5);
        }
        assert_ok(container_remove(w->runtime, all[i], &w->err), w->err);
        container_free(all[i]);
    }
    free(all);
}

static void a_privileged_container_runs(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "mount -t tmpfs none /tmp && echo mounted");
    c.privileged = true;
    assert_str(run(w, &c, 0), "mounted");
}

static void logs_are_rotated_while_it_runs(void **state)
{
    struct world *w = *state;
    NEED_RUNTIME(w);
    struct container_config c = config(w, "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.01; done");
    struct runtime_container *made = start(w, &c);
    char *path = arena_c(&w->arena, c.log_path);
    struct stat st = {0};
    int64_t deadline = clock_mono() + 10 * CLOCK_S;
    while ((stat(path, &st) < 0 || st.st_size < 500) && clock_mono() < deadline)
        clock_sleep(10 * CLOCK_MS);
    ino_t first = st.st_ino;
    log_rotate(w->runtime, made, 500, 5);
    while ((stat(path, &st) < 0 || st.st_ino == first || st.st_size < 100) && clock_mono() < deadline)
        clock_sleep(10 * CLOCK_MS);
    assert_true(st.st_ino != first && st.st_size >= 100);
    assert_ok(container_remove(w->runtime, made, &w->err), w->err);
    container_free(made);
}

static void signals_by_name(void **state)
{
    (void)state;
    assert_int_equal(signal_from(STR("SIGTERM")), SIGTERM);
    assert_int_equal(signal_from(STR("KILL")), SIGKILL);
    assert_int_equal(signal_from(STR("3")), 3);
    assert_int_equal(signal_from(STR("SIGRTMIN+3")), SIGRTMIN + 3);
    assert_int_equal(signal_from(STR("SIGNOTHING")), 0);
    assert_int_equal(signal_from(STR("-1")), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(runs_and_reports_the_exit_code),
        T(user_directory_and_environment),
        T(users_of_the_image),
        T(the_root_can_be_read_only),
        T(writes_do_not_reach_the_image),
        T(mounts_are_there),
        T(limits_are_the_kernels),
        T(too_much_memory_is_an_oom_kill),
        T(a_missing_command_is_an_error_and_leaves_nothing),
        T(exec_runs_inside),
        T(exec_gives_its_streams),
        T(a_new_agent_adopts_what_runs),
        T(a_privileged_container_runs),
        T(logs_are_rotated_while_it_runs),
        cmocka_unit_test(signals_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
