#include "cel/value.h"

#include <math.h>

#include "base/encode.h"
#include "cel/utf8.h"
#include "schema/json.h"
#include "schema/layout.h"
#include "schema/timestamp.h"

/* --- scalars in JSON, by the type that is declared --- */

int value_time_parse(struct str s, struct time *out, struct err *err)
{
    /* Before the year 2 what is read may be "no time": so it is read 400 years later, when the calendar is
     * the same. */
    const int64_t era = INT64_C(146097) * 86400;
    bool early = str_starts(s, STR("0000-")) || str_starts(s, STR("0001-"));
    _cleanup_arena_ struct arena a = {0};
    struct str later = s;
    if (early) {
        char *digits = arena_c(&a, s);
        digits[1] = '4';
        later.p = digits;
    }
    if (time_parse(later, out, err) < 0)
        return -1;
    if (early && out->s - era < TIME_LEAST_S)
        return err_set(err, ERR_BAD_REQUEST, "timestamp overflow");
    out->s -= early ? era : 0;
    return 0;
}

static struct cel_value time_from(struct arena *a, struct str s)
{
    _cleanup_err_ struct err err = {0};
    struct cel_value v = {.kind = CEL_TIMESTAMP};
    struct str whole = s.n == 10 ? arena_concat(a, s, STR("T00:00:00Z")) : s;
    if (value_time_parse(whole, &v.time, &err) < 0)
        return value_error(arena_str(a, err.message));
    return v;
}

static __attribute__((noinline)) struct cel_value string_read(struct arena *a, struct str s,
                                                              const struct cel_type *type)
{
    _cleanup_buf_ struct buf bytes = {0};
    struct cel_value v = cel_from_str(s);
    switch (type->kind) {
    case CEL_TIMESTAMP:
        return time_from(a, s);
    case CEL_DURATION: {
        _cleanup_err_ struct err err = {0};
        v.kind = CEL_DURATION;
        return duration_parse(s, &v.i, &err) < 0 ? value_error(arena_str(a, err.message)) : v;
    }
    case CEL_BYTES:
        if (decode_base64(&bytes, s) < 0)
            return value_error(STR("illegal base64 data"));
        return (struct cel_value){.kind = CEL_BYTES, .s = arena_str(a, buf_str(&bytes))};
    default:
        return v;
    }
}

static struct cel_value string_as(struct arena *a, struct str s, const struct cel_type *type)
{
    return type ? string_read(a, s, type) : cel_from_str(s);
}

struct cel_value cel_from_json(struct arena *a, const struct value *json, const struct cel_type *type)
{
    type = type == &cel_dyn ? NULL : type;
    if (!json)
        return CEL_NULL_VALUE;
    struct cel_value v = {.in = CEL_IN_JSON, .json = json, .type = type};
    switch (json->kind) {
    case JSON_NULL:
        return CEL_NULL_VALUE;
    case JSON_BOOL:
        return cel_from_bool(json->b);
    case JSON_INT:
        if (type && type->kind == CEL_DOUBLE)
            return (struct cel_value){.kind = CEL_DOUBLE, .d = (double)json->i};
        return cel_from_int(json->i);
    case JSON_DOUBLE:
        if (type && type->kind == CEL_INT && json->d == trunc(json->d) && fabs(json->d) < 9e18)
            return cel_from_int((int64_t)json->d);
        return (struct cel_value){.kind = CEL_DOUBLE, .d = json->d};
    case JSON_STRING:
        return string_as(a, json->s, type);
    case JSON_ARRAY:
        v.kind = CEL_LIST;
        return v;
    case JSON_OBJECT:
        v.kind = type && type->kind == CEL_OBJECT ? CEL_OBJECT : CEL_MAP;
        return v;
    }
    return CEL_NULL_VALUE;
}

/* --- described values, as JSON shows them --- */

struct cel_value cel_from_struct(const struct type *t, const void *at)
{
    if (!at)
        return CEL_NULL_VALUE;
    return (struct cel_value){.kind = CEL_MAP, .in = CEL_IN_STRUCT, .c = {at, t}};
}

struct cel_value cel_from_lazy(const struct cel_lazy *lazy, const struct cel_type *type)
{
    return (struct cel_value){.kind = CEL_OBJECT, .in = CEL_IN_LAZY, .lazy = lazy, .type = type};
}

