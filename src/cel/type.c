#include "cel/type.h"

#include <stdlib.h>

#include "cel/lex.h"
#include "schema/layout.h"

/* What has no size, numbers and objects, is bounded by 0 as upstream's estimates have it. */
#define PLAIN(c, k, text)                                                                                    \
    const struct cel_type c = {.kind = k,                                                                    \
                               .name = STR_INIT(text),                                                       \
                               .max = k == CEL_STRING || k == CEL_BYTES || k == CEL_LIST || k == CEL_MAP ||  \
                                              k == CEL_DYN                                                   \
                                          ? CEL_UNBOUNDED                                                    \
                                          : 0}
PLAIN(cel_dyn, CEL_DYN, "dyn");
PLAIN(cel_null, CEL_NULL, "null_type");
PLAIN(cel_bool, CEL_BOOL, "bool");
PLAIN(cel_int, CEL_INT, "int");
PLAIN(cel_uint, CEL_UINT, "uint");
PLAIN(cel_double, CEL_DOUBLE, "double");
PLAIN(cel_string, CEL_STRING, "string");
PLAIN(cel_bytes, CEL_BYTES, "bytes");
PLAIN(cel_timestamp, CEL_TIMESTAMP, "google.protobuf.Timestamp");
PLAIN(cel_duration, CEL_DURATION, "google.protobuf.Duration");
PLAIN(cel_list, CEL_LIST, "list");
PLAIN(cel_map, CEL_MAP, "map");
PLAIN(cel_optional, CEL_OPTIONAL, "optional_type");
PLAIN(cel_type_of_types, CEL_TYPE, "type");
PLAIN(cel_quantity, CEL_OPAQUE, "kubernetes.Quantity");
PLAIN(cel_ip, CEL_OPAQUE, "net.IP");
PLAIN(cel_cidr, CEL_OPAQUE, "net.CIDR");
PLAIN(cel_url, CEL_OPAQUE, "kubernetes.URL");
PLAIN(cel_semver, CEL_OPAQUE, "kubernetes.Semver");
PLAIN(cel_named_format, CEL_OPAQUE, "kubernetes.NamedFormat");
PLAIN(cel_authorizer, CEL_OPAQUE, "kubernetes.authorization.Authorizer");
PLAIN(cel_path_check, CEL_OPAQUE, "kubernetes.authorization.PathCheck");
PLAIN(cel_group_check, CEL_OPAQUE, "kubernetes.authorization.GroupCheck");
PLAIN(cel_resource_check, CEL_OPAQUE, "kubernetes.authorization.ResourceCheck");
PLAIN(cel_decision, CEL_OPAQUE, "kubernetes.authorization.Decision");

static const struct cel_field json_patch_fields[] = {
    {STR_INIT("from"), &cel_string, STR_INIT("from")},
    {STR_INIT("op"), &cel_string, STR_INIT("op")},
    {STR_INIT("path"), &cel_string, STR_INIT("path")},
    {STR_INIT("value"), &cel_dyn, STR_INIT("value")},
};
const struct cel_type cel_json_patch = {
    .kind = CEL_OBJECT, .name = STR_INIT("JSONPatch"), .fields = json_patch_fields, .n_fields = 4};
const struct cel_type cel_mutated_object = {
    .kind = CEL_OBJECT, .name = STR_INIT("Object"), .any_field = true};

const struct cel_type *type_named(struct str name)
{
    static const struct cel_type *const named[] = {
        &cel_bool,        &cel_int,      &cel_uint,     &cel_double,       &cel_string,
        &cel_bytes,       &cel_list,     &cel_map,      &cel_null,         &cel_type_of_types,
        &cel_timestamp,   &cel_duration, &cel_optional, &cel_quantity,     &cel_ip,
        &cel_cidr,        &cel_url,      &cel_semver,   &cel_authorizer,   &cel_path_check,
        &cel_group_check, &cel_decision, &cel_dyn,      &cel_named_format, &cel_resource_check,
    };
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (str_eq(named[i]->name, name))
            return named[i];
    return NULL;
}

/* --- making types --- */

static struct cel_type *type_copy(struct arena *a, const struct cel_type *t)
{
    return arena_dup(a, t, sizeof(*t));
}

const struct cel_type *cel_type_bound(struct arena *a, const struct cel_type *plain, uint64_t max)
{
    struct cel_type *t = type_copy(a, plain);
    t->max = max;
    return t;
}

