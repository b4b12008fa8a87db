/* serve DIR PORT: a server alone (with the controllers, without scheduler and node), to try things on by hand
 * and to measure: state and keys in DIR, the administrator's kubeconfig at DIR/admin.kubeconfig. Ends on
 * SIGTERM. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/jwt.h"
#include "auth/kubeconfig.h"
#include "auth/pki.h"
#include "base/clock.h"
#include "base/file.h"
#include "client/in_process.h"
#include "controllers/controllers.h"
#include "server/server.h"

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, STR_FMT "\n", STR_ARG(err->message));
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: serve DIR PORT\n");
        return 2;
    }
    int64_t began = clock_mono();
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 2);

    struct err err = {0};
    struct arena a = {0};
    const char *dir = argv[1];
    struct pki_pair ca = {0}, serving = {0}, admin = {0};
    struct buf key = {0};
    struct jwt_key *made;
    struct str names[] = {STR("localhost"), STR("127.0.0.1")}, masters = STR("system:masters");
    struct pki_request server_request = {.common_name = STR("kube-apiserver"),
                                         .names = names,
                                         .n_names = 2,
                                         .server = true,
                                         .lifetime_s = 86400};
    struct pki_request admin_request = {.common_name = STR("kubernetes-admin"),
                                        .organizations = &masters,
                                        .n_organizations = 1,
                                        .client = true,
                                        .lifetime_s = 86400};
    const char *key_path = arena_printf(&a, "%s/service-account.key", dir).p;
    must(file_mkdirs(dir, 0700, &err), &err);
    must(pki_ensure_ca(dir, "ca", STR("serve"), 864000, &ca, &err), &err);
    must(pki_ensure(dir, "server", &ca, &server_request, &serving, &err), &err);
    must(pki_ensure(dir, "admin", &ca, &admin_request, &admin, &err), &err);
    must(jwt_key_ensure(key_path, &made, &err), &err);
    must(file_read(key_path, 65536, &key, &err), &err);

    struct store *store;
    struct api *api;
    struct server *server;
    struct controllers *controllers;
    must(store_open(&(struct store_options){.path = arena_printf(&a, "%s/state", dir).p}, &store, &err),
         &err);
    must(api_new(&(struct api_options){.store = store,
                                       .advertise_address = STR("192.0.2.1"),
                                       .advertise_port = 6443},
                 &api, &err),
         &err);
    must(api_bootstrap(api, &err), &err);
    struct loop *loops[2];
    for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
        loops[i] = loop_new("http");
        loop_start(loops[i]);
    }
    struct server_options o = {
        .api = api,
        .listen = arena_printf(&a, "127.0.0.1:%s", argv[2]).p,
        .loops = loops,
        .n_loops = ARRAY_LEN(loops),
        .cert_pem = buf_str(&serving.cert_pem),
        .key_pem = buf_str(&serving.key_pem),
        .client_ca_pem = buf_str(&ca.cert_pem),
        .service_account_key_pem = buf_str(&key),
        .kubelet_ca_pem = buf_str(&ca.cert_pem),
        .kubelet_cert_pem = buf_str(&admin.cert_pem),
        .kubelet_key_pem = buf_str(&admin.key_pem),
    };
    must(server_start(&o, &server, &err), &err);
    struct kubeconfig k = {.server = arena_printf(&a, "https://127.0.0.1:%d", server_port(server)),
                           .ca_pem = buf_str(&ca.cert_pem),
                           .cert_pem = buf_str(&admin.cert_pem),
                           .key_pem = buf_str(&admin.key_pem)};
    must(kubeconfig_write(arena_printf(&a, "%s/admin.kubeconfig", dir).p, &k, &err), &err);
    fprintf(stderr, "serving on %s after %.1f ms\n", o.listen, (double)(clock_mono() - began) / CLOCK_MS);
    struct user user = {.name = STR("system:kube-controller-manager"), .groups = {&masters, 1}};
    struct client *client = client_in_process(api, &user);
    struct controllers_options co = {.ca_pem = buf_str(&ca.cert_pem)};
    must(controllers_start(client, &co, &controllers, &err), &err);
    int signal_number;
    sigwait(&ends, &signal_number);

    controllers_stop(controllers);
    server_stop(server, clock_mono() + 2 * CLOCK_S);
    client_free(client);
    for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
        loop_stop(loops[i]);
        loop_join(loops[i]);
    }
    server_free(server);
    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        loop_free(loops[i]);
    api_free(api);
    store_close(store);
    jwt_key_free(made);
    pki_pair_free(&ca);
    pki_pair_free(&serving);
    pki_pair_free(&admin);
    buf_free(&key);
    arena_free(&a);
    return 0;
}
