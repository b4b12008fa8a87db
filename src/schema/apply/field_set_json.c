/* Sets of fields as FieldsV1 JSON, and links as people read them. */
#include "schema/apply/field_set.h"
#include "schema/json.h"
#include "schema/json_scan.h"
#include "schema/quote.h"
#include "schema/value.h"

enum { SET_DEPTH = 100 }; /* upstream's objects do not nest deeper */

static const char kind_letters[] = {
    [FIELD_LINK_NAME] = 'f', [FIELD_LINK_KEY] = 'k', [FIELD_LINK_VALUE] = 'v', [FIELD_LINK_INDEX] = 'i'};

/* --- writing --- */

/* Keys are quoted twice: almost always nothing but their own quotes wants escaping. */
static bool write_quoted_key(struct buf *out, struct str s)
{
    char *to = buf_room(out, 2 * s.n);
    size_t n = 0;
    for (;;) {
        size_t plain = json_plain_length(s);
        if (plain)
            memcpy(to + n, s.p, plain);
        n += plain;
        if (plain == s.n)
            break;
        if (s.p[plain] != '"' && s.p[plain] != '\\')
            return false;
        to[n++] = '\\';
        to[n++] = s.p[plain];
        s = str_from_at(s, plain + 1);
    }
    out->n += n;
    return true;
}

static void write_link(struct buf *out, const struct field_link *link)
{
    char *to = buf_room(out, 3);
    *to++ = '"';
    *to++ = kind_letters[link->kind];
    *to++ = ':';
    out->n += 3;
    if (write_quoted_key(out, link->text)) {
        buf_add_lit(out, "\":");
        return;
    }
    _cleanup_buf_ struct buf text = {0};
    out->n -= 3;
    buf_add_c(&text, kind_letters[link->kind]);
    buf_add_c(&text, ':');
    buf_add_str(&text, link->text);
    json_encode_string(out, buf_str(&text));
    buf_add_c(out, ':');
}

static void write_set(struct buf *out, const struct field_set *s, bool self)
{
    if (self)
        buf_add_lit(out, "{\".\":{}");
    for (size_t i = 0; i < s->n; i++) {
        const struct field_node *n = &s->at[i];
        buf_add_c(out, i || self ? ',' : '{');
        write_link(out, &n->link);
        if (n->below.n)
            write_set(out, &n->below, n->member);
        else
            buf_add_lit(out, "{}");
    }
    if (!s->n && !self)
        buf_add_c(out, '{');
    buf_add_c(out, '}');
}

void field_set_write(struct buf *out, const struct field_set *s)
{
    write_set(out, s, false);
}

/* --- reading --- */

/* {"a":1,"b":"x"}: compact, names ascending, only plain strings, whole numbers and words. What else there is
 * is parsed and written again. */
static bool key_is_canonical(struct str json)
{
    struct json_cursor c = json_start(json);
    struct str name, text, last = {0};
    bool plain, integer;
    for (char before = '{'; c.p < c.end && *c.p == before; before = ',') {
        c.p++;
        if (c.p == c.end || *c.p != '"' || !json_scan_string(&c, &name, &plain) || !plain ||
            (last.p && str_cmp(last, name) >= 0) || c.p == c.end || *c.p != ':')
            return false;
        last = name;
        c.p++;
        if (c.p == c.end)
            return false;
        bool good = *c.p == '"'   ? json_scan_string(&c, &text, &plain) && plain
                    : *c.p == 't' ? json_scan_word(&c, "true", 4)
                    : *c.p == 'f' ? json_scan_word(&c, "false", 5)
                                  : json_scan_number(&c, &text, &integer) && integer;
        if (!good)
            return false;
    }
    return c.p + 1 == c.end && *c.p == '}';
}

static int bad_link(struct err *err, struct str text, const char *why)
{
    return err_set(err, ERR_BAD_REQUEST, "parsing key as path element: " STR_FMT ": %s", STR_ARG(text), why);
}

