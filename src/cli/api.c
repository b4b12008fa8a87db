#include "cli/api.h"

#include <stdlib.h>

#include "auth/kubeconfig.h"
#include "http/fetch.h"

struct cli_api {
    struct kubeconfig config;
    struct fetch *fetch;
};

int cli_api_open(const char *path, struct cli_api **out, struct err *err)
{
    struct cli_api *api = mem_zalloc(sizeof *api);
    if (kubeconfig_read(path, (struct str){0}, &api->config, err) < 0 ||
        fetch_new(&(struct fetch_options){.ca_pem = api->config.ca_pem,
                                          .cert_pem = api->config.cert_pem,
                                          .key_pem = api->config.key_pem,
                                          .token = api->config.token,
                                          .insecure = api->config.insecure},
                  &api->fetch, err) < 0) {
        cli_api_close(api);
        return -1;
    }
    *out = api;
    return 0;
}

void cli_api_close(struct cli_api *api)
{
    if (!api)
        return;
    if (api->fetch)
        fetch_free(api->fetch);
    kubeconfig_free(&api->config);
    free(api);
}

void cli_api_closep(struct cli_api **api)
{
    cli_api_close(*api);
}

/* What the server said went wrong: its Status, or at least its code. */
static int cli_api_refused(int code, const struct value *status, struct err *err)
{
    struct str message = value_get_str(status, STR("message"));
    enum err_reason reason = err_reason_from(value_get_str(status, STR("reason")));
    if (reason == ERR_NONE)
        reason = ERR_INTERNAL;
    if (message.n)
        err_set(err, reason, STR_FMT, STR_ARG(message));
    else
        err_set(err, reason, "the server answered %d", code);
    err->code = code;
    return -1;
}

int cli_api_call(struct cli_api *api, const char *method, struct str path, const char *content_type,
                 const struct value *body, struct arena *a, struct value *answer, struct err *err)
{
    struct http_header headers[] = {
        {STR("accept"), STR("application/json")},
        {STR("content-type"), str_from(content_type ? content_type : "application/json")},
    };
    struct fetch_request q = {
        .method = method,
        .url = arena_concat(a, api->config.server, path),
        .headers = headers,
        .n_headers = body ? 2 : 1,
        .body = body ? value_json(a, body) : (struct str){0},
    };
    _cleanup_fetch_response_ struct fetch_response r = {0};
    struct value parsed = VALUE_NULL;
    if (fetch_do(api->fetch, &q, &r, err) < 0)
        return -1;
    if (r.body.n && r.body.p[0] == '{' && value_parse(a, arena_str(a, r.body), &parsed, err) < 0)
        return -1;
    if (r.status >= 400)
        return cli_api_refused(r.status, &parsed, err);
    if (answer)
        *answer = parsed;
    return 0;
}
