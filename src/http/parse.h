/* HTTP/1.1 messages (RFC 9112), parsed so strictly that no two readers could disagree on where one ends:
 * lines end in CRLF and nothing else, no folded lines, no space before the colon, one Content-Length or one
 * "chunked" and never both. */
#pragma once
#include "base/buf.h"
#include "http/http.h"

enum { HTTP_MAX_HEADERS = 256 };

/* The head of a request or response. Slices point into the bytes that were parsed, whose header names were
 * lowered in place. */
struct http_head {
    struct str method, target; /* of a request */
    int status;                /* of a response */
    int minor;                 /* HTTP/1.minor: 0 or 1 */
    struct http_header *headers;
    size_t n_headers;
    int64_t content_length; /* -1: not said */
    bool chunked, keep_alive, expect_continue;
    struct str host, upgrade; /* upgrade: only when Connection names it too */
};

/* How long the head at the start of `bytes` is, with the empty line at its end; 0 when its end has not come
 * yet; -1 when what is there can already not become one. `*scanned` (0 at first) remembers how far it looked.
 */
ptrdiff_t parse_head_end(struct str bytes, size_t *scanned);
/* Parse a whole head. 0, or the status to answer with (400, 431, 501, 505), with why in `*problem`. */
int parse_request(struct arena *a, char *bytes, size_t n, struct http_head *out, const char **problem);
/* As above; 0 or -1. */
int parse_response(struct arena *a, char *bytes, size_t n, struct http_head *out, const char **problem);

/* Decodes a chunked body, piece by piece. */
struct chunked {
    int state;
    uint64_t left; /* of the chunk under way */
    unsigned line; /* bytes of the line under way */
    size_t extra;  /* bytes of chunk extensions and trailers so far: they are dropped, within limits */
};
/* Takes from `*in` (moved on) up to the end of one stretch of data, which is put into `*data` (a part of *in;
 * may be empty). 1: the body is complete, 0: more is needed or there, when *in is not empty: call again; -1:
 * malformed. */
int chunked_decode(struct chunked *c, struct str *in, struct str *data);

bool parse_is_token(struct str s);       /* RFC 9110 token: method and header names */
bool parse_is_field_value(struct str s); /* no control characters but tab */
