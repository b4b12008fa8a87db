#include "api/valid.h"

#include "base/map.h"
#include "schema/json.h"
#include "schema/selector.h"
#include "schema/validate.h"

void valid_format(struct field_errors *e, const struct path *at, enum format f, struct str v)
{
    if (!v.n)
        field_required(e, at, "%s", "");
    else
        format_validate(e, at, f, v);
}

void valid_label_name(struct field_errors *e, const struct path *at, struct str v)
{
    valid_format(e, at, FORMAT_DNS1123_LABEL, v);
}

void valid_subdomain(struct field_errors *e, const struct path *at, struct str v)
{
    valid_format(e, at, FORMAT_DNS1123_SUBDOMAIN, v);
}

void valid_qualified(struct field_errors *e, const struct path *at, struct str v)
{
    format_validate(e, at, FORMAT_LABEL_KEY, v);
}

void valid_label_value(struct field_errors *e, const struct path *at, struct str v)
{
    format_validate(e, at, FORMAT_LABEL_VALUE, v);
}

void valid_required(struct field_errors *e, const struct path *at, struct str v)
{
    if (!v.n)
        field_required(e, at, "%s", "");
}

void valid_not_negative(struct field_errors *e, const struct path *at, int64_t v)
{
    if (v < 0)
        field_invalid_int(e, at, v, "must be greater than or equal to 0");
}

void valid_id(struct field_errors *e, const struct path *at, const int64_t *id)
{
    if (id && (*id < 0 || *id > INT32_MAX))
        field_invalid_int(e, at, *id, "must be between 0 and 2147483647, inclusive");
}

void valid_port(struct field_errors *e, const struct path *at, int64_t v)
{
    format_validate_port(e, at, v);
}

void valid_port_or_name(struct field_errors *e, const struct path *at, const struct int_or_str *v)
{
    if (v->is_str)
        format_validate(e, at, FORMAT_PORT_NAME, v->s);
    else
        format_validate_port(e, at, v->i);
}

void valid_count_or_percent(struct field_errors *e, const struct path *at, const struct int_or_str *v)
{
    if (!v->is_str)
        valid_not_negative(e, at, v->i);
    else
        format_validate(e, at, FORMAT_PERCENT, v->s);
}

int64_t percent_of(const struct int_or_str *v)
{
    int64_t n;
    if (!v->is_str || !str_ends(v->s, STR("%")) || !str_to_i64(str_slice(v->s.p, v->s.n - 1), &n) || n < 0)
        return -1;
    return n;
}

void valid_at_most_100_percent(struct field_errors *e, const struct path *at, const struct int_or_str *v)
{
    if (percent_of(v) > 100)
        field_invalid(e, at, v->s, "must not be greater than 100%%");
}

void valid_one_of(struct field_errors *e, const struct path *at, struct str v, const struct str *values,
                  size_t n, bool required)
{
    if (!v.n) {
        if (required)
            field_required(e, at, "%s", "");
        return;
    }
    valid_supported(e, at, v, values, n);
}

void valid_supported(struct field_errors *e, const struct path *at, struct str v, const struct str *values,
                     size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v, values[i]))
            return;
    field_not_supported(e, at, v, values, n);
}

void valid_immutable(struct field_errors *e, const struct path *at, bool same, struct bad_value v)
{
    if (!same)
        field_error(e, FIELD_ERROR_INVALID, at, v, "field is immutable");
}

void valid_immutable_str(struct field_errors *e, const struct path *at, struct str v, struct str old)
{
    valid_immutable(e, at, str_eq(v, old), BAD(v));
}

enum { DRIVER_NAME_MOST = 63 };

void valid_driver_name(struct field_errors *e, const struct path *at, struct str name)
{
    _cleanup_arena_ struct arena a = {0};
    struct str messages[FORMAT_MESSAGES];
    char *low = arena_c(&a, name);
    for (size_t i = 0; i < name.n; i++)
        if (low[i] >= 'A' && low[i] <= 'Z')
            low[i] = (char)(low[i] + 32);
    if (!name.n)
        field_required(e, at, "%s", "");
    if (name.n > DRIVER_NAME_MOST)
        field_too_long(e, at, DRIVER_NAME_MOST);
    size_t n = name.n ? format_check(FORMAT_DNS1123_SUBDOMAIN, str_slice(low, name.n), messages) : 0;
    for (size_t i = 0; i < n; i++)
        field_invalid(e, at, name, STR_FMT, STR_ARG(messages[i]));
}

void valid_fixed(struct field_errors *e, const struct path *at, const struct type *t, struct str name,
                 const void *now, const void *old)
{
    uint32_t base;
    const struct field *f = type_field(t, name, &base);
    struct path child = path_child(at, name);
    ensure(f);
    validate_immutable(e, &child, f, (const char *)now + base, (const char *)old + base);
}

struct bad_value valid_bad(struct field_errors *e, const struct type *t, const void *v)
{
    _cleanup_buf_ struct buf json = {0};
    if (!v)
        return BAD_RAW(STR("null"));
    json_encode(&json, t, v);
    return BAD_RAW(arena_str(&e->arena, buf_str(&json)));
}

