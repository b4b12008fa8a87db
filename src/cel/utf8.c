#include "cel/utf8.h"

size_t utf8_next(struct str s, uint32_t *code)
{
    unsigned char c = (unsigned char)s.p[0];
    *code = c;
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n > s.n || !str_is_utf8(str_slice(s.p, n))) {
        *code = 0xfffd;
        return 1;
    }
    *code = c & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | ((unsigned char)s.p[i] & 0x3f);
    return n;
}

static bool is_ascii(struct str s)
{
    unsigned char any = 0;
    for (size_t i = 0; i < s.n; i++)
        any |= (unsigned char)s.p[i];
    return any < 0x80;
}

size_t utf8_len(struct str s)
{
    if (is_ascii(s))
        return s.n;
    size_t n = 0;
    uint32_t code;
    for (size_t at = 0; at < s.n; n++)
        at += utf8_next(str_from_at(s, at), &code);
    return n;
}

size_t utf8_at(struct str s, size_t i)
{
    if (is_ascii(s))
        return i <= s.n ? i : SIZE_MAX;
    size_t at = 0;
    uint32_t code;
    for (; i && at < s.n; i--)
        at += utf8_next(str_from_at(s, at), &code);
    return i ? SIZE_MAX : at;
}

void utf8_add(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_add_c(out, (char)code);
    } else if (code < 0x800) {
        buf_add_c(out, (char)(0xc0 | code >> 6));
        buf_add_c(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_add_c(out, (char)(0xe0 | code >> 12));
        buf_add_c(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_c(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_add_c(out, (char)(0xf0 | code >> 18));
        buf_add_c(out, (char)(0x80 | (code >> 12 & 0x3f)));
        buf_add_c(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_c(out, (char)(0x80 | (code & 0x3f)));
    }
}
