/* The letters of Protobuf: varints, tags and lengths, always within bounds. */
#pragma once
#include "base/str.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_cursor {
    const uint8_t *p, *end;
};

/* One field as it stands in a message. */
struct wire_value {
    uint32_t number;
    enum wire_type wire;
    uint64_t bits;    /* of varints and fixed-size values */
    struct str bytes; /* of WIRE_BYTES */
};

static inline struct wire_cursor wire_open(struct str s)
{
    const uint8_t *p = (const uint8_t *)(s.p ? s.p : "");
    return (struct wire_cursor){p, p + s.n};
}

/* False when it is cut off, or longer than 64 bits. */
static inline bool wire_varint(struct wire_cursor *c, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        uint8_t b = *c->p++;
        if (shift == 63 && b > 1)
            return false;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static inline bool wire_fixed(struct wire_cursor *c, size_t n, uint64_t *out)
{
    if ((size_t)(c->end - c->p) < n)
        return false;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out |= (uint64_t)c->p[i] << 8 * i;
    c->p += n;
    return true;
}

/* The next field, whatever it is. False when the message is cut off or malformed (also groups, which nobody
 * writes). */
static inline bool wire_next(struct wire_cursor *c, struct wire_value *v)
{
    uint64_t tag;
    *v = (struct wire_value){0};
    if (!wire_varint(c, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    v->number = (uint32_t)(tag >> 3);
    v->wire = (enum wire_type)(tag & 7);
    switch (v->wire) {
    case WIRE_VARINT:
        return wire_varint(c, &v->bits);
    case WIRE_FIXED64:
        return wire_fixed(c, 8, &v->bits);
    case WIRE_FIXED32:
        return wire_fixed(c, 4, &v->bits);
    case WIRE_BYTES:
        if (!wire_varint(c, &v->bits) || v->bits > (uint64_t)(c->end - c->p))
            return false;
        v->bytes = str_slice((const char *)c->p, (size_t)v->bits);
        c->p += v->bits;
        return true;
    }
    return false;
}

static inline size_t wire_varint_size(uint64_t v)
{
    return ((size_t)(63 - __builtin_clzll(v | 1)) * 9 + 73) / 64;
}
