/* A made-up type with a field of every kind and shape, for tests of what works over descriptors. */
#pragma once
#include "base/arena.h"
#include "schema/desc.h"

struct part {
    struct str name;
    int32_t port;
    struct str *note;
};
struct part_vec {
    struct part *at;
    size_t n;
};
struct part_entry {
    struct str key;
    struct part value;
};
struct part_map {
    struct part_entry *at;
    size_t n;
};
struct common {
    struct str color;
};
struct gadget {
    struct str name;
    bool on;
    bool *maybe;
    int32_t *count;
    int64_t big;
    double ratio;
    struct str quantity;
    struct time made;
    struct time *gone;
    struct int_or_str limit;
    struct str raw;
    struct common;
    struct part main;
    struct part *spare;
    struct part_vec parts;
    struct part_map by_name;
    struct str_vec tags;
    struct str_map labels;
};

#define MODEL_FIELD(type_, name_, member_, kind_, shape_, ...)                                               \
    {                                                                                                        \
        .name = STR_INIT(name_), .offset = offsetof(type_, member_), .kind = kind_, .shape = shape_,         \
        __VA_ARGS__                                                                                          \
    }

static const struct field_rules model_name_rules = {.format = STR_INIT("dns1123-label")};
static const struct field_rules model_port_rules = {
    .default_json = STR_INIT("80"), .has_min = true, .min = 1, .has_max = true, .max = 65535};
static const struct str model_colors[] = {STR_INIT("red"), STR_INIT("blue")};
static const struct field_rules model_color_rules = {
    .default_json = STR_INIT("\"red\""), .enumeration = model_colors, .n_enumeration = 2};
static const struct field_rules model_on_rules = {.default_json = STR_INIT("true")};
static const struct field_rules model_spare_rules = {.default_json = STR_INIT("{}")};
static const struct field_rules model_limit_rules = {.default_json = STR_INIT("\"25%\"")};
static const struct field_rules model_tags_rules = {.max_items = 3, .max_length = 5, .min_length = 2};
static const struct str model_parts_keys[] = {STR_INIT("name")};

static const struct field part_fields[] = {
    MODEL_FIELD(struct part, "name", name, VALUE_STRING, SHAPE_ONE, .flags = FIELD_REQUIRED,
                .rules = &model_name_rules),
    MODEL_FIELD(struct part, "port", port, VALUE_INT32, SHAPE_ONE, .rules = &model_port_rules),
    MODEL_FIELD(struct part, "note", note, VALUE_STRING, SHAPE_OPTIONAL),
};
static const struct type part_type = {
    .name = STR_INIT("Part"), .fields = part_fields, .n_fields = 3, .size = sizeof(struct part)};

static const struct field common_fields[] = {
    MODEL_FIELD(struct common, "color", color, VALUE_STRING, SHAPE_ONE, .rules = &model_color_rules),
};
static const struct type common_type = {
    .name = STR_INIT("Common"), .fields = common_fields, .n_fields = 1, .size = sizeof(struct common)};

static const struct field gadget_fields[] = {
    MODEL_FIELD(struct gadget, "name", name, VALUE_STRING, SHAPE_ONE, .flags = FIELD_IMMUTABLE),
    MODEL_FIELD(struct gadget, "on", on, VALUE_BOOL, SHAPE_ONE),
    MODEL_FIELD(struct gadget, "maybe", maybe, VALUE_BOOL, SHAPE_OPTIONAL, .rules = &model_on_rules),
    MODEL_FIELD(struct gadget, "count", count, VALUE_INT32, SHAPE_OPTIONAL, .rules = &model_port_rules),
    MODEL_FIELD(struct gadget, "big", big, VALUE_INT64, SHAPE_ONE),
    MODEL_FIELD(struct gadget, "ratio", ratio, VALUE_DOUBLE, SHAPE_ONE),
    MODEL_FIELD(struct gadget, "quantity", quantity, VALUE_QUANTITY, SHAPE_ONE),
    MODEL_FIELD(struct gadget, "made", made, VALUE_TIME, SHAPE_ONE),
    MODEL_FIELD(struct gadget, "gone", gone, VALUE_TIME, SHAPE_OPTIONAL),
    MODEL_FIELD(struct gadget, "limit", limit, VALUE_INT_OR_STRING, SHAPE_ONE, .rules = &model_limit_rules),
    MODEL_FIELD(struct gadget, "raw", raw, VALUE_JSON, SHAPE_ONE),
    {.offset = offsetof(struct gadget, color),
     .kind = VALUE_STRUCT,
     .shape = SHAPE_INLINE,
     .type = &common_type},
    MODEL_FIELD(struct gadget, "main", main, VALUE_STRUCT, SHAPE_ONE, .type = &part_type),
    MODEL_FIELD(struct gadget, "spare", spare, VALUE_STRUCT, SHAPE_OPTIONAL, .type = &part_type,
                .rules = &model_spare_rules),
    MODEL_FIELD(struct gadget, "parts", parts, VALUE_STRUCT, SHAPE_LIST, .type = &part_type,
                .flags = FIELD_LIST_MAP, .list_keys = model_parts_keys, .n_list_keys = 1),
    MODEL_FIELD(struct gadget, "byName", by_name, VALUE_STRUCT, SHAPE_MAP, .type = &part_type),
    MODEL_FIELD(struct gadget, "tags", tags, VALUE_STRING, SHAPE_LIST, .flags = FIELD_LIST_SET,
                .rules = &model_tags_rules),
    MODEL_FIELD(struct gadget, "labels", labels, VALUE_STRING, SHAPE_MAP),
};
static const struct type gadget_type = {.name = STR_INIT("Gadget"),
                                        .fields = gadget_fields,
                                        .n_fields = sizeof gadget_fields / sizeof *gadget_fields,
                                        .size = sizeof(struct gadget)};

/* One with everything set, valid, in the arena. */
static inline struct gadget *model_gadget(struct arena *a)
{
    struct gadget *g = arena_new(a, struct gadget);
    *g = (struct gadget){.name = STR("g"),
                         .on = true,
                         .big = INT64_C(1) << 40,
                         .ratio = 0.5,
                         .quantity = STR("500m"),
                         .made = {1, 2},
                         .limit = {.is_str = true, .s = STR("10%")},
                         .raw = STR("{\"a\":1}"),
                         .main = {STR("main"), 80, NULL}};
    g->color = STR("blue");
    g->maybe = arena_new(a, bool);
    g->count = arena_dup(a, &(int32_t){3}, sizeof(int32_t));
    g->gone = arena_dup(a, &(struct time){5, 0}, sizeof(struct time));
    g->spare = arena_dup(a, &(struct part){STR("spare"), 81, NULL}, sizeof(struct part));
    g->spare->note = arena_dup(a, &STR("note"), sizeof(struct str));
    g->parts = (struct part_vec){
        arena_dup(a, (struct part[]){{STR("a"), 1}, {STR("b"), 2}}, 2 * sizeof(struct part)), 2};
    g->by_name = (struct part_map){
        arena_dup(a, &(struct part_entry){STR("k"), {STR("v"), 9}}, sizeof(struct part_entry)), 1};
    g->tags = (struct str_vec){arena_dup(a, (struct str[]){STR("t1"), STR("t2")}, 2 * sizeof(struct str)), 2};
    g->labels =
        (struct str_map){arena_dup(a, &(struct str_entry){STR("x"), STR("y")}, sizeof(struct str_entry)), 1};
    return g;
}