static struct cel_value from_text(struct arena *a, struct buf *text, const struct cel_type *type)
{
    return string_as(a, arena_str(a, buf_str(text)), type);
}

static struct cel_value from_field(struct arena *a, const struct field *f, const void *at,
                                   const struct cel_type *type);

static struct cel_value from_struct(struct arena *a, const struct type *t, const char *at,
                                    const struct cel_type *type)
{
    if (t->flags & TYPE_BARE)
        return from_field(a, t->fields, at + t->fields->offset, type);
    if (t->flags & TYPE_EITHER) {
        const struct field *set = NULL;
        for (unsigned i = 0; i < t->n_fields; i++) {
            const struct field *f = &t->fields[i];
            if (!json_is_empty(f, at + f->offset) &&
                (!set || f->shape == SHAPE_LIST || set->kind == VALUE_BOOL))
                set = f;
        }
        set = set ? set : t->fields;
        return from_field(a, set, at + set->offset, type);
    }
    struct cel_value v = cel_from_struct(t, at);
    v.type = type;
    v.kind = type && type->kind == CEL_OBJECT ? CEL_OBJECT : CEL_MAP;
    return v;
}

/* A value that is kept as text. */
static struct cel_value from_rest(struct arena *a, struct str json, const struct cel_type *type)
{
    _cleanup_err_ struct err err = {0};
    struct value *v = arena_new(a, struct value);
    return value_parse(a, json, v, &err) < 0 ? value_error(arena_str(a, err.message))
                                             : cel_from_json(a, v, type);
}

/* What JSON shows as text that has to be written first. */
static __attribute__((noinline)) struct cel_value from_written(struct arena *a, const struct field *f,
                                                               const void *at, const struct cel_type *type)
{
    _cleanup_buf_ struct buf text = {0};
    struct time t = {0};
    switch ((enum value_kind)f->kind) {
    case VALUE_BYTES:
        if (type && type->kind == CEL_BYTES)
            return (struct cel_value){.kind = CEL_BYTES, .s = *(const struct str *)at};
        encode_base64(&text, *(const struct str *)at);
        return from_text(a, &text, NULL);
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        t = *(const struct time *)at;
        if (time_is_zero(t))
            return CEL_NULL_VALUE;
        if (type && type->kind == CEL_TIMESTAMP)
            return (struct cel_value){.kind = CEL_TIMESTAMP, .time = t};
        if (f->kind == VALUE_TIME)
            time_write(&text, t);
        else
            time_write_micro(&text, t);
        return from_text(a, &text, NULL);
    case VALUE_DURATION:
        duration_write(&text, *(const int64_t *)at);
        return from_text(a, &text, type);
    default:
        return CEL_NULL_VALUE;
    }
}

/* One value of the field: not its list or map. */
static struct cel_value from_one(struct arena *a, const struct field *f, const void *at,
                                 const struct cel_type *type)
{
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        return cel_from_bool(*(const bool *)at);
    case VALUE_INT32:
        return cel_from_int(*(const int32_t *)at);
    case VALUE_INT64:
        return cel_from_int(*(const int64_t *)at);
    case VALUE_DOUBLE:
        return (struct cel_value){.kind = CEL_DOUBLE, .d = *(const double *)at};
    case VALUE_STRING:
        return string_as(a, *(const struct str *)at, type);
    case VALUE_QUANTITY: {
        struct str q = *(const struct str *)at;
        return cel_from_str(q.n ? q : STR("0"));
    }
    case VALUE_INT_OR_STRING: {
        const struct int_or_str *v = at;
        return v->is_str ? cel_from_str(v->s) : cel_from_int(v->i);
    }
    case VALUE_JSON: {
        struct str raw = *(const struct str *)at;
        return raw.n ? from_rest(a, raw, type) : CEL_NULL_VALUE;
    }
    case VALUE_STRUCT:
        return from_struct(a, f->type, at, type);
    case VALUE_BYTES:
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
    case VALUE_DURATION:
        break;
    }
    return from_written(a, f, at, type);
}

