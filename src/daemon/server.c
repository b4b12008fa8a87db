/* sagong server: the API, the controllers, the scheduler, and (unless --no-node) a node, in one process. Owns
 * the order in which they start and stop. */
#define LOG_PART "server"
#include "server/server.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/admission_settings.h"
#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/flags.h"
#include "base/log.h"
#include "client/in_process.h"
#include "controllers/controllers.h"
#include "daemon/audit_flags.h"
#include "daemon/cluster_pki.h"
#include "daemon/encryption_file.h"
#include "daemon/join.h"
#include "daemon/pidfile.h"
#include "daemon/ranges.h"
#include "daemon/run.h"
#include "kinds/apiserver_v1.h"
#include "net/host.h"
#include "schema/config.h"
#include "schema/timestamp.h"

#include "daemon/member.h"
#include "scheduler/scheduler.h"

enum { SERVER_LOOPS = 2, SERVER_STOP_S = 10, CONFIG_MOST = 1 << 20, KEYS_WAIT_S = 60, KEYS_LOOK_S = 2 };

/* What the flags say. */
struct server_flags {
    const char *data_dir, *listen, *kubeconfig_out, *config;
    const char *advertise_address, *node_port_range, *token_auth_file;
    const char *authentication_config, *authorization_config, *authorization_policies, *token_webhook;
    const char *cors_origins, *transport_security;
    const char *encryption_config;
    struct audit_flags audit;
    const char *proxy_ca;
    const char *admission, *jwks_uri, *token_most, *legacy_clean_up;
    struct flag_list issuers, audiences;
    bool extend_tokens;
    struct flag_list admission_on, admission_off;
    struct flag_list proxy_names, proxy_users, proxy_groups, proxy_uids, proxy_extras;
    struct flag_list tls_sans, service_cidr, cluster_cidr;
    int64_t node_mask_ipv4, node_mask_ipv6;
    bool node, controllers, scheduler, legacy_tokens, encryption_reload, verbose;
    struct member_flags member;
};

/* What runs, in the order in which it started. */
struct server_parts {
    struct arena arena;
    struct str_vec service_cidrs, cluster_cidrs;
    struct str address; /* of this machine */
    uint16_t port;
    struct str url; /* "https://10.0.0.1:6443": for nodes */
    struct cluster_pki pki;
    struct buf tokens, policies, audit_policy, proxy_ca;
    struct audit_options audit;
    struct admission_settings admission;
    struct str_vec issuers, audiences;
    int64_t token_most_s, legacy_clean_up_ns;
    void *authentication, *authorization; /* configurations; NULL: the usual */
    struct encryption *encryption;
    struct encryption_file *encryption_file; /* NULL: it is not followed */
    struct store *store;
    struct api *api;
    struct loop *loops[SERVER_LOOPS];
    struct server *server;
    struct client *manager, *scheduler_client, *member_client;
    struct controllers *controllers;
    struct scheduler *scheduler;
    struct member *member;
};

static int server_ranges(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    if (ranges_from("service-cidr", &f->service_cidr, SERVICE_CIDR, &p->arena, &p->service_cidrs, err) < 0 ||
        ranges_from("cluster-cidr", &f->cluster_cidr, CLUSTER_CIDR, &p->arena, &p->cluster_cidrs, err) < 0)
        return -1;
    for (size_t i = 0; i < p->cluster_cidrs.n; i++) {
        bool ipv6 = ip_family_of(p->cluster_cidrs.at[i]) == IP_V6;
        if (!range_parts(p->cluster_cidrs.at[i], ipv6 ? f->node_mask_ipv6 : f->node_mask_ipv4))
            return err_set(err, ERR_BAD_REQUEST,
                           "--node-cidr-mask-size-ipv%d does not part --cluster-cidr " STR_FMT
                           " into 1 to 65536 ranges for nodes",
                           ipv6 ? 6 : 4, STR_ARG(p->cluster_cidrs.at[i]));
    }
    for (size_t i = 0; i < p->service_cidrs.n; i++)
        if (!range_address(&p->arena, p->service_cidrs.at[i], 2).n)
            return err_set(err, ERR_BAD_REQUEST, "--service-cidr: \"" STR_FMT "\" has no room for services",
                           STR_ARG(p->service_cidrs.at[i]));
    return 0;
}

