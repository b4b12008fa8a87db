#include "daemon/server.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/flags.h"
#include "daemon/cluster_pki.h"
#include "daemon/config.h"
#include "daemon/pidfile.h"
#include "server/server.h"
#include "version.h"

#define LOG_PART "daemon"
#include "base/log.h"

struct server_daemon {
    /* what the flags say */
    const char *data_dir, *listen, *kubeconfig, *config, *service_cidr, *node_ports, *advertise, *token_file,
        *issuer;
    struct flag_list tls_names;
    int64_t threads, max_mutating, max_reading;
    bool node, verbose;

    struct cluster_pki pki;
    struct loop **loops;
    size_t n_loops;
    struct store *store;
    struct api *api;
    struct server *server;
    struct arena arena;
};

/* --- flags --- */

#define DATA_DIR   "/var/lib/sagong"
#define CONFIG     "/etc/sagong/config.yaml"
#define KUBECONFIG "/etc/sagong/admin.kubeconfig"

/* 0: serve; 1: help was asked for and given. */
static int read_flags(struct server_daemon *d, int argc, char **argv, struct err *err)
{
    struct flag table[] = {
        {"data-dir", FLAG_STR, &d->data_dir, "DIR", "where the cluster's state and keys are kept"},
        {"listen", FLAG_STR, &d->listen, "ADDRESS:PORT", "where the API is served"},
        {"kubeconfig-out", FLAG_STR, &d->kubeconfig, "FILE",
         "written at start: how kubectl gets in as administrator"},
        {"config", FLAG_STR, &d->config, "FILE", "more flags, in YAML: \"data-dir: /srv/sagong\""},
        {"node", FLAG_BOOL, &d->node, NULL, "run pods on this machine too"},
        {"advertise-address", FLAG_STR, &d->advertise, "IP",
         "how others reach this server; else the address of the default route"},
        {"tls-san", FLAG_LIST, &d->tls_names, "NAME",
         "a further name or address in the server's certificate"},
        {"service-cidr", FLAG_STR, &d->service_cidr, "CIDR", "where services get their addresses from"},
        {"service-node-port-range", FLAG_STR, &d->node_ports, "A-B",
         "where services get their node ports from"},
        {"service-account-issuer", FLAG_STR, &d->issuer, "URL", "who signs service account tokens"},
        {"token-auth-file", FLAG_STR, &d->token_file, "FILE",
         "static tokens: lines of token,user,uid,\"group,...\""},
        {"max-requests-inflight", FLAG_INT, &d->max_reading, "N", "reading requests at a time; more get 429"},
        {"max-mutating-requests-inflight", FLAG_INT, &d->max_mutating, "N",
         "changing requests at a time; more get 429"},
        {"threads", FLAG_INT, &d->threads, "N", "threads that serve requests; 0: one for each processor"},
        {"verbose", FLAG_BOOL, &d->verbose, NULL, "log what is going on in detail"},
    };
    struct flags flags = {
        .usage = "sagong server [FLAG...]",
        .about =
            "Serves the Kubernetes API " KUBERNETES_VERSION
            " until it is told to end (SIGTERM). At first start it\n"
            "makes the cluster: an authority for certificates, an administrator, the usual namespaces and\n"
            "roles. Then, elsewhere:\n\n"
            "  export KUBECONFIG=" KUBECONFIG "\n"
            "  kubectl get namespaces\n\n"
            "Every flag may stand in " CONFIG " instead; the command line wins.",
        .at = table,
        .n = ARRAY_LEN(table),
    };
    bool help = false;
    if (flags_parse(&flags, &argc, argv, &help, err) < 0)
        return -1;
    if (help) {
        _cleanup_buf_ struct buf text = {0};
        flags_help(&flags, &text);
        fwrite(text.p, 1, text.n, stdout);
        return 1;
    }
    if (argc > 1)
        return err_set(err, ERR_BAD_REQUEST, "\"%s\": sagong server takes flags only", argv[1]);
    return config_read(d->config, strcmp(d->config, CONFIG) != 0, &flags, err);
}

/* --- addresses --- */

/* The first address of the service CIDR is the API's own service. */
static int first_service_ip(struct server_daemon *d, struct str *out, struct err *err)
{
    struct str rest = str_from(d->service_cidr), text = {0};
    str_cut(&rest, '/', &text);
    struct in_addr a;
    if (inet_pton(AF_INET, arena_c(&d->arena, text), &a) != 1 || str_empty(rest))
        return err_set(err, ERR_BAD_REQUEST, "--service-cidr: \"%s\" is no IPv4 network", d->service_cidr);
    a.s_addr = htonl(ntohl(a.s_addr) + 1);
    char c[INET_ADDRSTRLEN];
    *out = arena_str(&d->arena, str_from(inet_ntop(AF_INET, &a, c, sizeof c)));
    return 0;
}

/* The address that packets to elsewhere would leave from; nothing is sent. */
static struct str default_address(struct arena *a)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(9),
                             .sin_addr.s_addr = htonl(0x01010101)},
                       me;
    socklen_t n = sizeof me;
    char text[INET_ADDRSTRLEN] = "127.0.0.1";
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        getsockname(fd, (struct sockaddr *)&me, &n) == 0)
        inet_ntop(AF_INET, &me.sin_addr, text, sizeof text);
    return arena_str(a, str_from(text));
}

static int listen_port(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    return colon ? atoi(colon + 1) : 0;
}

/* --- start and stop --- */

