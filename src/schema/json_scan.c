#include "schema/json_scan.h"

#include "schema/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How many bytes from p on are plain: neither quote nor backslash nor control. Sets *high when one is not
 * ASCII. */
static const char *plain_run(const char *p, const char *end, bool *high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* min(b, 0x1f) == b finds 0 to 0x1f, unsigned. */
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, slash)),
                                    _mm_cmpeq_epi8(_mm_min_epu8(b, control), b));
        unsigned at = (unsigned)_mm_movemask_epi8(stop), top = (unsigned)_mm_movemask_epi8(b);
        if (at) {
            unsigned n = (unsigned)__builtin_ctz(at);
            *high |= (top & ((1u << n) - 1)) != 0;
            return p + n;
        }
        *high |= top != 0;
        p += 16;
    }
#endif
    for (; p < end; p++) {
        unsigned char ch = (unsigned char)*p;
        if (ch == '"' || ch == '\\' || ch < 0x20)
            break;
        *high |= ch >= 0x80;
    }
    return p;
}

static int hex_digit(char ch)
{
    return ch >= '0' && ch <= '9'   ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                    : -1;
}

bool json_scan_string(struct json_cursor *c, struct str *raw, bool *plain)
{
    const char *p = c->p;
    if (p == c->end || *p != '"')
        return false;
    const char *from = ++p;
    bool high = false, escaped = false;
    for (;;) {
        p = plain_run(p, c->end, &high);
        if (p == c->end || (unsigned char)*p < 0x20)
            return false;
        if (*p == '"')
            break;
        escaped = true;
        if (++p == c->end)
            return false;
        if (*p == 'u') {
            if (c->end - p < 5)
                return false;
            for (int i = 1; i <= 4; i++)
                if (hex_digit(p[i]) < 0)
                    return false;
            p += 5;
        } else if (memchr("\"\\/bfnrt", *p, 8)) {
            p++;
        } else {
            return false;
        }
    }
    *raw = str_slice(from, (size_t)(p - from));
    *plain = !escaped && (!high || str_is_utf8(*raw));
    c->p = p + 1;
    return true;
}

static char *put_utf8(char *to, uint32_t r)
{
    if (r < 0x80) {
        *to++ = (char)r;
    } else if (r < 0x800) {
        *to++ = (char)(0xc0 | r >> 6);
        *to++ = (char)(0x80 | (r & 0x3f));
    } else if (r < 0x10000) {
        *to++ = (char)(0xe0 | r >> 12);
        *to++ = (char)(0x80 | (r >> 6 & 0x3f));
        *to++ = (char)(0x80 | (r & 0x3f));
    } else {
        *to++ = (char)(0xf0 | r >> 18);
        *to++ = (char)(0x80 | (r >> 12 & 0x3f));
        *to++ = (char)(0x80 | (r >> 6 & 0x3f));
        *to++ = (char)(0x80 | (r & 0x3f));
    }
    return to;
}

static uint32_t hex4(const char *p)
{
    return (uint32_t)(hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]));
}

