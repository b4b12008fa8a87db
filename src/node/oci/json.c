#include "node/oci/json.h"

#include <inttypes.h>
#include <stdlib.h>

enum { JSON_DEPTH_MAX = 32 };

struct reader {
    const char *at, *end;
    struct arena *a;
    int depth;
};

static bool read_value(struct reader *r, const struct field *f, void *out);

static char peek(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
    return r->at < r->end ? *r->at : 0;
}

static bool take(struct reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n))
        return false;
    r->at += n;
    return true;
}

static bool read_hex4(struct reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = r->at < r->end ? *r->at : 0;
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xf0) | c);
    return n;
}

static bool read_string(struct reader *r, struct str *out)
{
    if (!take(r, '"'))
        return false;
    const char *start = r->at;
    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' ? 2 : 1;
    if (r->at >= r->end)
        return false;
    char *text = arena_alloc(r->a, (size_t)(r->at - start) + 4);
    size_t n = 0;
    struct reader in = {start, r->at, r->a, 0};
    while (in.at < in.end) {
        char c = *in.at++;
        if ((unsigned char)c < 0x20)
            return false;
        if (c != '\\') {
            text[n++] = c;
            continue;
        }
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *found = in.at < in.end ? strchr(from, *in.at) : NULL;
        uint32_t code, low;
        if (found && *found) {
            text[n++] = to[found - from];
            in.at++;
        } else if (take_word(&in, "u") && read_hex4(&in, &code)) {
            if (code >= 0xd800 && code < 0xdc00 && take_word(&in, "\\u") && read_hex4(&in, &low) &&
                low >= 0xdc00 && low < 0xe000)
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            else if (code >= 0xd800 && code < 0xe000)
                code = 0xfffd;
            n += put_utf8(text + n, code);
        } else {
            return false;
        }
    }
    r->at++;
    *out = str_slice(text, n);
    return true;
}

static bool skip_value(struct reader *r)
{
    struct str s;
    char c = peek(r);
    if (c == '"')
        return read_string(r, &s);
    if (c == '{' || c == '[') {
        char close = c == '{' ? '}' : ']';
        r->at++;
        if (++r->depth > JSON_DEPTH_MAX)
            return false;
        for (bool first = true; !take(r, close); first = false) {
            if (!first && !take(r, ','))
                return false;
            if (c == '{' && (peek(r), !read_string(r, &s) || !take(r, ':')))
                return false;
            if (!skip_value(r))
                return false;
        }
        r->depth--;
        return true;
    }
    const char *start = r->at;
    while (r->at < r->end && strchr("+-.0123456789eEtrufalsn", *r->at))
        r->at++;
    return r->at > start;
}

static bool read_struct(struct reader *r, const struct type *t, void *out)
{
    if (++r->depth > JSON_DEPTH_MAX || !take(r, '{'))
        return false;
    for (bool first = true; !take(r, '}'); first = false) {
        struct str key;
        if ((!first && !take(r, ',')) || (peek(r), !read_string(r, &key)) || !take(r, ':'))
            return false;
        const struct field *f = t->fields, *end = f + t->n_fields;
        while (f < end && !str_eq(f->name, key))
            f++;
        if (f < end ? !read_value(r, f, field_at(f, out)) : !skip_value(r))
            return false;
    }
    r->depth--;
    return true;
}

static size_t value_size(const struct field *f)
{
    switch (f->kind) {
    case VALUE_BOOL:
        return sizeof(bool);
    case VALUE_INT64:
        return sizeof(int64_t);
    case VALUE_STRING:
        return sizeof(struct str);
    default:
        return f->type->size;
    }
}

static bool read_one(struct reader *r, const struct field *f, void *out)
{
    char c = peek(r);
    if (f->kind == VALUE_STRUCT)
        return read_struct(r, f->type, out);
    if (f->kind == VALUE_STRING)
        return read_string(r, out);
    if (f->kind == VALUE_BOOL)
        return (*(bool *)out = c == 't') ? take_word(r, "true") : take_word(r, "false");
    const char *start = r->at;
    while (r->at < r->end && strchr("+-0123456789", *r->at))
        r->at++;
    return str_to_i64(str_slice(start, (size_t)(r->at - start)), out);
}