static struct cel_value from_field(struct arena *a, const struct field *f, const void *at,
                                   const struct cel_type *type)
{
    switch ((enum shape)f->shape) {
    case SHAPE_LIST:
    case SHAPE_MAP:
        if (!((const struct any_vec *)at)->at)
            return CEL_NULL_VALUE;
        return (struct cel_value){.kind = f->shape == SHAPE_LIST ? CEL_LIST : CEL_MAP,
                                  .in = CEL_IN_FIELD,
                                  .c = {at, f},
                                  .type = type && type->kind != CEL_DYN ? type : NULL};
    case SHAPE_OPTIONAL:
        at = *(void *const *)at;
        return at ? from_one(a, f, at, type) : CEL_NULL_VALUE;
    case SHAPE_ONE:
    case SHAPE_INLINE:
        break;
    }
    return from_one(a, f, at, type);
}

static bool is_left_out(const struct field *f, const void *at)
{
    return (f->flags & (FIELD_OMIT_EMPTY | FIELD_OMIT_ZERO | FIELD_OMIT_ABSENT)) && json_is_empty(f, at);
}

/* --- looking inside --- */

static const struct cel_type *elem_of(const struct cel_value *v)
{
    return v->type ? v->type->elem : NULL;
}

uint64_t value_count(const struct cel_value *v)
{
    struct cel_value key, value;
    uint64_t n = 0;
    switch (v->kind) {
    case CEL_STRING:
        return utf8_len(v->s);
    case CEL_BYTES:
        return v->s.n;
    case CEL_LIST:
        return v->in == CEL_IN_ARENA  ? v->list.n
               : v->in == CEL_IN_JSON ? v->json->list.n
                                      : ((const struct any_vec *)v->c.at)->n;
    case CEL_MAP:
    case CEL_OBJECT:
        if (v->in == CEL_IN_JSON && v->kind == CEL_MAP)
            return v->json->members.n;
        if (v->in == CEL_IN_ARENA)
            return v->map->n;
        if (v->in == CEL_IN_FIELD)
            return ((const struct any_vec *)v->c.at)->n;
        if (v->in == CEL_IN_STRUCT) {
            const struct type *t = v->c.as;
            const struct field *f;
            uint32_t base;
            for (unsigned i = 0; (f = type_field_at(t, i, &base)); i++)
                n += !is_left_out(f, (const char *)v->c.at + base + f->offset);
            const struct str_map *rest = type_rest(t, v->c.at);
            return n + (rest ? rest->n : 0);
        }
        for (size_t cursor = 0; v->in == CEL_IN_JSON && value_next(NULL, v, &cursor, &key, &value);)
            n++;
        return n;
    default:
        return 1;
    }
}

struct cel_value value_list_item(struct arena *a, const struct cel_value *list, size_t i)
{
    if (list->in == CEL_IN_ARENA)
        return list->list.at[i];
    if (list->in == CEL_IN_JSON)
        return cel_from_json(a, &list->json->list.at[i], elem_of(list));
    return from_one(a, list->c.as, layout_item(list->c.as, list->c.at, i), elem_of(list));
}

bool value_next(struct arena *a, const struct cel_value *map, size_t *cursor, struct cel_value *key,
                struct cel_value *value)
{
    size_t i = (*cursor)++;
    switch (map->in) {
    case CEL_IN_ARENA:
        if (i >= map->map->n)
            return false;
        *key = map->map->at[i].key;
        *value = map->map->at[i].value;
        return true;
    case CEL_IN_JSON: {
        const struct value_members *m = &map->json->members;
        if (map->kind == CEL_OBJECT) { /* what is declared, no more */
            for (; i < map->type->n_fields; i = (*cursor)++) {
                const struct cel_field *f = &map->type->fields[i];
                const struct value *v = value_get(map->json, f->name);
                if (!v)
                    continue;
                *key = cel_from_str(f->escaped);
                *value = a ? cel_from_json(a, v, f->type) : CEL_NULL_VALUE;
                return true;
            }
            return false;
        }
        if (i >= m->n)
            return false;
        *key = cel_from_str(m->at[i].key);
        *value = cel_from_json(a, &m->at[i].value, elem_of(map));
        return true;
    }
    case CEL_IN_FIELD: {
        const struct any_vec *v = map->c.at;
        if (i >= v->n)
            return false;
        *key = cel_from_str(*layout_key(map->c.as, v, i));
        *value = from_one(a, map->c.as, layout_item(map->c.as, v, i), elem_of(map));
        return true;
    }
    case CEL_IN_STRUCT: {
        const struct field *f;
        uint32_t base;
        for (; (f = type_field_at(map->c.as, (unsigned)i, &base)); i = (*cursor)++) {
            const char *at = (const char *)map->c.at + base + f->offset;
            if (is_left_out(f, at))
                continue;
            const struct cel_field *declared = map->type ? type_object_field(map->type, f->name) : NULL;
            *key = cel_from_str(f->name);
            *value = from_field(a, f, at, declared ? declared->type : NULL);
            return true;
        }
        const struct type *t = map->c.as;
        const struct str_map *rest = type_rest(t, map->c.at);
        size_t k = i - (t->index ? t->index->n : 0);
        if (!rest || k >= rest->n)
            return false;
        *key = cel_from_str(rest->at[k].key);
        *value = from_rest(a, rest->at[k].value, NULL);
        return true;
    }
    case CEL_IN_LAZY:
        break;
    }
    return false;
}