/* Services default/kubernetes lead here, so that the address is of their main family. */
static int server_address(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    enum ip_family family = ip_family_of(p->service_cidrs.at[0]);
    struct ip ip;
    if (!f->advertise_address)
        return host_address(&p->arena, family, &p->address, err);
    p->address = str_from(f->advertise_address);
    if (!ip_parse(p->address, &ip))
        return err_set(err, ERR_BAD_REQUEST, "--advertise-address must be an IP address, not \"%s\"",
                       f->advertise_address);
    if (ip.family != family)
        return err_set(err, ERR_BAD_REQUEST,
                       "--advertise-address %s must be of the family of the first --service-cidr, IPv%d",
                       f->advertise_address, (int)family);
    return 0;
}

static int server_addresses(struct server_parts *p, struct server_flags *f, struct err *err)
{
    if (server_ranges(p, f, err) < 0 || server_address(p, f, err) < 0)
        return -1;
    bool ipv6 = ip_family_of(p->address) == IP_V6;
    if (!f->listen)
        f->listen = ipv6 || ranges_have(&p->service_cidrs, IP_V6) ? "[::]:6443" : "0.0.0.0:6443";
    struct str listen = str_from(f->listen);
    ptrdiff_t colon = str_last_index(listen, ':');
    int64_t port;
    if (colon < 0 || !str_to_i64(str_from_at(listen, (size_t)colon + 1), &port) || port < 1 || port > 65535)
        return err_set(err, ERR_BAD_REQUEST, "--listen is ADDRESS:PORT, not \"%s\"", f->listen);
    p->port = (uint16_t)port;
    p->url =
        arena_printf(&p->arena, "https://" STR_FMT ":%d", STR_ARG(ip_host(&p->arena, p->address)), p->port);
    return 0;
}

static int server_keys(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    struct str *names = arena_new_n(&p->arena, struct str, 1 + p->service_cidrs.n + f->tls_sans.n);
    size_t n = 0;
    names[n++] = p->address;
    for (size_t i = 0; i < p->service_cidrs.n; i++) /* service default/kubernetes */
        names[n++] = range_address(&p->arena, p->service_cidrs.at[i], 1);
    for (size_t i = 0; i < f->tls_sans.n; i++)
        names[n++] = str_from(f->tls_sans.at[i]);
    return cluster_pki_ensure(f->data_dir, names, n, &p->pki, err);
}

/* A configuration file of upstream's; none when `path` is NULL. */
static int server_config(struct server_parts *p, const char *path, const struct resource *kind, void **out,
                         struct err *err)
{
    static const char *const earlier[] = {"apiserver.config.k8s.io/v1beta1", NULL};
    _cleanup_buf_ struct buf text = {0};
    if (path && (file_read(path, CONFIG_MOST, &text, err) < 0 ||
                 config_decode(&p->arena, kind, earlier, buf_str(&text), out, err) < 0))
        return err_wrap(err, "%s", path);
    return 0;
}

static struct str_vec words_of(struct arena *a, const struct flag_list *l, const char *otherwise)
{
    struct str_vec v = {arena_new_n(a, struct str, l->n + 1), l->n};
    for (size_t i = 0; i < l->n; i++)
        v.at[i] = str_from(l->at[i]);
    if (!l->n && otherwise)
        v.at[v.n++] = str_from(otherwise);
    return v;
}

