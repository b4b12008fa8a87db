/* JSON of any kind: whatever the bytes say is decoded or refused; what was decoded comes back out as the same
 * text for good, in JSON and through Protobuf. The first byte chooses the kind. */
#include "schema/json.h"
#include "schema/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf first = {0}, second = {0}, proto = {0}, twice = {0}, third = {0};
    struct strict_errors strict = {0};
    struct str text = str_slice((const char *)data + 1, size - 1);
    const struct type *t = builtin_kinds[*data % n_builtin_kinds]->type;
    void *v = arena_alloc(&a, t->size);
    bool whole = json_check(text, NULL) == 0;
    int result = json_decode(&a, t, text, JSON_BORROW, v, &strict, &err);
    ensure(result == 0 || err.message.n);
    ensure(whole || result < 0);
    if (result < 0)
        return 0;
    json_encode(&first, t, v);
    ensure(json_check(buf_str(&first), NULL) == 0);

    void *again = arena_alloc(&a, t->size);
    ensure(json_decode(&a, t, buf_str(&first), 0, again, NULL, &err) == 0);
    json_encode(&second, t, again);
    ensure(str_eq(buf_str(&first), buf_str(&second)));

    /* Protobuf has no words for kind and apiVersion, nor for the kinds of emptiness that JSON has. */
    proto_encode(&proto, t, again);
    void *other = arena_alloc(&a, t->size);
    if (proto_decode(&a, t, buf_str(&proto), true, other, &err) == 0) {
        proto_encode(&twice, t, other);
        ensure(str_eq(buf_str(&proto), buf_str(&twice)));
        json_encode(&third, t, other);
        ensure(json_check(buf_str(&third), NULL) == 0);
    }
    return 0;
}