/* 0, -1, or 1 where the kind of link is not known. */
static int read_link(struct arena *a, struct str text, struct field_link *out, struct err *err)
{
    if (text.n < 2)
        return bad_link(err, text, "key must be 2 characters long");
    if (text.p[1] != ':')
        return bad_link(err, text, "missing colon");
    const char *letter = memchr(kind_letters, text.p[0], sizeof kind_letters);
    if (!letter)
        return 1;
    *out = (struct field_link){(enum field_link_kind)(letter - kind_letters), str_from_at(text, 2)};
    int64_t place;
    switch (out->kind) {
    case FIELD_LINK_NAME:
        if (!out->text.p)
            out->text = STR("");
        return 0;
    case FIELD_LINK_INDEX:
        if (!str_to_i64(out->text, &place) || place < 0)
            return bad_link(err, text, "no place in a list");
        out->text = arena_printf(a, "%lld", (long long)place);
        return 0;
    case FIELD_LINK_KEY:
        if (key_is_canonical(out->text))
            return 0;
        break;
    case FIELD_LINK_VALUE:
        break;
    }
    struct value v;
    if (value_parse(a, out->text, &v, err) < 0)
        return -1;
    if (out->kind == FIELD_LINK_KEY && v.kind != JSON_OBJECT)
        return bad_link(err, text, "a key is an object");
    out->text = value_json(a, &v);
    return 0;
}

/* An object's members into `out`; *self: it says "." or nothing at all. */
static int read_set(struct arena *a, struct json_cursor *c, struct field_set *out, bool *self, int depth,
                    struct err *err)
{
    struct str raw;
    bool plain;
    *self = false;
    if (depth > SET_DEPTH || !json_take(c, '{'))
        return err_set(err, ERR_BAD_REQUEST, "fields are no tree of objects");
    bool more = !json_take(c, '}');
    if (!more)
        *self = true;
    while (more) {
        json_space(c);
        if (c->p == c->end || *c->p != '"' || !json_scan_string(c, &raw, &plain) || !json_take(c, ':'))
            return err_set(err, ERR_BAD_REQUEST, "fields are no tree of objects");
        json_space(c);
        struct str text = plain ? raw : json_unescape(a, raw);
        struct field_link link;
        bool is_self = str_is(text, ".");
        int known = is_self ? 1 : read_link(a, text, &link, err);
        if (known < 0)
            return -1;
        *self |= is_self;
        if (known > 0) {
            if (!json_skip(c))
                return err_set(err, ERR_BAD_REQUEST, "fields are no tree of objects");
        } else {
            struct field_set below = {0};
            bool member;
            if (read_set(a, c, &below, &member, depth + 1, err) < 0)
                return -1;
            if (member || below.n) {
                struct field_node *n = field_set_insert(a, out, link);
                n->member |= member;
                n->below = field_set_union(a, &n->below, &below);
            }
        }
        more = json_take(c, ',');
        if (!more && !json_take(c, '}'))
            return err_set(err, ERR_BAD_REQUEST, "fields are no tree of objects");
    }
    if (!out->n) /* upstream: what has nothing below is itself a member */
        *self = true;
    return 0;
}

int field_set_parse(struct arena *a, struct str json, struct field_set *out, struct err *err)
{
    struct json_cursor c = json_start(json);
    bool self;
    *out = (struct field_set){0};
    return read_set(a, &c, out, &self, 0, err);
}

/* --- taking away without reading --- */

/* What the set has under a link's text. */
static const struct field_node *node_of(struct arena *a, const struct field_set *s, struct str text)
{
    struct field_link link;
    for (size_t i = 0; i < s->n && text.p[0] == 'f'; i++) /* mostly names, and few */
        if (s->at[i].link.kind == FIELD_LINK_NAME && str_eq(s->at[i].link.text, str_from_at(text, 2)))
            return &s->at[i];
    return text.p[0] != 'f' && read_link(a, text, &link, NULL) == 0 ? field_set_find(s, link) : NULL;
}

