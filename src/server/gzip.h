/* Compressing answers (RFC 1952), at the level upstream uses: the fastest. */
#pragma once
#include "base/buf.h"

struct gzip;

/* Answers below this many bytes go as they are. */
enum { GZIP_FROM = 128 * 1024 };

struct gzip *gzip_new(void);
void gzip_free(struct gzip *g);
/* Adds what has become of the bytes so far; `last` ends the stream. */
void gzip_add(struct gzip *g, struct str bytes, bool last, struct buf *out);
/* All at once. */
void gzip_all(struct str bytes, struct buf *out);
