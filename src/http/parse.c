#include "http/parse.h"

/* 1: may stand in a token (RFC 9110, 5.6.2); 2: an upper-case letter, which is lowered in names */
static const unsigned char token_chars[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 2,
};

bool parse_is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_chars[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

bool parse_is_field_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control((unsigned char)s.p[i]))
            return false;
    return true;
}

ptrdiff_t parse_head_end(struct str bytes, size_t *scanned)
{
    /* Every line feed must follow a carriage return; the head ends with the first that follows another
     * line's. */
    size_t at = *scanned;
    while (at < bytes.n) {
        const char *lf = memchr(bytes.p + at, '\n', bytes.n - at);
        if (!lf)
            break;
        size_t i = (size_t)(lf - bytes.p);
        if (i == 0 || bytes.p[i - 1] != '\r')
            return -1;
        if (i == 1) /* an empty line where the first should be */
            return -1;
        if (i >= 3 && bytes.p[i - 2] == '\n')
            return (ptrdiff_t)i + 1;
        at = i + 1;
    }
    *scanned = at;
    return 0;
}

/* --- fields --- */

/* One line without its CRLF off the front; the whole head is there, and each LF follows a CR. */
static struct str next_line(struct str *rest)
{
    const char *lf = memchr(rest->p, '\n', rest->n);
    size_t n = lf ? (size_t)(lf - rest->p) : rest->n;
    struct str line = str_slice(rest->p, n ? n - 1 : 0);
    *rest = str_from_at(*rest, n + 1);
    return line;
}

static bool list_has(struct str list, const char *lower)
{
    struct str item;
    while (str_cut(&list, ',', &item))
        if (str_eq_fold(str_trim(item), str_from(lower)))
            return true;
    return false;
}

static bool parse_length(struct str s, int64_t *out)
{
    if (!s.n || s.n > 18)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') /* no sign, no list */
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *out = v;
    return true;
}

/* What the fields say about framing and the connection. 0 or a status. */
static int understand(struct http_head *h, const char **problem)
{
    int hosts = 0, lengths = 0, codings = 0;
    bool close = false, keep = false, upgrade_named = false;
    struct str upgrade = {0};
    for (size_t i = 0; i < h->n_headers; i++) {
        struct str name = h->headers[i].name, value = h->headers[i].value;
        if (str_eq(name, STR("content-length"))) {
            *problem = "bad or repeated Content-Length";
            if (lengths++ || !parse_length(value, &h->content_length))
                return 400;
        } else if (str_eq(name, STR("transfer-encoding"))) {
            *problem = "unsupported transfer encoding";
            if (codings++ || !str_eq_fold(value, STR("chunked")))
                return 501;
            h->chunked = true;
        } else if (str_eq(name, STR("connection"))) {
            close = close || list_has(value, "close");
            keep = keep || list_has(value, "keep-alive");
            upgrade_named = upgrade_named || list_has(value, "upgrade");
        } else if (str_eq(name, STR("host"))) {
            h->host = value;
            hosts++;
        } else if (str_eq(name, STR("upgrade"))) {
            upgrade = value;
        } else if (h->method.n && str_eq(name, STR("expect"))) {
            h->expect_continue = str_eq_fold(value, STR("100-continue"));
            *problem = "unknown expectation";
            if (!h->expect_continue)
                return 417;
        }
    }
    if (h->method.n) {
        *problem = hosts ? "too many Host headers" : "missing required Host header";
        if (hosts > 1 || (hosts == 0 && h->minor))
            return 400;
        *problem = "malformed Host header";
        for (size_t i = 0; i < h->host.n; i++)
            if (strchr("/?#@\\\"<> \t", h->host.p[i]))
                return 400;
    }
    *problem = "Transfer-Encoding beside Content-Length, or before HTTP/1.1";
    if (h->chunked && (lengths || h->minor == 0))
        return 400;
    h->keep_alive = !close && (h->minor || keep);
    if (upgrade_named && h->minor)
        h->upgrade = upgrade;
    *problem = NULL;
    return 0;
}

static int parse_fields(struct arena *a, struct str rest, struct http_head *h, const char **problem)
{
    struct http_header fields[HTTP_MAX_HEADERS];
    size_t n = 0;
    for (struct str line; (line = next_line(&rest)).n;) {
        if (n == HTTP_MAX_HEADERS) {
            *problem = "too many header fields";
            return 431;
        }
        /* The name, lowered where it stands; a space (before the colon, or of a folded line) is no token
         * character. */
        size_t colon = 0;
        for (; colon < line.n && line.p[colon] != ':'; colon++) {
            unsigned char kind = token_chars[(unsigned char)line.p[colon]];
            *problem = "malformed header field name";
            if (!kind)
                return 400;
            if (kind == 2)
                ((char *)line.p)[colon] |= 0x20;
        }
        *problem = "malformed header field";
        if (colon == 0 || colon == line.n)
            return 400;
        struct str value = str_slice(line.p + colon + 1, line.n - colon - 1);
        if (!parse_is_field_value(value))
            return 400;
        fields[n++] = (struct http_header){str_slice(line.p, colon), str_trim(value)};
    }
    h->headers = arena_dup(a, fields, n * sizeof *fields);
    h->n_headers = n;
    return understand(h, problem);
}

