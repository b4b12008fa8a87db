/* Protobuf into structs. The format's rules hold: the last of repeated single fields counts, messages merge,
 * packed and unpacked lists are both read, unknown fields are skipped. */
#include "schema/json.h"
#include "schema/layout.h"
#include "schema/map_order.h"
#include "schema/proto.h"
#include "schema/proto_wire.h"
#include "schema/quantity.h"
#include "schema/timestamp.h"

/* A level here may be two in JSON, which must be able to read what we write. */
enum { DECODE_DEPTH = 64 };

struct decoder {
    struct arena *a;
    bool borrow;
    unsigned depth;
    struct err *err;
};

static int decode_message(struct decoder *d, const struct type *t, struct str message, char *base);

static int wrong(struct decoder *d, const char *what)
{
    return err_set(d->err, ERR_BAD_REQUEST, "proto: %s", what);
}

static int wrong_wire_type(struct decoder *d, const struct type *t, const struct field *f, unsigned wire)
{
    return err_set(d->err, ERR_BAD_REQUEST, "proto: wrong wireType = %u for field " STR_FMT "." STR_FMT, wire,
                   STR_ARG(t->name), STR_ARG(f->name));
}

/* Empty is there, not absent. */
static struct str keep(struct decoder *d, struct str s)
{
    return d->borrow && s.n ? s : arena_str(d->a, s);
}

/* The messages that upstream wraps plain values in: Time, Quantity, IntOrString, Duration, RawExtension. */
struct wrapped {
    int64_t number[4];
    struct str bytes[4];
};

static int unwrap(struct decoder *d, struct str message, struct wrapped *w)
{
    struct wire_cursor c = wire_open(message);
    while (c.p < c.end) {
        struct wire_value v;
        if (!wire_next(&c, &v))
            return wrong(d, "unexpected EOF");
        if (v.number < 4) {
            w->number[v.number] = v.wire == WIRE_VARINT ? (int64_t)v.bits : w->number[v.number];
            w->bytes[v.number] = v.wire == WIRE_BYTES ? v.bytes : w->bytes[v.number];
        }
    }
    return 0;
}

static int decode_wrapped(struct decoder *d, const struct field *f, struct str message, void *at)
{
    struct wrapped w = {0};
    if (unwrap(d, message, &w) < 0)
        return -1;
    switch ((enum value_kind)f->kind) {
    case VALUE_TIME:
    case VALUE_MICRO_TIME: {
        int64_t ns = f->kind == VALUE_TIME ? 0 : w.number[2];
        if (ns < 0 || ns >= 1000000000 || w.number[1] < TIME_LEAST_S || w.number[1] > TIME_MOST_S)
            return wrong(d, "time out of range");
        *(struct time *)at = (struct time){w.number[1], (int32_t)(ns / 1000 * 1000)};
        return 0;
    }
    case VALUE_DURATION:
        *(int64_t *)at = w.number[1];
        return 0;
    case VALUE_QUANTITY: {
        struct str canonical = STR("0");
        if (w.bytes[1].n && quantity_canonical(d->a, w.bytes[1], &canonical, d->err) < 0)
            return -1;
        *(struct str *)at = canonical.p == w.bytes[1].p ? keep(d, canonical) : canonical;
        return 0;
    }
    case VALUE_INT_OR_STRING:
        *(struct int_or_str *)at =
            (struct int_or_str){w.number[1] == 1, (int32_t)w.number[2], keep(d, w.bytes[3])};
        return 0;
    default:
        /* It will stand in JSON as it is. */
        if (w.bytes[1].n && json_check(w.bytes[1], d->err) < 0)
            return -1;
        *(struct str *)at = w.bytes[1].n ? keep(d, w.bytes[1]) : (struct str){0};
        return 0;
    }
}

static bool is_varint(const struct field *f)
{
    return f->kind == VALUE_BOOL || f->kind == VALUE_INT32 || f->kind == VALUE_INT64;
}

static void put_varint(const struct field *f, uint64_t bits, void *at)
{
    if (f->kind == VALUE_BOOL)
        *(bool *)at = bits != 0;
    else if (f->kind == VALUE_INT32)
        *(int32_t *)at = (int32_t)bits;
    else
        *(int64_t *)at = (int64_t)bits;
}

static unsigned wire_of(const struct field *f)
{
    return is_varint(f) ? WIRE_VARINT : f->kind == VALUE_DOUBLE ? WIRE_FIXED64 : WIRE_BYTES;
}

static int decode_one(struct decoder *d, const struct field *f, const struct wire_value *v, void *at)
{
    if (is_varint(f)) {
        put_varint(f, v->bits, at);
        return 0;
    }
    switch ((enum value_kind)f->kind) {
    case VALUE_DOUBLE:
        memcpy(at, &v->bits, sizeof v->bits);
        return 0;
    case VALUE_STRING:
    case VALUE_BYTES:
        *(struct str *)at = keep(d, v->bytes);
        return 0;
    case VALUE_STRUCT:
        return decode_message(d, f->type, v->bytes, at);
    default:
        return decode_wrapped(d, f, v->bytes, at);
    }
}

/* A list or map that grows. The items of a list mostly stand in one run, which is counted before the first is
 * kept, so that the memory is exactly as large. */
struct growing {
    const struct field *field;
    struct any_vec *vec;
    size_t item, room;
};

static void *grow(struct decoder *d, struct growing *g, size_t expected)
{
    struct any_vec *vec = g->vec;
    if (vec->n >= g->room) {
        g->room = vec->n ? vec->n * 2 : expected;
        void *at = arena_array(d->a, g->room, g->item);
        if (vec->n)
            memcpy(at, vec->at, vec->n * g->item);
        vec->at = at;
    }
    return (char *)vec->at + vec->n++ * g->item;
}