const struct cel_type *cel_type_list(struct arena *a, const struct cel_type *elem, uint64_t max)
{
    struct cel_type *t = type_copy(a, &cel_list);
    t->elem = elem;
    t->max = max;
    return t;
}

const struct cel_type *cel_type_map(struct arena *a, const struct cel_type *key, const struct cel_type *value,
                                    uint64_t max)
{
    struct cel_type *t = type_copy(a, &cel_map);
    t->key = key;
    t->elem = value;
    t->max = max;
    return t;
}

const struct cel_type *cel_type_optional(struct arena *a, const struct cel_type *elem)
{
    struct cel_type *t = type_copy(a, &cel_optional);
    t->elem = elem;
    return t;
}

/* Empty when an expression has no way to write it. */
static struct str escape_name(struct arena *a, struct str name)
{
    static const struct {
        char c;
        const char *text;
    } signs[] = {{'.', "__dot__"}, {'-', "__dash__"}, {'/', "__slash__"}};
    _cleanup_buf_ struct buf out = {0};
    if (cel_is_reserved(name)) {
        buf_addf(&out, "__" STR_FMT "__", STR_ARG(name));
        return arena_str(a, buf_str(&out));
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (c == '_' && i + 1 < name.n && name.p[i + 1] == '_') {
            buf_add_lit(&out, "__underscores__");
            i++;
            continue;
        }
        if (letter || (i && c >= '0' && c <= '9')) {
            buf_add_c(&out, c);
            continue;
        }
        const char *text = NULL;
        for (size_t j = 0; j < ARRAY_LEN(signs); j++)
            text = c == signs[j].c ? signs[j].text : text;
        if (!text)
            return STR("");
        buf_add_str(&out, str_from(text));
    }
    return arena_str(a, buf_str(&out));
}

static int field_cmp(const void *x, const void *y)
{
    return str_cmp(((const struct cel_field *)x)->escaped, ((const struct cel_field *)y)->escaped);
}

static void type_set_fields(struct arena *a, struct cel_type *t, const struct cel_field *fields, size_t n,
                            bool escaped)
{
    struct cel_field *own = arena_new_n(a, struct cel_field, n ? n : 1);
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        own[to] = fields[i];
        own[to].escaped = escaped ? escape_name(a, fields[i].name) : fields[i].name;
        to += own[to].escaped.n > 0;
    }
    qsort(own, to, sizeof(*own), field_cmp);
    t->fields = own;
    t->n_fields = to;
}

const struct cel_type *cel_type_object(struct arena *a, struct str name, const struct cel_field *fields,
                                       size_t n)
{
    struct cel_type *t = arena_new(a, struct cel_type);
    t->kind = CEL_OBJECT;
    t->name = name;
    type_set_fields(a, t, fields, n, true);
    return t;
}

const struct cel_type *cel_type_record(struct arena *a, struct str name, const struct cel_field *fields,
                                       size_t n)
{
    struct cel_type *t = arena_new(a, struct cel_type);
    t->kind = CEL_OBJECT;
    t->name = name;
    type_set_fields(a, t, fields, n, false);
    return t;
}

const struct cel_field *type_object_field(const struct cel_type *t, struct str name)
{
    struct cel_field key = {.escaped = name};
    return t->n_fields ? bsearch(&key, t->fields, t->n_fields, sizeof(key), field_cmp) : NULL;
}

/* --- types of described structs --- */

struct described {
    struct arena *arena;
    bool escaped;
    struct {
        const struct type *described;
        struct cel_type *type;
    } * seen; /* structs may hold themselves */
    size_t n, cap;
};

static const struct cel_type *describe(struct described *d, const struct type *t);

static const struct cel_type *describe_value(struct described *d, const struct field *f)
{
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        return &cel_bool;
    case VALUE_INT32:
    case VALUE_INT64:
        return &cel_int;
    case VALUE_DOUBLE:
        return &cel_double;
    case VALUE_STRING:
    case VALUE_DURATION:
        return &cel_string;
    case VALUE_BYTES:
        return &cel_bytes;
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        return &cel_timestamp;
    case VALUE_QUANTITY:
    case VALUE_INT_OR_STRING:
    case VALUE_JSON:
        return &cel_dyn;
    case VALUE_STRUCT:
        break;
    }
    return describe(d, f->type);
}

