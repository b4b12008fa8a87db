/* Structs into Protobuf. Written from the end to the start, as upstream's generated code does: the length of
 * what lies inside is then known when it is to be written in front. */
#include "schema/layout.h"
#include "schema/proto.h"
#include "schema/proto_wire.h"
#include "schema/timestamp.h"

#include <stdlib.h>

/* Bytes that grow at their start. */
struct tail {
    char *p;
    size_t cap, at; /* what is written is p[at..cap) */
    char first[2048];
};

static __attribute__((noinline)) void grow(struct tail *t, size_t n)
{
    size_t used = t->cap - t->at, cap = t->cap * 2 > used + n ? t->cap * 2 : (used + n) * 2;
    char *p = mem_alloc(cap);
    memcpy(p + cap - used, t->p + t->at, used);
    if (t->p != t->first)
        free(t->p);
    t->p = p;
    t->at = cap - used;
    t->cap = cap;
}

static inline char *room(struct tail *t, size_t n)
{
    if (t->at < n)
        grow(t, n);
    t->at -= n;
    return t->p + t->at;
}

static inline void put_varint(struct tail *t, uint64_t v)
{
    char *to = room(t, v < 0x80 ? 1 : wire_varint_size(v));
    for (; v >= 0x80; v >>= 7)
        *to++ = (char)(v | 0x80);
    *to = (char)v;
}

static inline void put_tag(struct tail *t, uint32_t number, enum wire_type wire)
{
    put_varint(t, (uint64_t)number << 3 | wire);
}

static void put_number(struct tail *t, uint32_t number, int64_t v)
{
    put_varint(t, (uint64_t)v);
    put_tag(t, number, WIRE_VARINT);
}

static void put_bytes(struct tail *t, uint32_t number, struct str s)
{
    char *to = room(t, s.n);
    if (s.n)
        memcpy(to, s.p, s.n);
    put_varint(t, s.n);
    put_tag(t, number, WIRE_BYTES);
}

/* Closes a message that began when `end` bytes were there: its length and tag. */
static void put_message(struct tail *t, uint32_t number, size_t end)
{
    put_varint(t, t->cap - t->at - end);
    put_tag(t, number, WIRE_BYTES);
}

static void encode_message(struct tail *t, const struct type *type, const char *base);

static void encode_one(struct tail *t, const struct field *f, uint32_t number, const void *at)
{
    size_t end = t->cap - t->at;
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        put_number(t, number, *(const bool *)at);
        return;
    case VALUE_INT32:
        put_number(t, number, *(const int32_t *)at);
        return;
    case VALUE_INT64:
        put_number(t, number, *(const int64_t *)at);
        return;
    case VALUE_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, at, sizeof bits);
        char *to = room(t, 8);
        for (int i = 0; i < 8; i++)
            to[i] = (char)(bits >> 8 * i);
        put_tag(t, number, WIRE_FIXED64);
        return;
    }
    case VALUE_STRING:
    case VALUE_BYTES:
        put_bytes(t, number, *(const struct str *)at);
        return;
    case VALUE_TIME:
    case VALUE_MICRO_TIME: {
        const struct time *v = at;
        if (!time_is_zero(*v)) {
            put_number(t, 2, f->kind == VALUE_TIME ? 0 : v->ns / 1000 * 1000);
            put_number(t, 1, v->s);
        }
        break;
    }
    case VALUE_DURATION:
        put_number(t, 1, *(const int64_t *)at);
        break;
    case VALUE_QUANTITY: {
        struct str q = *(const struct str *)at;
        put_bytes(t, 1, q.n ? q : STR("0"));
        break;
    }
    case VALUE_INT_OR_STRING: {
        const struct int_or_str *v = at;
        put_bytes(t, 3, v->s);
        put_number(t, 2, v->i);
        put_number(t, 1, v->is_str);
        break;
    }
    case VALUE_JSON:
        if (((const struct str *)at)->n)
            put_bytes(t, 1, *(const struct str *)at);
        break;
    case VALUE_STRUCT:
        encode_message(t, f->type, at);
        break;
    }
    put_message(t, number, end);
}

/* Bytes, and lists that hide in a type of their own, may be absent though their field is plain. */
static bool is_nil(const struct field *f, const void *at)
{
    if (f->kind == VALUE_BYTES)
        return !((const struct str *)at)->p;
    if (f->kind == VALUE_STRUCT && (f->type->flags & TYPE_BARE))
        return !((const struct any_vec *)(const void *)((const char *)at + f->type->fields->offset))->at;
    return false;
}

static void encode_field(struct tail *t, const struct field *f, const void *at)
{
    const struct any_vec *v = at;
    size_t item;
    switch ((enum shape)f->shape) {
    case SHAPE_OPTIONAL:
        if (*(void *const *)at)
            encode_one(t, f, f->number, *(void *const *)at);
        return;
    case SHAPE_LIST:
        item = layout_stride(f);
        for (size_t i = v->n; i-- > 0;)
            encode_one(t, f, f->number, (const char *)v->at + i * item);
        return;
    case SHAPE_MAP:
        item = layout_stride(f);
        for (size_t i = v->n; i-- > 0;) {
            const char *entry = (const char *)v->at + i * item;
            size_t end = t->cap - t->at;
            if (f->kind != VALUE_BYTES || !is_nil(f, entry + sizeof(struct str)))
                encode_one(t, f, 2, entry + sizeof(struct str));
            put_bytes(t, 1, *(const struct str *)(const void *)entry);
            put_message(t, f->number, end);
        }
        return;
    case SHAPE_ONE:
    case SHAPE_INLINE:
        if (!is_nil(f, at))
            encode_one(t, f, f->number, at);
        return;
    }
}

static void encode_message(struct tail *t, const struct type *type, const char *base)
{
    const struct type_index *index = type->index;
    for (unsigned i = index->n_numbered; i-- > 0;) {
        const struct field *f = &type->fields[index->numbered[i]];
        encode_field(t, f, base + f->offset);
    }
}

static void tail_open(struct tail *t)
{
    t->p = t->first;
    t->cap = t->at = sizeof t->first;
}

static void tail_close(struct tail *t, struct buf *out)
{
    buf_add(out, t->p + t->at, t->cap - t->at);
    if (t->p != t->first)
        free(t->p);
}

void proto_encode(struct buf *out, const struct type *t, const void *v)
{
    struct tail tail;
    tail_open(&tail);
    encode_message(&tail, t, v);
    tail_close(&tail, out);
}

/* What stands before the raw bytes, from the end, and before that the four letters. */
static void put_head(struct tail *t, struct str api_version, struct str kind)
{
    size_t end = t->cap - t->at;
    put_bytes(t, 2, kind);
    put_bytes(t, 1, api_version);
    put_message(t, 1, end);
    memcpy(room(t, 4), "k8s", 4);
}

static void put_foot(struct tail *t)
{
    put_bytes(t, 4, (struct str){0});
    put_bytes(t, 3, (struct str){0});
}

void proto_seal(struct buf *out, struct str api_version, struct str kind, const struct type *t, const void *v)
{
    struct tail tail;
    tail_open(&tail);
    put_foot(&tail);
    size_t end = tail.cap - tail.at;
    encode_message(&tail, t, v);
    put_message(&tail, 2, end);
    put_head(&tail, api_version, kind);
    tail_close(&tail, out);
}

void proto_seal_raw(struct buf *out, struct str api_version, struct str kind, struct str raw)
{
    struct tail tail;
    tail_open(&tail);
    put_foot(&tail);
    put_bytes(&tail, 2, raw);
    put_head(&tail, api_version, kind);
    tail_close(&tail, out);
}