/* Whose tokens service accounts have, for whom, and how long. */
static int server_tokens(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    int64_t most = 0;
    p->issuers = words_of(&p->arena, &f->issuers, "https://kubernetes.default.svc.cluster.local");
    p->audiences = f->audiences.n ? words_of(&p->arena, &f->audiences, NULL) : p->issuers;
    for (size_t i = 0; i < p->issuers.n; i++)
        if (!p->issuers.at[i].n)
            return err_set(err, ERR_BAD_REQUEST, "service-account-issuer can not be an empty string");
    if (f->token_most && (duration_parse(str_from(f->token_most), &most, NULL) < 0 || most < 3600 * CLOCK_S ||
                          most / CLOCK_S > INT64_C(1) << 32))
        return err_set(err, ERR_BAD_REQUEST,
                       "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
    p->token_most_s = most / CLOCK_S;
    if (duration_parse(str_from(f->legacy_clean_up), &p->legacy_clean_up_ns, NULL) < 0 ||
        p->legacy_clean_up_ns <= 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "--legacy-service-account-token-clean-up-period is a duration, not \"%s\"",
                       f->legacy_clean_up);
    if (f->jwks_uri && !str_starts(str_from(f->jwks_uri), STR("https://")))
        return err_set(err, ERR_BAD_REQUEST, "service-account-jwks-uri requires https scheme, parsed as: %s",
                       f->jwks_uri);
    return 0;
}

/* Which admission plugins run, and how. */
static int server_admission(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    struct str_vec on = words_of(&p->arena, &f->admission_on, NULL),
                   off = words_of(&p->arena, &f->admission_off, NULL);
    p->admission = admission_settings_default;
    if (admission_settings_choose(&p->admission, &on, &off, err) < 0)
        return -1;
    if (!f->admission)
        return 0;
    struct str path = str_from(f->admission);
    ptrdiff_t slash = str_last_index(path, '/');
    const char *dir = slash < 0 ? "." : arena_c(&p->arena, str_slice(path.p, (size_t)slash + 1));
    if (file_read(f->admission, CONFIG_MOST, &text, err) < 0)
        return -1;
    return admission_settings_read(&p->admission, &p->arena, buf_str(&text), dir, err) < 0
               ? err_wrap(err, "%s", f->admission)
               : 0;
}

/* Who is known, and who decides. */
static int server_access(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    if ((f->token_auth_file && file_read(f->token_auth_file, CONFIG_MOST, &p->tokens, err) < 0) ||
        (f->authorization_policies &&
         file_read(f->authorization_policies, CONFIG_MOST, &p->policies, err) < 0) ||
        (f->proxy_ca && file_read(f->proxy_ca, CONFIG_MOST, &p->proxy_ca, err) < 0) ||
        audit_flags_read(&f->audit, &p->audit_policy, &p->audit, err) < 0 ||
        server_config(p, f->authentication_config, &authentication_configuration_resource, &p->authentication,
                      err) < 0)
        return -1;
    return server_config(p, f->authorization_config, &authorization_configuration_resource, &p->authorization,
                         err);
}

/* Everything that is stored can be read, or nothing is served: controllers would take what they do not see
 * for gone. A key service may take its time. */
static int server_load(struct server_parts *p, struct err *err)
{
    int64_t until = clock_mono() + KEYS_WAIT_S * CLOCK_S;
    int rc = store_load(p->store, err);
    for (; rc < 0 && err->reason == ERR_UNAVAILABLE && clock_mono() < until; rc = store_load(p->store, err)) {
        log_warn("waiting: " STR_FMT, STR_ARG(err->message));
        if (run_pause(KEYS_LOOK_S * CLOCK_S))
            return err_wrap(err, "stopped while waiting");
    }
    return rc == 0
               ? 0
               : err_wrap(err,
                          "what is stored cannot be read (see --encryption-provider-config: every key that "
                          "something is still encrypted with must be there, and every key service must "
                          "answer)");
}

static int server_store(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    char state[4096];
    snprintf(state, sizeof state, "%s/state", f->data_dir);
    if (f->encryption_config && encryption_file_open(f->encryption_config, &p->encryption, err) < 0)
        return -1;
    if (f->encryption_reload && !f->encryption_config)
        return err_set(
            err, ERR_BAD_REQUEST,
            "--encryption-provider-config must be set with --encryption-provider-config-automatic-reload");
    if (store_open(&(struct store_options){.path = state, .encryption = p->encryption}, &p->store, err) < 0 ||
        server_load(p, err) < 0)
        return -1;
    if (f->encryption_reload)
        p->encryption_file = encryption_file_follow(f->encryption_config, p->encryption, 0);
    return 0;
}

static int server_serve(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    if (server_store(p, f, err) < 0)
        return -1;
    struct api_options api = {
        .store = p->store,
        .admission = &p->admission,
        .api_audiences = p->audiences,
        .token_most_s = p->token_most_s,
        .token_exact = !f->extend_tokens,
        .service_cidrs = p->service_cidrs,
        .node_port_range = str_from(f->node_port_range),
        .advertise_address = p->address,
        .advertise_port = p->port,
    };
    if (api_new(&api, &p->api, err) < 0 || api_bootstrap(p->api, err) < 0)
        return -1;
    for (int i = 0; i < SERVER_LOOPS; i++) {
        p->loops[i] = loop_new(i ? "http-1" : "http-0");
        loop_start(p->loops[i]);
    }
    char data_dir[PATH_MAX], volumes[PATH_MAX + 16];
    if (!realpath(f->data_dir, data_dir))
        return err_errno(err, errno, "%s", f->data_dir);
    snprintf(volumes, sizeof volumes, "%s/volumes", data_dir);
    struct server_options o = {
        .api = p->api,
        .encryption_reload = f->encryption_reload,
        .volumes_dir = str_from(volumes),
        .listen = f->listen,
        .loops = p->loops,
        .n_loops = SERVER_LOOPS,
        .cert_pem = buf_str(&p->pki.server.cert_pem),
        .key_pem = buf_str(&p->pki.server.key_pem),
        .client_ca_pem = buf_str(&p->pki.ca.cert_pem),
        .service_account_key_pem = buf_str(&p->pki.service_accounts),
        .token_csv = buf_str(&p->tokens),
        .authentication = p->authentication,
        .authorization = p->authorization,
        .abac_policies = buf_str(&p->policies),
        .token_webhook = f->token_webhook,
        .cors_allowed_origins = str_from(f->cors_origins),
        .strict_transport_security = str_from(f->transport_security),
        .kubelet_ca_pem = buf_str(&p->pki.ca.cert_pem),
        .kubelet_cert_pem = buf_str(&p->pki.kubelet.cert_pem),
        .kubelet_key_pem = buf_str(&p->pki.kubelet.key_pem),
        .issuers = p->issuers,
        .audiences = p->audiences,
        .jwks_uri = str_from(f->jwks_uri),
        .audit = p->audit,
        .front_proxies =
            {
                .ca_pem = buf_str(&p->proxy_ca),
                .allowed_names = words_of(&p->arena, &f->proxy_names, NULL),
                .username_headers = words_of(&p->arena, &f->proxy_users, "X-Remote-User"),
                .group_headers = words_of(&p->arena, &f->proxy_groups, "X-Remote-Group"),
                .uid_headers = words_of(&p->arena, &f->proxy_uids, "X-Remote-Uid"),
                .extra_prefixes = words_of(&p->arena, &f->proxy_extras, "X-Remote-Extra-"),
            },
        .front_proxy_ca_pem = buf_str(&p->pki.front_proxy_ca.cert_pem),
        .front_proxy_cert_pem = buf_str(&p->pki.front_proxy.cert_pem),
        .front_proxy_key_pem = buf_str(&p->pki.front_proxy.key_pem),
    };
    return server_start(&o, &p->server, err);
}

static int server_kubeconfig(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    /* Where it listens, unless that is everywhere. */
    struct str listen = str_from(f->listen);
    bool everywhere =
        str_starts(listen, STR("0.0.0.0:")) || str_starts(listen, STR("[::]:")) || listen.p[0] == ':';
    struct kubeconfig k = {
        .server = everywhere ? p->url : arena_printf(&p->arena, "https://%s", f->listen),
        .ca_pem = buf_str(&p->pki.ca.cert_pem),
        .cert_pem = buf_str(&p->pki.admin.cert_pem),
        .key_pem = buf_str(&p->pki.admin.key_pem),
    };
    if (file_mkdirs_for(f->kubeconfig_out, 0755, err) < 0)
        return -1;
    return kubeconfig_write(f->kubeconfig_out, &k, err);
}

/* A client in this process, with the identity that upstream's component of this name has. */
static struct client *server_client(struct server_parts *p, struct str name, struct str group)
{
    struct str groups[] = {STR("system:authenticated"), group};
    struct user user = {.name = name, .groups = {groups, group.n ? 2 : 1}};
    return client_in_process(p->api, &user);
}

/* What agents join by grants more than a controller may, so the server itself makes it. */
static int server_offer(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    struct client *self = server_client(p, STR("system:apiserver"), STR("system:masters"));
    struct join_offer offer = {
        .ca_pem = buf_str(&p->pki.ca.cert_pem), .server = p->url, .data_dir = f->data_dir};
    int rc = join_offer(self, &offer, err);
    client_free(self);
    return rc;
}

static int server_controllers(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    /* It gathers roles into others, which takes the right to grant anything. */
    p->manager = server_client(p, STR("system:kube-controller-manager"), STR("system:masters"));
    struct controllers_options o = {
        .ca_pem = buf_str(&p->pki.ca.cert_pem),
        .ca_key_pem = buf_str(&p->pki.ca.key_pem),
        .token_key_pem = buf_str(&p->pki.service_accounts),
        .legacy_tokens = f->legacy_tokens,
        .legacy_clean_up_ns = p->legacy_clean_up_ns,
        .cluster_cidrs = p->cluster_cidrs,
        .service_cidrs = p->service_cidrs,
        .node_mask_ipv4 = (int)f->node_mask_ipv4,
        .node_mask_ipv6 = (int)f->node_mask_ipv6,
    };
    if (member_cluster_dns(&f->member, &p->service_cidrs, &p->arena, &o.cluster_dns, err) < 0)
        return -1;
    return f->controllers ? controllers_start(p->manager, &o, &p->controllers, err) : 0;
}

static int server_scheduler(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    if (!f->scheduler)
        return 0;
    p->scheduler_client = server_client(p, STR("system:kube-scheduler"), (struct str){0});
    return scheduler_start(p->scheduler_client, &(struct scheduler_options){0}, &p->scheduler, err);
}

static int server_member(struct server_parts *p, const struct server_flags *f, struct err *err)
{
    if (!f->node)
        return 0;
    struct member_options o = {
        .flags = &f->member,
        .data_dir = f->data_dir,
        .cluster_cidrs = p->cluster_cidrs,
        .service_cidrs = p->service_cidrs,
        .ca = &p->pki.ca,
        .address = p->address,
    };
    if (member_identity(&o, &p->arena, err) < 0)
        return -1;
    p->member_client =
        server_client(p, arena_concat(&p->arena, STR("system:node:"), o.node_name), STR("system:nodes"));
    return member_start(p->member_client, &o, &p->member, err);
}

static int server_up(struct server_parts *p, struct server_flags *f, struct err *err)
{
    int64_t start = clock_mono();
    if (pidfile_take(f->data_dir, PIDFILE_NAME, err) < 0 || server_addresses(p, f, err) < 0 ||
        server_keys(p, f, err) < 0 || server_access(p, f, err) < 0 || server_admission(p, f, err) < 0 ||
        server_tokens(p, f, err) < 0 || server_serve(p, f, err) < 0 || server_kubeconfig(p, f, err) < 0)
        return -1;
    log_info("serving on %s after %lld ms; the administrator's way in is %s", f->listen,
             (long long)((clock_mono() - start) / CLOCK_MS), f->kubeconfig_out);
    if (server_offer(p, f, err) < 0 || server_controllers(p, f, err) < 0 || server_scheduler(p, f, err) < 0 ||
        server_member(p, f, err) < 0)
        return -1;
    log_info("all parts started after %lld ms", (long long)((clock_mono() - start) / CLOCK_MS));
    return 0;
}

static int64_t server_renew_at(const struct server_parts *p)
{
    int64_t due[] = {
        pki_renew_at(buf_str(&p->pki.server.cert_pem)), pki_renew_at(buf_str(&p->pki.kubelet.cert_pem)),
        pki_renew_at(buf_str(&p->pki.admin.cert_pem)), p->member ? member_renew_at(p->member) : INT64_MAX};
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(due); i++)
        first = due[i] < first ? due[i] : first;
    return first;
}