static const struct cel_type *describe_field(struct described *d, const struct field *f)
{
    const struct cel_type *t = describe_value(d, f);
    switch ((enum shape)f->shape) {
    case SHAPE_LIST:
        return cel_type_list(d->arena, t, CEL_UNBOUNDED);
    case SHAPE_MAP:
        return cel_type_map(d->arena, &cel_string, t, CEL_UNBOUNDED);
    case SHAPE_ONE:
    case SHAPE_OPTIONAL:
    case SHAPE_INLINE:
        break;
    }
    return t;
}

static const struct cel_type *describe(struct described *d, const struct type *t)
{
    if (t->flags & TYPE_BARE)
        return describe_field(d, t->fields);
    if (t->flags & (TYPE_EITHER | TYPE_UNKNOWN))
        return &cel_dyn;
    for (size_t i = 0; i < d->n; i++)
        if (d->seen[i].described == t)
            return d->seen[i].type;
    mem_grow((void **)&d->seen, &d->cap, d->n + 1, sizeof(*d->seen));
    struct cel_type *made = arena_new(d->arena, struct cel_type);
    d->seen[d->n].described = t;
    d->seen[d->n++].type = made;
    made->kind = CEL_OBJECT;
    made->name = t->openapi_name.n ? t->openapi_name : t->name;
    unsigned n = t->index ? t->index->n : 0;
    struct cel_field *fields = mem_zalloc((n + 1) * sizeof(*fields));
    uint32_t base;
    for (unsigned i = 0; i < n; i++) {
        const struct field *f = type_field_at(t, i, &base);
        fields[i] = (struct cel_field){.name = f->name, .type = describe_field(d, f)};
    }
    type_set_fields(d->arena, made, fields, n, d->escaped);
    free(fields);
    return made;
}

const struct cel_type *cel_type_described(struct arena *a, const struct type *t, bool escaped)
{
    struct described d = {.arena = a, .escaped = escaped};
    const struct cel_type *made = describe(&d, t);
    free(d.seen);
    return made;
}

/* --- showing --- */

static void type_write(struct buf *out, const struct cel_type *t)
{
    if (t->nullable)
        buf_add_lit(out, "wrapper(");
    buf_add_str(out, t->kind == CEL_NULL ? STR("null") : t->name);
    if (t->kind == CEL_MAP && (t->key || t->elem)) {
        buf_add_c(out, '(');
        type_write(out, type_key(t));
        buf_add_lit(out, ", ");
        type_write(out, type_elem(t));
        buf_add_c(out, ')');
    } else if (t->elem) {
        buf_add_c(out, '(');
        type_write(out, t->elem);
        buf_add_c(out, ')');
    }
    if (t->nullable)
        buf_add_c(out, ')');
}

struct str cel_type_str(struct arena *a, const struct cel_type *t)
{
    _cleanup_buf_ struct buf out = {0};
    type_write(&out, t);
    return arena_str(a, buf_str(&out));
}

/* --- relations --- */

bool type_same(const struct cel_type *x, const struct cel_type *y)
{
    if (x == y)
        return true;
    if (x->kind != y->kind)
        return false;
    switch (x->kind) {
    case CEL_PARAM:
        return false;
    case CEL_OBJECT:
    case CEL_OPAQUE:
        return str_eq(x->name, y->name);
    case CEL_MAP:
        return type_same(type_key(x), type_key(y)) && type_same(type_elem(x), type_elem(y));
    case CEL_LIST:
    case CEL_OPTIONAL:
    case CEL_TYPE:
        return type_same(type_elem(x), type_elem(y));
    default:
        return true;
    }
}

static const struct cel_type *find(const struct types *s, const struct cel_type *t)
{
    for (size_t i = 0; t->kind == CEL_PARAM && i < s->n; i++)
        if (s->at[i].param == t) {
            t = s->at[i].to;
            i = (size_t)-1;
        }
    return t;
}

static void bind(struct types *s, const struct cel_type *param, const struct cel_type *to)
{
    mem_grow((void **)&s->at, &s->cap, s->n + 1, sizeof(*s->at));
    s->at[s->n++] = (struct type_binding){param, to};
}

static bool occurs(const struct types *s, const struct cel_type *param, const struct cel_type *in)
{
    in = find(s, in);
    return in == param || (in->elem && occurs(s, param, in->elem)) || (in->key && occurs(s, param, in->key));
}

static void widen(struct types *s, const struct cel_type *param)
{
    for (size_t i = 0; param->kind == CEL_PARAM && i < s->n; i++)
        if (s->at[i].param == param) {
            param = s->at[i].to;
            if (param->kind != CEL_PARAM)
                s->at[i].to = &cel_dyn;
            i = (size_t)-1;
        }
}

