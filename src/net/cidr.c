#include "net/cidr.h"

bool ip4_parse(struct str s, uint32_t *out)
{
    uint32_t ip = 0;
    struct str part;
    int parts = 0;
    for (; str_cut(&s, '.', &part); parts++) {
        uint64_t v;
        if (parts == 4 || part.n > 3 || (part.n > 1 && part.p[0] == '0') || !str_to_u64(part, &v) || v > 255)
            return false;
        ip = ip << 8 | (uint32_t)v;
    }
    *out = ip;
    return parts == 4;
}

static uint32_t cidr_mask(uint8_t bits)
{
    return bits ? UINT32_MAX << (32 - bits) : 0;
}

bool cidr_parse(struct str s, struct cidr *out)
{
    ptrdiff_t slash = str_index(s, '/');
    uint32_t ip;
    uint64_t bits;
    if (slash < 0 || !ip4_parse(str_slice(s.p, (size_t)slash), &ip) ||
        !str_to_u64(str_from_at(s, (size_t)slash + 1), &bits) || bits > 32)
        return false;
    *out = (struct cidr){ip & cidr_mask((uint8_t)bits), (uint8_t)bits};
    return true;
}

bool cidr_has(struct cidr c, uint32_t ip)
{
    return (ip & cidr_mask(c.bits)) == c.base;
}

struct str ip4_text(struct arena *a, uint32_t ip)
{
    return arena_printf(a, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}
