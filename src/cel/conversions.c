/* From one type to another (CEL specification, "List of Standard Definitions"); size, type and dyn. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cel/eval.h"
#include "cel/text.h"
#include "schema/timestamp.h"

static int overflow(struct run *r, const char *what)
{
    return run_error(r, "%s overflow", what);
}

static int same(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = args[0];
    return 0;
}

/* --- int, uint, double --- */

static int int_from_uint(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[0].u > INT64_MAX)
        return overflow(r, "integer");
    *out = cel_from_int((int64_t)args[0].u);
    return 0;
}

static int int_from_double(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    double d = args[0].d;
    if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0))
        return overflow(r, "integer");
    *out = cel_from_int((int64_t)d);
    return 0;
}

static int bad_number(struct run *r, const char *function, struct str s)
{
    return run_error(r, "strconv.%s: parsing \"" STR_FMT "\": invalid syntax", function, STR_ARG(s));
}

static int int_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_INT;
    return str_to_i64(args[0].s, &out->i) ? 0 : bad_number(r, "ParseInt", args[0].s);
}

static int int_from_time(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(args[0].time.s);
    return 0;
}

static int uint_from_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[0].i < 0)
        return overflow(r, "unsigned integer");
    *out = (struct cel_value){.kind = CEL_UINT, .u = (uint64_t)args[0].i};
    return 0;
}

static int uint_from_double(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    double d = args[0].d;
    if (!(d >= 0 && d < 18446744073709551616.0))
        return overflow(r, "unsigned integer");
    *out = (struct cel_value){.kind = CEL_UINT, .u = (uint64_t)d};
    return 0;
}

static int uint_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_UINT;
    return str_to_u64(args[0].s, &out->u) ? 0 : bad_number(r, "ParseUint", args[0].s);
}

static int double_from_number(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_DOUBLE,
                              .d = args[0].kind == CEL_INT ? (double)args[0].i : (double)args[0].u};
    return 0;
}

static int double_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct str s = args[0].s;
    const char *text = arena_c(r->arena, s);
    char *end = NULL;
    bool starts = s.n && text[0] != ' ' && text[0] != '\t' && text[0] != '\n';
    out->kind = CEL_DOUBLE;
    out->d = starts ? strtod(text, &end) : 0;
    return starts && end == text + s.n ? 0 : bad_number(r, "ParseFloat", s);
}

/* --- string, bytes, bool --- */

static int string_from_any(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf text = {0};
    if (args[0].kind == CEL_DOUBLE)
        text_write_double(&text, args[0].d);
    else
        text_write(&text, &args[0]);
    *out = cel_from_str(arena_str(r->arena, buf_str(&text)));
    return 0;
}

static int string_from_bytes(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (!str_is_utf8(args[0].s))
        return run_error(r, "invalid UTF-8 in bytes, cannot convert to string");
    *out = cel_from_str(args[0].s);
    return 0;
}

static int bytes_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_BYTES, .s = args[0].s};
    return 0;
}

static int bool_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    static const char *const words[] = {"1", "t", "T", "true",  "TRUE",  "True",
                                        "0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(args[0].s, words[i])) {
            *out = cel_from_bool(i < ARRAY_LEN(words) / 2);
            return 0;
        }
    return bad_number(r, "ParseBool", args[0].s);
}

/* --- times --- */

static int time_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_err_ struct err err = {0};
    out->kind = CEL_TIMESTAMP;
    return value_time_parse(args[0].s, &out->time, &err) < 0 ? run_error(r, STR_FMT, STR_ARG(err.message))
                                                             : 0;
}

static int time_from_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[0].i < TIME_LEAST_S || args[0].i > TIME_MOST_S)
        return overflow(r, "timestamp");
    *out = (struct cel_value){.kind = CEL_TIMESTAMP, .time = {args[0].i, 0}};
    return 0;
}

static int duration_from_string(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_err_ struct err err = {0};
    out->kind = CEL_DURATION;
    return duration_parse(args[0].s, &out->i, &err) < 0 ? run_error(r, STR_FMT, STR_ARG(err.message)) : 0;
}

static int duration_from_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_DURATION;
    return __builtin_mul_overflow(args[0].i, INT64_C(1000000000), &out->i) ? overflow(r, "duration") : 0;
}

/* --- type and size --- */

static int type_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_TYPE, .of = value_type(&args[0])};
    return 0;
}

static int size_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[0].in == CEL_IN_LAZY)
        return run_no_overload(r);
    *out = cel_from_int((int64_t)value_count(&args[0]));
    return 0;
}

static const struct function table[] = {
    {"int(int) int", same},
    {"int(uint) int", int_from_uint},
    {"int(double) int", int_from_double},
    {"int(string) int", int_from_string},
    {"int(timestamp) int", int_from_time},
    {"uint(uint) uint", same},
    {"uint(int) uint", uint_from_int},
    {"uint(double) uint", uint_from_double},
    {"uint(string) uint", uint_from_string},
    {"double(double) double", same},
    {"double(int) double", double_from_number},
    {"double(uint) double", double_from_number},
    {"double(string) double", double_from_string},
    {"string(string) string", same},
    {"string(int) string", string_from_any},
    {"string(uint) string", string_from_any},
    {"string(double) string", string_from_any},
    {"string(bool) string", string_from_any},
    {"string(bytes) string", string_from_bytes, COST_TO_STRING},
    {"string(timestamp) string", string_from_any},
    {"string(duration) string", string_from_any},
    {"string(IP) string", string_from_any},
    {"string(CIDR) string", string_from_any},
    {"bytes(bytes) bytes", same},
    {"bytes(string) bytes", bytes_from_string, COST_TO_BYTES},
    {"bool(bool) bool", same},
    {"bool(string) bool", bool_from_string},
    {"timestamp(timestamp) timestamp", same},
    {"timestamp(string) timestamp", time_from_string},
    {"timestamp(int) timestamp", time_from_int},
    {"duration(duration) duration", same},
    {"duration(string) duration", duration_from_string},
    {"duration(int) duration", duration_from_int},
    {"dyn(A) dyn", same},
    {"type(A) type(A)", type_of},
    {"size(string) int", size_of},
    {"size(bytes) int", size_of},
    {"size(list(A)) int", size_of},
    {"size(map(A, B)) int", size_of},
    {"string:size() int", size_of},
    {"bytes:size() int", size_of},
    {"list(A):size() int", size_of},
    {"map(A, B):size() int", size_of},
};
LIBRARY(cel_conversions, table);
