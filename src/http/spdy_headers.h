/* Blocks of names and values in SPDY/3.1 frames: each direction of a session is one zlib stream, which begins
 * with a dictionary of common words (SPDY draft 3, 2.6.10.1). */
#pragma once
#include "http/http.h"

struct spdy_headers; /* one direction */

enum { SPDY_HEADERS_MAX = 64 }; /* names in a block */

struct spdy_headers *spdy_deflater_new(void);
struct spdy_headers *spdy_inflater_new(void);
void spdy_headers_free(struct spdy_headers *h);
/* Adds the compressed block. */
void spdy_headers_put(struct spdy_headers *h, const struct http_header *headers, size_t n, struct buf *out);
/* Takes a block apart, into `a`. Of values that stand for several the first is kept. -1: malformed, or larger
 * than 64 KiB. Every block must be taken, also those that nobody reads. */
int spdy_headers_take(struct spdy_headers *h, struct str block, struct arena *a, struct http_header **headers,
                      size_t *n, struct err *err);
