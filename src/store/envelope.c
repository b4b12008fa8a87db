#include "store/envelope.h"

#include <stdlib.h>

#include "schema/format.h"
#include "schema/proto_wire.h"

enum {
    KEY_ID_MOST = 1024,
    SOURCE_MOST = 1024,
    ANNOTATIONS_MOST = 32 * 1024,
    ENTRIES_MOST = ANNOTATIONS_MOST / 4, /* no key is shorter: "a.b" */
};

static const struct kms_shape stored = {.annotations = 4, .number = 5};
enum { STORED_DATA = 1, STORED_KEY_ID = 2, STORED_SOURCE = 3 };

/* --- reading --- */

static bool read_entry(struct str bytes, struct str_entry *out)
{
    struct wire_cursor c = wire_open(bytes);
    *out = (struct str_entry){0};
    for (struct wire_value v; c.p < c.end;) {
        if (!wire_next(&c, &v))
            return false;
        if (v.wire == WIRE_BYTES && v.number == 1)
            out->key = v.bytes;
        else if (v.wire == WIRE_BYTES && v.number == 2)
            out->value = v.bytes;
    }
    return true;
}

/* By key; those of one key as they stand in the message. */
static int entry_order(const void *a, const void *b)
{
    const struct str_entry *x = a, *y = b;
    int order = str_cmp(x->key, y->key);
    return order ? order : (x->value.p > y->value.p) - (x->value.p < y->value.p);
}

/* Sorts; of entries with one key the last one counts. */
static void settle(struct str_map *m)
{
    size_t n = 0;
    if (m->n)
        qsort(m->at, m->n, sizeof *m->at, entry_order);
    for (size_t i = 0; i < m->n; i++)
        if (i + 1 == m->n || !str_eq(m->at[i].key, m->at[i + 1].key))
            m->at[n++] = m->at[i];
    m->n = n;
}

static bool read_all(struct arena *a, struct kms_shape shape, struct str bytes, struct kms_message *out)
{
    struct wire_cursor c = wire_open(bytes);
    size_t cap = 0;
    for (struct wire_value v; c.p < c.end;) {
        if (!wire_next(&c, &v))
            return false;
        if (v.wire == WIRE_VARINT && v.number == shape.number) {
            out->number = v.bits;
        } else if (v.wire == WIRE_BYTES && v.number == shape.annotations) {
            if (out->annotations.n == cap) {
                struct str_entry *more = arena_new_n(a, struct str_entry, cap = cap ? 2 * cap : 4);
                if (out->annotations.n)
                    memcpy(more, out->annotations.at, out->annotations.n * sizeof *more);
                out->annotations.at = more;
            }
            if (out->annotations.n == ENTRIES_MOST ||
                !read_entry(v.bytes, &out->annotations.at[out->annotations.n++]))
                return false;
        } else if (v.wire == WIRE_BYTES && v.number < KMS_FIELDS) {
            out->fields[v.number] = v.bytes;
        }
    }
    settle(&out->annotations);
    return true;
}

int kms_message_read(struct arena *a, struct kms_shape shape, struct str bytes, struct kms_message *out,
                     struct err *err)
{
    *out = (struct kms_message){0};
    return read_all(a, shape, bytes, out)
               ? 0
               : err_set(err, ERR_INTERNAL, "proto: cannot parse invalid wire-format data");
}

/* --- writing --- */

static void put_varint(struct buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_add_c(out, (char)(v | 0x80));
    buf_add_c(out, (char)v);
}

static void put_message(struct buf *out, unsigned number, struct str s)
{
    put_varint(out, number << 3 | WIRE_BYTES);
    put_varint(out, s.n);
    buf_add_str(out, s);
}

static void put_bytes(struct buf *out, unsigned number, struct str s)
{
    if (s.n)
        put_message(out, number, s);
}