struct str json_unescape(struct arena *a, struct str raw)
{
    /* A wrong byte becomes the three of U+FFFD; nothing else grows. */
    char *text = arena_alloc(a, raw.n * 3 + 1), *to = text;
    const char *p = raw.p, *end = raw.p + raw.n;
    while (p < end) {
        unsigned char ch = (unsigned char)*p;
        if (ch == '\\') {
            p++;
            if (*p != 'u') {
                static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
                const char *at = memchr(from, *p, 5);
                *to++ = at ? into[at - from] : *p;
                p++;
                continue;
            }
            uint32_t r = hex4(p + 1);
            p += 5;
            if (r >= 0xd800 && r < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                uint32_t low = hex4(p + 2);
                if (low >= 0xdc00 && low < 0xe000) {
                    r = 0x10000 + ((r - 0xd800) << 10) + (low - 0xdc00);
                    p += 6;
                }
            }
            to = put_utf8(to, r >= 0xd800 && r < 0xe000 ? 0xfffd : r);
        } else if (ch < 0x80) {
            *to++ = *p++;
        } else {
            size_t n = ch >= 0xf0 ? 4 : ch >= 0xe0 ? 3 : 2;
            if ((size_t)(end - p) >= n && str_is_utf8(str_slice(p, n))) {
                memcpy(to, p, n);
                to += n;
                p += n;
            } else {
                to = put_utf8(to, 0xfffd);
                p++;
            }
        }
    }
    return str_slice(text, (size_t)(to - text));
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

bool json_scan_number(struct json_cursor *c, struct str *text, bool *integer)
{
    const char *p = c->p, *end = c->end, *from;
    *integer = true;
    if (p < end && *p == '-')
        p++;
    from = p;
    p = p < end && *p == '0' ? p + 1 : digits(p, end);
    if (p == from)
        return false;
    if (p < end && *p == '.') {
        *integer = false;
        from = ++p;
        p = digits(p, end);
        if (p == from)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *integer = false;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        p = digits(p, end);
        if (p == from)
            return false;
    }
    *text = str_slice(c->p, (size_t)(p - c->p));
    c->p = p;
    return true;
}

bool json_scan_word(struct json_cursor *c, const char *word, size_t n)
{
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return false;
    c->p += n;
    return true;
}

static bool skip_scalar(struct json_cursor *c)
{
    struct str text;
    bool flag;
    switch (*c->p) {
    case '"':
        return json_scan_string(c, &text, &flag);
    case 't':
        return json_scan_word(c, "true", 4);
    case 'f':
        return json_scan_word(c, "false", 5);
    case 'n':
        return json_scan_word(c, "null", 4);
    default:
        return json_scan_number(c, &text, &flag);
    }
}

static bool skip_key(struct json_cursor *c)
{
    struct str text;
    bool plain;
    json_space(c);
    return json_scan_string(c, &text, &plain) && json_take(c, ':');
}

bool json_skip(struct json_cursor *c)
{
    uint8_t object[JSON_DEPTH / 8]; /* one bit for each level: is it an object? */
    unsigned depth = 0;
    for (;;) {
        json_space(c);
        if (c->p == c->end)
            return false;
        bool opens = *c->p == '{' || *c->p == '[', is_object = *c->p == '{';
        if (opens) {
            c->p++;
            if (json_take(c, is_object ? '}' : ']')) {
                /* empty: a value like any other */
            } else {
                if (depth == JSON_DEPTH)
                    return false;
                uint8_t bit = (uint8_t)(1u << depth % 8);
                object[depth / 8] = (uint8_t)(is_object ? (depth % 8 ? object[depth / 8] : 0) | bit
                                                        : (depth % 8 ? object[depth / 8] : 0) & ~bit);
                depth++;
                if (is_object && !skip_key(c))
                    return false;
                continue;
            }
        } else if (!skip_scalar(c)) {
            return false;
        }
        /* A value is complete: close what closes here. */
        for (;;) {
            if (depth == 0)
                return true;
            bool in_object = object[(depth - 1) / 8] >> (depth - 1) % 8 & 1;
            if (json_take(c, ',')) {
                if (in_object && !skip_key(c))
                    return false;
                break;
            }
            if (!json_take(c, in_object ? '}' : ']'))
                return false;
            depth--;
        }
    }
}

/* Behind the string whose opening quote is at p. */
static const char *pass_string(const char *p, const char *end)
{
    for (bool escaped = true; escaped;) {
        p = memchr(p + 1, '"', (size_t)(end - p - 1));
        if (!p)
            return end;
        escaped = false;
        for (const char *back = p; back[-1] == '\\'; back--)
            escaped = !escaped;
    }
    return p + 1;
}

void json_pass(struct json_cursor *c)
{
    const char *p = c->p;
    for (unsigned depth = 0; p < c->end;) {
        char ch = *p;
        if (ch == '"') {
            p = pass_string(p, c->end);
            continue;
        }
        bool closes = ch == '}' || ch == ']';
        if (!depth && (closes || ch == ','))
            break; /* what it stands in goes on */
        depth += (unsigned)(ch == '{' || ch == '[') - closes;
        p++;
    }
    c->p = p;
}
