/* What is wrong with a JSON text, in the words of Go's scanner: only run once something is. */
#include "schema/json.h"
#include "schema/json_scan.h"

#include <stdio.h>

static int refuse(struct err *err, const char *p, const char *end, const char *context)
{
    if (p >= end)
        return err_set(err, ERR_BAD_REQUEST, "unexpected end of JSON input");
    /* Go quotes the byte as if it were a character of its own. */
    unsigned char ch = (unsigned char)*p;
    char quoted[16];
    static const char names[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
    const char *name = ch ? memchr(names, ch, sizeof names - 1) : NULL;
    if (ch == '\'' || ch == '\\')
        snprintf(quoted, sizeof quoted, "\\%c", ch);
    else if (name)
        snprintf(quoted, sizeof quoted, "\\%c", letters[name - names]);
    else if (ch < 0x20 || ch == 0x7f)
        snprintf(quoted, sizeof quoted, "\\x%02x", ch);
    else if ((ch >= 0x80 && ch <= 0xa0) || ch == 0xad)
        snprintf(quoted, sizeof quoted, "\\u%04x", ch);
    else if (ch >= 0x80)
        snprintf(quoted, sizeof quoted, "%c%c", 0xc0 | ch >> 6, 0x80 | (ch & 0x3f));
    else
        snprintf(quoted, sizeof quoted, "%c", ch);
    return err_set(err, ERR_BAD_REQUEST, "invalid character '%s' %s", quoted, context);
}

/* Each of these returns where it went on, or NULL with *why (and *at) set. */
struct complaint {
    const char *at, *why;
};

static const char *complain(struct complaint *c, const char *at, const char *why)
{
    *c = (struct complaint){at, why};
    return NULL;
}

static const char *check_string(const char *p, const char *end, struct complaint *c)
{
    for (p++; p < end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return complain(c, p, "in string literal");
        if (*p != '\\')
            continue;
        if (++p == end)
            break;
        if (*p == 'u') {
            for (int i = 0; i < 4; i++) {
                p++;
                if (p == end || !memchr("0123456789abcdefABCDEF", *p, 22))
                    return complain(c, p, "in \\u hexadecimal character escape");
            }
        } else if (!memchr("\"\\/bfnrt", *p, 8)) {
            return complain(c, p, "in string escape code");
        }
    }
    return p == end ? complain(c, p, "") : p + 1;
}

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static const char *check_number(const char *p, const char *end, struct complaint *c)
{
    if (*p == '-' && !is_digit(++p, end))
        return complain(c, p, "in numeric literal");
    if (*p == '0')
        p++;
    else
        while (is_digit(p, end))
            p++;
    if (p < end && *p == '.') {
        if (!is_digit(++p, end))
            return complain(c, p, "after decimal point in numeric literal");
        while (is_digit(p, end))
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!is_digit(p, end))
            return complain(c, p, "in exponent of numeric literal");
        while (is_digit(p, end))
            p++;
    }
    return p;
}

static const char *check_word(const char *p, const char *end, struct complaint *c)
{
    static const struct {
        const char *word;
        const char *why[4];
    } words[] = {
        {"true",
         {"in literal true (expecting 'r')", "in literal true (expecting 'u')",
          "in literal true (expecting 'e')"}},
        {"false",
         {"in literal false (expecting 'a')", "in literal false (expecting 'l')",
          "in literal false (expecting 's')", "in literal false (expecting 'e')"}},
        {"null",
         {"in literal null (expecting 'u')", "in literal null (expecting 'l')",
          "in literal null (expecting 'l')"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const char *word = words[i].word;
        if (*word != *p)
            continue;
        for (p++, word++; *word; p++, word++)
            if (p == end || *p != *word)
                return complain(c, p, words[i].why[word - words[i].word - 1]);
        return p;
    }
    return complain(c, p, "looking for beginning of value");
}

static const char *space(const char *p, const char *end)
{
    struct json_cursor c = {p, end};
    json_space(&c);
    return c.p;
}

/* A key and its colon. */
static const char *check_key(const char *p, const char *end, struct complaint *c)
{
    p = space(p, end);
    if (p == end || *p != '"')
        return complain(c, p, "looking for beginning of object key string");
    if (!(p = check_string(p, end, c)))
        return NULL;
    p = space(p, end);
    return p == end || *p != ':' ? complain(c, p, "after object key") : p + 1;
}

int json_syntax_error(struct str json, struct err *err)
{
    struct json_cursor text = json_start(json);
    const char *p = text.p, *end = text.end;
    char open[JSON_DEPTH];
    unsigned depth = 0;
    struct complaint c = {0};
    for (;;) {
        p = space(p, end);
        if (p == end)
            return refuse(err, p, end, "");
        if (*p == '{' || *p == '[') {
            char close = *p == '{' ? '}' : ']';
            if (depth == JSON_DEPTH)
                return err_set(err, ERR_BAD_REQUEST, "exceeded max depth");
            p = space(p + 1, end);
            if (p < end && *p == close) {
                p++;
            } else {
                open[depth++] = close;
                if (close == '}' && !(p = check_key(p, end, &c)))
                    return refuse(err, c.at, end, c.why);
                continue;
            }
        } else {
            p = *p == '"'                               ? check_string(p, end, &c)
                : *p == '-' || (*p >= '0' && *p <= '9') ? check_number(p, end, &c)
                                                        : check_word(p, end, &c);
            if (!p)
                return refuse(err, c.at, end, c.why);
        }
        for (;;) {
            p = space(p, end);
            if (depth == 0) {
                if (p < end)
                    return refuse(err, p, end, "after top-level value");
                return err_set(err, ERR_BAD_REQUEST, "exceeded max depth");
            }
            char close = open[depth - 1];
            if (p < end && *p == ',') {
                p++;
                if (close == '}' && !(p = check_key(p, end, &c)))
                    return refuse(err, c.at, end, c.why);
                break;
            }
            if (p == end || *p != close)
                return refuse(err, p, end,
                              close == '}' ? "after object key:value pair" : "after array element");
            p++;
            depth--;
        }
    }
}

int json_check(struct str json, struct err *err)
{
    struct json_cursor c = json_start(json);
    if (json_skip(&c)) {
        json_space(&c);
        if (c.p == c.end)
            return 0;
    }
    return json_syntax_error(json, err);
}
