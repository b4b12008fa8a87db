#include "server/gzip.h"

#include <stdlib.h>
#include <zlib.h>

struct gzip {
    z_stream z;
};

struct gzip *gzip_new(void)
{
    struct gzip *g = mem_zalloc(sizeof *g);
    /* 15 + 16: the largest window, with gzip's header instead of zlib's. */
    ensure(deflateInit2(&g->z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    return g;
}

void gzip_free(struct gzip *g)
{
    if (!g)
        return;
    deflateEnd(&g->z);
    free(g);
}

void gzip_add(struct gzip *g, struct str bytes, bool last, struct buf *out)
{
    enum { STEP = 64 * 1024 };
    do { /* zlib counts in unsigned int */
        size_t n = bytes.n < UINT32_MAX / 2 ? bytes.n : UINT32_MAX / 2;
        g->z.next_in = (Bytef *)bytes.p;
        g->z.avail_in = (uInt)n;
        bytes = str_from_at(bytes, n);
        do {
            g->z.next_out = (Bytef *)buf_room(out, STEP);
            g->z.avail_out = STEP;
            deflate(&g->z, last && !bytes.n ? Z_FINISH : Z_NO_FLUSH);
            out->n += STEP - g->z.avail_out;
        } while (g->z.avail_out == 0);
    } while (bytes.n);
}

void gzip_all(struct str bytes, struct buf *out)
{
    struct gzip *g = gzip_new();
    gzip_add(g, bytes, true, out);
    gzip_free(g);
}
