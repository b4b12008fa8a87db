/* The well-known messages of Protocol Buffers (google.protobuf.Int32Value{value: 1}): each is the value that
 * it holds (CEL specification, "Dynamic Values"). The checker makes a call of NAME@FIELD, or of NAME@ when no
 * field is set. */
#include "cel/eval.h"

static int zero(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    static const struct cel_pairs nothing;
    (void)args;
    enum cel_kind kind = r->overload->result->kind;
    *out = (struct cel_value){.kind = kind == CEL_DYN ? CEL_NULL : (uint8_t)kind};
    if (kind == CEL_MAP)
        out->map = &nothing;
    return 0;
}

static int same(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = args[0];
    return 0;
}

static int to_float(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_DOUBLE, .d = (double)(float)args[0].d};
    return 0;
}

static int to_int32(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = args[0];
    return args[0].i == (int32_t)args[0].i ? 0 : run_error(r, "integer overflow");
}

static int to_uint32(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = args[0];
    return args[0].u == (uint32_t)args[0].u ? 0 : run_error(r, "unsigned integer overflow");
}

static int any(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)args, (void)out;
    return run_error(r, "conversion error: got Any with empty type-url");
}

#define MESSAGE(name, field, type, call)                                                                     \
    {"google.protobuf." name "@() " type, zero, COST_STRUCT},                                                \
    {                                                                                                        \
        "google.protobuf." name "@" field "(" type ") " type, call, COST_STRUCT                              \
    }
#define ONE_OF(field, type)                                                                                  \
    {                                                                                                        \
        "google.protobuf.Value@" field "(" type ") dyn", same, COST_STRUCT                                   \
    }

static const struct function table[] = {
    MESSAGE("BoolValue", "value", "bool", same),
    MESSAGE("BytesValue", "value", "bytes", same),
    MESSAGE("DoubleValue", "value", "double", same),
    MESSAGE("FloatValue", "value", "double", to_float),
    MESSAGE("Int32Value", "value", "int", to_int32),
    MESSAGE("Int64Value", "value", "int", same),
    MESSAGE("StringValue", "value", "string", same),
    MESSAGE("UInt32Value", "value", "uint", to_uint32),
    MESSAGE("UInt64Value", "value", "uint", same),
    MESSAGE("ListValue", "values", "list(dyn)", same),
    MESSAGE("Struct", "fields", "map(string, dyn)", same),
    {"google.protobuf.Value@() dyn", zero, COST_STRUCT},
    ONE_OF("bool_value", "bool"),
    ONE_OF("number_value", "double"),
    ONE_OF("string_value", "string"),
    ONE_OF("struct_value", "map(string, dyn)"),
    ONE_OF("list_value", "list(dyn)"),
    {"google.protobuf.Any@() dyn", any, COST_STRUCT},
};
LIBRARY(cel_messages, table);
