#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "kinds/apiserver_v1.h"
#include "schema/config.h"
#include "test.h"

static void make_keys(struct cluster *c)
{
    struct err err = {0};
    struct str names[] = {STR("localhost"), STR("127.0.0.1"), STR("::1")}, masters = STR("system:masters");
    struct pki_request serving = {.common_name = STR("kube-apiserver"),
                                  .names = names,
                                  .n_names = ARRAY_LEN(names),
                                  .server = true,
                                  .lifetime_s = 3600};
    struct pki_request admin = {.common_name = STR("admin"),
                                .organizations = &masters,
                                .n_organizations = 1,
                                .client = true,
                                .lifetime_s = 3600};
    assert_ok(pki_make_ca(STR("test"), 3600, &c->ca, &err), err);
    assert_ok(pki_issue(&c->ca, &serving, &c->serving, &err), err);
    assert_ok(pki_issue(&c->ca, &admin, &c->admin, &err), err);
    struct pki_request front_proxy = {
        .common_name = STR("front-proxy-client"), .client = true, .lifetime_s = 3600};
    assert_ok(pki_issue(&c->ca, &front_proxy, &c->front_proxy, &err), err);
    assert_ok(jwt_key_make(false, &c->key, &err), err);
}

void cluster_start(struct cluster *c, const struct cluster_options *options)
{
    *c = (struct cluster){.host = options->host ? options->host : "127.0.0.1"};
    pthread_mutex_init(&c->mutex, NULL);
    struct err err = {0};
    make_keys(c);
    assert_ok(store_open(&(struct store_options){.path = options->state, .encryption = options->encryption},
                         &c->store, &err),
              err);
    static struct str audience = STR_INIT("https://kubernetes.default.svc.cluster.local");
    struct str cidrs[] = {str_from(options->service_cidr), str_from(options->second_cidr)};
    struct api_options api = {.store = c->store,
                              .admission = options->admission_settings,
                              .service_cidrs = {cidrs, (size_t)(cidrs[0].n > 0) + (cidrs[1].n > 0)},
                              .advertise_address = STR("192.0.2.1"),
                              .advertise_port = 6443,
                              .api_audiences = options->audiences.n ? options->audiences
                                               : options->issuers.n ? options->issuers
                                                                    : (struct str_vec){&audience, 1},
                              .token_most_s = options->token_most_s,
                              .token_exact = options->token_exact};
    assert_ok(api_new(&api, &c->api, &err), err);
    if (options->admission)
        api_add_admission(c->api, options->admission);
    assert_ok(api_bootstrap(c->api, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(c->loops); i++) {
        c->loops[i] = loop_new("http");
        loop_start(c->loops[i]);
    }
    void *authentication = NULL, *authorization = NULL;
    if (options->authentication)
        assert_ok(config_decode(&c->arena, &authentication_configuration_resource, NULL,
                                str_from(options->authentication), &authentication, &err),
                  err);
    if (options->authorization)
        assert_ok(config_decode(&c->arena, &authorization_configuration_resource, NULL,
                                str_from(options->authorization), &authorization, &err),
                  err);
    struct server_options o = {
        .api = c->api,
        .listen = arena_printf(&c->arena, "%s:0", c->host).p,
        .loops = c->loops,
        .n_loops = ARRAY_LEN(c->loops),
        .cert_pem = buf_str(&c->serving.cert_pem),
        .key_pem = buf_str(&c->serving.key_pem),
        .client_ca_pem = buf_str(&c->ca.cert_pem),
        .service_account_key_pem = options->key_pem.n ? options->key_pem : buf_str(&c->key),
        .issuers = options->issuers,
        .audiences = options->audiences,
        .jwks_uri = options->jwks_uri,
        .token_csv = str_from(options->tokens),
        .authentication = authentication,
        .authorization = authorization,
        .token_webhook = options->token_webhook,
        .abac_policies = str_from(options->abac),
        .cors_allowed_origins = str_from(options->cors),
        .strict_transport_security = str_from(options->transport_security),
        .kubelet_ca_pem = buf_str(&c->ca.cert_pem),
        .kubelet_cert_pem = buf_str(&c->admin.cert_pem),
        .kubelet_key_pem = buf_str(&c->admin.key_pem),
        .front_proxies = options->front_proxies,
        .front_proxy_ca_pem = buf_str(&c->ca.cert_pem),
        .front_proxy_cert_pem = buf_str(&c->front_proxy.cert_pem),
        .front_proxy_key_pem = buf_str(&c->front_proxy.key_pem),
        .max_in_flight = options->limit,
        .audit = options->audit,
        .request_timeout_ns = options->timeout_ns,
    };
    assert_ok(server_start(&o, &c->server, &err), err);
    struct fetch_options admin = {.ca_pem = buf_str(&c->ca.cert_pem),
                                  .cert_pem = buf_str(&c->admin.cert_pem),
                                  .key_pem = buf_str(&c->admin.key_pem)};
    assert_ok(fetch_new(&admin, &c->as_admin, &err), err);
    assert_ok(fetch_new(&(struct fetch_options){.ca_pem = buf_str(&c->ca.cert_pem)}, &c->as_nobody, &err),
              err);
}

void cluster_stop(struct cluster *c)
{
    fetch_free(c->as_admin);
    fetch_free(c->as_nobody);
    server_stop(c->server, clock_mono() + 2 * CLOCK_S);
    for (size_t i = 0; i < ARRAY_LEN(c->loops); i++) {
        loop_stop(c->loops[i]);
        loop_join(c->loops[i]);
    }
    server_free(c->server);
    for (size_t i = 0; i < ARRAY_LEN(c->loops); i++)
        loop_free(c->loops[i]);
    api_free(c->api);
    store_close(c->store);
    pki_pair_free(&c->ca);
    pki_pair_free(&c->serving);
    pki_pair_free(&c->admin);
    pki_pair_free(&c->front_proxy);
    buf_free(&c->key);
    pthread_mutex_destroy(&c->mutex);
    arena_free(&c->arena);
}

struct fetch *cluster_client(struct cluster *c, const char *token)
{
    struct fetch *f;
    struct err err = {0};
    struct fetch_options o = {.ca_pem = buf_str(&c->ca.cert_pem), .token = str_from(token)};
    assert_ok(fetch_new(&o, &f, &err), err);
    return f;
}

struct str cluster_url(struct cluster *c, const char *path)
{
    _lock_(&c->mutex);
    return arena_printf(&c->arena, "https://%s:%d%s", c->host, server_port(c->server), path);
}

void answer_clear(struct answer *a)
{
    fetch_response_clear(&a->response);
}

struct answer ask(struct cluster *c, struct fetch *who, const char *method, const char *path,
                  const char *headers, const char *body)
{
    struct answer a = {0};
    struct err err = {0};
    struct http_header list[16];
    size_t n = 0;
    struct str rest = str_from(headers), line;
    while (str_cut(&rest, '\n', &line)) {
        struct str name;
        str_cut(&line, ':', &name);
        list[n++] = (struct http_header){name, str_trim(line)};
    }
    if (body && !headers)
        list[n++] = (struct http_header){STR("content-type"), STR("application/json")};
    struct fetch_request q = {.method = method,
                              .url = cluster_url(c, path),
                              .headers = list,
                              .n_headers = n,
                              .body = str_from(body)};
    assert_ok(fetch_do(who, &q, &a.response, &err), err);
    a.status = a.response.status;
    value_parse(&a.response.arena, a.response.body, &a.json, NULL);
    return a;
}

struct answer create(struct cluster *c, const char *path, const char *body)
{
    struct answer a = ask(c, c->as_admin, "POST", path, NULL, body);
    assert_status(a, 201);
    return a;
}

static const struct value *find(struct answer *a, const char *path)
{
    const struct value *v = &a->json;
    struct str rest = str_from(path), part;
    while (v && str_cut(&rest, '.', &part)) {
        int64_t i;
        if (v->kind == JSON_ARRAY)
            v = str_to_i64(part, &i) && i >= 0 && (size_t)i < v->list.n ? &v->list.at[i] : NULL;
        else
            v = value_get(v, part);
    }
    return v;
}

struct str at(struct answer *a, const char *path)
{
    const struct value *v = find(a, path);
    if (!v)
        return (struct str){0};
    return v->kind == JSON_STRING ? v->s : value_json(&a->response.arena, v);
}

size_t count(struct answer *a, const char *path)
{
    const struct value *v = find(a, path);
    return v && v->kind == JSON_ARRAY ? v->list.n : 0;
}
