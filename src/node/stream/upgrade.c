#include "node/stream/upgrade.h"

#include "http/websocket.h"

void respond_text(struct http_request *r, int status, struct str text)
{
    struct http_header type = {STR("content-type"), STR("text/plain; charset=utf-8")};
    struct http_part part = {.bytes = text};
    http_respond(r, status, &type, 1, &part, 1);
}

static void add_names(struct buf *b, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(b, "%s" STR_FMT, i ? " " : "", STR_ARG(names[i]));
}

static void refuse(struct http_request *r, const char *client_header, const struct str *known, size_t n)
{
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b,
             "unable to upgrade: unable to negotiate protocol: client supports [" STR_FMT
             "], server accepts [",
             STR_ARG(http_header_get(r, str_from(client_header))));
    add_names(&b, known, n);
    buf_add_lit(&b, "]\n");
    respond_text(r, 403, buf_str(&b));
}

bool upgrade_choose_spdy(struct http_request *r, const struct str *known, size_t n, struct str *out)
{
    if (!http_can_upgrade(r) || !str_eq_fold(http_header_get(r, STR("upgrade")), STR("SPDY/3.1"))) {
        respond_text(r, 400, STR("unable to upgrade: missing upgrade headers in request\n"));
        return false;
    }
    size_t n_headers;
    const struct http_header *headers = http_headers(r, &n_headers);
    for (size_t i = 0; i < n_headers; i++) {
        struct str rest = headers[i].value, one;
        while (str_is(headers[i].name, "x-stream-protocol-version") && str_cut(&rest, ',', &one))
            for (size_t k = 0; k < n; k++)
                if (str_eq(str_trim(one), known[k])) {
                    *out = known[k];
                    return true;
                }
    }
    refuse(r, "x-stream-protocol-version", known, n);
    return false;
}

bool upgrade_choose_websocket(struct http_request *r, const struct str *known, size_t n, struct str *out)
{
    if (websocket_choose(r, known, n, out))
        return true;
    refuse(r, "sec-websocket-protocol", known, n);
    return false;
}

struct http_pipe *upgrade_accept_spdy(struct http_request *r, struct str protocol,
                                      const struct http_pipe_events *events, void *arg)
{
    struct http_header headers[] = {{STR("upgrade"), STR("SPDY/3.1")},
                                    {STR("x-stream-protocol-version"), protocol}};
    return http_upgrade(r, headers, ARRAY_LEN(headers), events, arg);
}