static bool field_of_rest(struct arena *a, const struct str_map *rest, struct str name,
                          const struct cel_type *type, struct cel_value *out)
{
    for (size_t i = 0; rest && i < rest->n; i++)
        if (str_eq(rest->at[i].key, name)) {
            *out = from_rest(a, rest->at[i].value, type);
            return true;
        }
    return false;
}

static bool field_of_struct(struct arena *a, const struct cel_value *v, struct str name,
                            const struct cel_type *type, struct cel_value *out)
{
    uint32_t base;
    const struct field *f = type_field(v->c.as, name, &base);
    if (!f)
        return field_of_rest(a, type_rest(v->c.as, v->c.at), name, type, out);
    const char *at = (const char *)v->c.at + base + f->offset;
    if (is_left_out(f, at))
        return false;
    *out = from_field(a, f, at, type);
    return true;
}

static bool field_of_map(struct arena *a, const struct cel_value *v, struct str name, struct cel_value *out)
{
    size_t lo = 0, hi = ((const struct any_vec *)v->c.at)->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = str_cmp(*layout_key(v->c.as, v->c.at, mid), name);
        if (c == 0) {
            *out = from_one(a, v->c.as, layout_item(v->c.as, v->c.at, mid), elem_of(v));
            return true;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

bool value_field(struct arena *a, const struct cel_value *object, struct str name, struct cel_value *out)
{
    const struct cel_type *type = elem_of(object);
    if (object->kind == CEL_OBJECT && object->type && !object->type->any_field &&
        object->in != CEL_IN_ARENA) {
        const struct cel_field *f = type_object_field(object->type, name);
        if (!f)
            return false;
        name = f->name;
        type = f->type;
    }
    switch (object->in) {
    case CEL_IN_ARENA: {
        struct cel_value key = cel_from_str(name);
        const struct cel_value *v = pairs_get(object->map, &key);
        if (v)
            *out = *v;
        return v;
    }
    case CEL_IN_JSON: {
        const struct value *v = value_get(object->json, name);
        if (v)
            *out = cel_from_json(a, v, type);
        return v;
    }
    case CEL_IN_STRUCT:
        return field_of_struct(a, object, name, type, out);
    case CEL_IN_FIELD:
        return field_of_map(a, object, name, out);
    case CEL_IN_LAZY:
        break;
    }
    return false;
}

bool value_find(struct arena *a, const struct cel_value *map, const struct cel_value *key,
                struct cel_value *out)
{
    if (key->kind == CEL_STRING)
        return value_field(a, map, key->s, out);
    const struct cel_value *v = map->in == CEL_IN_ARENA ? pairs_get(map->map, key) : NULL;
    if (v)
        *out = *v;
    return v;
}

/* --- comparing --- */

bool value_is_number(const struct cel_value *v)
{
    return v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE;
}

/* Whole numbers become doubles to be compared with them, as cel-go has it: near their ends that rounds. */
static int compare_int_double(int64_t i, double d)
{
    if (d < -9223372036854775808.0)
        return 1;
    if (d > 9223372036854775808.0)
        return -1;
    double x = (double)i;
    return (x > d) - (x < d);
}

static int compare_uint_double(uint64_t u, double d)
{
    if (d < 0)
        return 1;
    if (d > 18446744073709551616.0)
        return -1;
    double x = (double)u;
    return (x > d) - (x < d);
}

bool value_compare_numbers(const struct cel_value *x, const struct cel_value *y, int *out)
{
    if ((x->kind == CEL_DOUBLE && isnan(x->d)) || (y->kind == CEL_DOUBLE && isnan(y->d)))
        return false;
    if (x->kind == y->kind) {
        *out = x->kind == CEL_INT    ? (x->i > y->i) - (x->i < y->i)
               : x->kind == CEL_UINT ? (x->u > y->u) - (x->u < y->u)
                                     : (x->d > y->d) - (x->d < y->d);
    } else if (x->kind == CEL_DOUBLE) {
        *out = y->kind == CEL_INT ? -compare_int_double(y->i, x->d) : -compare_uint_double(y->u, x->d);
    } else if (y->kind == CEL_DOUBLE) {
        *out = x->kind == CEL_INT ? compare_int_double(x->i, y->d) : compare_uint_double(x->u, y->d);
    } else if (x->kind == CEL_INT) {
        *out = x->i < 0 ? -1 : ((uint64_t)x->i > y->u) - ((uint64_t)x->i < y->u);
    } else {
        *out = y->i < 0 ? 1 : (x->u > (uint64_t)y->i) - (x->u < (uint64_t)y->i);
    }
    return true;
}

/* Items that are the same by the keys of a list of type map. */
static bool same_keys(struct arena *a, const struct cel_type *t, const struct cel_value *x,
                      const struct cel_value *y)
{
    for (size_t i = 0; i < t->n_list_keys; i++) {
        struct cel_value vx = CEL_NULL_VALUE, vy = CEL_NULL_VALUE;
        value_field(a, x, t->list_keys[i], &vx);
        value_field(a, y, t->list_keys[i], &vy);
        if (!value_equal(a, &vx, &vy))
            return false;
    }
    return true;
}

static bool lists_equal(struct arena *a, const struct cel_value *x, const struct cel_value *y)
{
    size_t n = value_count(x);
    if (n != value_count(y))
        return false;
    const struct cel_type *t = x->type ? x->type : y->type;
    enum cel_list_kind kind = t && t->kind == CEL_LIST ? t->list_kind : CEL_LIST_ATOMIC;
    for (size_t i = 0; i < n; i++) {
        struct cel_value vx = value_list_item(a, x, i), vy = value_list_item(a, y, i);
        bool same = value_equal(a, &vx, &vy);
        for (size_t j = 0; !same && kind != CEL_LIST_ATOMIC && j < n; j++) {
            vy = value_list_item(a, y, j);
            same = (kind == CEL_LIST_SET || same_keys(a, t, &vx, &vy)) && value_equal(a, &vx, &vy);
        }
        if (!same)
            return false;
    }
    return true;
}

static bool maps_equal(struct arena *a, const struct cel_value *x, const struct cel_value *y)
{
    if (x->in == CEL_IN_LAZY || y->in == CEL_IN_LAZY || value_count(x) != value_count(y))
        return false;
    struct cel_value key, vx, vy;
    for (size_t cursor = 0; value_next(a, x, &cursor, &key, &vx);)
        if (!value_find(a, y, &key, &vy) || !value_equal(a, &vx, &vy))
            return false;
    return true;
}

bool value_equal(struct arena *a, const struct cel_value *x, const struct cel_value *y)
{
    int c;
    if (value_is_number(x) && value_is_number(y))
        return value_compare_numbers(x, y, &c) && c == 0;
    if (x->kind != y->kind)
        return false;
    switch ((enum cel_kind)x->kind) {
    case CEL_NULL:
        return true;
    case CEL_BOOL:
        return x->b == y->b;
    case CEL_STRING:
    case CEL_BYTES:
        return str_eq(x->s, y->s);
    case CEL_TIMESTAMP:
        return time_cmp(x->time, y->time) == 0;
    case CEL_DURATION:
        return x->i == y->i;
    case CEL_LIST:
        return lists_equal(a, x, y);
    case CEL_MAP:
    case CEL_OBJECT:
        return maps_equal(a, x, y);
    case CEL_TYPE:
        return str_eq(x->of->name, y->of->name);
    case CEL_OPTIONAL:
        return x->inner && y->inner ? value_equal(a, x->inner, y->inner) : !x->inner == !y->inner;
    case CEL_OPAQUE:
        return x->type == y->type && opaque_equal(x, y);
    default:
        return false;
    }
}

const struct cel_type *value_type(const struct cel_value *v)
{
    static const struct cel_type *const plain[] = {
        [CEL_ERROR] = &cel_dyn,           [CEL_NULL] = &cel_null,
        [CEL_BOOL] = &cel_bool,           [CEL_INT] = &cel_int,
        [CEL_UINT] = &cel_uint,           [CEL_DOUBLE] = &cel_double,
        [CEL_STRING] = &cel_string,       [CEL_BYTES] = &cel_bytes,
        [CEL_TIMESTAMP] = &cel_timestamp, [CEL_DURATION] = &cel_duration,
        [CEL_LIST] = &cel_list,           [CEL_MAP] = &cel_map,
        [CEL_TYPE] = &cel_type_of_types,  [CEL_OPTIONAL] = &cel_optional,
    };
    return v->kind == CEL_OBJECT || v->kind == CEL_OPAQUE ? v->type : plain[v->kind];
}

/* --- back to JSON --- */

static struct str json_key(struct arena *a, const struct cel_value *key)
{
    return key->kind == CEL_STRING ? key->s
           : key->kind == CEL_INT  ? arena_printf(a, "%lld", (long long)key->i)
           : key->kind == CEL_UINT ? arena_printf(a, "%llu", (unsigned long long)key->u)
           : key->kind == CEL_BOOL ? (key->b ? STR("true") : STR("false"))
                                   : STR("");
}

static int to_json(struct arena *a, const struct cel_value *v, struct value *out, unsigned depth,
                   struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    *out = VALUE_NULL;
    if (depth > VALUE_DEPTH)
        return err_set(err, ERR_INVALID, "value is nested too deeply");
    switch ((enum cel_kind)v->kind) {
    case CEL_NULL:
        return 0;
    case CEL_BOOL:
        *out = VALUE_BOOL(v->b);
        return 0;
    case CEL_INT:
        *out = VALUE_INT(v->i);
        return 0;
    case CEL_UINT:
        *out = v->u <= INT64_MAX ? VALUE_INT((int64_t)v->u) : VALUE_DOUBLE((double)v->u);
        return 0;
    case CEL_DOUBLE:
        *out = VALUE_DOUBLE(v->d);
        return 0;
    case CEL_STRING:
        *out = VALUE_STR(v->s);
        return 0;
    case CEL_BYTES:
        encode_base64(&text, v->s);
        break;
    case CEL_TIMESTAMP:
        time_write(&text, v->time);
        break;
    case CEL_DURATION:
        buf_addf(&text, "%.9gs", (double)v->i / 1e9);
        break;
    case CEL_LIST:
        *out = VALUE_ARRAY;
        for (size_t i = 0, n = value_count(v); i < n; i++) {
            struct cel_value item = value_list_item(a, v, i);
            struct value json;
            if (to_json(a, &item, &json, depth + 1, err) < 0)
                return -1;
            value_append(a, out, json);
        }
        return 0;
    case CEL_MAP:
    case CEL_OBJECT: {
        *out = VALUE_OBJECT;
        struct cel_value key, item;
        for (size_t cursor = 0; value_next(a, v, &cursor, &key, &item);) {
            struct value json;
            if (to_json(a, &item, &json, depth + 1, err) < 0)
                return -1;
            value_set(a, out, json_key(a, &key), json);
        }
        return 0;
    }
    case CEL_OPTIONAL:
        return v->inner ? to_json(a, v->inner, out, depth + 1, err) : 0;
    default:
        return err_set(err, ERR_INVALID, "type conversion error from '" STR_FMT "' to 'JSON'",
                       STR_ARG(value_type(v)->name));
    }
    *out = VALUE_STR(arena_str(a, buf_str(&text)));
    return 0;
}

int cel_to_json(struct arena *a, const struct cel_value *v, struct value *out, struct err *err)
{
    return to_json(a, v, out, 0, err);
}
