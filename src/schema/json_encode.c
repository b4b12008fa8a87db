/* Structs into JSON, as Go's encoding/json writes the upstream types: fields in order, omitempty, sorted
 * maps, and strings escaped for HTML. */
#include "base/encode.h"
#include "schema/json.h"
#include "schema/json_scan.h"
#include "schema/layout.h"
#include "schema/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Letters that may not stand for themselves; from 0x80 on it depends on what follows. */
static const uint8_t special[256] = {
    [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, ['<'] = 1, ['>'] = 1, ['&'] = 1, [0x80 ... 0xff] = 1,
};

#ifdef __SSE2__
/* Which of 16 letters may not stand for themselves. */
static inline unsigned special_among(__m128i b)
{
    __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')), _mm_cmpeq_epi8(b, _mm_set1_epi8('\\')));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('&')));
    /* '<' and '>' differ in one bit. */
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_or_si128(b, _mm_set1_epi8(2)), _mm_set1_epi8('>')));
    /* Signed: below a space are the controls and all that is not ASCII. */
    odd = _mm_or_si128(odd, _mm_cmplt_epi8(b, _mm_set1_epi8(0x20)));
    return (unsigned)_mm_movemask_epi8(odd);
}
#endif

/* json_plain_length, and copies these bytes (perhaps more) to `to`, which has room for all; NULL: does not.
 */
static inline size_t copy_plain(char *to, struct str s)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= s.n; i += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(s.p + i));
        unsigned at = special_among(b);
        if (to)
            _mm_storeu_si128((__m128i *)(void *)(to + i), b);
        if (at)
            return i + (unsigned)__builtin_ctz(at);
    }
#endif
    for (; i < s.n && !special[(unsigned char)s.p[i]]; i++)
        if (to)
            to[i] = s.p[i];
    return i;
}

size_t json_plain_length(struct str s)
{
    return copy_plain(NULL, s);
}

/* Adds one special letter (or character) and returns how many bytes of `s` it was. */
static size_t escape(struct buf *out, struct str s)
{
    unsigned char ch = (unsigned char)*s.p;
    static const char names[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    const char *name = ch ? memchr(names, ch, sizeof names - 1) : NULL;
    if (name) {
        char pair[2] = {'\\', letters[name - names]};
        buf_add(out, pair, 2);
        return 1;
    }
    if (ch < 0x80) {
        buf_addf(out, "\\u%04x", ch);
        return 1;
    }
    size_t n = ch >= 0xf0 ? 4 : ch >= 0xe0 ? 3 : 2;
    if (s.n < n || !str_is_utf8(str_slice(s.p, n))) {
        buf_add_lit(out, "\\ufffd");
        return 1;
    }
    if (n == 3 && memcmp(s.p, "\xe2\x80", 2) == 0 && ((unsigned char)s.p[2] & 0xfe) == 0xa8)
        buf_addf(out, "\\u202%x", (unsigned char)s.p[2] & 0xf);
    else
        buf_add(out, s.p, n);
    return n;
}

void json_encode_string(struct buf *out, struct str s)
{
    *buf_room(out, s.n + 2) = '"';
    out->n++;
    for (;;) {
        size_t n = copy_plain(buf_room(out, s.n), s);
        out->n += n;
        if (n == s.n)
            break;
        s.p += n, s.n -= n;
        size_t used = escape(out, s);
        s.p += used, s.n -= used;
    }
    buf_add_c(out, '"');
}

void json_encode_double(struct buf *out, double d)
{
    if (!isfinite(d)) {
        buf_add_lit(out, "null");
        return;
    }
    /* The shortest digits that give the number back. */
    char text[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, d);
        if (strtod(text, NULL) == d)
            break;
    }
    double size = fabs(d);
    char *e = strchr(text, 'e');
    int exponent = atoi(e + 1);
    *e = 0;
    if (size != 0 && (size < 1e-6 || size >= 1e21)) {
        buf_addf(out, "%se%s%d", text, exponent < 0 ? "-" : "+", abs(exponent));
        return;
    }
    /* The point moves to where it belongs. */
    const char *digit = text + (text[0] == '-');
    if (text[0] == '-')
        buf_add_c(out, '-');
    if (exponent < 0)
        buf_addf(out, "0.%.*s", -exponent - 1, "00000");
    for (int place = exponent; *digit || place >= 0; place--) {
        if (*digit == '.')
            digit++;
        if (place == -1 && exponent >= 0)
            buf_add_c(out, '.');
        buf_add_c(out, *digit ? *digit++ : '0');
    }
}

