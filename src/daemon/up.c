/* Starts a server in the background, waits until its node is ready, loads images and applies files when
 * asked, and says what to do next. Where a server runs already, it only does the rest. */
#include "daemon/up.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/flags.h"
#include "base/ip.h"
#include "base/process.h"
#include "cli/apply.h"
#include "daemon/pidfile.h"

extern char **environ;

struct up {
    const char *data_dir, *kubeconfig, *config, *log;
    struct flag_list images, files;
    int64_t timeout_s;
    int64_t start;
    pid_t server; /* ours, when we started it */
    struct cli_api *api;
    struct arena arena;
};

enum { UP_POLL = 20 * 1000000 };

static void up_say(const struct up *up, const char *what)
{
    double s = (double)(clock_mono() - up->start) / CLOCK_S;
    printf("%-40s %6.2f s\n", what, s);
    fflush(stdout);
}

/* The server, in a session of its own, writing to the log file. */
static int up_spawn(struct up *up, struct err *err)
{
    const char *argv[] = {"sagong",           "server",       "--node",   "--data-dir", up->data_dir,
                          "--kubeconfig-out", up->kubeconfig, "--config", up->config,   NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, up->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
    int e = posix_spawn(&up->server, "/proc/self/exe", &actions, &attr, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return e ? err_errno(err, e, "start the server") : 0;
}

/* Polls `ready` until it is true; an error when the time is up or the server has ended. */
static int up_wait(struct up *up, bool (*ready)(struct up *), const char *what, struct err *err)
{
    int64_t deadline = up->start + up->timeout_s * CLOCK_S;
    while (!ready(up)) {
        int status;
        if (up->server && waitpid(up->server, &status, WNOHANG) == up->server)
            return err_set(err, ERR_UNAVAILABLE, "the server ended at once; %s says why", up->log);
        if (clock_mono() > deadline)
            return err_set(err, ERR_TIMEOUT, "%s: not within %lld seconds; %s may say why", what,
                           (long long)up->timeout_s, up->log);
        clock_sleep(UP_POLL);
    }
    up_say(up, what);
    return 0;
}

static bool up_server_ready(struct up *up)
{
    if (!up->api && cli_api_open(up->kubeconfig, &up->api, NULL) < 0)
        return false; /* not written yet */
    if (cli_api_call(up->api, "GET", STR("/readyz"), NULL, NULL, &up->arena, NULL, NULL) == 0)
        return true;
    cli_api_close(up->api); /* the kubeconfig may be an earlier cluster's */
    up->api = NULL;
    return false;
}

static struct str up_condition(const struct value *object, const char *type)
{
    const struct value *list = value_get(value_get(object, STR("status")), STR("conditions"));
    for (size_t i = 0; list && list->kind == JSON_ARRAY && i < list->list.n; i++)
        if (str_is(value_get_str(&list->list.at[i], STR("type")), type))
            return value_get_str(&list->list.at[i], STR("status"));
    return (struct str){0};
}

/* Whether the list at this path is not empty and all of it has the condition. */
static bool up_all(struct up *up, struct str path, const char *condition)
{
    struct value answer;
    if (cli_api_call(up->api, "GET", path, NULL, NULL, &up->arena, &answer, NULL) < 0)
        return false;
    const struct value *items = value_get(&answer, STR("items"));
    for (size_t i = 0; items && items->kind == JSON_ARRAY && i < items->list.n; i++)
        if (!str_is(up_condition(&items->list.at[i], condition), "True"))
            return false;
    return items && items->kind == JSON_ARRAY && items->list.n;
}

static bool up_nodes_ready(struct up *up)
{
    return up_all(up, STR("/api/v1/nodes"), "Ready");
}

static bool up_deployments_available(struct up *up)
{
    return up_all(up, STR("/apis/apps/v1/namespaces/default/deployments"), "Available");
}

static int up_load_images(struct up *up, struct err *err)
{
    for (size_t i = 0; i < up->images.n; i++) {
        const char *argv[] = {"/proc/self/exe", "image",          "load", "--data-dir",
                              up->data_dir,     up->images.at[i], NULL};
        if (process_run(&(struct process_options){.argv = argv}, err) < 0)
            return -1;
    }
    if (up->images.n)
        up_say(up, "images loaded");
    return 0;
}

/* What the user can do now, with the addresses of the services in the applied files. */
static void up_service(void *arg, const struct value *object, bool created)
{
    (void)created;
    struct up *up = arg;
    const struct value *spec = value_get(object, STR("spec"));
    struct str ip = value_get_str(spec, STR("clusterIP")),
               name = value_get_str(value_get(object, STR("metadata")), STR("name"));
    const struct value *ports = value_get(spec, STR("ports"));
    if (!str_is(value_get_str(object, STR("kind")), "Service") || !ports || ports->kind != JSON_ARRAY ||
        !ports->list.n)
        return;
    const struct value *port = value_get(&ports->list.at[0], STR("port")),
                       *node_port = value_get(&ports->list.at[0], STR("nodePort"));
    struct value nodes;
    printf("\n" STR_FMT " answers at\n  http://" STR_FMT ":%lld\n", STR_ARG(name),
           STR_ARG(ip_host(&up->arena, ip)), (long long)port->i);
    if (!node_port ||
        cli_api_call(up->api, "GET", STR("/api/v1/nodes"), NULL, NULL, &up->arena, &nodes, NULL) < 0)
        return;
    const struct value *items = value_get(&nodes, STR("items"));
    const struct value *addresses =
        items && items->list.n ? value_get(value_get(&items->list.at[0], STR("status")), STR("addresses"))
                               : NULL;
    for (size_t i = 0; addresses && i < addresses->list.n; i++)
        if (str_is(value_get_str(&addresses->list.at[i], STR("type")), "InternalIP")) {
            struct str address = value_get_str(&addresses->list.at[i], STR("address"));
            printf("  http://" STR_FMT ":%lld   from other machines\n", STR_ARG(ip_host(&up->arena, address)),
                   (long long)node_port->i);
        }
}

static int up_run(struct up *up, struct err *err)
{
    if (pidfile_holder(up->data_dir, PIDFILE_NAME)) {
        printf("A server runs on %s already.\n", up->data_dir);
        if (up_load_images(up, err) < 0)
            return -1;
    } else if (up_load_images(up, err) < 0 || up_spawn(up, err) < 0) {
        return -1;
    }
    if (up_wait(up, up_server_ready, "server ready", err) < 0 ||
        up_wait(up, up_nodes_ready, "node ready", err) < 0)
        return -1;
    for (size_t i = 0; i < up->files.n; i++)
        if (apply_file(up->api, up->files.at[i], &up->arena, NULL, NULL, err) < 0)
            return -1;
    if (up->files.n && up_wait(up, up_deployments_available, "everything applied is running", err) < 0)
        return -1;
    for (size_t i = 0; i < up->files.n; i++)
        if (apply_file(up->api, up->files.at[i], &up->arena, up_service, up, err) < 0)
            return -1;
    printf("\nTry:\n  export KUBECONFIG=%s\n  kubectl get nodes,pods,services -A\n", up->kubeconfig);
    if (up->files.n)
        printf("  kubectl logs -l app=hello\n  kubectl scale deployment hello --replicas=5\n");
    printf("\nIts log is %s. Stop it with: sagong down\n", up->log);
    return 0;
}

int up_main(int argc, char **argv)
{
    struct up up = {
        .data_dir = "/var/lib/sagong",
        .kubeconfig = "/etc/sagong/admin.kubeconfig",
        .config = "/etc/sagong/config.yaml",
        .log = "/var/log/sagong.log",
        .timeout_s = 60,
        .start = clock_mono(),
    };
    struct flag table[] = {
        {"data-dir", FLAG_STR, &up.data_dir, "DIR", "where the cluster keeps its state"},
        {"kubeconfig-out", FLAG_STR, &up.kubeconfig, "FILE", "where to write the administrator's way in"},
        {"config", FLAG_STR, &up.config, "FILE", "the server's flags, as YAML"},
        {"log", FLAG_STR, &up.log, "FILE", "where the server logs to"},
        {"image", FLAG_LIST, &up.images, "FILE", "an image archive to load first; may be given again"},
        {"apply", FLAG_LIST, &up.files, "FILE", "objects to create; may be given again"},
        {"timeout", FLAG_INT, &up.timeout_s, "S", "seconds to wait for it all"},
    };
    struct flags flags = {
        "sagong up [FLAG...]",
        "Starts a cluster of this one machine in the background and waits until it is ready.\n"
        "Done again, it changes nothing that is there.",
        table, ARRAY_LEN(table)};
    _cleanup_err_ struct err err = {0};
    int rc = flags_begin(&flags, &argc, argv, &err);
    if (rc > 0)
        return 0;
    if (rc == 0)
        rc = up_run(&up, &err);
    if (rc < 0)
        fprintf(stderr, "sagong up: " STR_FMT "\n", STR_ARG(err.message));
    cli_api_close(up.api);
    arena_free(&up.arena);
    return rc < 0;
}