/* How many fields of this number come next, one after the other, this one included. */
static size_t count_run(struct wire_cursor c, uint32_t number)
{
    struct wire_value v;
    size_t n = 1;
    while (c.p < c.end && wire_next(&c, &v) && v.number == number)
        n++;
    return n;
}

static int decode_packed(struct decoder *d, struct str bytes, struct growing *g)
{
    struct wire_cursor c = wire_open(bytes);
    while (c.p < c.end) {
        uint64_t bits;
        if (!wire_varint(&c, &bits))
            return wrong(d, "unexpected EOF");
        put_varint(g->field, bits, grow(d, g, 4));
    }
    return 0;
}

static int decode_entry(struct decoder *d, const struct type *t, const struct field *f, struct str message,
                        char *entry)
{
    struct wire_cursor c = wire_open(message);
    struct str *key = (struct str *)(void *)entry;
    while (c.p < c.end) {
        struct wire_value v;
        if (!wire_next(&c, &v))
            return wrong(d, "unexpected EOF");
        if (v.number == 1 && v.wire == WIRE_BYTES)
            *key = keep(d, v.bytes);
        else if (v.number == 2 && v.wire != wire_of(f))
            return wrong_wire_type(d, t, f, v.wire);
        else if (v.number == 2 && decode_one(d, f, &v, entry + sizeof *key) < 0)
            return -1;
    }
    if (f->kind == VALUE_QUANTITY && !((struct str *)(void *)(entry + sizeof *key))->n)
        *(struct str *)(void *)(entry + sizeof *key) = STR("0");
    return 0;
}

static int decode_field(struct decoder *d, const struct type *t, const struct field *f,
                        const struct wire_value *v, struct wire_cursor rest, struct growing *g, void *at)
{
    bool repeated = f->shape == SHAPE_LIST || f->shape == SHAPE_MAP;
    if (repeated && g->field != f)
        *g = (struct growing){f, at, layout_stride(f), ((struct any_vec *)at)->n};
    if (f->shape == SHAPE_MAP) {
        if (v->wire != WIRE_BYTES)
            return wrong_wire_type(d, t, f, v->wire);
        return decode_entry(d, t, f, v->bytes, grow(d, g, g->vec->n ? 0 : count_run(rest, v->number)));
    }
    if (f->shape == SHAPE_LIST && v->wire == WIRE_BYTES && is_varint(f))
        return decode_packed(d, v->bytes, g);
    if (v->wire != wire_of(f))
        return wrong_wire_type(d, t, f, v->wire);
    if (f->shape == SHAPE_LIST)
        return decode_one(d, f, v, grow(d, g, g->vec->n ? 0 : count_run(rest, v->number)));
    if (f->shape == SHAPE_OPTIONAL) {
        void **p = at;
        if (!*p)
            *p = arena_alloc(d->a, layout_size(f));
        at = *p;
    }
    return decode_one(d, f, v, at);
}

static int decode_message(struct decoder *d, const struct type *t, struct str message, char *base)
{
    if (++d->depth > DECODE_DEPTH)
        return wrong(d, "exceeded max depth");
    struct wire_cursor c = wire_open(message);
    struct growing g = {0};
    unsigned guess = 0;
    while (c.p < c.end) {
        struct wire_value v;
        if (!wire_next(&c, &v))
            return wrong(d, "unexpected EOF");
        const struct field *f = type_field_numbered(t, v.number, &guess);
        if (f && decode_field(d, t, f, &v, c, &g, base + f->offset) < 0)
            return -1;
    }
    for (unsigned i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        if (f->shape == SHAPE_MAP)
            map_order((struct any_vec *)(void *)(base + f->offset), layout_stride(f), NULL, NULL);
    }
    d->depth--;
    return 0;
}

int proto_decode(struct arena *a, const struct type *t, struct str message, bool borrow, void *out,
                 struct err *err)
{
    struct decoder d = {.a = a, .borrow = borrow, .err = err};
    return decode_message(&d, t, message, out);
}

bool proto_has_envelope(struct str bytes)
{
    return bytes.n >= 4 && memcmp(bytes.p, "k8s", 4) == 0;
}

int proto_open(struct str bytes, struct proto_envelope *out, struct err *err)
{
    *out = (struct proto_envelope){0};
    if (!proto_has_envelope(bytes))
        return err_set(
            err, ERR_BAD_REQUEST,
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
    struct wire_cursor c = wire_open(str_from_at(bytes, 4));
    while (c.p < c.end) {
        struct wire_value v;
        if (!wire_next(&c, &v))
            return err_set(err, ERR_BAD_REQUEST, "proto: unexpected EOF");
        if (v.wire != WIRE_BYTES)
            continue;
        if (v.number == 2)
            out->raw = v.bytes;
        else if (v.number == 3)
            out->content_encoding = v.bytes;
        else if (v.number == 4)
            out->content_type = v.bytes;
        else if (v.number == 1) {
            struct wire_cursor inner = wire_open(v.bytes);
            struct wire_value w;
            while (inner.p < inner.end) {
                if (!wire_next(&inner, &w))
                    return err_set(err, ERR_BAD_REQUEST, "proto: unexpected EOF");
                if (w.number == 1)
                    out->api_version = w.bytes;
                else if (w.number == 2)
                    out->kind = w.bytes;
            }
        }
    }
    return 0;
}