bool json_is_empty(const struct field *f, const void *at)
{
    if (f->flags & FIELD_OMIT_ABSENT)
        return layout_absent(f, at);
    switch ((enum shape)f->shape) {
    case SHAPE_OPTIONAL:
        return !*(void *const *)at;
    case SHAPE_LIST:
    case SHAPE_MAP:
        return ((const struct any_vec *)at)->n == 0;
    case SHAPE_INLINE:
        return false;
    case SHAPE_ONE:
        break;
    }
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        return !*(const bool *)at;
    case VALUE_INT32:
        return *(const int32_t *)at == 0;
    case VALUE_INT64:
        return *(const int64_t *)at == 0;
    case VALUE_DOUBLE:
        return *(const double *)at == 0;
    case VALUE_STRING:
    case VALUE_BYTES:
        return ((const struct str *)at)->n == 0;
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        return (f->flags & FIELD_OMIT_ZERO) && time_is_zero(*(const struct time *)at);
    case VALUE_DURATION: /* structs in Go, which omitempty never leaves out */
    case VALUE_QUANTITY:
    case VALUE_INT_OR_STRING:
    case VALUE_JSON:
        return false;
    case VALUE_STRUCT:
        /* A list by another name is empty as a list is. */
        return (f->type->flags & TYPE_BARE) &&
               json_is_empty(f->type->fields, (const char *)at + f->type->fields->offset);
    }
    return false;
}

static void encode_entries(struct buf *out, const struct field *f, const void *at)
{
    const struct any_vec *v = at;
    size_t item = layout_stride(f);
    const char *p = v->at;
    bool is_map = f->shape == SHAPE_MAP;
    if (!p) {
        buf_add_lit(out, "null");
        return;
    }
    buf_add_c(out, is_map ? '{' : '[');
    for (size_t i = 0; i < v->n; i++, p += item) {
        if (i)
            buf_add_c(out, ',');
        if (is_map) {
            json_encode_string(out, *(const struct str *)(const void *)p);
            buf_add_c(out, ':');
        }
        json_encode_item(out, f, p + (is_map ? sizeof(struct str) : 0));
    }
    buf_add_c(out, is_map ? '}' : ']');
}

void json_encode_field(struct buf *out, const struct field *f, const void *at)
{
    switch ((enum shape)f->shape) {
    case SHAPE_LIST:
    case SHAPE_MAP:
        encode_entries(out, f, at);
        return;
    case SHAPE_OPTIONAL:
        at = *(void *const *)at;
        if (!at) {
            buf_add_lit(out, "null");
            return;
        }
        break;
    case SHAPE_ONE:
    case SHAPE_INLINE:
        break;
    }
    json_encode_item(out, f, at);
}

static void encode_bytes(struct buf *out, struct str s)
{
    if (!s.p) {
        buf_add_lit(out, "null");
        return;
    }
    buf_add_c(out, '"');
    encode_base64(out, s);
    buf_add_c(out, '"');
}

static void encode_time(struct buf *out, struct time t, bool micro)
{
    if (time_is_zero(t)) {
        buf_add_lit(out, "null");
        return;
    }
    buf_add_c(out, '"');
    if (micro)
        time_write_micro(out, t);
    else
        time_write(out, t);
    buf_add_c(out, '"');
}

/* The field that is set, of a type that is one of several. */
static void encode_either(struct buf *out, const struct type *t, const char *base)
{
    const struct field *is = NULL, *flag = NULL;
    for (unsigned i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        if (f->kind == VALUE_BOOL)
            flag = f;
        else if (f->shape == SHAPE_LIST
                     ? ((const struct any_vec *)(const void *)(base + f->offset))->at != NULL
                     : !is && !json_is_empty(f, base + f->offset))
            is = f;
    }
    is = is ? is : flag;
    if (is)
        json_encode_field(out, is, base + is->offset);
    else
        buf_add_lit(out, "null");
}