struct bad_value valid_bad_map(struct field_errors *e, const struct str_map *m)
{
    _cleanup_buf_ struct buf json = {0};
    if (!m->at)
        return BAD_RAW(STR("null"));
    buf_add_c(&json, '{');
    each (*m, i) {
        if (i)
            buf_add_c(&json, ',');
        json_encode_string(&json, m->at[i].key);
        buf_add_c(&json, ':');
        json_encode_string(&json, m->at[i].value);
    }
    buf_add_c(&json, '}');
    return BAD_RAW(arena_str(&e->arena, buf_str(&json)));
}

struct bad_value valid_bad_list(struct field_errors *e, const struct str_vec *v)
{
    _cleanup_buf_ struct buf json = {0};
    if (!v->at)
        return BAD_RAW(STR("null"));
    buf_add_c(&json, '[');
    each (*v, i) {
        if (i)
            buf_add_c(&json, ',');
        json_encode_string(&json, v->at[i]);
    }
    buf_add_c(&json, ']');
    return BAD_RAW(arena_str(&e->arena, buf_str(&json)));
}

/* What RFC 3986 lets stand in a path. */
static bool is_path(struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (!c || !strchr("/-._~%!$&'()*+,;=:", c)))
            return false;
    }
    return v.n > 0;
}

void valid_domain_prefixed_path(struct field_errors *e, const struct path *at, struct str v)
{
    struct str rest = v, host = {0};
    str_cut(&rest, '/', &host);
    if (!v.n)
        field_required(e, at, "%s", "");
    else if (!host.n || !rest.n)
        field_invalid(e, at, v, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    else {
        format_validate(e, at, FORMAT_DNS1123_SUBDOMAIN, host);
        if (!is_path(rest))
            field_invalid(e, at, rest,
                          "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%%!$&'()*+,;=:]+')");
    }
}

struct bad_value valid_bad_member(struct field_errors *e, const struct type *t, const char *name,
                                  const void *value)
{
    _cleanup_buf_ struct buf b = {0};
    uint32_t base = 0;
    const struct field *f = type_field(t, str_from(name), &base);
    json_encode_field(&b, f, field_at(f, (const char *)value + base));
    return BAD_RAW(arena_str(&e->arena, buf_str(&b)));
}

void valid_no_backsteps(struct field_errors *e, const struct path *at, struct str v)
{
    struct str rest = v, part;
    while (str_cut(&rest, '/', &part))
        if (str_is(part, "..")) {
            field_invalid(e, at, v, "must not contain '..'");
            return;
        }
}

void valid_relative_path(struct field_errors *e, const struct path *at, struct str v)
{
    if (str_starts(v, STR("/")))
        field_invalid(e, at, v, "must be a relative path");
    valid_no_backsteps(e, at, v);
}

static void valid_selector_requirement(struct field_errors *e, const struct path *at,
                                       const struct label_selector_requirement *r)
{
    if (str_is(r->operator, "In") || str_is(r->operator, "NotIn")) {
        if (!r->values.n)
            field_required(e, PATH(at, "values"), "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (str_is(r->operator, "Exists") || str_is(r->operator, "DoesNotExist")) {
        if (r->values.n)
            field_forbidden(e, PATH(at, "values"),
                            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else
        field_invalid(e, PATH(at, "operator"), r->operator, "not a valid selector operator");
    valid_qualified(e, PATH(at, "key"), r->key);
    each (r->values, k)
        valid_label_value(e, PATH_AT(PATH(at, "values"), k), r->values.at[k]);
}

void valid_selector(struct field_errors *e, const struct path *at, const struct label_selector *s)
{
    if (!s)
        return;
    valid_labels(e, PATH(at, "matchLabels"), &s->match_labels);
    each (s->match_expressions, i)
        valid_selector_requirement(e, PATH_AT(PATH(at, "matchExpressions"), i), &s->match_expressions.at[i]);
}

bool label_selector_empty(const struct label_selector *s)
{
    return s && s->match_labels.n == 0 && s->match_expressions.n == 0;
}

bool label_selector_takes(const struct label_selector *s, const struct str_map *labels)
{
    _cleanup_arena_ struct arena a = {0};
    struct selector compiled;
    return selector_from(&a, s, &compiled, NULL) == 0 && selector_matches(&compiled, labels);
}

bool str_map_same(const struct str_map *a, const struct str_map *b)
{
    if (a->n != b->n)
        return false;
    each (*a, i)
        if (!str_eq(a->at[i].key, b->at[i].key) || !str_eq(a->at[i].value, b->at[i].value))
            return false;
    return true;
}

bool str_vec_has(const struct str_vec *v, struct str s)
{
    each (*v, i)
        if (str_eq(v->at[i], s))
            return true;
    return false;
}

void str_vec_add(struct str_vec *v, struct arena *a, struct str s)
{
    struct str *more = arena_new_n(a, struct str, v->n + 1);
    if (v->n)
        memcpy(more, v->at, v->n * sizeof *more);
    more[v->n++] = s;
    v->at = more;
}

void str_vec_del(struct str_vec *v, struct str s)
{
    size_t kept = 0;
    each (*v, i)
        if (!str_eq(v->at[i], s))
            v->at[kept++] = v->at[i];
    v->n = kept;
}