/* The reverse of server_up, as far as it came. */
static void server_down(struct server_parts *p)
{
    encryption_file_stop(p->encryption_file);
    member_stop(p->member);
    scheduler_stop(p->scheduler);
    controllers_stop(p->controllers);
    if (p->server)
        server_stop(p->server, clock_mono() + SERVER_STOP_S * CLOCK_S);
    client_free(p->member_client);
    client_free(p->scheduler_client);
    client_free(p->manager);
    for (int i = 0; i < SERVER_LOOPS && p->loops[i]; i++) {
        loop_stop(p->loops[i]);
        loop_join(p->loops[i]);
    }
    if (p->server)
        server_free(p->server);
    for (int i = 0; i < SERVER_LOOPS && p->loops[i]; i++)
        loop_free(p->loops[i]);
    if (p->api)
        api_free(p->api);
    if (p->store)
        store_close(p->store);
    encryption_free(p->encryption);
    cluster_pki_free(&p->pki);
    buf_free(&p->tokens);
    buf_free(&p->policies);
    buf_free(&p->audit_policy);
    buf_free(&p->proxy_ca);
    arena_free(&p->arena);
}

int server_main(int argc, char **argv)
{
    struct server_flags f = {
        .data_dir = "/var/lib/sagong",
        .kubeconfig_out = "/etc/sagong/admin.kubeconfig",
        .config = "/etc/sagong/config.yaml",
        .node_port_range = "30000-32767",
        .node_mask_ipv4 = 24,
        .node_mask_ipv6 = 64,
        .audit = AUDIT_FLAGS_DEFAULT,
        .extend_tokens = true,
        .legacy_clean_up = "8760h",
        .node = true,
        .controllers = true,
        .scheduler = true,
        .member = MEMBER_FLAGS_DEFAULT,
    };
    struct flag table[] = {
        {"data-dir", FLAG_STR, &f.data_dir, "DIR", "where the cluster keeps its state"},
        {"listen", FLAG_STR, &f.listen, "ADDRESS:PORT",
         "where the API is served; else on every address, port 6443"},
        {"kubeconfig-out", FLAG_STR, &f.kubeconfig_out, "FILE", "where to write the administrator's way in"},
        {"config", FLAG_STR, &f.config, "FILE", "these flags, as YAML"},
        {"node", FLAG_BOOL, &f.node, NULL, "run containers on this machine too"},
        {"controllers", FLAG_BOOL, &f.controllers, NULL, "run the controllers"},
        {"scheduler", FLAG_BOOL, &f.scheduler, NULL, "run the scheduler"},
        {"advertise-address", FLAG_STR, &f.advertise_address, "IP",
         "this machine's address, for nodes and pods"},
        {"tls-san", FLAG_LIST, &f.tls_sans, "NAME", "a further name or address of the server"},
        {"service-cidr", FLAG_LIST, &f.service_cidr, "RANGE[,RANGE]",
         "the addresses of services: one range, or one of each family, the main one first"},
        {"cluster-cidr", FLAG_LIST, &f.cluster_cidr, "RANGE[,RANGE]", "the addresses of pods, likewise"},
        {"node-cidr-mask-size-ipv4", FLAG_INT, &f.node_mask_ipv4, "BITS",
         "how much of the pods' IPv4 range each node gets"},
        {"node-cidr-mask-size-ipv6", FLAG_INT, &f.node_mask_ipv6, "BITS", "and of their IPv6 range"},
        {"service-node-port-range", FLAG_STR, &f.node_port_range, "FROM-TO",
         "the ports of services on nodes"},
        {"token-auth-file", FLAG_STR, &f.token_auth_file, "FILE",
         "bearer tokens: lines of TOKEN,USER,UID[,\"GROUPS\"]"},
        {"authentication-config", FLAG_STR, &f.authentication_config, "FILE",
         "an AuthenticationConfiguration: whose tokens are believed, who is anonymous"},
        {"authentication-token-webhook-config-file", FLAG_STR, &f.token_webhook, "FILE",
         "a kubeconfig that leads to who knows further tokens"},
        {"cors-allowed-origins", FLAG_STR, &f.cors_origins, "PATTERN[,PATTERN]",
         "origins whose pages may use the API: regular expressions that pin both ends of the host"},
        {"strict-transport-security-directives", FLAG_STR, &f.transport_security, "DIRECTIVE[,DIRECTIVE]",
         "what browsers are told of using TLS only: max-age=SECONDS, includeSubDomains, preload"},
        {"authorization-config", FLAG_STR, &f.authorization_config, "FILE",
         "an AuthorizationConfiguration: who decides what users may do; else Node and RBAC"},
        {"authorization-policy-file", FLAG_STR, &f.authorization_policies, "FILE",
         "policies for the authorizer ABAC, one a line"},
        {"encryption-provider-config", FLAG_STR, &f.encryption_config, "FILE",
         "an EncryptionConfiguration: which objects are stored encrypted, by which keys"},
        {"encryption-provider-config-automatic-reload", FLAG_BOOL, &f.encryption_reload, NULL,
         "look every minute whether that file has changed"},
        {"admission-control-config-file", FLAG_STR, &f.admission, "FILE",
         "an AdmissionConfiguration: how admission plugins are configured"},
        {"enable-admission-plugins", FLAG_LIST, &f.admission_on, "NAME",
         "plugins that run beside the usual ones"},
        {"disable-admission-plugins", FLAG_LIST, &f.admission_off, "NAME", "usual plugins that do not run"},
        {"requestheader-client-ca-file", FLAG_STR, &f.proxy_ca, "FILE",
         "who signs the certificates of front proxies, whose headers name users"},
        {"requestheader-allowed-names", FLAG_LIST, &f.proxy_names, "NAME", "their common names; else any"},
        {"requestheader-username-headers", FLAG_LIST, &f.proxy_users, "HEADER",
         "the user; else X-Remote-User"},
        {"requestheader-group-headers", FLAG_LIST, &f.proxy_groups, "HEADER", "groups; else X-Remote-Group"},
        {"requestheader-uid-headers", FLAG_LIST, &f.proxy_uids, "HEADER", "the UID; else X-Remote-Uid"},
        {"requestheader-extra-headers-prefix", FLAG_LIST, &f.proxy_extras, "PREFIX",
         "whatever else there is of the user; else X-Remote-Extra-"},
        AUDIT_FLAGS(f.audit),
        {"service-account-issuer", FLAG_LIST, &f.issuers, "URL",
         "who issues tokens of service accounts; the first from now on, the others until now"},
        {"api-audiences", FLAG_LIST, &f.audiences, "AUDIENCE", "whom tokens must be for; else the issuers"},
        {"service-account-jwks-uri", FLAG_STR, &f.jwks_uri, "URL",
         "where others find the keys of these tokens"},
        {"service-account-max-token-expiration", FLAG_STR, &f.token_most, "DURATION",
         "how long such a token may live"},
        {"service-account-extend-token-expiration", FLAG_BOOL, &f.extend_tokens, NULL,
         "let the tokens of pods outlive what they say, for clients that do not read them anew"},
        {"legacy-service-account-tokens", FLAG_BOOL, &f.legacy_tokens, NULL,
         "give each new service account a Secret with a token, as clusters before 1.24 did"},
        {"legacy-service-account-token-clean-up-period", FLAG_STR, &f.legacy_clean_up, "DURATION",
         "mark tokens in such Secrets as invalid after so long without use, and delete them after as long "
         "again"},
        {"verbose", FLAG_BOOL, &f.verbose, NULL, "log more"},
        MEMBER_FLAGS(f.member),
    };
    struct flags flags = {
        "sagong server [FLAG...]",
        "Runs a Kubernetes control plane, and (but for --no-node) a node, in the foreground; logs to "
        "standard\n"
        "error. Stop it with Ctrl-C or SIGTERM: containers run on, and the next start finds them.\n"
        "Every flag may also stand in the configuration file, as NAME: VALUE.",
        table, ARRAY_LEN(table)};
    struct server_parts parts = {0};
    _cleanup_err_ struct err err = {0};
    int code;
    mallopt(M_ARENA_MAX, 2); /* one heap a loop: memory that one thread frees serves the others */
    if (run_prepare(&flags, &f.config, &argc, argv, &code, &err) == 0) {
        if (f.verbose)
            log_set_level(LOG_DEBUG);
        code = server_up(&parts, &f, &err);
        enum run_end end = code == 0 ? run_until_told(server_renew_at(&parts)) : RUN_STOP;
        server_down(&parts);
        if (end == RUN_RENEW)
            code = run_again(argv, &err);
    }
    if (err.reason)
        fprintf(stderr, "sagong server: " STR_FMT "\n", STR_ARG(err.message));
    return code ? 1 : 0;
}
