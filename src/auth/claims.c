#include "auth/claims.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MOST = 16 };

static void skip_space(struct str *s)
{
    while (s->n && strchr(" \t\r\n", s->p[0]) && s->p[0])
        *s = str_from_at(*s, 1);
}

static bool take(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = str_from_at(*s, 1);
    return true;
}

static bool hex4(struct str s, unsigned *out)
{
    if (s.n < 4)
        return false;
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char c = s.p[i], lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            v = v * 16 + (unsigned)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v * 16 + (unsigned)(lower - 'a') + 10;
        else
            return false;
    }
    *out = v;
    return true;
}

static size_t put_utf8(char *to, unsigned c)
{
    if (c < 0x80)
        return to[0] = (char)c, 1;
    if (c < 0x800)
        return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 0x3f)), 2;
    if (c < 0x10000)
        return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 0x3f)),
               to[2] = (char)(0x80 | (c & 0x3f)), 3;
    return to[0] = (char)(0xf0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 0x3f)),
           to[2] = (char)(0x80 | (c >> 6 & 0x3f)), to[3] = (char)(0x80 | (c & 0x3f)), 4;
}

/* One escape behind its backslash, moved past; false when malformed. Lone surrogates are. */
static bool take_escape(struct str *s, char *to, size_t *n)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (!s->n)
        return false;
    char c = s->p[0];
    *s = str_from_at(*s, 1);
    const char *at = c ? strchr(plain, c) : NULL;
    if (at) {
        to[(*n)++] = meant[at - plain];
        return true;
    }
    unsigned code, low;
    if (c != 'u' || !hex4(*s, &code))
        return false;
    *s = str_from_at(*s, 4);
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take(s, '\\') || !take(s, 'u') || !hex4(*s, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        *s = str_from_at(*s, 4);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return false;
    }
    *n += put_utf8(to + *n, code);
    return true;
}

/* A string, moved past; decoded into `out` unless that is NULL. */
static bool take_string(struct str *s, struct arena *a, struct str *out)
{
    if (!take(s, '"'))
        return false;
    char *to = out ? arena_alloc(a, s->n + 1) : NULL, scratch[4];
    size_t n = 0;
    while (s->n && s->p[0] != '"') {
        if ((unsigned char)s->p[0] < 0x20)
            return false;
        if (take(s, '\\')) {
            size_t none = 0;
            if (!take_escape(s, to ? to : scratch, to ? &n : &none))
                return false;
        } else {
            if (to)
                to[n++] = s->p[0];
            *s = str_from_at(*s, 1);
        }
    }
    if (out)
        *out = str_slice(to, n);
    return take(s, '"') && (!out || str_is_utf8(*out));
}

static bool take_digits(struct str *s)
{
    size_t n = s->n;
    while (s->n && s->p[0] >= '0' && s->p[0] <= '9')
        *s = str_from_at(*s, 1);
    return s->n < n;
}

static bool take_number(struct str *s)
{
    take(s, '-');
    if (!take(s, '0') && !take_digits(s))
        return false;
    if (take(s, '.') && !take_digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        return take_digits(s);
    }
    return true;
}

static bool take_word(struct str *s, struct str word)
{
    if (!str_starts(*s, word))
        return false;
    *s = str_from_at(*s, word.n);
    return true;
}

/* One value of any kind, moved past. */
static bool take_value(struct str *s, int depth)
{
    if (!s->n || depth > DEPTH_MOST)
        return false;
    char open = s->p[0];
    if (open == '"')
        return take_string(s, NULL, NULL);
    if (open != '{' && open != '[')
        return take_word(s, STR("true")) || take_word(s, STR("false")) || take_word(s, STR("null")) ||
               take_number(s);
    char close = open == '{' ? '}' : ']';
    *s = str_from_at(*s, 1);
    skip_space(s);
    if (take(s, close))
        return true;
    do {
        skip_space(s);
        if (open == '{') {
            if (!take_string(s, NULL, NULL))
                return false;
            skip_space(s);
            if (!take(s, ':'))
                return false;
            skip_space(s);
        }
        if (!take_value(s, depth + 1))
            return false;
        skip_space(s);
    } while (take(s, ','));
    return take(s, close);
}

bool claims_open(struct claims *c, struct arena *a, struct str text)
{
    struct str all = text;
    skip_space(&all);
    *c = (struct claims){.arena = a, .rest = all, .array = all.n && all.p[0] == '[', .first = true};
    bool ok = all.n && (all.p[0] == '{' || all.p[0] == '[') && take_value(&all, 0);
    skip_space(&all);
    c->rest = str_from_at(c->rest, 1);
    return ok && !all.n; /* so from now on the text is known to be well-formed */
}

bool claims_next(struct claims *c, struct str *key, struct str *value)
{
    skip_space(&c->rest);
    if (c->rest.n <= 1) /* the closing bracket */
        return false;
    if (!c->first && !take(&c->rest, ','))
        return false;
    c->first = false;
    skip_space(&c->rest);
    *key = (struct str){0};
    if (!c->array) {
        if (!take_string(&c->rest, c->arena, key)) {
            c->bad = true; /* not UTF-8 */
            return false;
        }
        skip_space(&c->rest);
        take(&c->rest, ':');
        skip_space(&c->rest);
    }
    struct str before = c->rest;
    if (!take_value(&c->rest, 0)) {
        c->bad = true;
        return false;
    }
    *value = str_slice(before.p, before.n - c->rest.n);
    return true;
}

bool claims_string(struct arena *a, struct str value, struct str *out)
{
    return take_string(&value, a, out) && !value.n;
}

bool claims_integer(struct str value, int64_t *out)
{
    if (str_to_i64(value, out))
        return true;
    struct str rest = value;
    if (!take_number(&rest) || rest.n || value.n >= 40)
        return false;
    char text[40] = "";
    memcpy(text, value.p, value.n);
    double v = strtod(text, NULL);
    if (!(v > -9e15 && v < 9e15))
        return false;
    *out = (int64_t)v;
    return true;
}

bool claims_find(struct arena *a, struct str object, struct str key, struct str *value)
{
    struct claims c;
    struct str k, v;
    bool found = false;
    if (!claims_open(&c, a, object) || c.array)
        return false;
    while (claims_next(&c, &k, &v))
        if (str_eq(k, key)) {
            if (found)
                return false; /* twice: readers would disagree on which one counts */
            found = true;
            *value = v;
        }
    return found && !c.bad;
}

void claims_put_string(struct buf *out, struct str s)
{
    buf_add_c(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < 0x20 || c == '<' || c == '>' || c == '&') /* as Go's encoder */
            buf_addf(out, "\\u%04x", c);
        else
            buf_add_c(out, (char)c);
    }
    buf_add_c(out, '"');
}
