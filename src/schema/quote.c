#include "schema/quote.h"

/* The length of the UTF-8 sequence at the front of `s`, its code point in *code; 0 when it is not one. */
static size_t quote_rune(struct str s, uint32_t *code)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (n > s.n || !str_is_utf8(str_slice(s.p, n)))
        return 0;
    *code = n == 1 ? c : c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | ((unsigned char)s.p[i] & 0x3f);
    return n;
}

/* Whether a character beyond ASCII prints. The ranges are those of Unicode's control, format, space,
 * surrogate, private-use and non-characters; characters not assigned yet are taken to print. */
static bool quote_prints(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } hidden[] = {{0x7f, 0xa0},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},
                  {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x1680, 0x1680},   {0x180e, 0x180e},
                  {0x2000, 0x200f},   {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},
                  {0xe000, 0xf8ff},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
                  {0x1d173, 0x1d17a}, {0xe0000, 0xe007f}, {0xf0000, 0x10ffff}};
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (c >= hidden[i].from && c <= hidden[i].to)
            return false;
    return true;
}

static void quote_ascii(struct buf *out, char c)
{
    static const char named[] = "\a\b\f\n\r\t\v\"\\", letters[] = "abfnrtv\"\\";
    const char *at = c ? strchr(named, c) : NULL;
    if (at)
        buf_addf(out, "\\%c", letters[at - named]);
    else if (c < 0x20 || c == 0x7f)
        buf_addf(out, "\\x%02x", (unsigned)c);
    else
        buf_add_c(out, c);
}

void quote_go(struct buf *out, struct str s)
{
    buf_add_c(out, '"');
    while (s.n) {
        uint32_t code = 0;
        size_t n = quote_rune(s, &code);
        if (n == 0)
            buf_addf(out, "\\x%02x", (unsigned char)s.p[0]);
        else if (n == 1)
            quote_ascii(out, s.p[0]);
        else if (quote_prints(code))
            buf_add(out, s.p, n);
        else
            buf_addf(out, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
        s = str_from_at(s, n ? n : 1);
    }
    buf_add_c(out, '"');
}

struct str quote_go_str(struct arena *a, struct str s)
{
    _cleanup_buf_ struct buf b = {0};
    quote_go(&b, s);
    return arena_str(a, buf_str(&b));
}
