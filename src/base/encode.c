#include "base/encode.h"

static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_64(struct buf *out, struct str in, const char *alphabet, bool pad)
{
    char *to = buf_room(out, (in.n + 2) / 3 * 4), *start = to;
    const unsigned char *p = (const unsigned char *)in.p;
    size_t i = 0;
    for (; i + 3 <= in.n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    if (i < in.n) {
        bool two = in.n - i == 2;
        uint32_t v = (uint32_t)p[i] << 16 | (two ? (uint32_t)p[i + 1] << 8 : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        if (two)
            *to++ = alphabet[v >> 6 & 63];
        for (int k = two ? 1 : 2; pad && k; k--)
            *to++ = '=';
    }
    out->n += (size_t)(to - start);
}

void encode_base64(struct buf *out, struct str in)
{
    encode_64(out, in, std_alphabet, true);
}

void encode_base64url(struct buf *out, struct str in)
{
    encode_64(out, in, url_alphabet, false);
}

static int decode_digit(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

static int decode_64(struct buf *out, struct str in, const char *alphabet, bool pad)
{
    uint32_t v = 0;
    size_t digits = 0, padding = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (pad && (c == '\n' || c == '\r'))
            continue;
        if (pad && c == '=') {
            padding++;
            continue;
        }
        int d = decode_digit(c, alphabet);
        if (d < 0 || padding)
            return -1;
        v = v << 6 | (uint32_t)d;
        if (++digits % 4 == 0) {
            buf_add_c(out, (char)(v >> 16));
            buf_add_c(out, (char)(v >> 8));
            buf_add_c(out, (char)v);
            v = 0;
        }
    }
    size_t rest = digits % 4;
    if (rest == 1 || (pad && padding != (rest ? 4 - rest : 0)))
        return -1;
    if (rest == 2) {
        if (v & 15)
            return -1;
        buf_add_c(out, (char)(v >> 4));
    } else if (rest == 3) {
        if (v & 3)
            return -1;
        buf_add_c(out, (char)(v >> 10));
        buf_add_c(out, (char)(v >> 2));
    }
    return 0;
}

int decode_base64(struct buf *out, struct str in)
{
    return decode_64(out, in, std_alphabet, true);
}

int decode_base64url(struct buf *out, struct str in)
{
    return decode_64(out, in, url_alphabet, false);
}

static const char hex_digits[] = "0123456789abcdef";

void encode_hex(struct buf *out, struct str in)
{
    for (size_t i = 0; i < in.n; i++) {
        buf_add_c(out, hex_digits[(unsigned char)in.p[i] >> 4]);
        buf_add_c(out, hex_digits[(unsigned char)in.p[i] & 15]);
    }
}

static int decode_nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int decode_hex(struct buf *out, struct str in)
{
    if (in.n % 2)
        return -1;
    for (size_t i = 0; i < in.n; i += 2) {
        int hi = decode_nibble(in.p[i]), lo = decode_nibble(in.p[i + 1]);
        if (hi < 0 || lo < 0)
            return -1;
        buf_add_c(out, (char)(hi << 4 | lo));
    }
    return 0;
}

int decode_percent(struct arena *a, struct str in, bool plus, struct str *out)
{
    char *to = arena_alloc(a, in.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '%') {
            if (in.n - i < 3)
                return -1;
            int hi = decode_nibble(in.p[i + 1]), lo = decode_nibble(in.p[i + 2]);
            if (hi < 0 || lo < 0)
                return -1;
            to[n++] = (char)(hi << 4 | lo);
            i += 2;
        } else {
            to[n++] = plus && in.p[i] == '+' ? ' ' : in.p[i];
        }
    }
    *out = str_slice(to, n);
    return 0;
}

void encode_percent(struct buf *out, struct str in)
{
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_add_c(out, c);
        } else {
            buf_add_c(out, '%');
            buf_add_c(out, "0123456789ABCDEF"[(unsigned char)c >> 4]);
            buf_add_c(out, "0123456789ABCDEF"[(unsigned char)c & 15]);
        }
    }
}
