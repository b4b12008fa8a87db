#include "http/spdy_headers.h"

#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

enum { BLOCK_MAX = 64 * 1024, WINDOW_BITS = 11, MEMORY_LEVEL = 1 };

/* The dictionary: these words, each behind its length in four bytes, then the tail. */
static const char *const words[] = {
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
};
static const char tail[] =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

static unsigned char dictionary[1423];
static pthread_once_t dictionary_once = PTHREAD_ONCE_INIT;

static void put_u32(unsigned char *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const char *from)
{
    const unsigned char *p = (const unsigned char *)from;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void dictionary_make(void)
{
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        put_u32(dictionary + at, (uint32_t)n);
        memcpy(dictionary + at + 4, words[i], n);
        at += 4 + n;
    }
    memcpy(dictionary + at, tail, sizeof tail - 1);
    ensure(at + sizeof tail - 1 == sizeof dictionary);
}

struct spdy_headers {
    z_stream z;
    bool deflates;
};

struct spdy_headers *spdy_deflater_new(void)
{
    pthread_once(&dictionary_once, dictionary_make);
    struct spdy_headers *h = mem_zalloc(sizeof *h);
    h->deflates = true;
    ensure(deflateInit2(&h->z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                        Z_DEFAULT_STRATEGY) == Z_OK);
    ensure(deflateSetDictionary(&h->z, dictionary, sizeof dictionary) == Z_OK);
    return h;
}

struct spdy_headers *spdy_inflater_new(void)
{
    pthread_once(&dictionary_once, dictionary_make);
    struct spdy_headers *h = mem_zalloc(sizeof *h);
    ensure(inflateInit(&h->z) == Z_OK);
    return h;
}

void spdy_headers_free(struct spdy_headers *h)
{
    if (!h)
        return;
    if (h->deflates)
        deflateEnd(&h->z);
    else
        inflateEnd(&h->z);
    free(h);
}

static void add_u32(struct buf *b, size_t v)
{
    put_u32((unsigned char *)buf_room(b, 4), (uint32_t)v);
    b->n += 4;
}

void spdy_headers_put(struct spdy_headers *h, const struct http_header *headers, size_t n, struct buf *out)
{
    _cleanup_buf_ struct buf plain = {0};
    add_u32(&plain, n);
    for (size_t i = 0; i < n; i++) {
        add_u32(&plain, headers[i].name.n);
        buf_add_str(&plain, headers[i].name);
        add_u32(&plain, headers[i].value.n);
        buf_add_str(&plain, headers[i].value);
    }
    h->z.next_in = (unsigned char *)plain.p;
    h->z.avail_in = (uInt)plain.n;
    do {
        enum { STEP = 512 };
        h->z.next_out = (unsigned char *)buf_room(out, STEP);
        h->z.avail_out = STEP;
        ensure(deflate(&h->z, Z_SYNC_FLUSH) != Z_STREAM_ERROR);
        out->n += STEP - h->z.avail_out;
    } while (!h->z.avail_out);
}

static int unpack(struct spdy_headers *h, struct str block, struct buf *plain, struct err *err)
{
    h->z.next_in = (unsigned char *)(uintptr_t)block.p;
    h->z.avail_in = (uInt)block.n;
    while (h->z.avail_in) {
        enum { STEP = 4096 };
        h->z.next_out = (unsigned char *)buf_room(plain, STEP);
        h->z.avail_out = STEP;
        int rc = inflate(&h->z, Z_SYNC_FLUSH);
        if (rc == Z_NEED_DICT)
            rc = inflateSetDictionary(&h->z, dictionary, sizeof dictionary);
        plain->n += STEP - h->z.avail_out;
        if (rc != Z_OK)
            return err_set(err, ERR_BAD_REQUEST, "malformed SPDY header block");
        if (plain->n > BLOCK_MAX)
            return err_set(err, ERR_BAD_REQUEST, "SPDY header block is too large");
    }
    return 0;
}

/* A length and that many bytes. */
static bool take_text(struct str *from, struct str *out)
{
    if (from->n < 4)
        return false;
    uint32_t n = get_u32(from->p);
    if (n > from->n - 4)
        return false;
    *out = str_slice(from->p + 4, n);
    *from = str_from_at(*from, 4 + (size_t)n);
    return true;
}

int spdy_headers_take(struct spdy_headers *h, struct str block, struct arena *a, struct http_header **headers,
                      size_t *n, struct err *err)
{
    _cleanup_buf_ struct buf plain = {0};
    if (unpack(h, block, &plain, err) < 0)
        return -1;
    struct str rest = arena_str(a, buf_str(&plain));
    if (rest.n < 4 || get_u32(rest.p) > SPDY_HEADERS_MAX)
        return err_set(err, ERR_BAD_REQUEST, "malformed SPDY header block");
    *n = get_u32(rest.p);
    *headers = arena_new_n(a, struct http_header, *n);
    rest = str_from_at(rest, 4);
    for (size_t i = 0; i < *n; i++) {
        struct http_header *at = &(*headers)[i];
        struct str all;
        if (!take_text(&rest, &at->name) || !take_text(&rest, &all) || !at->name.n)
            return err_set(err, ERR_BAD_REQUEST, "malformed SPDY header block");
        if (!str_cut(&all, '\0', &at->value)) /* several are separated by NUL */
            at->value = all;
    }
    return 0;
}