/* Lists and maps alike: items of one size, gathered by doubling. */
static bool read_many(struct reader *r, const struct field *f, struct any_vec *out)
{
    bool map = f->shape == SHAPE_MAP;
    size_t key = map ? sizeof(struct str) : 0, item = key + value_size(f), cap = 0;
    out->n = 0;
    if (!take(r, map ? '{' : '['))
        return false;
    while (!take(r, map ? '}' : ']')) {
        if (out->n && !take(r, ','))
            return false;
        if (out->n == cap) {
            char *more = arena_array(r->a, cap = cap ? cap * 2 : 4, item);
            if (out->n)
                memcpy(more, out->at, out->n * item);
            out->at = more;
        }
        char *at = (char *)out->at + out->n++ * item;
        if (map && ((peek(r), !read_string(r, (struct str *)(void *)at)) || !take(r, ':')))
            return false;
        if (!read_one(r, f, at + key))
            return false;
    }
    return true;
}

static bool read_value(struct reader *r, const struct field *f, void *out)
{
    if (peek(r) == 'n')
        return take_word(r, "null");
    switch (f->shape) {
    case SHAPE_LIST:
    case SHAPE_MAP:
        return read_many(r, f, out);
    case SHAPE_OPTIONAL:
        return read_one(r, f, *(void **)out = arena_alloc(r->a, value_size(f)));
    default:
        return read_one(r, f, out);
    }
}

int oci_json_read(const struct type *t, struct str text, struct arena *a, void *out, struct err *err)
{
    struct reader r = {text.p, text.p + text.n, a, 0};
    if (!read_struct(&r, t, out) || peek(&r))
        return err_set(err, ERR_INVALID, "malformed JSON (" STR_FMT ") at byte %td", STR_ARG(t->name),
                       r.at - text.p);
    return 0;
}

static void write_string(struct buf *out, struct str s)
{
    buf_add_c(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < 0x20)
            buf_addf(out, "\\u%04x", c);
        else
            buf_add_c(out, (char)c);
    }
    buf_add_c(out, '"');
}

static void write_one(struct buf *out, const struct field *f, const void *v)
{
    if (f->kind == VALUE_STRUCT)
        oci_json_write(f->type, v, out);
    else if (f->kind == VALUE_STRING)
        write_string(out, *(const struct str *)v);
    else if (f->kind == VALUE_BOOL)
        buf_add_str(out, *(const bool *)v ? STR("true") : STR("false"));
    else
        buf_addf(out, "%" PRId64, *(const int64_t *)v);
}

static bool is_absent(const struct field *f, const void *v)
{
    switch (f->shape) {
    case SHAPE_OPTIONAL:
        return !*(void *const *)v;
    case SHAPE_LIST:
    case SHAPE_MAP:
        return !((const struct any_vec *)v)->n;
    default:
        break;
    }
    switch (f->kind) {
    case VALUE_BOOL:
        return !*(const bool *)v;
    case VALUE_INT64:
        return !*(const int64_t *)v;
    case VALUE_STRING:
        return !((const struct str *)v)->n;
    default:
        return false;
    }
}

void oci_json_write(const struct type *t, const void *value, struct buf *out)
{
    char before = '{';
    for (const struct field *f = t->fields; f < t->fields + t->n_fields; f++) {
        const void *v = field_at(f, value);
        if (is_absent(f, v))
            continue;
        buf_add_c(out, before);
        before = ',';
        write_string(out, f->name);
        buf_add_c(out, ':');
        if (f->shape == SHAPE_LIST || f->shape == SHAPE_MAP) {
            const struct any_vec *many = v;
            size_t key = f->shape == SHAPE_MAP ? sizeof(struct str) : 0, item = key + value_size(f);
            buf_add_c(out, key ? '{' : '[');
            for (size_t i = 0; i < many->n; i++) {
                const char *at = (const char *)many->at + i * item;
                if (i)
                    buf_add_c(out, ',');
                if (key) {
                    write_string(out, *(const struct str *)(const void *)at);
                    buf_add_c(out, ':');
                }
                write_one(out, f, at + key);
            }
            buf_add_c(out, key ? '}' : ']');
        } else {
            write_one(out, f, f->shape == SHAPE_OPTIONAL ? *(void *const *)v : v);
        }
    }
    if (before == '{')
        buf_add_c(out, '{');
    buf_add_c(out, '}');
}