void json_encode_item(struct buf *out, const struct field *f, const void *at)
{
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        if (*(const bool *)at)
            buf_add_lit(out, "true");
        else
            buf_add_lit(out, "false");
        return;
    case VALUE_INT32:
        buf_add_i64(out, *(const int32_t *)at);
        return;
    case VALUE_INT64:
        buf_add_i64(out, *(const int64_t *)at);
        return;
    case VALUE_DOUBLE:
        json_encode_double(out, *(const double *)at);
        return;
    case VALUE_STRING:
        json_encode_string(out, *(const struct str *)at);
        return;
    case VALUE_BYTES:
        encode_bytes(out, *(const struct str *)at);
        return;
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        encode_time(out, *(const struct time *)at, f->kind == VALUE_MICRO_TIME);
        return;
    case VALUE_DURATION:
        buf_add_c(out, '"');
        duration_write(out, *(const int64_t *)at);
        buf_add_c(out, '"');
        return;
    case VALUE_QUANTITY: {
        struct str q = *(const struct str *)at;
        json_encode_string(out, q.n ? q : STR("0"));
        return;
    }
    case VALUE_INT_OR_STRING: {
        const struct int_or_str *v = at;
        if (v->is_str)
            json_encode_string(out, v->s);
        else
            buf_add_i64(out, v->i);
        return;
    }
    case VALUE_JSON: {
        struct str raw = *(const struct str *)at;
        if (raw.n)
            json_compact(out, raw);
        else
            buf_add_lit(out, "null");
        return;
    }
    case VALUE_STRUCT:
        json_encode(out, f->type, at);
        return;
    }
}

static void encode_name(struct buf *out, char before, struct str name)
{
    buf_add_c(out, before);
    json_encode_string(out, name);
    buf_add_c(out, ':');
}

void json_encode(struct buf *out, const struct type *t, const void *v)
{
    if (t->flags & TYPE_BARE) {
        json_encode_field(out, t->fields, (const char *)v + t->fields->offset);
        return;
    }
    if (t->flags & TYPE_EITHER) {
        encode_either(out, t, v);
        return;
    }
    char before = '{';
    uint32_t base;
    const struct field *f;
    for (unsigned i = 0; (f = type_field_at(t, i, &base)); i++) {
        const char *at = (const char *)v + base + f->offset;
        if (json_leaves_out(f, at))
            continue;
        if (t->flags & TYPE_UNKNOWN) { /* its names are anybody's */
            encode_name(out, before, f->name);
            before = ',';
            json_encode_field(out, f, at);
            continue;
        }
        /* Names need no escaping. */
        char *to = buf_room(out, f->name.n + 4);
        *to++ = before;
        *to++ = '"';
        memcpy(to, f->name.p, f->name.n);
        to[f->name.n] = '"';
        to[f->name.n + 1] = ':';
        out->n += f->name.n + 4;
        before = ',';
        json_encode_field(out, f, at);
    }
    const struct str_map *rest = type_rest(t, v);
    for (size_t i = 0; rest && i < rest->n; i++) {
        encode_name(out, before, rest->at[i].key);
        before = ',';
        buf_add_str(out, rest->at[i].value);
    }
    if (before == '{')
        buf_add_c(out, '{');
    buf_add_c(out, '}');
}

/* True when no byte is white space, wants escaping, or is not ASCII: then the text is compact already. */
static bool is_compact(struct str json)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= json.n; i += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(json.p + i));
        __m128i odd =
            _mm_or_si128(_mm_cmplt_epi8(b, _mm_set1_epi8(0x21)), _mm_cmpeq_epi8(b, _mm_set1_epi8('&')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_or_si128(b, _mm_set1_epi8(2)), _mm_set1_epi8('>')));
        if (_mm_movemask_epi8(odd))
            return false;
    }
#endif
    for (; i < json.n; i++) {
        unsigned char ch = (unsigned char)json.p[i];
        if (ch <= 0x20 || ch >= 0x80 || ch == '&' || ch == '<' || ch == '>')
            return false;
    }
    return true;
}

void json_compact(struct buf *out, struct str json)
{
    const char *p = json.p, *end = json.p + json.n;
    bool in_string = false;
    if (is_compact(json)) {
        buf_add_str(out, json);
        return;
    }
    while (p < end) {
        unsigned char ch = (unsigned char)*p;
        if (in_string && ch == '\\') {
            buf_add(out, p, 2);
            p += 2;
        } else if (ch == '"') {
            in_string = !in_string;
            buf_add_c(out, *p++);
        } else if (ch == '<' || ch == '>' || ch == '&' || (ch == 0xe2 && end - p >= 3)) {
            /* Go escapes only U+2028 and U+2029 here, and leaves other bytes as they are. */
            bool line = ch == 0xe2 && (unsigned char)p[1] == 0x80 && ((unsigned char)p[2] & 0xfe) == 0xa8;
            if (ch != 0xe2 || line)
                p += escape(out, str_slice(p, (size_t)(end - p)));
            else
                buf_add_c(out, *p++);
        } else if (!in_string && (ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r')) {
            p++;
        } else {
            buf_add_c(out, *p++);
        }
    }
}
