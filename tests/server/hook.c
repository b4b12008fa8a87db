#include "hook.h"

#include <stdio.h>

#include "base/clock.h"
#include "test.h"

static void handle(void *arg, struct http_request *r)
{
    struct hook *h = arg;
    int status = 200;
    h->asked++;
    h->request = r;
    struct str path =
        arena_printf(http_arena(r), STR_FMT "?" STR_FMT, STR_ARG(http_path(r)), STR_ARG(http_query(r)));
    struct str body = h->answer(h, http_arena(r), path, http_body(r), &status);
    struct http_header type = {STR("content-type"), STR("application/json")};
    http_respond(r, status, &type, 1, &(struct http_part){.bytes = body}, 1);
}

void hook_start(struct hook *h, const char *address, hook_fn answer, void *arg)
{
    hook_start_with(h, address, (struct str){0}, answer, arg);
}

void hook_start_with(struct hook *h, const char *address, struct str client_ca_pem, hook_fn answer, void *arg)
{
    *h = (struct hook){.answer = answer, .arg = arg};
    struct err err = {0};
    struct str names[] = {STR("localhost"), STR("127.0.0.1"), STR("hook.default.svc")};
    struct pki_request who = {.common_name = STR("hook"),
                              .names = names,
                              .n_names = ARRAY_LEN(names),
                              .server = true,
                              .lifetime_s = 3600};
    assert_ok(pki_make_ca(STR("hooks"), 3600, &h->ca, &err), err);
    assert_ok(pki_issue(&h->ca, &who, &h->cert, &err), err);
    h->loop = loop_new("hook");
    loop_start(h->loop);
    char listen[64];
    snprintf(listen, sizeof listen, "%s:0", address);
    struct http_server_options o = {.listen = listen,
                                    .loops = &h->loop,
                                    .n_loops = 1,
                                    .cert_pem = buf_str(&h->cert.cert_pem),
                                    .key_pem = buf_str(&h->cert.key_pem),
                                    .client_ca_pem = client_ca_pem,
                                    .handle = handle,
                                    .arg = h};
    assert_ok(http_server_start(&o, &h->server, &err), err);
    h->port = http_server_port(h->server);
}

void hook_stop(struct hook *h)
{
    http_server_stop(h->server, clock_mono() + CLOCK_S);
    loop_stop(h->loop);
    loop_join(h->loop);
    http_server_free(h->server);
    loop_free(h->loop);
    pki_pair_free(&h->ca);
    pki_pair_free(&h->cert);
}
