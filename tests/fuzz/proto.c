/* Protobuf of any kind: hostile bytes are decoded or refused; what was decoded is written the same from then
 * on, and can be said in JSON and read back. The first byte chooses the kind. */
#include "schema/proto.h"
#include "schema/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf first = {0}, second = {0}, json = {0};
    struct str bytes = str_slice((const char *)data + 1, size - 1);
    struct proto_envelope envelope;
    const struct type *t = builtin_kinds[*data % n_builtin_kinds]->type;
    if (proto_open(bytes, &envelope, NULL) == 0)
        bytes = envelope.raw;
    void *v = arena_alloc(&a, t->size);
    if (proto_decode(&a, t, bytes, false, v, &err) < 0) {
        ensure(err.message.n);
        return 0;
    }
    proto_encode(&first, t, v);
    void *again = arena_alloc(&a, t->size);
    ensure(proto_decode(&a, t, buf_str(&first), true, again, &err) == 0);
    proto_encode(&second, t, again);
    ensure(str_eq(buf_str(&first), buf_str(&second)));

    json_encode(&json, t, v);
    void *from_json = arena_alloc(&a, t->size);
    ensure(json_decode(&a, t, buf_str(&json), JSON_BORROW, from_json, NULL, &err) == 0);
    return 0;
}
