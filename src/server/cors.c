#include "server/cors.h"

#include <stdlib.h>

#include "base/regex.h"

enum { PATTERNS_MAX = 64 };

struct cors {
    struct regex *at[PATTERNS_MAX];
    size_t n;
};

/* A pattern that is not pinned down would let in hosts that only look alike. */
static int check_pins(struct str pattern, struct err *err)
{
    if (!str_starts(pattern, STR("^")) && str_find(pattern, STR("//")) < 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "regular expression does not pin to start of host in the origin header: " STR_FMT,
                       STR_ARG(pattern));
    if (!str_ends(pattern, STR("$")) && str_index(pattern, ':') < 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "regular expression does not pin to end of host in the origin header: " STR_FMT,
                       STR_ARG(pattern));
    return 0;
}

int cors_new(struct str patterns, struct cors **out, struct err *err)
{
    struct cors *c = mem_zalloc(sizeof *c);
    struct str one;
    while (str_cut(&patterns, ',', &one)) {
        one = str_trim(one);
        if (!one.n)
            continue;
        if (c->n == PATTERNS_MAX) {
            err_set(err, ERR_BAD_REQUEST, "there are more than %d patterns of origins", PATTERNS_MAX);
            cors_free(c);
            return -1;
        }
        if (check_pins(one, err) < 0 || regex_new(one, &c->at[c->n], err) < 0) {
            cors_free(c);
            return -1;
        }
        c->n++;
    }
    *out = c;
    return 0;
}

void cors_free(struct cors *c)
{
    for (size_t i = 0; c && i < c->n; i++)
        regex_free(c->at[i]);
    free(c);
}

size_t cors_headers(const struct cors *c, const struct http_request *r, struct http_header out[CORS_HEADERS])
{
    struct str origin = http_header_get(r, STR("origin"));
    bool allowed = false;
    for (size_t i = 0; c && origin.n && i < c->n && !allowed; i++)
        allowed = regex_matches(c->at[i], origin) > 0;
    if (!allowed)
        return 0;
    out[0] = (struct http_header){STR("access-control-allow-origin"), origin};
    out[1] = (struct http_header){STR("access-control-allow-methods"),
                                  STR("POST, GET, OPTIONS, PUT, DELETE, PATCH")};
    out[2] = (struct http_header){STR("access-control-allow-headers"),
                                  STR("Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, "
                                      "Authorization, X-Requested-With, If-Modified-Since")};
    out[3] = (struct http_header){STR("access-control-expose-headers"), STR("Date")};
    out[4] = (struct http_header){STR("access-control-allow-credentials"), STR("true")};
    return CORS_HEADERS;
}
