#include "net/health_port.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/http.h"
#include "net/host.h"

enum { CONNECTIONS_MAX = 100 };

struct health_port {
    char *ns, *name;
    _Atomic int local;
    struct http_server *server;
};

static void health_port_answer(void *arg, struct http_request *r)
{
    const struct health_port *p = arg;
    int local = p->local;
    struct arena *a = http_arena(r);
    struct http_header headers[] = {
        {STR("content-type"), STR("application/json")},
        {STR("x-content-type-options"), STR("nosniff")},
        {STR("x-load-balancing-endpoint-weight"), arena_printf(a, "%d", local)},
    };
    struct http_part body = {
        .bytes = arena_printf(a,
                              "{\n\t\"service\": {\n\t\t\"namespace\": \"%s\",\n\t\t\"name\": \"%s\"\n\t},\n"
                              "\t\"localEndpoints\": %d,\n\t\"serviceProxyHealthy\": true\n}",
                              p->ns, p->name, local)};
    http_respond(r, local ? 200 : 503, headers, ARRAY_LEN(headers), &body, 1);
}

int health_port_open(struct loop *l, struct str ns, struct str name, int port, struct health_port **out,
                     struct err *err)
{
    char listen[32];
    struct health_port *p = mem_zalloc(sizeof *p);
    p->ns = str_dup_c(ns);
    p->name = str_dup_c(name);
    snprintf(listen, sizeof listen, "%s:%d", host_any(), port);
    struct http_server_options o = {.listen = listen,
                                    .loops = &l,
                                    .n_loops = 1,
                                    .max_connections = CONNECTIONS_MAX,
                                    .handle = health_port_answer,
                                    .arg = p};
    if (http_server_start(&o, &p->server, err) < 0) {
        health_port_close(p);
        return -1;
    }
    *out = p;
    return 0;
}

void health_port_set(struct health_port *p, int local)
{
    p->local = local;
}

void health_port_close(struct health_port *p)
{
    if (!p)
        return;
    if (p->server) {
        http_server_stop(p->server, clock_mono());
        http_server_free(p->server);
    }
    free(p->ns);
    free(p->name);
    free(p);
}