static bool assignable(struct types *s, const struct cel_type *to, const struct cel_type *from)
{
    const struct cel_type *asked = to;
    to = find(s, to);
    from = find(s, from);
    if (to == from)
        return true;
    if (to->kind == CEL_PARAM || from->kind == CEL_PARAM) {
        const struct cel_type *param = to->kind == CEL_PARAM ? to : from, *other = param == to ? from : to;
        if (occurs(s, param, other))
            return false;
        bind(s, param, other);
        return true;
    }
    if (to->kind == CEL_DYN || from->kind == CEL_DYN) {
        if (asked->kind == CEL_PARAM) /* it is then for anything */
            widen(s, asked);
        return true;
    }
    if (from->kind == CEL_NULL && to->kind != CEL_NULL)
        return to->nullable || to->kind == CEL_OBJECT || to->kind == CEL_OPAQUE || to->kind == CEL_OPTIONAL ||
               to->kind == CEL_TIMESTAMP || to->kind == CEL_DURATION;
    if (to->kind != from->kind)
        return false;
    switch (to->kind) {
    case CEL_OBJECT:
    case CEL_OPAQUE:
        return str_eq(to->name, from->name);
    case CEL_MAP:
        return assignable(s, type_key(to), type_key(from)) && assignable(s, type_elem(to), type_elem(from));
    case CEL_LIST:
    case CEL_OPTIONAL:
        return assignable(s, type_elem(to), type_elem(from));
    default:
        return true; /* all types are of one type */
    }
}

bool types_assignable(struct types *s, const struct cel_type *to, const struct cel_type *from)
{
    size_t before = s->n;
    if (assignable(s, to, from))
        return true;
    s->n = before;
    return false;
}

static const struct cel_type *
rebuild(struct types *s, const struct cel_type *t,
        const struct cel_type *(*leaf)(struct types *s, void *arg, const struct cel_type *t), void *arg)
{
    t = leaf(s, arg, t);
    if (t->kind == CEL_OBJECT || (!t->elem && !t->key))
        return t;
    const struct cel_type *elem = t->elem ? rebuild(s, t->elem, leaf, arg) : NULL,
                          *key = t->key ? rebuild(s, t->key, leaf, arg) : NULL;
    if (elem == t->elem && key == t->key)
        return t;
    struct cel_type *made = type_copy(s->arena, t);
    made->elem = elem;
    made->key = key;
    return made;
}

static const struct cel_type *leaf_resolve(struct types *s, void *arg, const struct cel_type *t)
{
    t = find(s, t);
    return t->kind == CEL_PARAM && *(bool *)arg ? &cel_dyn : t;
}

const struct cel_type *types_resolve(struct types *s, const struct cel_type *t, bool dyn)
{
    return rebuild(s, t, leaf_resolve, &dyn);
}

static const struct cel_type *leaf_fresh(struct types *s, void *arg, const struct cel_type *t)
{
    struct types *renamed = arg;
    if (t->kind != CEL_PARAM)
        return t;
    const struct cel_type *have = find(renamed, t);
    if (have != t)
        return have;
    const struct cel_type *made = type_copy(s->arena, t);
    /* One step only, or the new one would be looked for too. */
    bind(renamed, t, made);
    return made;
}

const struct cel_type *types_fresh(struct types *s, struct types *renamed, const struct cel_type *t)
{
    return rebuild(s, t, leaf_fresh, renamed);
}

/* Does x match y with dyn in places of it? */
static bool less_specific(struct types *s, const struct cel_type *x, const struct cel_type *y)
{
    x = find(s, x);
    y = find(s, y);
    if (x->kind == CEL_DYN || x->kind == CEL_PARAM)
        return true;
    if (y->kind == CEL_NULL) /* it may be either */
        return true;
    if (y->kind == CEL_DYN || y->kind == CEL_PARAM || x->kind != y->kind)
        return false;
    switch (x->kind) {
    case CEL_MAP:
        return less_specific(s, type_key(x), type_key(y)) && less_specific(s, type_elem(x), type_elem(y));
    case CEL_LIST:
    case CEL_OPTIONAL:
        return less_specific(s, type_elem(x), type_elem(y));
    case CEL_TYPE:
        return true;
    default:
        return type_same(x, y);
    }
}

const struct cel_type *types_general(struct types *s, const struct cel_type *x, const struct cel_type *y)
{
    return less_specific(s, x, y) ? x : y;
}