void kms_message_write(struct buf *out, struct kms_shape shape, const struct kms_message *m)
{
    for (unsigned i = 1; i < KMS_FIELDS; i++)
        put_bytes(out, i, m->fields[i]);
    for (size_t i = 0; shape.annotations && i < m->annotations.n; i++) {
        _cleanup_buf_ struct buf entry = {0};
        put_bytes(&entry, 1, m->annotations.at[i].key);
        put_bytes(&entry, 2, m->annotations.at[i].value);
        put_message(out, shape.annotations, buf_str(&entry));
    }
    if (shape.number && m->number) {
        put_varint(out, (unsigned)shape.number << 3 | WIRE_VARINT);
        put_varint(out, m->number);
    }
}

/* --- what is stored --- */

int envelope_check_key_id(struct str key_id, struct err *err)
{
    if (!key_id.n)
        return err_set(err, ERR_INTERNAL, "keyID is empty");
    if (key_id.n > KEY_ID_MOST)
        return err_set(err, ERR_INTERNAL, "keyID is %zu bytes, which exceeds the max size of %d", key_id.n,
                       KEY_ID_MOST);
    return 0;
}

/* At least two labels; a dot may end it. */
static bool is_domain(struct str name)
{
    struct str rest = str_ends(name, STR(".")) ? str_slice(name.p, name.n - 1) : name, label;
    bool good = str_index(rest, '.') >= 0 && format_ok(FORMAT_DNS1123_SUBDOMAIN, rest);
    while (good && str_cut(&rest, '.', &label))
        good = format_ok(FORMAT_DNS1123_LABEL, label);
    return good;
}

static int check_annotations(const struct str_map *m, struct err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < m->n; i++) {
        total += m->at[i].key.n + m->at[i].value.n;
        if (!is_domain(m->at[i].key))
            return err_set(err, ERR_INTERNAL,
                           "annotations: Invalid value: \"" STR_FMT
                           "\": should be a domain with at least two segments separated by dots",
                           STR_ARG(m->at[i].key));
    }
    return total <= ANNOTATIONS_MOST
               ? 0
               : err_set(err, ERR_INTERNAL,
                         "total size of annotations is %zu, which exceeds the max size of %d", total,
                         ANNOTATIONS_MOST);
}

int envelope_check(const struct envelope *e, struct err *err)
{
    if (e->source_type != ENVELOPE_KEY && e->source_type != ENVELOPE_SEED)
        return err_set(err, ERR_INTERNAL, "unknown encryptedDEKSourceType: %d", (int)e->source_type);
    if (!e->source.n)
        return err_set(err, ERR_INTERNAL,
                       "failed to validate encrypted DEK source: encrypted DEK source is empty");
    if (e->source.n > SOURCE_MOST)
        return err_set(err, ERR_INTERNAL,
                       "failed to validate encrypted DEK source: encrypted DEK source is %zu bytes, which "
                       "exceeds the max size of %d",
                       e->source.n, SOURCE_MOST);
    if (envelope_check_key_id(e->key_id, err) < 0)
        return err_wrap(err, "failed to validate key id");
    if (check_annotations(&e->annotations, err) < 0)
        return err_wrap(err, "failed to validate annotations");
    return 0;
}

int envelope_read(struct arena *a, struct str bytes, struct envelope *out, struct err *err)
{
    struct kms_message m;
    if (kms_message_read(a, stored, bytes, &m, err) < 0)
        return -1;
    *out = (struct envelope){.data = m.fields[STORED_DATA],
                             .key_id = m.fields[STORED_KEY_ID],
                             .source = m.fields[STORED_SOURCE],
                             .annotations = m.annotations,
                             .source_type = m.number};
    return out->data.n ? envelope_check(out, err) : err_set(err, ERR_INTERNAL, "encrypted data is empty");
}

void envelope_write(struct buf *out, const struct envelope *e)
{
    struct kms_message m = {.annotations = e->annotations, .number = e->source_type};
    m.fields[STORED_DATA] = e->data;
    m.fields[STORED_KEY_ID] = e->key_id;
    m.fields[STORED_SOURCE] = e->source;
    kms_message_write(out, stored, &m);
}
