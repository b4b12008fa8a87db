/* Heads of requests and responses, and chunked bodies, which must decode alike however they are cut. */
#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* -1: malformed, 0: unfinished, 1: whole. */
static int decode(struct str in, size_t step, struct buf *out)
{
    struct chunked c = {0};
    while (in.n) {
        struct str piece = str_slice(in.p, in.n < step ? in.n : step), bytes;
        in = str_from_at(in, piece.n);
        while (piece.n) {
            int rc = chunked_decode(&c, &piece, &bytes);
            buf_add_str(out, bytes);
            if (rc)
                return rc;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str in = str_slice((const char *)data, n);
    _cleanup_arena_ struct arena a = {0};
    struct http_head head;
    const char *problem;
    size_t scanned = 0;
    ptrdiff_t end = parse_head_end(in, &scanned);
    ensure(end <= (ptrdiff_t)n);
    if (end > 0) {
        if (parse_request(&a, arena_dup(&a, in.p, n), (size_t)end, &head, &problem) == 0) {
            ensure(parse_is_token(head.method) && head.target.n);
            ensure(!head.chunked || head.content_length < 0);
            for (size_t i = 0; i < head.n_headers; i++)
                ensure(parse_is_token(head.headers[i].name) && parse_is_field_value(head.headers[i].value));
        }
        if (parse_response(&a, arena_dup(&a, in.p, n), (size_t)end, &head, &problem) == 0)
            ensure(head.status >= 100 && head.status < 1000);
    }
    _cleanup_buf_ struct buf whole = {0}, bytewise = {0};
    ensure(decode(in, n + 1, &whole) == decode(in, 1, &bytewise));
    ensure(str_eq(buf_str(&whole), buf_str(&bytewise)));
    return 0;
}
