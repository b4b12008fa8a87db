/* Protobuf of described values: hostile bytes, and what the format allows beyond what upstream writes. */
#include "schema/proto.h"
#include "kinds/apiextensions_v1.h"
#include "kinds/core_v1.h"
#include "kinds/meta_v1.h"
#include "test.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* Copied, so that ASan sees a step outside. */
static int decode(const struct type *t, const void *bytes, size_t n, void **out, struct err *err)
{
    char *copy = mem_dup(bytes, n ? n : 1);
    *out = arena_alloc(&arena, t->size);
    int result = proto_decode(&arena, t, str_slice(copy, n), false, *out, err);
    mem_freep(&copy);
    return result;
}

static void refuses_bytes(const struct type *t, const char *bytes, size_t n, const char *message)
{
    _cleanup_err_ struct err err = {0};
    void *out;
    assert_int_equal(decode(t, bytes, n, &out, &err), -1);
    assert_str(err.message, message);
}

#define refuses(t, bytes, message) refuses_bytes(&t##_type, bytes, sizeof(bytes) - 1, message)

static void wrong_bytes(void **state)
{
    (void)state;
    refuses(pod, "\x80", "proto: unexpected EOF");       /* a tag cut off */
    refuses(pod, "\x0a\x05xy", "proto: unexpected EOF"); /* longer than there is */
    refuses(pod, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "proto: unexpected EOF"); /* huge */
    refuses(pod, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "proto: unexpected EOF");                  /* over 64 bits */
    refuses(pod, "\x00\x01", "proto: unexpected EOF"); /* number 0 */
    refuses(pod, "\x0b", "proto: unexpected EOF");     /* a group */
    refuses(pod, "\x08\x01", "proto: wrong wireType = 0 for field Pod.metadata");
    refuses(pod, "\x0a\x02\x08\x01", "proto: wrong wireType = 0 for field ObjectMeta.name");
    refuses(service_port, "\x1a\x00", "proto: wrong wireType = 2 for field ServicePort.port");
    /* metadata.creationTimestamp in the year 292277026596. */
    refuses(pod, "\x0a\x0e\x42\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x00",
            "proto: time out of range");
    /* What is to stand in JSON as it is must be JSON. */
    refuses(meta_watch_event, "\x12\x03\x0a\x01{", "unexpected end of JSON input");
}

static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    static const char bytes[] = "\xf8\x7f\x05" /* 2047: varint */
                                "\xf9\x7f"
                                "12345678" /* 2047: eight bytes */
                                "\xfd\x7f"
                                "1234"               /* 2047: four bytes */
                                "\xfa\x7f\x02xy"     /* 2047: bytes */
                                "\x0a\x03\x0a\x01x"; /* metadata.name */
    void *out;
    assert_int_equal(decode(&pod_type, bytes, sizeof bytes - 1, &out, NULL), 0);
    assert_str(((struct pod *)out)->metadata.name, "x");
}

static void messages_merge_and_single_fields_replace(void **state)
{
    (void)state;
    static const char bytes[] = "\x0a\x03\x0a\x01x"
                                "\x0a\x03\x1a\x01n"
                                "\x0a\x03\x0a\x01y";
    void *out;
    assert_int_equal(decode(&pod_type, bytes, sizeof bytes - 1, &out, NULL), 0);
    const struct pod *pod = out;
    assert_str(pod->metadata.name, "y");
    assert_str(pod->metadata.namespace, "n");
}

static void lists_may_be_packed_or_scattered(void **state)
{
    (void)state;
    /* PodSecurityContext.supplementalGroups = 4: packed 1, 2, then 300 alone; other fields between. */
    static const char bytes[] = "\x22\x02\x01\x02"
                                "\x28\x07"
                                "\x20\xac\x02";
    void *out;
    assert_int_equal(decode(&pod_security_context_type, bytes, sizeof bytes - 1, &out, NULL), 0);
    const struct pod_security_context *c = out;
    assert_int_equal(c->supplemental_groups.n, 3);
    assert_int_equal(c->supplemental_groups.at[1], 2);
    assert_int_equal(c->supplemental_groups.at[2], 300);
    assert_int_equal(*c->fs_group, 7);
}

static void maps_are_sorted_and_unique(void **state)
{
    (void)state;
    static const char bytes[] = "\x12\x06\x0a\x01z\x12\x01\x31"
                                "\x12\x06\x0a\x01"
                                "a\x12\x01\x32"
                                "\x12\x06\x12\x01\x33\x0a\x01z"
                                "\x12\x03\x0a\x01m";
    void *out;
    assert_int_equal(decode(&config_map_type, bytes, sizeof bytes - 1, &out, NULL), 0);
    const struct config_map *cm = out;
    assert_int_equal(cm->data.n, 3);
    assert_str(cm->data.at[0].key, "a");
    assert_str(cm->data.at[1].key, "m");
    assert_str(cm->data.at[1].value, "");
    assert_str(cm->data.at[2].value, "3");
}

static void negative_numbers_take_ten_bytes(void **state)
{
    (void)state;
    struct container_state_terminated t = {.exit_code = -1};
    _cleanup_buf_ struct buf out = {0};
    proto_encode(&out, &container_state_terminated_type, &t);
    assert_memory_equal(out.p, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x00", 13);
    void *back;
    assert_int_equal(decode(&container_state_terminated_type, out.p, out.n, &back, NULL), 0);
    assert_int_equal(((struct container_state_terminated *)back)->exit_code, -1);
}

static void too_deep(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf in = {0};
    for (int i = 0; i < 200; i++) { /* JSONSchemaProps.not = 28, around what was there */
        _cleanup_buf_ struct buf outer = {0};
        buf_add_lit(&outer, "\xe2\x01");
        for (size_t n = in.n;; n >>= 7) {
            buf_add_c(&outer, (char)(n >= 0x80 ? n | 0x80 : n));
            if (n < 0x80)
                break;
        }
        buf_add_str(&outer, buf_str(&in));
        in.n = 0;
        buf_add_str(&in, buf_str(&outer));
    }
    refuses_bytes(&json_schema_props_type, in.p, in.n, "proto: exceeded max depth");
}

static void envelopes(void **state)
{
    (void)state;
    struct proto_envelope e;
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf out = {0};
    proto_seal_raw(&out, STR("v1"), STR("Pod"), STR("raw"));
    assert_memory_equal(out.p, "k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x03raw\x1a\x00\x22\x00", out.n);
    assert_int_equal(proto_open(buf_str(&out), &e, &err), 0);
    assert_str(e.kind, "Pod");
    assert_str(e.raw, "raw");
    for (size_t n = 5; n < out.n; n++)
        proto_open(str_slice(out.p, n), &e, NULL);
    assert_int_equal(proto_open(STR("{}"), &e, &err), -1);
    assert_str(err.message,
               "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(wrong_bytes),
        TEST(unknown_fields_are_skipped),
        TEST(messages_merge_and_single_fields_replace),
        TEST(lists_may_be_packed_or_scattered),
        TEST(maps_are_sorted_and_unique),
        TEST(negative_numbers_take_ten_bytes),
        TEST(too_deep),
        TEST(envelopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
