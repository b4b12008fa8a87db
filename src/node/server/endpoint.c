#include "node/server/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/identity.h"
#include "base/clock.h"
#include "base/encode.h"
#include "http/http.h"
#include "net/host.h"
#include "node/logs/log_stream.h"
#include "node/server/dial.h"
#include "node/server/find.h"
#include "node/server/stats.h"
#include "node/server/streams.h"
#include "node/stream/upgrade.h"

struct endpoint {
    struct node_agent *node;
    struct http_server *server;
};

static void render_error(const struct err *err, struct buf *out)
{
    buf_add_str(out, err->message);
}

/* --- who may ask --- */

static const char *const trusted_names[] = {"kube-apiserver-kubelet-client", "kube-apiserver"};
static const char *const trusted_groups[] = {"system:masters", "kubeadm:cluster-admins"};

static int authorize(struct http_request *r)
{
    struct identity who = {0};
    struct str certificate = http_peer_certificate(r);
    if (!certificate.n || identity_of_certificate(http_arena(r), certificate, &who, NULL) < 0)
        return 401;
    for (size_t i = 0; i < ARRAY_LEN(trusted_names); i++)
        if (str_is(who.name, trusted_names[i]))
            return 0;
    for (size_t i = 0; i < who.n_groups; i++)
        for (size_t k = 0; k < ARRAY_LEN(trusted_groups); k++)
            if (str_is(who.groups[i], trusted_groups[k]))
                return 0;
    return 403;
}

/* --- logs --- */

static bool query_bool(struct str value)
{
    return str_is(value, "true") || str_is(value, "1");
}

static bool query_number(struct str value, int64_t *out)
{
    return str_to_i64(value, out) && *out >= 0;
}

/* Upstream's PodLogOptions in a query; the error is what is wrong with it. */
static const char *read_options(struct http_request *r, struct log_options *o, bool *previous)
{
    struct arena *a = http_arena(r);
    struct str rest = http_query(r), pair, key, value;
    int64_t seconds = -1;
    *o = (struct log_options){.tail_lines = -1, .limit_bytes = -1};
    while (str_cut(&rest, '&', &pair)) {
        value = pair;
        str_cut(&value, '=', &key);
        if (decode_percent(a, value, true, &value) < 0)
            return "malformed query";
        if (str_is(key, "follow"))
            o->follow = query_bool(value);
        else if (str_is(key, "timestamps"))
            o->timestamps = query_bool(value);
        else if (str_is(key, "previous"))
            *previous = query_bool(value);
        else if (str_is(key, "tailLines")) {
            if (!query_number(value, &o->tail_lines))
                return "tailLines: must be greater than or equal to 0";
        } else if (str_is(key, "limitBytes")) {
            if (!query_number(value, &o->limit_bytes))
                return "limitBytes: must be greater than 0";
        } else if (str_is(key, "sinceSeconds")) {
            if (!query_number(value, &seconds))
                return "sinceSeconds: must be greater than 0";
        } else if (str_is(key, "sinceTime")) {
            o->since = find_since_text(a, value);
            if (!o->since.n)
                return "sinceTime: must be a time";
        } else if (str_is(key, "stream")) {
            if (str_is(value, "Stdout") || str_is(value, "Stderr"))
                o->stream = str_is(value, "Stdout") ? STR("stdout") : STR("stderr");
        }
    }
    if (seconds >= 0)
        o->since = find_since_seconds(a, seconds);
    return NULL;
}

static void serve_logs(struct endpoint *e, struct http_request *r, struct str rest)
{
    struct arena *a = http_arena(r);
    struct str part[3];
    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        if (!str_cut(&rest, '/', &part[i]) || decode_percent(a, part[i], false, &part[i]) < 0 || !part[i].n) {
            respond_text(r, 404, STR("404 page not found"));
            return;
        }
    struct log_options o;
    bool previous = false;
    const char *wrong = read_options(r, &o, &previous);
    if (wrong) {
        respond_text(r, 400, str_from(wrong));
        return;
    }
    struct found_log log;
    _cleanup_err_ struct err err = {0};
    if (find_log(e->node, part[0], part[1], part[2], previous, a, &log, &err) < 0) {
        respond_text(r, err.code, err.message);
        return;
    }
    log_stream_start(r, log.path, log.exit_path, &o);
}

static void serve_pods(struct endpoint *e, struct http_request *r)
{
    _cleanup_objects_ struct objects all = {0};
    _cleanup_buf_ struct buf b = {0};
    informer_list(e->node->pod_informer, STR(""), &all);
    buf_add_lit(&b, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[");
    for (size_t i = 0; i < all.n; i++) {
        buf_add_str(&b, i ? STR(",{") : STR("{"));
        buf_add_str(&b, object_json_item(all.at[i]));
    }
    buf_add_lit(&b, "]}");
    struct http_header type = {STR("content-type"), STR("application/json")};
    struct http_part body = {.bytes = buf_str(&b)};
    http_respond(r, 200, &type, 1, &body, 1);
}

static void handle(void *arg, struct http_request *r)
{
    struct endpoint *e = arg;
    struct str path = http_path(r), logs = STR("/containerLogs/");
    int refused = authorize(r);
    if (refused)
        respond_text(r, refused, refused == 401 ? STR("Unauthorized") : STR("Forbidden"));
    else if (streams_serve(e->node, r))
        return;
    else if (!str_is(http_method(r), "GET"))
        respond_text(r, 405, STR("Method Not Allowed"));
    else if (str_is(path, "/healthz"))
        respond_text(r, 200, STR("ok"));
    else if (stats_serve(e->node, r))
        return;
    else if (str_is(path, "/dial"))
        dial_serve(e->node, r);
    else if (str_is(path, "/pods") || str_is(path, "/pods/"))
        serve_pods(e, r);
    else if (str_starts(path, logs))
        serve_logs(e, r, str_from_at(path, logs.n));
    else
        respond_text(r, 404, STR("404 page not found"));
}

int endpoint_start(struct node_agent *n, struct endpoint **out, struct err *err)
{
    struct endpoint *e = mem_zalloc(sizeof *e);
    char listen[300];
    const struct node_options *o = &n->options;
    e->node = n;
    snprintf(listen, sizeof listen, "%s:%d", o->listen ? o->listen : host_any(), o->port);
    struct http_server_options q = {.listen = listen,
                                    .loops = o->loops,
                                    .n_loops = o->n_loops,
                                    .cert_pem = o->cert_pem,
                                    .key_pem = o->key_pem,
                                    .client_ca_pem = o->client_ca_pem,
                                    .handle = handle,
                                    .arg = e,
                                    .render_error = render_error};
    if (http_server_start(&q, &e->server, err) < 0) {
        free(e);
        return -1;
    }
    *out = e;
    return 0;
}

void endpoint_stop(struct endpoint *e)
{
    if (!e)
        return;
    http_server_stop(e->server, clock_mono() + CLOCK_S / 10);
    http_server_free(e->server);
    free(e);
}