/* --- first lines --- */

static bool take_version(struct str s, int *minor)
{
    if (s.n != 8 || memcmp(s.p, "HTTP/1.", 7) != 0 || (s.p[7] != '0' && s.p[7] != '1'))
        return false;
    *minor = s.p[7] - '0';
    return true;
}

int parse_request(struct arena *a, char *bytes, size_t n, struct http_head *out, const char **problem)
{
    *out = (struct http_head){.content_length = -1};
    struct str rest = str_slice(bytes, n), line = next_line(&rest), version = {0};
    str_cut(&line, ' ', &out->method);
    if (!str_cut(&line, ' ', &out->target) || !line.p)
        out->target = (struct str){0};
    version = line;
    *problem = "malformed request line";
    if (!parse_is_token(out->method) || out->method.n > 32 || !out->target.n || !version.n)
        return 400;
    for (size_t i = 0; i < out->target.n; i++)
        if ((unsigned char)out->target.p[i] <= 0x20 || (unsigned char)out->target.p[i] >= 0x7f)
            return 400;
    if (!take_version(version, &out->minor)) {
        *problem = "unsupported protocol version";
        return version.n == 8 && memcmp(version.p, "HTTP/", 5) == 0 ? 505 : 400;
    }
    return parse_fields(a, rest, out, problem);
}

int parse_response(struct arena *a, char *bytes, size_t n, struct http_head *out, const char **problem)
{
    *out = (struct http_head){.content_length = -1};
    struct str rest = str_slice(bytes, n), line = next_line(&rest), version;
    *problem = "malformed status line";
    str_cut(&line, ' ', &version);
    if (!take_version(version, &out->minor) || line.n < 3 || (line.n > 3 && line.p[3] != ' '))
        return -1;
    for (int i = 0; i < 3; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return -1;
        out->status = out->status * 10 + (line.p[i] - '0');
    }
    if (out->status < 100)
        return -1;
    return parse_fields(a, rest, out, problem) ? -1 : 0;
}

/* --- chunked bodies --- */

enum { EXTRA_MOST = 16 * 1024 };

enum chunk_state {
    CHUNK_SIZE,      /* hexadecimal digits */
    CHUNK_EXTENSION, /* up to CR */
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_CR,
    CHUNK_LF,
    CHUNK_TRAILER, /* a line of them, or the last, empty one */
    CHUNK_TRAILER_LF,
    CHUNK_DONE,
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte outside the data. Returns the next state, or -1. */
static int chunk_step(struct chunked *c, char byte)
{
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE: {
        int v = hex_value(byte);
        if (v >= 0) {
            if (++c->line > 15)
                return -1;
            c->left = c->left * 16 + (unsigned)v;
            return CHUNK_SIZE;
        }
        if (!c->line)
            return -1;
        return byte == '\r' ? CHUNK_SIZE_LF : byte == ';' ? CHUNK_EXTENSION : -1;
    }
    case CHUNK_EXTENSION:
        if (byte == '\r')
            return CHUNK_SIZE_LF;
        return is_control((unsigned char)byte) || ++c->extra > EXTRA_MOST ? -1 : CHUNK_EXTENSION;
    case CHUNK_SIZE_LF:
        c->line = 0;
        return byte != '\n' ? -1 : c->left ? CHUNK_DATA : CHUNK_TRAILER;
    case CHUNK_CR:
        return byte == '\r' ? CHUNK_LF : -1;
    case CHUNK_LF:
        return byte == '\n' ? CHUNK_SIZE : -1;
    case CHUNK_TRAILER:
        if (byte == '\r')
            return CHUNK_TRAILER_LF;
        c->line++;
        return is_control((unsigned char)byte) || ++c->extra > EXTRA_MOST ? -1 : CHUNK_TRAILER;
    case CHUNK_TRAILER_LF: {
        bool last = !c->line;
        c->line = 0;
        return byte != '\n' ? -1 : last ? CHUNK_DONE : CHUNK_TRAILER;
    }
    case CHUNK_DATA:
    case CHUNK_DONE:
        break;
    }
    return -1;
}

int chunked_decode(struct chunked *c, struct str *in, struct str *data)
{
    *data = (struct str){0};
    while (in->n && c->state != CHUNK_DONE) {
        if (c->state == CHUNK_DATA) {
            size_t n = in->n < c->left ? in->n : (size_t)c->left;
            *data = str_slice(in->p, n);
            *in = str_from_at(*in, n);
            c->left -= n;
            if (!c->left)
                c->state = CHUNK_CR;
            return 0;
        }
        c->state = chunk_step(c, in->p[0]);
        *in = str_from_at(*in, 1);
        if (c->state < 0)
            return -1;
    }
    return c->state == CHUNK_DONE;
}