static int start_api(struct server_daemon *d, struct err *err)
{
    struct str service_ip, address = d->advertise ? str_from(d->advertise) : default_address(&d->arena);
    struct str *names = arena_new_n(&d->arena, struct str, d->tls_names.n + 1);
    for (size_t i = 0; i < d->tls_names.n; i++)
        names[i] = str_from(d->tls_names.at[i]);
    names[d->tls_names.n] = address;
    struct store_options store = {.path = arena_printf(&d->arena, "%s/store", d->data_dir).p};
    if (first_service_ip(d, &service_ip, err) < 0 ||
        cluster_pki_ensure(d->data_dir, names, d->tls_names.n + 1, service_ip, &d->pki, err) < 0 ||
        store_open(&store, &d->store, err) < 0)
        return -1;
    static struct str audience;
    audience = str_from(d->issuer);
    struct api_options api = {
        .store = d->store,
        .service_cidr = str_from(d->service_cidr),
        .node_port_range = str_from(d->node_ports),
        .advertise_address = address,
        .advertise_port = (uint16_t)listen_port(d->listen),
        .api_audiences = {&audience, 1},
    };
    return api_new(&api, &d->api, err) < 0 || api_bootstrap(d->api, err) < 0 ? -1 : 0;
}

static void start_loops(struct server_daemon *d)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    d->n_loops = d->threads > 0 ? (size_t)d->threads : cpus > 1 ? (size_t)cpus : 1;
    d->loops = mem_zalloc(d->n_loops * sizeof(struct loop *));
    for (size_t i = 0; i < d->n_loops; i++) {
        d->loops[i] = loop_new("http");
        loop_start(d->loops[i]);
    }
}

static int start_server(struct server_daemon *d, struct err *err)
{
    _cleanup_buf_ struct buf tokens = {0};
    if (d->token_file && file_read(d->token_file, 16 * 1024 * 1024, &tokens, err) < 0)
        return -1;
    start_loops(d);
    struct str ca = buf_str(&d->pki.ca.cert_pem);
    struct server_options o = {
        .api = d->api,
        .listen = d->listen,
        .loops = d->loops,
        .n_loops = d->n_loops,
        .cert_pem = buf_str(&d->pki.server.cert_pem),
        .key_pem = buf_str(&d->pki.server.key_pem),
        .client_ca_pem = ca,
        .service_account_key = d->pki.service_accounts,
        .issuer = d->issuer,
        .token_csv = buf_str(&tokens),
        .kubelet_ca_pem = ca,
        .kubelet_cert_pem = buf_str(&d->pki.kubelet.cert_pem),
        .kubelet_key_pem = buf_str(&d->pki.kubelet.key_pem),
        .max_mutating = (int)d->max_mutating,
        .max_reading = (int)d->max_reading,
    };
    return server_start(&o, &d->server, err);
}

static int write_kubeconfig(struct server_daemon *d, struct err *err)
{
    if (!*d->kubeconfig)
        return 0;
    struct kubeconfig k = {
        .server = arena_printf(&d->arena, "https://127.0.0.1:%d", server_port(d->server)),
        .ca_pem = buf_str(&d->pki.ca.cert_pem),
        .cert_pem = buf_str(&d->pki.admin.cert_pem),
        .key_pem = buf_str(&d->pki.admin.key_pem),
    };
    const char *slash = strrchr(d->kubeconfig, '/');
    if (slash && slash != d->kubeconfig &&
        file_mkdirs(arena_c(&d->arena, str_slice(d->kubeconfig, (size_t)(slash - d->kubeconfig))), 0755,
                    err) < 0)
        return -1;
    return kubeconfig_write(d->kubeconfig, &k, err);
}

static int start(struct server_daemon *d, struct err *err)
{
    if (file_mkdirs(d->data_dir, 0700, err) < 0 || pidfile_take(d->data_dir, PIDFILE_NAME, err) < 0 ||
        start_api(d, err) < 0 || start_server(d, err) < 0)
        return -1;
    return write_kubeconfig(d, err);
}

static void stop(struct server_daemon *d)
{
    if (d->server)
        server_stop(d->server, clock_mono() + 5 * CLOCK_S);
    server_free(d->server);
    for (size_t i = 0; i < d->n_loops; i++) {
        loop_stop(d->loops[i]);
        loop_join(d->loops[i]);
        loop_free(d->loops[i]);
    }
    free(d->loops);
    if (d->api)
        api_free(d->api);
    if (d->store)
        store_close(d->store);
    cluster_pki_free(&d->pki);
    flag_list_free(&d->tls_names);
    arena_free(&d->arena);
}

int server_main(int argc, char **argv)
{
    int64_t began = clock_mono();
    struct server_daemon d = {
        .data_dir = DATA_DIR,
        .listen = "0.0.0.0:6443",
        .kubeconfig = KUBECONFIG,
        .config = CONFIG,
        .service_cidr = "10.96.0.0/12",
        .node_ports = "30000-32767",
        .issuer = "https://kubernetes.default.svc.cluster.local",
        .max_reading = 400,
        .max_mutating = 200,
    };
    /* Threads inherit the mask; this one waits for the signals. glibc's arenas, one for each thread, would
     * hold on to memory that others could use. */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 2);

    _cleanup_err_ struct err err = {0};
    int flags = read_flags(&d, argc, argv, &err);
    if (flags > 0)
        return 0;
    if (d.verbose)
        log_set_level(LOG_DEBUG);
    if (flags < 0 || start(&d, &err) < 0) {
        log_error(STR_FMT, STR_ARG(err.message));
        stop(&d);
        return 1;
    }
    log_info("serving Kubernetes " KUBERNETES_VERSION " on %s, started in %.0f ms", d.listen,
             (double)(clock_mono() - began) / CLOCK_MS);
    int signal_number = 0;
    sigwait(&ends, &signal_number);
    log_info("ending (%s)", signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
    stop(&d);
    return 0;
}