/* An object's members to `out`, but for what `gone` has below it, and `member`: for itself. False, and
 * nothing added: none is left. */
static bool subtract(struct arena *a, struct json_cursor *c, const struct field_set *gone, bool member,
                     struct buf *out)
{
    size_t start = out->n;
    struct str raw;
    bool plain, self = json_take(c, '{') && json_take(c, '}');
    buf_add_c(out, '{');
    for (bool more = !self; more; more = json_take(c, ',') || !json_take(c, '}')) {
        size_t before = out->n;
        const char *from = c->p;
        if (c->p == c->end || !json_scan_string(c, &raw, &plain) || !raw.n)
            break;
        bool is_self = str_is(raw, ".");
        const struct field_node *n = is_self ? NULL : node_of(a, gone, plain ? raw : json_unescape(a, raw));
        json_take(c, ':');
        if (out->n > start + 1)
            buf_add_c(out, ',');
        if (!n)
            json_pass(c);
        self |= is_self;
        buf_add(out, from, (size_t)(c->p - from));
        if ((is_self && member) || (n && !subtract(a, c, &n->below, n->member, out)))
            out->n = before;
    }
    bool left = out->n > start + 1 || (self && !member);
    buf_add_c(out, '}');
    if (str_is(str_from_at(buf_str(out), start), "{\".\":{}}") || !left)
        out->n = start;
    if (left && out->n == start)
        buf_add_lit(out, "{}");
    return left;
}

bool field_set_subtract(struct buf *out, struct str json, const struct field_set *s)
{
    _cleanup_arena_ struct arena a = {0};
    struct json_cursor c = json_start(json);
    size_t start = out->n;
    if (s->n)
        subtract(&a, &c, s, false, out);
    return s->n && out->n - start != json.n;
}

/* --- for people --- */

static void write_value(struct buf *out, const struct value *v)
{
    if (v->kind == JSON_STRING)
        quote_go(out, v->s);
    else
        value_write(out, v);
}

void field_link_write(struct buf *out, const struct field_link *link)
{
    _cleanup_arena_ struct arena a = {0};
    struct value v;
    switch (link->kind) {
    case FIELD_LINK_NAME:
        buf_addf(out, "." STR_FMT, STR_ARG(link->text));
        return;
    case FIELD_LINK_INDEX:
        buf_addf(out, "[" STR_FMT "]", STR_ARG(link->text));
        return;
    case FIELD_LINK_KEY:
    case FIELD_LINK_VALUE:
        break;
    }
    if (value_parse(&a, link->text, &v, NULL) < 0)
        v = VALUE_NULL;
    buf_add_c(out, '[');
    if (link->kind == FIELD_LINK_VALUE) {
        buf_add_c(out, '=');
        write_value(out, &v);
    } else {
        for (size_t i = 0; v.kind == JSON_OBJECT && i < v.members.n; i++) {
            buf_addf(out, "%s" STR_FMT "=", i ? "," : "", STR_ARG(v.members.at[i].key));
            write_value(out, &v.members.at[i].value);
        }
    }
    buf_add_c(out, ']');
}

static void each_below(struct buf *path, const struct field_set *s, void (*each)(void *arg, struct str path),
                       void *arg)
{
    size_t length = path->n;
    for (size_t i = 0; i < s->n; i++, path->n = length)
        if (s->at[i].member) {
            field_link_write(path, &s->at[i].link);
            each (arg, buf_str(path))
                ;
        }
    for (size_t i = 0; i < s->n; i++, path->n = length) {
        field_link_write(path, &s->at[i].link);
        each_below(path, &s->at[i].below, each, arg);
    }
}

void field_set_each(const struct field_set *s, void (*each)(void *arg, struct str path), void *arg)
{
    _cleanup_buf_ struct buf path = {0};
    each_below(&path, s, each, arg);
}
