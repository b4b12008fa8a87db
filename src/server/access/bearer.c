#include "server/access/bearer.h"

#include "base/encode.h"
#include "http/websocket.h"

static const struct str prefix = STR_INIT("base64url.bearer.authorization.k8s.io.");

static int refuse(struct err *err)
{
    return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
}

/* The one token among the subprotocols, which must not be the only one: the server has to choose another. */
static int token_of_protocols(struct arena *a, const struct http_request *r, struct str *out, struct err *err)
{
    size_t n, others = 0;
    const struct http_header *headers = http_headers(r, &n);
    for (size_t i = 0; i < n; i++) {
        struct str rest = headers[i].value, one;
        if (!str_is(headers[i].name, "sec-websocket-protocol"))
            continue;
        while (str_cut(&rest, ',', &one)) {
            one = str_trim(one);
            if (!str_starts(one, prefix)) {
                others++;
                continue;
            }
            _cleanup_buf_ struct buf token = {0};
            if (out->n || decode_base64url(&token, str_from_at(one, prefix.n)) < 0 || !token.n ||
                !str_is_utf8(buf_str(&token)))
                return refuse(err);
            *out = arena_str(a, buf_str(&token));
        }
    }
    return out->n && !others ? refuse(err) : 0;
}

int bearer_token(struct arena *a, const struct http_request *r, struct str *out, struct err *err)
{
    struct str h = http_header_get(r, STR("authorization")), scheme = {0};
    *out = (struct str){0};
    str_cut(&h, ' ', &scheme);
    if (str_eq_fold(scheme, STR("bearer")))
        *out = str_trim(h);
    return out->n || !websocket_wanted(r) ? 0 : token_of_protocols(a, r, out, err);
}

struct str bearer_without_tokens(struct arena *a, struct str protocols)
{
    _cleanup_buf_ struct buf b = {0};
    struct str one;
    while (str_cut(&protocols, ',', &one)) {
        one = str_trim(one);
        if (one.n && !str_starts(one, prefix))
            buf_addf(&b, "%s" STR_FMT, b.n ? ", " : "", STR_ARG(one));
    }
    return arena_str(a, buf_str(&b));
}
