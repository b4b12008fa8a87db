/* What key services answer and what is stored of values that they seal: a first byte that says which, then a
 * frame of gRPC, or a message. What is read is written again the same. */
#include "store/envelope.h"
#include "http/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool same_map(struct str_map a, struct str_map b)
{
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++)
        same = str_eq(a.at[i].key, b.at[i].key) && str_eq(a.at[i].value, b.at[i].value);
    return same;
}

static void message(struct arena *a, struct kms_shape shape, struct str in)
{
    struct kms_message m, again;
    _cleanup_buf_ struct buf out = {0};
    if (kms_message_read(a, shape, in, &m, NULL) < 0)
        return;
    kms_message_write(&out, shape, &m);
    ensure(kms_message_read(a, shape, buf_str(&out), &again, NULL) == 0);
    ensure(again.number == m.number && same_map(again.annotations, m.annotations));
    for (int i = 1; i < KMS_FIELDS; i++)
        ensure(str_eq(again.fields[i], m.fields[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct kms_shape shapes[] = {{0}, {.annotations = 3}, {.annotations = 4}, {.number = 5}};
    _cleanup_arena_ struct arena a = {0};
    if (!n)
        return 0;
    struct str in = str_slice((const char *)data + 1, n - 1), framed;
    struct envelope e;
    if (data[0] < ARRAY_LEN(shapes)) {
        message(&a, shapes[data[0]], in);
    } else if (data[0] & 1) {
        if (grpc_unframe(in, &framed))
            ensure(framed.n == in.n - 5);
    } else if (envelope_read(&a, in, &e, NULL) == 0) {
        ensure(e.data.n && e.key_id.n && e.source.n && envelope_check(&e, NULL) == 0);
    }
    return 0;
}
